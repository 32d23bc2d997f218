from django.db import migrations


class Migration(migrations.Migration):
    """The first search index stood here; 0020 makes the one that replaced it."""

    dependencies = [("transcripts", "0002_jobs")]

    operations = []
