"""Progress of a transcription in words and numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from management.models import Connection
from transcripts.models import Insight, Owners, Recording, Transcription
from transcripts.queue.leases import Leased, State
from transcripts.text.reading import clock

# The place in the queue is told up to here; further back it says little.
PLACES_TOLD = 1000
ORDINALS = {1: "st", 2: "nd", 3: "rd"}
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


def describe(
    run: Transcription,
    recording: Recording,
    now: datetime,
    retry_at: datetime | None = None,
    places: Mapping[int, int] | None = None,
) -> Progress:
    """Describe an open run: known parts as a fraction, the rest as time taken.

    Nothing is estimated, as how long a server needs depends on what else it does: the part of
    a transcription is what the server itself says it has heard. ``retry_at`` is when a paused
    server is asked again, ``places`` are those of ``queue_places``.
    """
    if run.state == State.QUEUED:
        return Progress(queued_words(run, now, retry_at, (places or {}).get(run.pk)))
    if run.stage in SHORT_STAGES:
        return Progress(Transcription.Stage(run.stage).label)
    if run.stage == Transcription.Stage.TRANSCRIBING and run.heard_seconds and recording.duration:
        part = min(1.0, run.heard_seconds / recording.duration)
        return Progress(f"Transcribing {part:.0%}".replace("%", " %"), part)
    if run.stage == Transcription.Stage.TRANSCRIBING and run.sent_at:
        return Progress(f"Transcribing for {clock((now - run.sent_at).total_seconds())}")
    if recording.size_bytes:
        part = min(1.0, run.bytes_sent / recording.size_bytes)
        return Progress(f"Sending {part:.0%}".replace("%", " %"), part)
    return Progress("Sending the audio")


def queue_places(running: Owners | None = None) -> dict[int, int]:
    """The places of the runs that wait for a worker, by id, in the order in which free threads
    take them now; the first is 1. ``running`` is that of ``by_share``."""
    waiting = Transcription.objects.ripe().by_share(running)
    ids = waiting.values_list("pk", flat=True)[:PLACES_TOLD]
    return {pk: place for place, pk in enumerate(ids, start=1)}


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else ORDINALS.get(number % 10, "th")
    return f"{number}{ending}"


def queued_words(
    job: Leased, now: datetime, retry_at: datetime | None, place: int | None = None
) -> str:
    """Why a queued job waits: for how long at least, or at which place."""
    again = max(job.not_before, retry_at or now)
    if again <= now:
        return f"In the queue ({ordinal(place)})" if place else "In the queue"
    trouble = job.error or "The speech server does not respond"
    wait = clock((again - now).total_seconds() + 1)
    return f"{trouble.rstrip('.')}; trying again in {wait}"


def reading_words(insight: Insight, server: Connection) -> str:
    """Describe an open insight."""
    now = timezone.now()
    if insight.state == State.QUEUED:
        return queued_words(insight, now, server.retry_at)
    if insight.stage == Insight.Stage.READING and insight.sent_at:
        return f"Reading the transcript for {clock((now - insight.sent_at).total_seconds())}"
    return Insight.Stage(insight.stage or Insight.Stage.SENDING).label


@dataclass(frozen=True)
class Row:
    """A recording in a list, with its newest run, the newest that has a text, and the progress
    of an open one. Its facts come from one query of the runs, so that they fit together."""

    recording: Recording
    run: Transcription | None = None
    finished: Transcription | None = None
    progress: Progress | None = None

    @property
    def state(self) -> State:
        """That of an open run; a recording with a transcript is ready whatever ended after it."""
        if self.run is None:
            return State(self.recording.state)
        return State.DONE if self.finished and not self.run.is_open else State(self.run.state)

    @property
    def problem(self) -> str:
        """Why the newest run failed; empty if it did not."""
        if self.run is None or self.run.state != State.FAILED:
            return ""
        return self.run.error or "The transcription failed."

    @property
    def may_be_retried(self) -> bool:
        """Return whether the newest run ended without a text."""
        return self.run is not None and self.run.state in (State.FAILED, State.CANCELLED)

    @property
    def speakers(self) -> int:
        """Return the number of speakers in the newest transcript; 0 without diarization."""
        return self.finished.speakers if self.finished else 0


def rows(recordings: Iterable[Recording]) -> list[Row]:
    """One row a recording, in a few queries however many there are."""
    listed = list(recordings)
    runs: dict[int, Transcription] = {}
    finished: dict[int, Transcription] = {}
    running: dict[int, tuple[int | None, int]] = {}
    found = runs_with_running([each.pk for each in listed]) if listed else ()
    for run in sorted(found, key=lambda run: run.pk):
        runs[run.recording_id] = run
        if run.state == State.DONE:
            finished[run.recording_id] = run
        if run.state == State.RUNNING:
            running[run.pk] = (run.owner_id, run.project_id)
    is_queued = any(runs[each.pk].state == State.QUEUED for each in listed if each.pk in runs)
    places = queue_places(list(running.values())) if is_queued else {}
    now = timezone.now()

    def row(recording: Recording) -> Row:
        run = runs.get(recording.pk)
        text = finished.get(recording.pk)
        if run is None or not run.is_open:
            return Row(recording, run, text)
        paused_until = run.paused_until  # type: ignore[attr-defined] # an annotation
        return Row(recording, run, text, describe(run, recording, now, paused_until, places))

    return [row(each) for each in listed]


def runs_with_running(recordings: Sequence[int]) -> QuerySet[Any, Any]:
    """Return the runs of some recordings and every running one, in any order, in one query.

    Each has owner and project of its recording, and the time until which its server is paused.
    """
    with_facts = Transcription.objects.order_by().annotate(
        owner_id=F("recording__owner"),
        project_id=F("recording__project"),
        paused_until=F("recording__project__connection__retry_at"),
    )
    # A union, as SQLite finds no index for a condition of both. Every running one has a lease,
    # which is what the index of the running ones is by; to sort here would take all runs instead.
    of_recordings = with_facts.filter(recording__in=recordings)
    running = with_facts.filter(state=State.RUNNING, lease_until__isnull=False)
    return of_recordings.union(running, all=True)


def rows_of(*lists: QuerySet[Any, Any], **facts: Any) -> list[Row]:
    """Return the rows of the recordings whose ids are in some lists, each of them once.

    All lists are read in one query. They may be limited, their order is not kept. The recordings
    are annotated with ``facts``.
    """
    recordings = Recording.objects.order_by().select_related("project").annotate(**facts)
    first, *others = (recordings.filter(pk__in=each) for each in lists)
    return rows({each.pk: each for each in first.union(*others, all=True)}.values())


def ended_rows(listed: Iterable[Row], state: State, since: datetime, most: int) -> list[Row]:
    """Return the rows whose newest run ended in a state after ``since``, the latest first."""
    ended = [
        (row.run.finished_at, row.run.pk, row)
        for row in listed
        if row.run and row.run.state == state and row.run.finished_at
    ]
    latest = sorted((each for each in ended if each[0] > since), reverse=True)
    return [row for _, _, row in latest[:most]]
