"""Live sessions and their captions."""

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core import signing
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from management.models import Charge, Project, User, Work
from transcripts.live.audio import seconds_of
from transcripts.models import Recording

# A process that serves a session says so every few seconds.
SERVED_FOR = timedelta(seconds=20)
# A session without audio for this long ends by itself.
ENDS_AFTER = timedelta(minutes=15)


# One attempt at the password of a link in this time, whoever makes it.
ATTEMPT = timedelta(seconds=1)

TICKET = "captions-ticket"  # cookie


def new_link() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


class LiveSessionQuerySet(models.QuerySet["LiveSession"]):
    def visible_to(self, user: User) -> "LiveSessionQuerySet":
        """Sessions of the projects that this user is in."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def hosted_by(self, user: User) -> "LiveSessionQuerySet":
        """Sessions that this user may speak into: their own, in projects they may add to."""
        return self.filter(owner=user, project__in=Project.objects.writable_by(user))

    def writable_by(self, user: User) -> "LiveSessionQuerySet":
        """Sessions of the projects that this user may change."""
        return self.filter(project__in=Project.objects.writable_by(user))

    def watchable_by(self, user: User | None) -> "LiveSessionQuerySet":
        """Sessions whose captions this user, or somebody without an account, may see by the link.

        The password, if there is one, is checked by ``LiveSession.admits``.
        """
        public = Q(audience=LiveSession.Audience.ANYONE) & (
            Q(link_until=None) | Q(link_until__gt=timezone.now())
        )
        if user is None:
            return self.filter(public)
        return self.filter(public | Q(project__in=Project.objects.visible_to(user)))

    def open(self) -> "LiveSessionQuerySet":
        return self.exclude(state=LiveSession.State.ENDED)

    def heard_now(self) -> "LiveSessionQuerySet":
        """Open sessions that a process serves, the newest first."""
        served = Q(served_at__gte=timezone.now() - SERVED_FOR)
        return self.open().filter(served).select_related("project", "owner").order_by("-created_at")

    def forsaken(self) -> "LiveSessionQuerySet":
        """Sessions that no process serves and that are to end: on request, or after a silence."""
        now = timezone.now()
        unserved = self.filter(Q(served_at=None) | Q(served_at__lt=now - SERVED_FOR))
        is_silent = Q(state=LiveSession.State.OPEN, heard_at__lt=now - ENDS_AFTER)
        return unserved.filter(is_silent | Q(state=LiveSession.State.ENDING))


class LiveSession(models.Model):
    """Speech that is transcribed while it is spoken; it becomes a recording at its end.

    ``epoch`` fences every write: one process at a time serves a session, and a later one has a
    higher epoch. ``checkpoint`` is that of the stream to the speech server: everything before its
    place in the audio is stored as captions.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ENDING = "ending", "Ending"
        ENDED = "ended", "Ended"

    class Mode(models.TextChoices):
        CAPTIONS = "captions", "Captions"
        TURNS = "turns", "Turns"

    class Audience(models.TextChoices):
        MEMBERS = "members", "Members of the project"
        ANYONE = "anyone", "Anyone with the link"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.PROTECT, related_name="live_sessions")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="live_sessions"
    )
    title = models.CharField(max_length=255)
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.CAPTIONS)
    options = models.JSONField(default=dict, help_text="those of the stream")
    names = models.JSONField(default=dict, help_text="of speakers, by their number as text")
    again = models.BooleanField(default=False, help_text="transcribe the recording afterwards")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    epoch = models.PositiveIntegerField(default=0, help_text="fences every write of a process")
    served_at = models.DateTimeField(null=True, help_text="when a process last said it serves it")
    heard_at = models.DateTimeField(default=timezone.now, help_text="when audio last came")
    audio_bytes = models.BigIntegerField(default=0, help_text="audio on disk")
    checkpoint = models.JSONField(default=dict)
    offsets = models.JSONField(
        default=list, help_text="of each connection: number, start in seconds, request id"
    )
    sequence = models.PositiveIntegerField(default=0, help_text="of the last change of a caption")
    interim = models.TextField(
        blank=True, help_text="message with the words that are not final, for other processes"
    )
    link = models.CharField(max_length=43, unique=True, default=new_link)
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.MEMBERS)
    link_until = models.DateTimeField(null=True)
    link_password = models.CharField(max_length=128, blank=True, help_text="hashed")
    link_tried_at = models.DateTimeField(null=True, help_text="last attempt at the password")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)  # why it was ended, if not by its host
    recording = models.OneToOneField(
        Recording, models.SET_NULL, null=True, related_name="live_session"
    )

    objects = LiveSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["heard_at"], name="live_sessions_open", condition=~Q(state="ended")
            ),
            models.Index(fields=["owner", "-created_at"], name="live_sessions_of_a_user"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("live_session", args=[self.pk])

    def get_captions_url(self) -> str:
        return reverse("captions", args=[self.link])

    def set_link(self, audience: str, until: datetime | None, password: str | None) -> None:
        """Say who sees the captions; ``password`` is None to keep the present one."""
        self.audience = audience
        is_public = audience == self.Audience.ANYONE
        self.link_until = until if is_public else None
        if password is not None or not is_public:
            self.link_password = make_password(password) if password and is_public else ""
        self.save(update_fields=["audience", "link_until", "link_password"])

    def admits(self, password: str) -> bool | None:
        """Check the password of the link; None when somebody has tried just now."""
        free = Q(link_tried_at=None) | Q(link_tried_at__lt=timezone.now() - ATTEMPT)
        rows = LiveSession.objects.filter(free, pk=self.pk)
        if not rows.update(link_tried_at=timezone.now()):
            return None
        return check_password(password, self.link_password)

    @property
    def ticket(self) -> str:
        """Return what a page has that was given the password; void when the password changes."""
        return signing.dumps([str(self.pk), self.link_password], salt="captions")

    def admits_user(self, user: User | None) -> bool:
        """Return whether this user needs no password: they are in the project."""
        if user is None:
            return False
        return LiveSession.objects.visible_to(user).filter(pk=self.pk).exists()

    def takes(self, ticket: str) -> bool:
        """Return whether ``ticket`` admits its bearer; without a password everybody is admitted."""
        if not self.link_password:
            return True
        try:
            return bool(
                signing.loads(ticket, salt="captions") == [str(self.pk), self.link_password]
            )
        except signing.BadSignature:
            return False

    @property
    def path(self) -> Path:
        """The file that has its audio until it is a recording."""
        return Path(settings.DATA) / "live" / f"{self.pk}.wav"

    @property
    def reference(self) -> str:
        """Name of the reservation of its cost."""
        return f"live:{self.pk}"

    def amount(self, seconds: float) -> Work:
        """Return what so much audio is charged as."""
        return Work(Charge.STREAMING, str(self.options.get("model", "")), seconds=seconds)

    @property
    def duration(self) -> float:
        """Seconds of audio that are stored."""
        return seconds_of(self.audio_bytes)

    @property
    def is_ended(self) -> bool:
        return self.state == self.State.ENDED

    @property
    def held(self) -> LiveSessionQuerySet:
        """This row while it is this process's: every write of a process goes through it."""
        return LiveSession.objects.open().filter(pk=self.pk, epoch=self.epoch)

    def claim(self) -> bool:
        """Serve the session from now on, with the next epoch; False when it has ended."""
        now = timezone.now()
        rows = LiveSession.objects.open().filter(pk=self.pk)
        if not rows.update(epoch=F("epoch") + 1, served_at=now):
            return False
        self.refresh_from_db()
        return True

    def write(self, captions: Iterable["Caption"], **facts: Any) -> bool:
        """Store captions, and facts of the session; False when another process has it.

        ``sequence`` becomes that of the newest caption.
        """
        captions = list(captions)
        if captions:
            facts["sequence"] = max(caption.sequence for caption in captions)
        if not captions:
            return self._note(facts)
        with transaction.atomic():
            if not self._note(facts):
                return False
            Caption.objects.bulk_create(
                captions,
                batch_size=200,
                update_conflicts=True,
                unique_fields=["session", "index"],
                update_fields=["sequence", "ends", "corrected", "corrected_by", "corrected_at"],
            )
        return True

    def _note(self, facts: dict[str, Any]) -> bool:
        """Write facts while this process has the session, and say that it does."""
        if not self.held.update(served_at=timezone.now(), **facts):
            return False
        for name, value in facts.items():
            setattr(self, name, value)
        return True

    def leave(self) -> None:
        """Say that this process serves it no longer."""
        self.held.update(served_at=None)

    def ask_to_end(self) -> None:
        """Have it end: the process that serves it does so, or the sweep."""
        LiveSession.objects.filter(pk=self.pk, state=self.State.OPEN).update(
            state=self.State.ENDING
        )


class CaptionQuerySet(models.QuerySet["Caption"]):
    def after(self, sequence: int) -> "CaptionQuerySet":
        """Captions that changed after ``sequence``, in the order of their changes."""
        return self.filter(sequence__gt=sequence).order_by("sequence")


class Caption(models.Model):
    """A final stretch of one speaker's speech.

    ``text`` is what was recognised and never changes; ``corrected`` is what a person wrote instead.

    ``words`` is a list of ``[text, start, end, confidence]``; times are seconds from the start of
    the session. ``ends`` says that the speaker paused after it. A gap is audio that could not be
    transcribed.
    """

    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        GAP = "gap", "Gap"

    session = models.ForeignKey(LiveSession, models.CASCADE, related_name="captions")
    index = models.PositiveIntegerField(help_text="place in the session, from 0")
    sequence = models.PositiveIntegerField(help_text="number of its last change in the session")
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.TEXT)
    connection = models.PositiveIntegerField(default=0)
    speaker = models.PositiveIntegerField(null=True)
    start = models.FloatField()
    end = models.FloatField()
    confidence = models.FloatField(default=0.0)
    text = models.TextField()
    words = models.JSONField(default=list)
    languages = models.JSONField(default=list)
    ends = models.BooleanField(default=False)
    corrected = models.TextField(blank=True)
    corrected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    corrected_at = models.DateTimeField(null=True)
    turn = models.JSONField(
        default=dict,
        help_text="of a turn: confidence of its end, trigger, and latency, the seconds between its "
        "last word and its end",
    )

    objects = CaptionQuerySet.as_manager()

    class Meta:
        ordering = ["session", "index"]
        constraints = [
            models.UniqueConstraint(fields=["session", "index"], name="one_caption_a_place"),
        ]
        indexes = [models.Index(fields=["session", "sequence"], name="captions_by_sequence")]

    def __str__(self) -> str:
        return self.text

    def shown(self) -> dict[str, Any]:
        """The caption as pages receive it."""
        return {
            "type": "Caption",
            "index": self.index,
            "sequence": self.sequence,
            "kind": self.kind,
            "speaker": self.speaker,
            "start": round(self.start, 2),
            "end": round(self.end, 2),
            "text": self.corrected or self.text,
            **({"recognised": self.text} if self.corrected else {}),
            "ends": self.ends,
            **({"turn": self.turn} if self.turn else {}),
        }


class LiveNote(models.Model):
    """A note about a moment of a session, for the team."""

    session = models.ForeignKey(LiveSession, models.CASCADE, related_name="notes")
    at = models.FloatField(help_text="seconds from the start of the session")
    text = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text

    def shown(self) -> dict[str, Any]:
        return {"type": "Note", "number": self.pk, "at": round(self.at, 2), "text": self.text}
