from django.core.management import call_command
from django.db import migrations, models


def create_cache_table(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("management", "0006_speech_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="seen_at",
            field=models.DateTimeField(help_text="when a page was last opened", null=True),
        ),
        migrations.RunPython(create_cache_table, migrations.RunPython.noop),
    ]
