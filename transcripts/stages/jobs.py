"""The work on one row of a queue: claimed, watched over, and ended in one of its known ways.

The row is the queue and its attempt the fence: whatever a worker writes goes through
``Leased.held``, so that one that was taken for dead and is not writes nothing. The work in
between stands with each stage, in ``transcribing`` and ``insights``.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Generic

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import Q
from django.db.models.functions import Now

from management.models import Connection, OverBudget, Project, Work, budgets
from management.servers import speech
from management.servers.crypto import UnreadableKey
from management.servers.pacing import JOB_PAUSE_SECONDS, pause_seconds
from speechclient import Denied, ServiceUnavailable, SpeechError, UnreadableResponse
from transcripts.media import fetch, sound
from transcripts.media.line import Line
from transcripts.media.storage import DiskFull
from transcripts.queue.dispatch import ring
from transcripts.queue.leases import MAX_DEATHS, RENEW, SUSPECT, Leased, LeasedQuerySet, Row, State
from transcripts.stages.liveness import ServerWatch

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
MAX_FAILURES = 12
MAX_FETCHES = 5
# Each unreadable response was paid for: one more try, then a user decides.
MAX_UNREADABLE = 2
# A server that is down or a full disk: waited for this long, then an administrator has to act.
GIVE_UP_AFTER = timedelta(hours=24)
# A day of waiting takes more attempts than this; a clock that jumps ahead takes none.
GIVE_UP_ATTEMPTS = 50
TROUBLE_SECONDS = 15.0
# The engine in the box says so when the process that decodes was killed over the audio.
DECODER_LOST = "DECODER_LOST"
UNREADABLE = ".unreadable"
# Requests that a dying server breaks off are all noticed within this time.
AT_ONCE = timedelta(seconds=5)
# The response is in memory and was paid for: some minutes of a locked database are sat out.
STORE_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 30.0, 30.0, 60.0)


class Stop(Enum):
    LOST = "cancelled, or taken over by another worker"
    SHUTDOWN = "this worker is shutting down"


class Stopped(Exception):
    """The job is not to be gone on with; it says why."""


class Hopeless(Exception):
    """Trying again would not help; the message is for people."""


class Job(Generic[Row]):
    """One claimed row in this process, and what its heart has to tell it."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.stop: Stop | None = None
        self.stopped = threading.Event()
        self.line: Line | None = None
        self.size_bytes = 0
        self.sent_all = False
        self.server_silent = False
        self.renewed = time.monotonic()
        self._lock = threading.Lock()
        self._progress: dict[str, Any] = {}

    @property
    def server(self) -> Connection:
        return self.row.connection

    @property
    def attempt(self) -> int:
        return self.row.attempt

    def halt(self, why: Stop) -> None:
        """Make the job end soon, from another thread."""
        with self._lock:
            self.stop = self.stop or why
            line = self.line
        self.stopped.set()
        if line:
            line.cut()

    def give_up_on_server(self) -> None:
        """End the request under way: its server is no longer there. Called by another thread."""
        with self._lock:
            self.server_silent = True
            line = self.line
        if line:
            line.cut()

    def use(self, line: Line, size_bytes: int = 0) -> None:
        """Work over this line from now on, to send so much. Raises ``Stopped``."""
        with self._lock:
            self.line = line
        self.size_bytes = size_bytes
        self.check()

    def check(self) -> None:
        if self.stop:
            raise Stopped(self.stop.value)

    def note(self, **progress: Any) -> None:
        """Have these fields written to the row with the next beat."""
        with self._lock:
            self._progress |= progress

    def take_progress(self) -> dict[str, Any]:
        with self._lock:
            progress, self._progress = self._progress, {}
        return progress

    def sent(self, bytes_sent: int) -> None:
        """So many bytes have gone to the server. Raises ``Stopped``."""
        self.check()
        self.note(bytes_sent=bytes_sent)
        if bytes_sent >= self.size_bytes:
            self.sent_all = True
            self.note(sent_at=Now(), stage=self.row.waits_in)
            # From here on a death of this worker is not the job's doing: say so soon.
            heart.hurry()


class Heart:
    """Renews the leases of this process's jobs, writes their progress, and tells a job when
    it is lost. One thread for all of them, which ends when there is none."""

    def __init__(self) -> None:
        self.stopping = False
        self.watch = ServerWatch()
        self._jobs: set[Job[Any]] = set()
        self._lock = threading.Lock()
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, job: Job[Any]) -> Iterator[None]:
        with self._lock:
            self._jobs.add(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="heart", daemon=True)
                self._thread.start()
        if self.stopping:
            job.halt(Stop.SHUTDOWN)
        try:
            yield
        finally:
            with self._lock:
                self._jobs.discard(job)

    def stop(self) -> None:
        """Make every job of this process give its row back to the queue."""
        self.stopping = True
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.halt(Stop.SHUTDOWN)

    def hurry(self) -> None:
        """Beat now rather than within the second."""
        self._hurried.set()

    def _live(self) -> None:
        try:
            while True:
                with self._lock:
                    jobs = list(self._jobs)
                    if not jobs:
                        self._thread = None
                        return
                self._hurried.clear()
                self._beat(jobs)
                self.watch.look_after([job for job in jobs if job.sent_all and not job.stop])
                self._hurried.wait(BEAT_SECONDS)
        finally:
            connection.close()

    def _beat(self, jobs: list[Job[Any]]) -> None:
        try:
            for kind in {type(job.row) for job in jobs}:
                rows = {job.row.pk: job for job in jobs if type(job.row) is kind}
                running = kind._default_manager.filter(pk__in=rows, state=State.RUNNING)
                held = dict(running.values_list("pk", "attempt"))
                for pk, job in rows.items():
                    if held.get(pk) != job.row.attempt or not self._renewed(job):
                        job.halt(Stop.LOST)
        except DatabaseError:
            # The lease has room for some beats that fail; without one the fence decides.
            logger.warning("Leases could not be renewed", exc_info=True)
            connection.close()

    def _renewed(self, job: Job[Any]) -> bool:
        progress = job.take_progress()
        now = time.monotonic()
        if not progress and now - job.renewed < RENEW.total_seconds():
            return True
        try:
            renewed: bool = job.row.renew(**progress)
        except DatabaseError:
            job.note(**(progress | job.take_progress()))
            raise
        job.renewed = now
        return renewed


heart = Heart()


class Seats:
    """Threads of this process for jobs that take long: all but one, which short jobs keep."""

    def __init__(self) -> None:
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            free = self._taken < max(1, settings.ENV.worker_threads - 1)
            self._taken += free
        return free

    def leave(self) -> None:
        with self._lock:
            self._taken -= 1


seats = Seats()
# Messages written for users; of any other error they learn only that it happened.
FOR_PEOPLE = (
    SpeechError,
    Hopeless,
    sound.Rejected,
    fetch.Rejected,
    fetch.Unreachable,
    DiskFull,
    UnreadableKey,
)


def run(
    queue: LeasedQuerySet[Row],
    pk: int,
    seen_lease: datetime | None,
    work: Callable[[Job[Row]], None],
) -> None:
    """Claim a job and complete it as far as possible; do nothing when there is none to claim.

    A message names a job, but the thread that receives it takes the one that is next by share:
    a person with hundreds of recordings does not hold up one with a single recording. With
    ``seen_lease`` it takes the job named, whose worker is gone.
    """
    if heart.stopping:
        return
    has_seat = seats.take()
    try:
        claimed = claim(queue, pk, seen_lease, short_only=not has_seat)
        if claimed is None:
            return
        if has_seat and claimed.is_short:
            seats.leave()
            has_seat = False
        complete(Job(claimed), work)
    finally:
        if has_seat:
            seats.leave()
    ring_for_next(queue)


def claim(
    queue: LeasedQuerySet[Row], pk: int, seen_lease: datetime | None, short_only: bool
) -> Row | None:
    if seen_lease is None:
        return queue.claim_next(short_only)
    if short_only and not queue.filter(pk=pk).short().exists():
        return None  # the sweep finds it again
    return queue.claim(pk, seen_lease)


def ring_for_next(queue: LeasedQuerySet[Any]) -> None:
    """Wake a thread for a job whose own message found no thread free for it."""
    waiting = queue.ripe().by_share().values_list("pk", flat=True).first()
    if waiting is not None and not heart.stopping:
        ring(queue.model.task, waiting)


def complete(job: Job[Row], work: Callable[[Job[Row]], None]) -> None:
    row = job.row
    with heart.watching(job):
        try:
            if row.deaths >= MAX_DEATHS:
                raise Hopeless(died_sentence(row.deaths))
            work(job)
        except Exception as error:  # settle distinguishes the ways to fail
            try:
                settle(job, error)
            except DatabaseError:
                # The lease runs out and the sweep finds the job again.
                logger.exception("%s could not be returned to the queue", name_of(row))


@contextmanager
def within_budget(job: Job[Any], project: Project, work: Work) -> Iterator[None]:
    """Reserve the cost of a request while it is made, and settle it when it has succeeded.

    Raises ``Hopeless`` when a budget does not allow it. A worker that dies leaves the
    reservation to the next attempt.
    """
    try:
        with budgets.reserved(project, f"{job.row.task}:{job.row.pk}", work):
            yield
    except OverBudget as error:
        raise Hopeless(str(error)) from error


def store(job: Job[Any], response: Any) -> None:
    """Write what came of the job, sitting out a database that is locked or a disk that is full."""
    job.note(stage="storing")
    for pause in (*STORE_PAUSES, None):
        try:
            # False is a job that was lost: what is kept of the response may serve the next.
            if job.row.complete(response):
                response_path(job.row).unlink(missing_ok=True)
            return
        except (OperationalError, InterfaceError):
            if pause is None:
                raise
            logger.warning("%s is not stored yet", name_of(job.row), exc_info=True)
            connection.close()
            job.stopped.wait(pause)
            job.check()


def settle(job: Job[Any], error: Exception) -> None:
    """End an attempt that failed: for good, to be tried again, or because it was stopped."""
    row = job.row
    if job.stop or isinstance(error, Stopped):
        if job.stop is Stop.SHUTDOWN:
            row.release()
        return
    match error:
        case UnreadableResponse():
            keep_unreadable(row, error.body)
            try_again(row, error, MAX_UNREADABLE)
        case Denied(status=401) | ServiceUnavailable() if server_trouble(error, job):
            row.connection.pause(error, getattr(error, "retry_after", None))
            wait_for(row, error)
        case ServiceUnavailable() if is_death(error, job):
            count_death(row, error)
        case ServiceUnavailable():
            try_again(row, error, MAX_FAILURES, error.retry_after)
        case SpeechError() | Hopeless() | sound.Rejected() | fetch.Rejected() | UnreadableKey():
            row.fail(sentence(error), error_request_id(error))
        case fetch.Unreachable():
            try_again(row, error, MAX_FETCHES)
        case FileNotFoundError():
            row.fail("The audio of this recording is missing from the media storage.")
        case DiskFull() | OperationalError() | InterfaceError() | OSError():
            logger.warning("%s waits", name_of(row), exc_info=error)
            wait_for(row, error, TROUBLE_SECONDS)
        case _:
            logger.error("%s failed", name_of(row), exc_info=error)
            # A response that cannot be stored is of no use to the next attempt either.
            response_path(row).unlink(missing_ok=True)
            try_again(row, error, 3)


def server_trouble(error: SpeechError, job: Job[Any]) -> bool:
    """Return whether the server as a whole is down, busy or rejects our key.

    One that received all of the job and then failed may have failed over it: then the server is
    asked for something else, and its response decides.
    """
    if error.status in (401, 429) or job.server_silent:
        return True
    if is_death(error, job):
        return False
    if error.status is None:
        return not job.sent_all
    return error.status in (502, 503) and not is_well(job.row.connection)


def is_death(error: SpeechError, job: Job[Any]) -> bool:
    """Return whether something died over the job: its decoder, or the server without a response.

    With a request id the response had begun, and what broke was the network.
    """
    if error.code == DECODER_LOST:
        return True
    return error.status is None and job.sent_all and error.request_id is None


def is_well(connection: Connection) -> bool:
    status = speech.probe(connection)
    return status is not None and status < 500 and status != 429


def count_death(row: Leased, error: SpeechError) -> None:
    """Count a death against the job that caused it, as far as that can be known.

    When the whole server died, with several requests at work, the cause may be any of them.
    They become suspects, of which one at a time is sent (``LeasedQuerySet.ripe``): the next
    death is that of the suspect among them.
    """
    alone = row.is_suspect or not others_at_work(row)
    if error.code == DECODER_LOST or alone or is_well(row.connection):
        deaths = row.deaths + 1
        if deaths >= MAX_DEATHS:
            row.fail(died_sentence(deaths), error_request_id(error))
            return
        pause = pause_seconds(deaths, JOB_PAUSE_SECONDS)
        row.release(pause, died=True, **trouble_of(error))
        return
    try_again(row, error, MAX_FAILURES)


def others_at_work(row: Leased) -> bool:
    """Return whether other jobs were at the same server: running, or just broken off with it."""
    jobs = row.queue().exclude(pk=row.pk)
    broken_off = SUSPECT & Q(state=State.QUEUED, not_before__gte=Now() - AT_ONCE)
    there = jobs.on(Connection.objects.filter(pk=row.connection.pk))
    return bool(jobs.filter(Q(state=State.RUNNING) | broken_off).filter(there).exists())


def died_sentence(deaths: int) -> str:
    return (
        f"Processing this recording was interrupted {deaths} times: a worker or the speech server "
        "stopped while processing it. It is not retried automatically."
    )


def trouble_of(error: Exception) -> dict[str, Any]:
    return {"error": sentence(error), "request_id": error_request_id(error)}


def wait_for(row: Leased, error: Exception, pause: float = 0.0) -> None:
    """Return it to the queue because of something that is not its fault, for a day at most."""
    if row.attempt >= GIVE_UP_ATTEMPTS and row.waited_longer_than(GIVE_UP_AFTER):
        row.fail(f"Failed after a day of attempts: {sentence(error)}", error_request_id(error))
        return
    row.release(pause, **trouble_of(error))


def try_again(row: Leased, error: Exception, most: int, retry_after: float | None = None) -> None:
    """Count the failure against it and put it back, or end it when there were too many."""
    failures = row.failures + 1
    if failures >= most:
        row.fail(f"Failed after {failures} attempts: {sentence(error)}", error_request_id(error))
        return
    row.release(
        pause_seconds(failures, JOB_PAUSE_SECONDS, retry_after),
        failed=True,
        **trouble_of(error),
    )


def sentence(error: Exception) -> str:
    """Return the message for users. Only errors that were written for them are shown in full."""
    if not isinstance(error, FOR_PEOPLE):
        return f"Internal error ({type(error).__name__}). The log of the worker has the details."
    text = str(error)
    return text[:1].upper() + text[1:]


def error_request_id(error: Exception) -> str:
    return (getattr(error, "request_id", None) or "")[:100]


def name_of(row: Leased) -> str:
    return f"{row._meta.verbose_name} {row.pk}"


def response_path(row: Leased) -> Path:
    return settings.DATA / "responses" / f"{row._meta.model_name}-{row.pk}"


def keep_response(row: Leased, raw: bytes) -> None:
    """Put a response on disk before anything else is tried with it: it was paid for."""
    keep(response_path(row), raw)


def keep_unreadable(row: Leased, raw: bytes) -> None:
    """Keep a response that was paid for and cannot be read, for a person to look at."""
    if raw:
        path = response_path(row)
        keep(path.with_name(f"{path.name}{UNREADABLE}"), raw)


def keep(path: Path, raw: bytes) -> None:
    # The attempts of one job may overlap on two workers: each writes aside under its own name.
    aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        # It is still in memory, and storing it is tried for some minutes.
        logger.warning("The response %s could not be kept", path.name, exc_info=True)
        aside.unlink(missing_ok=True)


def kept_response(row: Leased) -> bytes | None:
    """The response of an attempt that died, or failed, before it was stored."""
    try:
        return response_path(row).read_bytes()
    except OSError:
        return None
