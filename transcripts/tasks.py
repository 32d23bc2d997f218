"""Background work: what a ring at the worker's door sets going."""

from datetime import datetime
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from transcripts import jobs


@shared_task(name="transcripts.transcribe")
def transcribe(transcription_id: int, seen_lease: str | None = None) -> None:
    """Work on a queued transcription, or with ``seen_lease`` on one whose worker is gone."""
    jobs.run(transcription_id, datetime.fromisoformat(seen_lease) if seen_lease else None)


@shared_task(name="transcripts.draw_waveform")
def draw_waveform(recording_id: int) -> None:
    jobs.draw_waveform(recording_id)


# Sweeps that pile up while all threads are busy are worth no more than the next one.
@shared_task(name="transcripts.sweep", expires=5)
def sweep() -> None:
    jobs.sweep()


@worker_shutting_down.connect
def give_jobs_back(**_: Any) -> None:
    """Let another worker have what this one holds, instead of waiting until it is done."""
    jobs.heart.stop()
