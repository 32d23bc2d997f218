"""How far a transcription has come, said truthfully."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.utils import timezone

from management.models import Connection
from transcripts.leases import OPEN_STATES, Leased, State
from transcripts.models import Insight, Recording, Transcription
from transcripts.reading import clock

SAMPLE = 20
# Recordings shorter than this say more about the start-up of a request than about speed.
SAMPLE_SECONDS = 10.0
SHORT_STAGES = (
    Transcription.Stage.FETCHING,
    Transcription.Stage.CHECKING,
    Transcription.Stage.STORING,
)


@dataclass(frozen=True)
class Progress:
    """Words for people, and the part done (0 to 1) where it is known, else None."""

    words: str
    part: float | None = None


def seconds_a_second(connection_id: int) -> float | None:
    """Processing time a second of audio this server lately took (median); None if unknown."""
    finished = (
        Transcription.objects.filter(
            state=State.DONE,
            sent_at__isnull=False,
            finished_at__isnull=False,
            recording__duration__gte=SAMPLE_SECONDS,
            recording__project__connection=connection_id,
        )
        .order_by("-pk")
        .values_list("sent_at", "finished_at", "recording__duration")[:SAMPLE]
    )
    ratios = [
        (end - sent).total_seconds() / duration
        for sent, end, duration in finished
        if sent and end and duration
    ]
    return median(ratios) if ratios else None


@dataclass(frozen=True)
class Server:
    """What the progress of a run depends on beside the run."""

    retry_at: datetime | None
    pace: float | None


def describe(run: Transcription, recording: Recording, now: datetime, server: Server) -> Progress:
    """What an open run is doing: known parts as a fraction, the rest as time taken."""
    if run.state == State.QUEUED:
        return Progress(queued_words(run, now, server.retry_at))
    if run.stage in SHORT_STAGES:
        return Progress(Transcription.Stage(run.stage).label)
    if run.stage == Transcription.Stage.TRANSCRIBING and run.sent_at:
        words = f"Transcribing for {clock((now - run.sent_at).total_seconds())}"
        if server.pace is not None and recording.duration:
            usual = clock(max(1, server.pace * recording.duration))
            words += f", usually done after about {usual}"
        return Progress(words)
    if recording.size_bytes:
        part = min(1.0, run.bytes_sent / recording.size_bytes)
        return Progress(f"Sending {part:.0%}".replace("%", " %"), part)
    return Progress("Sending the audio")


def queued_words(job: Leased, now: datetime, retry_at: datetime | None) -> str:
    """Why a queued job waits, and how long at least."""
    again = max(job.not_before, retry_at or now)
    if again <= now:
        return "Waiting for its turn"
    trouble = job.error or "The speech server does not answer"
    wait = clock((again - now).total_seconds() + 1)
    return f"{trouble.rstrip('.')}; trying again in {wait}"


def reading_words(insight: Insight, server: Connection) -> str:
    """What an open insight is doing."""
    now = timezone.now()
    if insight.state == State.QUEUED:
        return queued_words(insight, now, server.retry_at)
    if insight.stage == Insight.Stage.READING and insight.sent_at:
        return f"Reading the transcript for {clock((now - insight.sent_at).total_seconds())}"
    return Insight.Stage(insight.stage or Insight.Stage.SENDING).label


@dataclass(frozen=True)
class Row:
    """A recording in a list, with its newest run and progress while it has no transcript."""

    recording: Recording
    run: Transcription | None = None
    progress: Progress | None = None

    @property
    def speakers(self) -> int:
        """How many voices were told apart in the newest transcript; 0 when they were not."""
        return self.run.speakers if self.run and self.recording.state == State.DONE else 0


def rows(recordings: Iterable[Recording]) -> list[Row]:
    """One row a recording, in a few queries however many there are."""
    listed = list(recordings)
    runs: dict[int, Transcription] = {}
    if listed:
        found = Transcription.objects.filter(recording__in=[each.pk for each in listed])
        runs = {run.recording_id: run for run in found.order_by("pk")}
    needed = {each.project.connection_id for each in listed if each.state in OPEN_STATES}
    servers = {
        pk: Server(connection.retry_at, seconds_a_second(pk))
        for pk, connection in (Connection.objects.in_bulk(needed) if needed else {}).items()
    }
    now = timezone.now()

    def row(recording: Recording) -> Row:
        run = runs.get(recording.pk)
        if run is None or recording.state not in OPEN_STATES:
            return Row(recording, run)
        server = servers[recording.project.connection_id]
        return Row(recording, run, describe(run, recording, now, server))

    return [row(each) for each in listed]
