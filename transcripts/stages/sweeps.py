"""Periodic sweeps: jobs whose message or worker was lost, and deletions."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from transcripts.calls import closing
from transcripts.calls.models import Call
from transcripts.live.finishing import finish_forsaken
from transcripts.live.models import LiveSession
from transcripts.media.storage import DiskFull
from transcripts.models import Insight, Transcription, Waveform
from transcripts.queue.dispatch import ring
from transcripts.queue.leases import LeasedQuerySet, State
from transcripts.replays.models import Replay
from transcripts.uploads import sweep_uploads

logger = logging.getLogger(__name__)

# A message that was not lost has been received by then.
OVERLOOKED_AFTER = timedelta(seconds=3)
# Between seeing a lease run out and taking the job: one that lives renews it meanwhile.
CONFIRM_SECONDS = 5.0
WOKEN_AT_ONCE = 64
RESPONSES_KEPT_FOR = timedelta(days=7)
CLOCK_STEP_SECONDS = 5.0
STEADY_SECONDS = 3_600.0
SWEEP_PAUSE_SECONDS = 2.0


class SteadyClock:
    """Measures for how long the wall clock has not been set, by the monotonic one."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wall, self.monotonic = wall, monotonic
        self.difference = wall() - monotonic()
        self.since = monotonic()

    def steady_seconds(self) -> float:
        """Return the seconds since this process started or the clock was last set."""
        difference = self.wall() - self.monotonic()
        if abs(difference - self.difference) > CLOCK_STEP_SECONDS:
            logger.warning("The clock was set by %+.0f s", difference - self.difference)
            self.since = self.monotonic()
        self.difference = difference
        return self.monotonic() - self.since


clock = SteadyClock()
_lock = threading.Lock()
_swept = 0.0


def sweep_when_due() -> None:
    """Sweep, unless this process has just done so.

    Sweeps pile up while no worker runs; one is as good as all of them. They do not expire by
    the wall clock, which may differ between the scheduler's machine and this one.
    """
    global _swept
    with _lock:
        if time.monotonic() - _swept < SWEEP_PAUSE_SECONDS:
            return
        _swept = time.monotonic()
    sweep()


def sweep() -> None:
    """Ring for a bounded number of whatever waits for a worker."""
    # A clock that jumps ahead makes everything look old: nothing is deleted for an hour.
    forget = clock.steady_seconds() >= STEADY_SECONDS
    wake(Transcription.objects.all())
    wake(Insight.objects.all())
    wake(Replay.objects.all())
    undrawn = Waveform.objects.due(OVERLOOKED_AFTER)
    for pk in undrawn.order_by("pk").values_list("pk", flat=True)[:4]:
        ring("transcripts.draw_waveform", pk)
    complete_search()
    sweep_live_sessions()
    sweep_calls()
    sweep_uploads(forget)
    if forget:
        sweep_responses()


def wake(queue: LeasedQuerySet[Any]) -> None:
    # In the order of the indexes on what is open: by id SQLite would read every finished row.
    overlooked = queue.overlooked(OVERLOOKED_AFTER).order_by("not_before", "pk")
    for pk in overlooked.values_list("pk", flat=True)[:WOKEN_AT_ONCE]:
        ring(queue.model.task, pk)
    abandoned = queue.abandoned().order_by("lease_until", "pk")
    for pk, lease in abandoned.values_list("pk", "lease_until")[:WOKEN_AT_ONCE]:
        ring(queue.model.task, pk, lease.isoformat(), countdown=CONFIRM_SECONDS)


def sweep_live_sessions() -> None:
    """End sessions that nobody closed and that no process serves."""
    forsaken = LiveSession.objects.forsaken().order_by("heard_at")
    for pk in forsaken.values_list("pk", flat=True)[:4]:
        try:
            finish_forsaken(pk)
        except (DiskFull, OSError):
            logger.exception("Live session %s could not be ended", pk)


def sweep_calls() -> None:
    """End calls whose process has gone, or that were never begun."""
    for pk in Call.objects.forsaken().order_by("created_at").values_list("pk", flat=True)[:4]:
        try:
            closing.finish_forsaken(pk)
        except (DiskFull, OSError):
            logger.exception("Call %s could not be ended", pk)


def complete_search() -> None:
    """Index long transcripts whose worker was killed after storing them: their response is left."""
    folder = settings.DATA / "responses"
    kept = folder.glob("transcription-*") if folder.is_dir() else ()
    pks = [int(number) for path in kept if (number := path.name.partition("-")[2]).isdigit()]
    for run in Transcription.objects.filter(pk__in=pks[:WOKEN_AT_ONCE], state=State.DONE):
        run.move_search()
        (folder / f"transcription-{run.pk}").unlink(missing_ok=True)


def sweep_responses() -> None:
    """Forget responses that nobody has taken up: their jobs were cancelled or deleted."""
    oldest = (timezone.now() - RESPONSES_KEPT_FOR).timestamp()
    folder = settings.DATA / "responses"
    if folder.is_dir():
        for path in folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
