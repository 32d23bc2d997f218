"""People, the speech servers they use, and who may do what in which project."""

import unicodedata
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F
from django.db.models.functions import Lower, Now

from management import crypto, pacing


class People(BaseUserManager["User"]):
    """Users, found by e-mail in any case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def first_administrator(self) -> "User | None":
        """The oldest active administrator, who owns what nobody else does."""
        return self.filter(is_superuser=True, is_active=True).order_by("pk").first()

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person who signs in with an e-mail address. A superuser administers the team."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)

    objects: ClassVar[People] = People()  # type: ignore[assignment]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_account_an_email_address")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def paused(self) -> "ConnectionQuerySet":
        """Servers to which no job goes now.

        A pause that ends later than any could be set was set by a clock that was ahead.
        """
        longest = timedelta(seconds=pacing.RETRY_AFTER_SECONDS)
        return self.filter(retry_at__gt=Now(), retry_at__lte=Now() + longest)


class Connection(models.Model):
    """A server that speaks Deepgram's API: the engine in the box, the hosted one or another."""

    class Kind(models.TextChoices):
        ENGINE = "engine", "Engine in the box"
        HOSTED = "hosted", "Deepgram"
        SELF_HOSTED = "self_hosted", "Self-hosted"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    base_url = models.URLField(unique=True)
    agent_url = models.CharField(max_length=200, blank=True)
    encrypted_key = models.BinaryField()
    seen_at = models.DateTimeField(null=True, help_text="when it last answered")
    error = models.TextField(blank=True, help_text="why it last did not")
    failures = models.PositiveIntegerField(default=0, help_text="since it last answered")
    retry_at = models.DateTimeField(null=True, help_text="left in peace until then")

    objects = ConnectionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def pause(self, error: Exception, retry_after: float | None = None) -> None:
        """The server is down or too busy: no job goes to it before ``retry_at``.

        All jobs of a server share the pause, so a thousand queued recordings knock once.
        ``retry_after`` is the wait in seconds that the server asked for.
        """
        connection = Connection.objects.filter(pk=self.pk)
        # Jobs that fail side by side are one failure of the server.
        if not connection.paused().exists():
            connection.update(failures=F("failures") + 1)
        self.refresh_from_db(fields=["failures"])
        seconds = pacing.pause_seconds(self.failures, pacing.SERVER_PAUSE_SECONDS, retry_after)
        connection.update(retry_at=Now() + timedelta(seconds=seconds), error=str(error))

    def resume(self) -> None:
        """The server has responded: what fails next is a new failure.

        A pause that it asked for is kept; one that was a guess is over in seconds.
        """
        troubled = Connection.objects.filter(pk=self.pk).exclude(failures=0, error="")
        troubled.update(seen_at=Now(), failures=0, error="")

    def mark_seen(self) -> None:
        """Note that the server has listed its projects and models."""
        Connection.objects.filter(pk=self.pk).update(seen_at=Now(), error="")

    def mark_failed(self, error: Exception) -> None:
        """Note why the server could not list them; jobs are not paused for it."""
        Connection.objects.filter(pk=self.pk).update(error=str(error))

    def move_to(self, base_url: str, agent_url: str, api_key: str) -> bool:
        """Use a new address or key, tried at once; False when both are the present ones."""
        if (self.base_url, self.agent_url) == (base_url, agent_url) and self.has_key(api_key):
            return False
        self.base_url, self.agent_url, self.api_key = base_url, agent_url, api_key
        self.failures, self.retry_at = 0, None
        self.save()
        return True

    def has_key(self, api_key: str) -> bool:
        """Return whether ``api_key`` is the stored one; False when that cannot be decrypted."""
        try:
            return self.api_key == api_key
        except crypto.UnreadableKey:
            return False

    @property
    def api_key(self) -> str:
        return crypto.decrypt(self.encrypted_key)

    @api_key.setter
    def api_key(self, value: str) -> None:
        self.encrypted_key = crypto.encrypt(value)


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> "ProjectQuerySet":
        """Projects whose recordings this person may see: their own memberships, no more."""
        return self.filter(memberships__user=user)

    def writable_by(self, user: User) -> "ProjectQuerySet":
        """Projects this person may add to: every role but viewer."""
        return self.filter(memberships__user=user, memberships__role__in=Membership.WRITERS)

    def give_owner_to_empty(self, owner: User) -> None:
        """Make ``owner`` the owner of every project that has no members."""
        Membership.objects.bulk_create(
            [
                Membership(user=owner, project=project, role=Membership.Role.OWNER)
                for project in self.filter(memberships=None)
            ],
            ignore_conflicts=True,
        )

    def called(self, text: str) -> "Sequence[Project]":
        """The projects with this name, in any case; else the one with this id, here or upstream."""
        # Not in the database: SQLite knows the cases of ASCII alone.
        wanted = unicodedata.normalize("NFC", text).casefold()
        projects = list(self.all())
        named = [each for each in projects if each.name.casefold() == wanted]
        return named or [each for each in projects if text in (str(each.pk), each.upstream_id)]


class Project(models.Model):
    """A project of the speech account, mirrored, and what the team keeps in it."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="projects")
    upstream_id = models.CharField(max_length=100)
    name = models.CharField(max_length=200)
    seen_at = models.DateTimeField(null=True, help_text="when the server last listed it")
    members = models.ManyToManyField(User, through="Membership", related_name="projects")

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "upstream_id"], name="one_row_an_upstream_project"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """Role of a user in a project."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        MEMBER = "member", "Member"
        VIEWER = "viewer", "Viewer"

    WRITERS = (Role.OWNER, Role.ADMIN, Role.MEMBER)
    ADMINISTRATORS = (Role.OWNER, Role.ADMIN)

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="one_role_a_person_a_project")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()} of {self.project}"


class Model(models.Model):
    """A speech model that a connection offers, mirrored from ``GET /v1/models``."""

    class Kind(models.TextChoices):
        STT = "stt", "Speech to text"
        TTS = "tts", "Text to speech"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="speech_models")
    kind = models.CharField(max_length=3, choices=Kind)
    uuid = models.CharField(max_length=100)
    canonical_name = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    architecture = models.CharField(max_length=100, blank=True)
    version = models.CharField(max_length=100, blank=True)
    languages = models.JSONField(default=list)
    batch = models.BooleanField(default=True)
    streaming = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["canonical_name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "uuid"], name="one_row_an_upstream_model")
        ]

    def __str__(self) -> str:
        return self.canonical_name
