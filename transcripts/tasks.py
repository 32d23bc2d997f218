"""Background work: the tasks that a worker runs."""

from datetime import datetime
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down

from transcripts.stages import insights, jobs, replaying, sweeps, transcribing, waveforms


@shared_task(name="transcripts.transcribe")
def transcribe(transcription_id: int, seen_lease: str | None = None) -> None:
    """Work on a queued transcription, or with ``seen_lease`` on one whose worker is gone."""
    transcribing.transcribe(transcription_id, moment(seen_lease))


@shared_task(name="transcripts.read")
def read(insight_id: int, seen_lease: str | None = None) -> None:
    """The same for the stage after it."""
    insights.read(insight_id, moment(seen_lease))


@shared_task(name="transcripts.replay")
def replay(replay_id: int, seen_lease: str | None = None) -> None:
    """The same for a replay of a saved call."""
    replaying.replay(replay_id, moment(seen_lease))


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@shared_task(name="transcripts.draw_waveform")
def draw_waveform(recording_id: int) -> None:
    waveforms.draw_waveform(recording_id)


@shared_task(name="transcripts.sweep")
def sweep() -> None:
    sweeps.sweep_when_due()


@worker_shutting_down.connect
def give_jobs_back(**_: Any) -> None:
    """Let another worker have what this one holds, instead of waiting until it is done."""
    jobs.heart.stop()
