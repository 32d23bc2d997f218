"""The waveform of a recording, and its copy for browsers that cannot play the original."""

import logging

from django.db import transaction

from transcripts import sound
from transcripts.models import Recording, Waveform
from transcripts.storage import DiskFull, keep, local_file, media_name, staging

logger = logging.getLogger(__name__)


def draw_waveform(recording_pk: int) -> None:
    """Draw the waveform of a recording, and make its listening copy where browsers need one."""
    if not Waveform.objects.claim(recording_pk):
        return
    recording = Recording.objects.get(pk=recording_pk)
    copy = staging(f"copy-of-{recording.pk}")
    peaks, copied = b"", ""
    try:
        with local_file(str(recording.file.name)) as path:
            needed = not sound.probe(path).plays_in_browsers
            peaks = sound.draw(path, copy if needed else None)
        if needed:
            copied = keep(copy, media_name("copies", recording.created_at, recording.pk))
    except (sound.Refused, OSError, DiskFull) as error:
        logger.warning("Recording %d has no waveform: %s", recording.pk, error)
    finally:
        copy.unlink(missing_ok=True)
    with transaction.atomic():
        if copied:
            Recording.objects.filter(pk=recording.pk).update(listening_copy=copied)
        Waveform.objects.filter(pk=recording.pk).update(peaks=peaks, due_at=None)
