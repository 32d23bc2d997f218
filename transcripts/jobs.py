"""The work on one transcription: claimed, watched over, and ended in one of its known ways.

The row is the queue and its attempt the fence: whatever a worker writes goes through
``Transcription.held``, so that one that was taken for dead and is not writes nothing.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from management.crypto import UnreadableKey
from management.pacing import JOB_PAUSE_SECONDS, pause_seconds
from speechclient import (
    Denied,
    ListenOptions,
    ListenResponse,
    ServiceUnavailable,
    SpeechError,
    read_listen_response,
)
from transcripts import fetch, sound
from transcripts.doorbell import ring
from transcripts.line import Line
from transcripts.models import MAX_DEATHS, RENEW, Recording, State, Transcription, Waveform
from transcripts.names import title_of
from transcripts.speech import speech_client, speech_line
from transcripts.storage import (
    DiskFull,
    keep,
    local_file,
    media_name,
    staging,
)
from transcripts.uploads import sweep_uploads

logger = logging.getLogger(__name__)

Stage = Transcription.Stage

BEAT_SECONDS = 1.0
MAX_FAILURES = 12
MAX_FETCHES = 5
# A server that is down, a disk that is full: waited for this long, then a person has to look.
GIVE_UP_AFTER = timedelta(hours=24)
TROUBLE_SECONDS = 15.0
# The answer is in memory and was paid for: some minutes of a locked database are sat out.
STORE_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 30.0, 30.0, 60.0)
# A message that was not lost has been received by then.
OVERLOOKED_AFTER = timedelta(seconds=3)
# Between seeing a lease run out and taking the job: one that lives renews it meanwhile.
CONFIRM_SECONDS = 5.0
WOKEN_AT_ONCE = 64
ANSWERS_KEPT_FOR = timedelta(days=7)


class Stop(Enum):
    LOST = "cancelled, or taken over by another worker"
    SHUTDOWN = "this worker is shutting down"


class Stopped(Exception):
    """The job is not to be gone on with; it says why."""


class Job:
    """One claimed transcription in this process, and what its heart has to tell the row."""

    def __init__(self, run: Transcription) -> None:
        self.run = run
        self.stop: Stop | None = None
        self.stopped = threading.Event()
        self.line: Line | None = None
        self.sent_all = False
        self.renewed = time.monotonic()
        self._lock = threading.Lock()
        self._progress: dict[str, Any] = {}

    def halt(self, why: Stop) -> None:
        """Make the job end soon, from another thread."""
        with self._lock:
            self.stop = self.stop or why
            line = self.line
        self.stopped.set()
        if line:
            line.cut()

    def use(self, line: Line) -> None:
        """Work over this line from now on. Raises ``Stopped``."""
        with self._lock:
            self.line = line
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
        if bytes_sent >= self.run.recording.size_bytes:
            self.sent_all = True
            self.note(sent_at=timezone.now(), stage=Stage.TRANSCRIBING)
            # From here on a death of this worker is not the recording's doing: say so soon.
            heart.hurry()


class Heart:
    """Renews the leases of this process's jobs, writes their progress, and tells a job when
    it is lost. One thread for all of them, which ends when there is none."""

    def __init__(self) -> None:
        self.stopping = False
        self._jobs: set[Job] = set()
        self._lock = threading.Lock()
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, job: Job) -> Iterator[None]:
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
                self._hurried.wait(BEAT_SECONDS)
        finally:
            connection.close()

    def _beat(self, jobs: list[Job]) -> None:
        try:
            ids = [job.run.pk for job in jobs]
            running = Transcription.objects.filter(pk__in=ids, state=State.RUNNING)
            held = set(running.values_list("pk", "attempt"))
            for job in jobs:
                if (job.run.pk, job.run.attempt) not in held or not self._renewed(job):
                    job.halt(Stop.LOST)
        except DatabaseError:
            # The lease has room for some beats that fail; without one the fence decides.
            logger.warning("Leases could not be renewed", exc_info=True)
            connection.close()

    def _renewed(self, job: Job) -> bool:
        progress = job.take_progress()
        now = time.monotonic()
        if not progress and now - job.renewed < RENEW.total_seconds():
            return True
        try:
            renewed = job.run.renew(**progress)
        except DatabaseError:
            job.note(**(progress | job.take_progress()))
            raise
        job.renewed = now
        return renewed


heart = Heart()


def run(pk: int, seen_lease: datetime | None = None) -> None:
    """Claim a transcription and bring it as far as it goes; nothing when it is not to be had."""
    if heart.stopping:
        return
    claimed = Transcription.objects.claim(pk, seen_lease)
    if claimed is None:
        return
    job = Job(claimed)
    with heart.watching(job):
        try:
            work(job)
        except Exception as error:  # every way to fail is told apart in settle
            try:
                settle(job, error)
            except DatabaseError:
                # The lease runs out and the sweep finds the job again.
                logger.exception("Transcription %d could not be given back", pk)


def work(job: Job) -> None:
    run, recording = job.run, job.run.recording
    if run.deaths >= MAX_DEATHS:
        raise sound.Refused(
            f"The worker died {run.deaths} times while it handled this recording; "
            "it is not tried again by itself."
        )
    response = kept_answer(run)
    if response is None:
        if not recording.file:
            fetch_audio(job)
        with local_file(str(recording.file.name)) as path:
            if not recording.media_type:
                check_audio(job, path)
            response = send(job, path)
    store(job, response)


def fetch_audio(job: Job) -> None:
    """Fetch the audio of a web address and keep it: a retry does not fetch it again."""
    recording = job.run.recording
    job.note(stage=Stage.FETCHING)
    target = staging(f"fetch-{recording.pk}-{job.run.attempt}")
    try:
        fetched = fetch.fetch(recording.source_url, target, fetch.house_rules(), job.use)
        name = keep(target, media_name("recordings", recording.created_at, target.name))
    finally:
        target.unlink(missing_ok=True)
    save_recording(
        job,
        file=name,
        original_name=fetched.name,
        title=title_of(fetched.name),
        size_bytes=fetched.size_bytes,
        sha256=fetched.sha256,
    )


def check_audio(job: Job, path: Path) -> None:
    """Refuse what cannot be transcribed before it travels, and note what it is."""
    job.note(stage=Stage.CHECKING)
    if "encoding" in job.run.options:
        return  # raw samples: only the one who chose their coding knows what they are
    found = sound.probe(path)
    save_recording(
        job, media_type=found.media_type, duration=found.duration, channels=found.channels
    )
    found.check(settings.ENV.max_duration_seconds)


def save_recording(job: Job, **facts: Any) -> None:
    """Write facts of the recording while the job is held. Raises ``Stopped``."""
    recording = job.run.recording
    with transaction.atomic():
        if not job.run.renew():
            job.halt(Stop.LOST)
        job.check()
        Recording.objects.filter(pk=recording.pk).update(**facts)
    for name, value in facts.items():
        setattr(recording, name, value)


def send(job: Job, path: Path) -> ListenResponse:
    """Send the audio and wait for the answer, which is on disk when this returns."""
    recording = job.run.recording
    server = recording.project.connection
    job.note(stage=Stage.SENDING)
    line = speech_line(server)
    job.use(line)
    with path.open("rb") as audio, speech_client(server, line, recording.duration) as client:
        response = client.transcribe(
            audio,
            ListenOptions.from_json(job.run.options),
            size_bytes=recording.size_bytes,
            content_type=recording.media_type or "application/octet-stream",
            on_sent=job.sent,
        )
    keep_answer(job.run, response.raw)
    server.resume()
    return response


def store(job: Job, response: ListenResponse) -> None:
    """Write the transcript, sitting out a database that is locked or a disk that is full."""
    job.note(stage=Stage.STORING)
    for pause in (*STORE_PAUSES, None):
        try:
            # False is a job that was lost: what is kept of the answer may serve the next.
            if job.run.complete(response):
                answer_path(job.run).unlink(missing_ok=True)
            return
        except (OperationalError, InterfaceError):
            if pause is None:
                raise
            logger.warning("Transcription %d is not stored yet", job.run.pk, exc_info=True)
            connection.close()
            job.stopped.wait(pause)
            job.check()


def settle(job: Job, error: Exception) -> None:
    """End an attempt that failed: for good, to be tried again, or because it was stopped."""
    run = job.run
    if job.stop or isinstance(error, Stopped):
        if job.stop is Stop.SHUTDOWN:
            run.release()
        return
    match error:
        case Denied(status=401) | ServiceUnavailable() if server_trouble(error, job):
            run.recording.project.connection.pause(error, getattr(error, "retry_after", None))
            wait_for(run, error)
        case ServiceUnavailable():
            try_again(run, error, MAX_FAILURES, error.retry_after)
        case SpeechError() | sound.Refused() | fetch.Refused() | UnreadableKey():
            run.fail(sentence(error), error_request_id(error))
        case fetch.Unreachable():
            try_again(run, error, MAX_FETCHES)
        case FileNotFoundError():
            run.fail("The audio of this recording is missing from the media storage.")
        case DiskFull() | OperationalError() | InterfaceError() | OSError():
            logger.warning("Transcription %d waits", run.pk, exc_info=error)
            wait_for(run, error, TROUBLE_SECONDS)
        case _:
            logger.error("Transcription %d failed", run.pk, exc_info=error)
            # An answer that cannot be stored is of no use to the next attempt either.
            answer_path(run).unlink(missing_ok=True)
            try_again(run, error, 3)


def server_trouble(error: SpeechError, job: Job) -> bool:
    """Whether the server as a whole is down, busy or refuses our key.

    One that took the whole recording and then gave no answer may have failed over it.
    """
    if error.status is None:
        return not job.sent_all
    return error.status in (401, 429, 502, 503)


def wait_for(run: Transcription, error: Exception, pause: float = 0.0) -> None:
    """Put the run back because of something that is not its fault, for a day at most."""
    if timezone.now() - run.queued_at > GIVE_UP_AFTER:
        run.fail(f"Given up after a day: {sentence(error)}", error_request_id(error))
        return
    run.release(pause, error=sentence(error), request_id=error_request_id(error))


def try_again(
    run: Transcription, error: Exception, most: int, retry_after: float | None = None
) -> None:
    """Count the failure against the run and put it back, or end it when there were too many."""
    failures = run.failures + 1
    if failures >= most:
        run.fail(f"Given up after {failures} tries: {sentence(error)}", error_request_id(error))
        return
    run.release(
        pause_seconds(failures, JOB_PAUSE_SECONDS, retry_after),
        failed=True,
        error=sentence(error),
        request_id=error_request_id(error),
    )


def sentence(error: Exception) -> str:
    """What people read. Only errors that were written for them are shown in full."""
    shown = (SpeechError, sound.Refused, fetch.Refused, fetch.Unreachable, DiskFull, UnreadableKey)
    if not isinstance(error, shown):
        return f"An unexpected fault on our side ({type(error).__name__}); the log has more."
    text = str(error)
    return text[:1].upper() + text[1:]


def error_request_id(error: Exception) -> str:
    return (getattr(error, "request_id", None) or "")[:100]


def answer_path(run: Transcription) -> Path:
    return settings.DATA / "answers" / str(run.pk)


def keep_answer(run: Transcription, raw: bytes) -> None:
    """Put an answer on disk before anything else is tried with it: it was paid for."""
    path = answer_path(run)
    aside = path.with_name(f"{path.name}-{run.attempt}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError:
        # It is still in memory, and storing it is tried for some minutes.
        logger.warning("The answer to %d could not be kept", run.pk, exc_info=True)
        aside.unlink(missing_ok=True)


def kept_answer(run: Transcription) -> ListenResponse | None:
    """The answer of an attempt that died, or failed, before it was stored."""
    try:
        raw = answer_path(run).read_bytes()
    except OSError:
        return None
    return read_listen_response(raw)


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


def sweep() -> None:
    """Ring for everything whose message was lost or whose worker is gone, a bounded number."""
    overlooked = Transcription.objects.ripe().filter(not_before__lt=Now() - OVERLOOKED_AFTER)
    for pk in overlooked.order_by("pk").values_list("pk", flat=True)[:WOKEN_AT_ONCE]:
        ring("transcripts.transcribe", pk)
    abandoned = Transcription.objects.abandoned().order_by("pk")
    for pk, lease in abandoned.values_list("pk", "lease_until")[:WOKEN_AT_ONCE]:
        seen_lease = lease.isoformat() if lease else None
        ring("transcripts.transcribe", pk, seen_lease, countdown=CONFIRM_SECONDS)
    undrawn = Waveform.objects.filter(due_at__lt=Now() - OVERLOOKED_AFTER)
    for pk in undrawn.order_by("pk").values_list("pk", flat=True)[:4]:
        ring("transcripts.draw_waveform", pk)
    sweep_uploads()
    sweep_answers()


def sweep_answers() -> None:
    """Forget answers that nobody has taken up: their runs were cancelled or deleted."""
    oldest = (timezone.now() - ANSWERS_KEPT_FOR).timestamp()
    folder = settings.DATA / "answers"
    if folder.is_dir():
        for path in folder.iterdir():
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
