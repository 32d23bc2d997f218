"""Recordings and their transcripts; a queued transcription is the job queue itself."""

import gzip
import json
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from management.models import Connection, Project
from speechclient import ListenResponse
from transcripts.answers import stretches
from transcripts.doorbell import ring_on_commit

if TYPE_CHECKING:
    from management.models import User

# A worker that says nothing for this long is taken for dead; it renews every RENEW.
LEASE = timedelta(seconds=15)
RENEW = timedelta(seconds=5)
# A lease that ends later than any worker could have set it was set by a clock that was wrong.
LEASE_AT_MOST = timedelta(minutes=2)
MAX_DEATHS = 3


class Upload(models.Model):
    """A file on its way in, chunk by chunk; it becomes a recording with its last byte."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="uploads")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    offset_bytes = models.BigIntegerField(default=0)
    options = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    recording = models.OneToOneField("Recording", models.SET_NULL, null=True, related_name="upload")

    def __str__(self) -> str:
        return self.name


class State(models.TextChoices):
    """Where a transcription stands; a recording shows that of its newest one."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Transcribing"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN_STATES = (State.QUEUED, State.RUNNING)


class RecordingQuerySet(models.QuerySet["Recording"]):
    def visible_to(self, user: "User") -> "RecordingQuerySet":
        """Recordings of the projects this person is in; all else does not exist for them."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def writable_by(self, user: "User") -> "RecordingQuerySet":
        """Recordings this person may change: their role in the project is not viewer."""
        return self.filter(project__in=Project.objects.writable_by(user))


class Recording(models.Model):
    """Audio that someone gave us. Deleted only by a person."""

    class Source(models.TextChoices):
        UPLOAD = "upload", "Upload"
        URL = "url", "Web address"
        COMMAND = "command", "Command line"

    project = models.ForeignKey(Project, models.PROTECT, related_name="recordings")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="recordings"
    )
    title = models.CharField(max_length=255)
    file = models.FileField(upload_to="recordings/%Y/%m", max_length=200, blank=True)
    original_name = models.CharField(max_length=255, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    duration = models.FloatField(null=True, help_text="seconds")
    channels = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=10, choices=Source, default=Source.UPLOAD)
    source_url = models.TextField(blank=True)
    listening_copy = models.FileField(
        max_length=200, blank=True, help_text="for browsers, which cannot play the original"
    )
    created_at = models.DateTimeField(default=timezone.now)
    # That of the newest transcription, written by the same statement's transaction: the
    # library filters 100,000 rows by it without a join.
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    objects = RecordingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["project", "-id"], name="recordings_of_a_project"),
            models.Index(fields=["project", "state", "-id"], name="recordings_by_state"),
            models.Index(fields=["project", "sha256"], name="recordings_by_hash"),
            models.Index(
                fields=["project"], name="recordings_open", condition=Q(state__in=OPEN_STATES)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("recording", args=[self.pk])

    @property
    def transcription(self) -> "Transcription | None":
        """The newest run: the one whose text the page shows once it is done."""
        return self.transcriptions.order_by("-pk").first()

    @property
    def finished_transcription(self) -> "Transcription | None":
        """The newest run that has a text: what exports and search hold."""
        return self.transcriptions.filter(state=State.DONE).order_by("-pk").first()

    def first_twin(self, user: "User") -> "Recording | None":
        """The first recording with the same audio that this person may see, if there is one."""
        twins = Recording.objects.visible_to(user).filter(sha256=self.sha256)
        return twins.exclude(pk=self.pk).order_by("pk").first()

    def enqueue(self, options: dict[str, Any]) -> "Transcription":
        """Add a run with these options, to be done by a worker. Call it in a transaction."""
        run = self.transcriptions.create(options=options)
        run.wake()
        return run

    def order_waveform(self) -> None:
        """Have a worker draw the waveform, once. Call it in a transaction."""
        Waveform.objects.get_or_create(recording=self, defaults={"due_at": Now()})
        ring_on_commit("transcripts.draw_waveform", self.pk)

    def cancel(self) -> bool:
        """Stop the open run; False when there is none. Its worker notices within a second."""
        with transaction.atomic():
            runs = self.transcriptions.filter(state__in=OPEN_STATES)
            if not runs.update(state=State.CANCELLED, lease_until=None, finished_at=Now()):
                return False
            Recording.objects.filter(pk=self.pk).update(state=State.CANCELLED)
        return True

    def retry(self, options: dict[str, Any] | None = None) -> bool:
        """Transcribe again; False when a run is open already.

        Without ``options`` a run that failed or was cancelled is taken up again with its own;
        a finished one is never touched: it gets a new version beside it, as do new options.
        """
        with transaction.atomic():
            closed = Recording.objects.filter(pk=self.pk).exclude(state__in=OPEN_STATES)
            if not closed.update(state=State.QUEUED):
                return False
            newest = self.transcription
            if newest is None or newest.state == State.DONE or options is not None:
                self.enqueue(options if options is not None else newest.options if newest else {})
            else:
                newest.requeue()
        return True

    def remove(self) -> None:
        """Delete the recording, its transcripts and its files. Only a person does this."""
        files = [file.name for file in (self.file, self.listening_copy) if file.name]
        with transaction.atomic():
            self.delete()
            for name in files:
                transaction.on_commit(partial(default_storage.delete, name), robust=True)


class TranscriptionQuerySet(models.QuerySet["Transcription"]):
    """The job queue. Every moment in it is the database's clock, the one all workers share."""

    def ripe(self) -> "TranscriptionQuerySet":
        """Queued runs whose time has come and whose server is not paused."""
        paused = Connection.objects.filter(retry_at__gt=Now())
        ripe = self.filter(state=State.QUEUED, not_before__lte=Now())
        # No join: it would move the conditions of a claim into a subquery, which PostgreSQL
        # does not look at again after waiting for the worker that took the row first.
        return ripe.exclude(recording__in=Recording.objects.filter(project__connection__in=paused))

    def abandoned(self) -> "TranscriptionQuerySet":
        """Running ones whose worker has let the lease run out."""
        ended = Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LEASE_AT_MOST)
        return self.filter(ended, state=State.RUNNING)

    def claim(self, pk: int, seen_lease: datetime | None = None) -> "Transcription | None":
        """Take a run for LEASE; None when it is not to be had.

        A running one is taken only from a worker that is gone: with ``seen_lease``, the lease
        found run out some seconds ago, and only if it still stands. A worker that lives would
        have renewed it meanwhile, whatever the clocks did.
        """
        if seen_lease is None:
            free = self.ripe()
        else:
            free = self.abandoned().filter(lease_until=seen_lease)
        with transaction.atomic():
            # One conditional UPDATE: with get-then-save two workers could both win.
            taken = free.filter(pk=pk).update(
                state=State.RUNNING,
                attempt=F("attempt") + 1,
                # While the server works the worker only waits: its death then says nothing
                # about this recording.
                deaths=Case(
                    When(
                        Q(state=State.RUNNING) & ~Q(stage=Transcription.Stage.TRANSCRIBING),
                        then=F("deaths") + 1,
                    ),
                    default=F("deaths"),
                    output_field=models.PositiveIntegerField(),
                ),
                lease_until=Now() + LEASE,
                started_at=Now(),
                sent_at=None,
                bytes_sent=0,
                stage="",
                error="",
            )
            if not taken:
                return None
            Recording.objects.filter(transcriptions=pk).update(state=State.RUNNING)
            return self.select_related("recording__project__connection").get(pk=pk)


class Transcription(models.Model):
    """One run of a recognizer over a recording. Its text is never overwritten."""

    class Stage(models.TextChoices):
        FETCHING = "fetching", "Fetching the audio"
        CHECKING = "checking", "Checking the audio"
        SENDING = "sending", "Sending the audio"
        TRANSCRIBING = "transcribing", "Transcribing"
        STORING = "storing", "Storing the transcript"

    recording = models.ForeignKey(Recording, models.CASCADE, related_name="transcriptions")
    options = models.JSONField(default=dict, help_text="as they were submitted")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=12, choices=Stage, blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="fences every write of a worker")
    failures = models.PositiveIntegerField(default=0, help_text="attempts that ended in an error")
    deaths = models.PositiveIntegerField(
        default=0, help_text="workers that died while they handled it"
    )
    lease_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(
        default=timezone.now, help_text="when a person last asked for it"
    )
    not_before = models.DateTimeField(default=timezone.now, help_text="when to try (again)")
    bytes_sent = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, help_text="start of the present attempt")
    sent_at = models.DateTimeField(null=True, help_text="when the last byte was sent")
    finished_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    language = models.CharField(max_length=20, blank=True)
    model_name = models.CharField(max_length=200, blank=True, help_text="as the server reports it")

    objects = TranscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["not_before"], name="transcriptions_queued", condition=Q(state="queued")
            ),
            models.Index(
                fields=["lease_until"], name="transcriptions_running", condition=Q(state="running")
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="running_has_a_lease",
            ),
            models.UniqueConstraint(
                fields=["recording"],
                condition=Q(state__in=OPEN_STATES),
                name="one_open_run_a_recording",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recording} ({self.get_state_display()})"

    def wake(self) -> None:
        """Ring for a worker once the transaction is committed."""
        ring_on_commit("transcripts.transcribe", self.pk)

    @property
    def held(self) -> TranscriptionQuerySet:
        """This run while it is still this attempt's: every write of a worker goes through it.

        An UPDATE that finds no row means that the job is lost (taken over or cancelled).
        """
        return Transcription.objects.filter(pk=self.pk, attempt=self.attempt, state=State.RUNNING)

    def renew(self, **progress: Any) -> bool:
        """Extend the lease and note ``progress``; False when the job is lost."""
        return self.held.update(lease_until=Now() + LEASE, **progress) == 1

    def release(self, pause: float = 0.0, failed: bool = False, **trouble: Any) -> None:
        """Give the run back to the queue, not to be tried for ``pause`` seconds.

        ``failed`` counts the attempt against it; ``trouble`` is its ``error`` and ``request_id``.
        """
        self._leave(
            State.QUEUED,
            not_before=Now() + timedelta(seconds=pause),
            failures=F("failures") + int(failed),
            **trouble,
        )

    def fail(self, error: str, request_id: str = "") -> None:
        """End the run for good, with the reason that people read."""
        with transaction.atomic():
            trouble = {"error": error, "request_id": request_id}
            ended = self._leave(State.FAILED, finished_at=Now(), **trouble)
            # What is audio can be listened to even when nobody could transcribe it.
            if ended and self.recording.media_type:
                self.recording.order_waveform()

    def complete(self, response: ListenResponse) -> bool:
        """Store the answer, its text and the end of the run, all or nothing.

        Older versions leave the search. False when the job is lost: then nothing is stored.
        """
        recording = self.recording
        gzipped = RawResponse.compress(response.raw)
        utterances = [
            Utterance(transcription=self, project_id=recording.project_id, index=index, **stretch)
            for index, stretch in enumerate(stretches(response))
        ]
        with transaction.atomic():
            stored = self._leave(
                State.DONE,
                finished_at=Now(),
                request_id=response.request_id,
                error="",
                language=(response.detected_language or self.options.get("language", ""))[:20],
                model_name=(", ".join(response.model_names))[:200],
            )
            if not stored:
                return False
            RawResponse.objects.create(transcription=self, gzipped=gzipped)
            older = Utterance.objects.filter(transcription__recording=recording, searchable=True)
            older.update(searchable=False)
            Utterance.objects.bulk_create(utterances, batch_size=500)
            if response.duration:
                # The server has heard all of it; what the file's header says may be a guess.
                Recording.objects.filter(pk=recording.pk).update(duration=response.duration)
            recording.order_waveform()
        return True

    def requeue(self) -> None:
        """Take a run that failed or was cancelled up again, with its own options."""
        Transcription.objects.filter(pk=self.pk).update(
            state=State.QUEUED,
            stage="",
            failures=0,
            deaths=0,
            queued_at=Now(),
            not_before=Now(),
            finished_at=None,
            error="",
            request_id="",
        )
        self.wake()

    def _leave(self, state: State, **values: Any) -> bool:
        """Leave the running state, the recording with it; False when the job is lost."""
        with transaction.atomic():
            if not self.held.update(state=state, lease_until=None, stage="", **values):
                return False
            Recording.objects.filter(pk=self.recording_id).update(state=state)
        return True


class RawResponse(models.Model):
    """The server's answer as it came, beside what we made of it."""

    transcription = models.OneToOneField(
        Transcription, models.CASCADE, primary_key=True, related_name="raw_response"
    )
    gzipped = models.BinaryField()

    def __str__(self) -> str:
        return f"Response to {self.transcription_id}"

    @classmethod
    def compress(cls, body: bytes) -> bytes:
        return gzip.compress(body, compresslevel=5, mtime=0)

    def body(self) -> bytes:
        return gzip.decompress(self.gzipped)

    def parsed(self) -> Any:
        return json.loads(self.body())


class Utterance(models.Model):
    """One speaker's stretch of speech between pauses.

    ``words`` is a list of ``[text, start, end, confidence]``; times are seconds from the
    start of the recording. ``project`` and ``searchable`` repeat what the recording and its
    newest transcription say, so that a search touches this table alone.
    """

    transcription = models.ForeignKey(Transcription, models.CASCADE, related_name="utterances")
    project = models.ForeignKey(Project, models.PROTECT, related_name="+")
    index = models.PositiveIntegerField(help_text="place in the transcript, from 0")
    channel = models.PositiveIntegerField(default=0)
    speaker = models.PositiveIntegerField(null=True)
    start = models.FloatField()
    end = models.FloatField()
    confidence = models.FloatField()
    text = models.TextField()
    words = models.JSONField(default=list)
    searchable = models.BooleanField(default=True, help_text="of the newest finished run")

    class Meta:
        ordering = ["transcription", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["transcription", "index"], name="one_utterance_a_place"
            ),
            models.CheckConstraint(condition=Q(end__gte=F("start")), name="utterance_ends_late"),
        ]

    def __str__(self) -> str:
        return self.text


class WaveformQuerySet(models.QuerySet["Waveform"]):
    def claim(self, pk: int) -> bool:
        """Take the drawing of a waveform; False when it is done or somebody has it."""
        due = self.filter(pk=pk, due_at__lte=Now())
        return due.update(due_at=Now() + timedelta(minutes=10)) == 1


class Waveform(models.Model):
    """Loudness over time for the player: one byte a step, 0 silent to 255 full scale.

    The steps are of equal length and together as long as the recording. None are there while
    ``due_at`` is set, and none when the audio could not be drawn.
    """

    recording = models.OneToOneField(
        Recording, models.CASCADE, primary_key=True, related_name="waveform"
    )
    peaks = models.BinaryField(default=bytes)
    due_at = models.DateTimeField(null=True, help_text="when to draw it (again); empty once done")

    objects = WaveformQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="waveforms_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"Waveform of {self.recording_id}"
