"""Calls and the record of their messages."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from management.models import Charge, Project, User, Work
from transcripts.agents.models import AgentVersion
from transcripts.calls.record import Entry
from transcripts.calls.tracks import STEREO
from transcripts.models import Recording

# A process that serves a call says so every few seconds.
SERVED_FOR = timedelta(seconds=20)
# A call that was prepared and never begun.
PREPARED_FOR = timedelta(hours=1)


class CallQuerySet(models.QuerySet["Call"]):
    def visible_to(self, user: User) -> "CallQuerySet":
        """Calls of the projects that this user is in."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def held_by(self, user: User) -> "CallQuerySet":
        """Calls that this user may speak in: their own, in projects they may add to."""
        return self.filter(owner=user, project__in=Project.objects.writable_by(user))

    def with_first_words(self) -> "CallQuerySet":
        """Calls with ``first_words``, the first turn of the caller."""
        turns = CallEvent.objects.filter(
            call=OuterRef("pk"), kind="ConversationText", body__role="user"
        )
        return self.annotate(first_words=turns.order_by("sequence").values("body__content")[:1])

    def open(self) -> "CallQuerySet":
        return self.exclude(state=Call.State.ENDED)

    def forsaken(self) -> "CallQuerySet":
        """Calls that are not ended and that no process serves."""
        now = timezone.now()
        unserved = Q(served_at=None) | Q(served_at__lt=now - SERVED_FOR)
        is_begun = ~Q(state=Call.State.PREPARED)
        is_old = Q(state=Call.State.PREPARED, created_at__lt=now - PREPARED_FOR)
        return self.open().filter((is_begun & unserved) | is_old)


class Call(models.Model):
    """A conversation of a user with a version of an agent; it becomes a recording at its end.

    One process serves it from its beginning to its end: a conversation cannot be resumed.
    ``settings`` and ``functions`` are those of the version as they were used, without secrets.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", "Not begun"
        OPEN = "open", "Open"
        ENDED = "ended", "Ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="calls")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="calls"
    )
    version = models.ForeignKey(AgentVersion, models.SET_NULL, null=True, related_name="calls")
    name = models.CharField(max_length=100, help_text="of the agent")
    settings = models.JSONField(default=dict, help_text="as they were sent, without secrets")
    variables = models.JSONField(default=dict, help_text="values in place of the version's")
    state = models.CharField(max_length=10, choices=State, default=State.PREPARED)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True, help_text="when a process last said it serves it")
    request_id = models.CharField(max_length=100, blank=True)
    audio_bytes = models.BigIntegerField(default=0, help_text="audio on disk, of both channels")
    counts = models.JSONField(
        default=dict, help_text="frames and bytes of audio, sent (up) and received (down)"
    )
    dollars = models.FloatField(default=0, help_text="estimated cost, 0 without a price")
    error = models.TextField(blank=True, help_text="why it ended, if not by its user")
    recording = models.OneToOneField(Recording, models.SET_NULL, null=True, related_name="call")

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["served_at"], name="calls_open", condition=~Q(state="ended")),
            models.Index(fields=["owner", "-created_at"], name="calls_of_a_user"),
            models.Index(fields=["project", "-created_at"], name="calls_of_a_project"),
        ]

    def __str__(self) -> str:
        return f"Call with {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("call", args=[self.pk])

    @property
    def path(self) -> Path:
        """The file that has its audio until it is a recording."""
        return Path(settings.DATA) / "calls" / f"{self.pk}.wav"

    @property
    def reference(self) -> str:
        """Name of the reservation of its cost."""
        return f"call:{self.pk}"

    def amount(self, seconds: float) -> Work:
        """Return what so much open time is charged as."""
        return Work(Charge.AGENT, seconds=seconds)

    @property
    def duration(self) -> float:
        """Seconds of audio that are stored."""
        return self.audio_bytes / STEREO.bytes_per_second

    @property
    def hourly_dollars(self) -> float:
        """Estimated cost of an hour of open time; 0 without a price, and while it is open."""
        if not (self.started_at and self.ended_at and self.dollars):
            return 0.0
        open_time = self.ended_at - self.started_at
        return self.dollars / max(open_time / timedelta(hours=1), 1e-6)

    @property
    def is_ended(self) -> bool:
        return self.state == self.State.ENDED

    def begin(self) -> bool:
        """Open a call that was prepared; False when it has been opened already."""
        now = timezone.now()
        prepared = Call.objects.filter(pk=self.pk, state=self.State.PREPARED)
        if not prepared.update(state=self.State.OPEN, started_at=now, served_at=now):
            return False
        self.state, self.started_at, self.served_at = self.State.OPEN, now, now
        return True

    def write(self, entries: Iterable[Entry], **facts: Any) -> bool:
        """Store messages, and facts of the call; False when it was ended by somebody else."""
        rows = [
            CallEvent(
                call=self,
                sequence=each.sequence,
                at=each.at,
                direction=each.direction,
                kind=each.kind,
                body=each.body,
            )
            for each in entries
        ]
        with transaction.atomic():
            if not Call.objects.open().filter(pk=self.pk).update(served_at=timezone.now(), **facts):
                return False
            CallEvent.objects.bulk_create(
                rows,
                batch_size=200,
                update_conflicts=True,
                unique_fields=["call", "sequence"],
                update_fields=["body"],
            )
        for name, value in facts.items():
            setattr(self, name, value)
        return True


class CallEvent(models.Model):
    """One message of a call; ``direction`` is up to the agent, or down from it.

    Frames of audio are not stored: an event of the kind ``Audio`` counts those of one stretch.
    """

    class Direction(models.TextChoices):
        UP = "up", "To the agent"
        DOWN = "down", "From the agent"

    call = models.ForeignKey(Call, models.CASCADE, related_name="events")
    sequence = models.PositiveIntegerField(help_text="place in the call, from 1")
    at = models.FloatField(help_text="seconds from the start of the call")
    direction = models.CharField(max_length=4, choices=Direction)
    kind = models.CharField(max_length=100, help_text="type of the message")
    body = models.JSONField(default=dict, help_text="its members, without secrets")

    class Meta:
        ordering = ["call", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["call", "sequence"], name="one_event_a_place"),
        ]

    def __str__(self) -> str:
        return self.kind

    def entry(self) -> Entry:
        return Entry(self.sequence, self.at, self.direction, self.kind, self.body)
