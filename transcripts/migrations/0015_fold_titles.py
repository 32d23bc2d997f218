from django.db import migrations

from transcripts.media.names import folded_title

BATCH_ROWS = 2000


def fold(apps, schema_editor):
    Recording = apps.get_model("transcripts", "Recording")
    batch = []
    for recording in Recording.objects.only("title").iterator(BATCH_ROWS):
        recording.title_folded = folded_title(recording.title)
        batch.append(recording)
        if len(batch) == BATCH_ROWS:
            Recording.objects.bulk_update(batch, ["title_folded"])
            batch = []
    Recording.objects.bulk_update(batch, ["title_folded"])


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0014_folded_titles")]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]
