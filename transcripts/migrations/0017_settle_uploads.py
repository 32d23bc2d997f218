from django.conf import settings
from django.core.files.storage import default_storage
from django.db import migrations
from django.db.models import F

from transcripts.media.storage import media_name


def settle(apps, schema_editor):
    """Say of uploads that became a recording that they did, also where it was deleted since.

    Without a recording that is read once more from what is there: one whose bytes are all here
    still waits for its end.
    """
    Upload = apps.get_model("transcripts", "Upload")
    Upload.objects.exclude(recording=None).update(state="stored")
    for upload in Upload.objects.filter(recording=None, offset_bytes=F("size_bytes")):
        name = media_name("recordings", upload.created_at, upload.pk)
        if not (settings.UPLOADS / str(upload.pk)).exists() and not default_storage.exists(name):
            Upload.objects.filter(pk=upload.pk).update(state="stored")


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0016_upload_states")]

    operations = [migrations.RunPython(settle, migrations.RunPython.noop)]
