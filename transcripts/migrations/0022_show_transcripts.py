from django.db import migrations
from django.db.models import Exists, OuterRef


def show(apps, schema_editor):
    """Recordings that have a transcript are ready, whatever became of a further run."""
    Recording = apps.get_model("transcripts", "Recording")
    Transcription = apps.get_model("transcripts", "Transcription")
    text = Transcription.objects.filter(recording=OuterRef("pk"), state="done")
    ended = Recording.objects.filter(Exists(text), state__in=("failed", "cancelled"))
    ended.update(state="done")


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0021_failed_runs")]

    operations = [migrations.RunPython(show, migrations.RunPython.noop)]
