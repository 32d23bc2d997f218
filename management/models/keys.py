"""API keys of the speech account."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from management.models.mirrored import Mirrored, MirroredQuerySet
from management.models.people import User
from management.models.projects import Project
from management.servers.scopes import is_broad

UNUSED_FOR = timedelta(days=90)


class KeyQuerySet(MirroredQuerySet["Key"]):
    def administered_by(self, user: User) -> "KeyQuerySet":
        """Keys that this person sees and changes: those of projects that they administer."""
        return self.filter(project__in=Project.objects.administered_by(user))

    def unexpired(self) -> "KeyQuerySet":
        """Keys that the server accepts now."""
        return self.present().filter(Q(expiration=None) | Q(expiration__gt=timezone.now()))

    def to_review(self) -> "KeyQuerySet":
        """Usable keys without an expiry, or without use for ``UNUSED_FOR``."""
        since = timezone.now() - UNUSED_FOR
        unused = Q(last_used_at__lt=since) | Q(last_used_at=None, created__lt=since)
        return self.unexpired().filter(unused | Q(expiration=None))

    def used(self, moments: dict[str, datetime]) -> int:
        """Note the last use of keys; ``moments`` is by ``api_key_id``. Return the rows written."""
        rows = list(self.filter(api_key_id__in=moments))
        later = [row for row in rows if row.note_use(moments[row.api_key_id])]
        return self.bulk_update(later, ["last_used_at"], batch_size=500) if later else 0


class Key(Mirrored):
    """An API key of a project without its value, which only its maker has seen."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="keys")
    api_key_id = models.CharField(max_length=100)
    comment = models.TextField(blank=True)
    scopes = models.JSONField(default=list)
    tags = models.JSONField(default=list)
    created = models.DateTimeField(null=True)
    expiration = models.DateTimeField(null=True)
    member_id = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=254, blank=True, help_text="of the member it belongs to")
    last_used_at = models.DateTimeField(null=True, help_text="newest request in the mirrored log")
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="made_keys")
    replaces = models.OneToOneField(
        "self", models.SET_NULL, null=True, related_name="replaced_by", help_text="rotated key"
    )

    objects: ClassVar[Any] = KeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "api_key_id"], name="one_row_an_api_key")
        ]

    def __str__(self) -> str:
        return self.comment or self.api_key_id[:8]

    @property
    def label(self) -> str:
        """The name that has to be typed to delete the key."""
        return self.comment.strip() or self.api_key_id[:8]

    @property
    def is_own(self) -> bool:
        """Return whether Earshot itself uses this key."""
        return self.api_key_id == self.project.connection.api_key_id

    @property
    def warnings(self) -> list[str]:
        """Reasons to look at the key again."""
        found = []
        if self.is_expired:
            found.append("Expired")
        elif self.expiration is None:
            found.append("No expiry")
        if self.is_unused:
            found.append("Not used for 90 days")
        if self.last_used_at is not None and is_broad(self.scopes):
            found.append("Used for speech, has more scopes")
        return found

    @property
    def is_expired(self) -> bool:
        return self.expiration is not None and self.expiration <= timezone.now()

    @property
    def is_unused(self) -> bool:
        """Return whether the key is older than ``UNUSED_FOR`` and was not used in that time."""
        since = timezone.now() - UNUSED_FOR
        used = self.last_used_at or self.created
        return used is not None and used < since

    def note_use(self, moment: datetime) -> bool:
        """Set the last use to ``moment``, unless a later one is known; True when it was set."""
        if self.last_used_at is not None and self.last_used_at >= moment:
            return False
        self.last_used_at = moment
        return True
