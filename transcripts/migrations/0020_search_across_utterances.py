from django.db import migrations

from transcripts.search import postgres, sqlite

INDEXES = {"postgresql": postgres, "sqlite": sqlite}


def install(apps, schema_editor):
    INDEXES[schema_editor.connection.vendor].install(schema_editor.connection)


def uninstall(apps, schema_editor):
    INDEXES[schema_editor.connection.vendor].uninstall(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0019_fill_indexed_text")]

    operations = [migrations.RunPython(install, uninstall)]
