from django.db import migrations, models

from transcripts.search import postgres, sqlite

INDEXES = {"postgresql": postgres, "sqlite": sqlite}


def uninstall(apps, schema_editor):
    INDEXES[schema_editor.connection.vendor].uninstall(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0017_settle_uploads")]

    operations = [
        # What the index was made of changes: it goes, and comes back filled.
        migrations.RunPython(uninstall, migrations.RunPython.noop),
        migrations.AddField(
            model_name="utterance",
            name="spaced",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="utterance",
            name="seam",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="utterance",
            name="vocabulary",
            field=models.TextField(blank=True, default="", editable=False),
        ),
    ]
