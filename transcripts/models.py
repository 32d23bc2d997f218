"""Recordings and their transcripts; a queued transcription is the job queue itself."""

import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from management.models import Project

if TYPE_CHECKING:
    from management.models import User


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


class Transcription(models.Model):
    """One run of a recognizer over a recording. Its text is never overwritten."""

    class Stage(models.TextChoices):
        FETCHING = "fetching", "Fetching the audio"
        SENDING = "sending", "Sending the audio"
        TRANSCRIBING = "transcribing", "Transcribing"
        STORING = "storing", "Storing the transcript"

    recording = models.ForeignKey(Recording, models.CASCADE, related_name="transcriptions")
    options = models.JSONField(default=dict, help_text="as they were submitted")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=12, choices=Stage, blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="fences every write of a worker")
    failures = models.PositiveIntegerField(default=0, help_text="attempts that ended in an error")
    lease_until = models.DateTimeField(null=True)
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
            )
        ]

    def __str__(self) -> str:
        return f"{self.recording} ({self.get_state_display()})"


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


class Waveform(models.Model):
    """Loudness over time for the player: one byte a step, 0 silent to 255 full scale."""

    recording = models.OneToOneField(
        Recording, models.CASCADE, primary_key=True, related_name="waveform"
    )
    peaks = models.BinaryField()

    def __str__(self) -> str:
        return f"Waveform of {self.recording_id}"
