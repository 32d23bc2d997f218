"""The waveform of a recording, and its copy for browsers that cannot play the original."""

import logging
from pathlib import Path
from typing import Any

from transcripts.media import sound
from transcripts.media.storage import DiskFull, keep, local_file, media_name, staging
from transcripts.models import Recording, Waveform

logger = logging.getLogger(__name__)


def draw_waveform(recording_pk: int) -> None:
    """Draw the waveform of a recording, and make its listening copy where browsers need one."""
    if not Waveform.objects.claim(recording_pk):
        return
    recording = Recording.objects.get(pk=recording_pk)
    copy = staging(f"copy-of-{recording.pk}")
    facts: dict[str, Any] = {}
    peaks = b""
    try:
        with local_file(str(recording.file.name)) as path:
            drawing, is_copied = draw(path, copy)
        peaks, facts["duration"] = drawing.peaks, drawing.seconds
        if is_copied:
            name = media_name("copies", recording.created_at, recording.pk)
            facts["listening_copy"] = keep(copy, name)
    except (sound.Rejected, OSError, DiskFull) as error:
        logger.warning("Recording %d has no waveform: %s", recording.pk, error)
    finally:
        copy.unlink(missing_ok=True)
    Waveform(pk=recording.pk).finish(peaks, **facts)


def draw(path: Path, copy: Path) -> tuple[sound.Drawing, bool]:
    """Draw a file, and write a listening copy where browsers need one; return True for that."""
    properties = sound.probe(path)
    if properties.plays_in_browsers:
        drawing = sound.draw(path, properties)
        if drawing.is_seekable:
            return drawing, False
    return sound.draw(path, properties, copy), True
