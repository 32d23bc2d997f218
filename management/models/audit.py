"""The audit log: every sign-in, change of rights and export, in rows that nothing changes."""

from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from management.models.people import User
from management.models.projects import Project


class Action(models.TextChoices):
    """Recorded actions. No field has them as choices: a new one needs no migration."""

    SIGN_IN = "sign_in", "Signed in"
    SIGN_IN_FAILED = "sign_in_failed", "Sign-in failed"
    SIGN_OUT = "sign_out", "Signed out"
    PERMISSION_DENIED = "permission_denied", "Permission denied"
    PERSON_CREATED = "person_created", "Person added"
    PERSON_INVITED = "person_invited", "Person invited"
    INVITATION_RESENT = "invitation_resent", "Invitation renewed"
    INVITATION_WITHDRAWN = "invitation_withdrawn", "Invitation withdrawn"
    INVITATION_ACCEPTED = "invitation_accepted", "Invitation accepted"
    PERSON_DEACTIVATED = "person_deactivated", "Person deactivated"
    PERSON_REACTIVATED = "person_reactivated", "Person reactivated"
    ROLE_CHANGED = "role_changed", "Role changed"
    PASSWORD_CHANGED = "password_changed", "Password changed"
    PASSWORD_LINK_CREATED = "password_link_created", "Password link created"
    EMAIL_CHANGED = "email_changed", "E-mail address changed"
    SECOND_FACTOR_ADDED = "second_factor_added", "Second factor added"
    SECOND_FACTOR_REMOVED = "second_factor_removed", "Second factor removed"
    SESSIONS_ENDED = "sessions_ended", "Sessions ended"
    TOKEN_CREATED = "token_created", "API token created"
    TOKEN_REVOKED = "token_revoked", "API token revoked"
    PROJECT_CREATED = "project_created", "Project created"
    PROJECT_RENAMED = "project_renamed", "Project renamed"
    PROJECT_ARCHIVED = "project_archived", "Project archived"
    PROJECT_RESTORED = "project_restored", "Project restored"
    PROJECT_CHANGED = "project_changed", "Project changed"
    MEMBER_ADDED = "member_added", "Member added"
    MEMBER_REMOVED = "member_removed", "Member removed"
    RECORDING_MOVED = "recording_moved", "Recording moved"
    RECORDING_DELETED = "recording_deleted", "Recording deleted"
    RECORDINGS_REASSIGNED = "recordings_reassigned", "Recordings reassigned"
    CAPTIONS_SHARED = "captions_shared", "Captions shared"
    TRANSCRIPT_EXPORTED = "transcript_exported", "Transcript exported"
    CALL_EXPORTED = "call_exported", "Messages of a call exported"
    CLIP_EXPORTED = "clip_exported", "Spoken text exported"
    CLIP_DELETED = "clip_deleted", "Spoken text deleted"
    PRESET_DELETED = "preset_deleted", "Preset deleted"
    KEY_CREATED = "key_created", "API key created"
    KEY_ROTATED = "key_rotated", "API key rotated"
    KEY_DELETED = "key_deleted", "API key deleted"
    KEY_CHANGE_FAILED = "key_change_failed", "Change of an API key rejected"
    CONNECTION_ADDED = "connection_added", "Connection added"
    CONNECTION_CHANGED = "connection_changed", "Connection changed"
    CONNECTION_REMOVED = "connection_removed", "Connection removed"
    ACCOUNT_INVITED = "account_invited", "Invited to the speech account"
    ACCOUNT_INVITE_WITHDRAWN = "account_invite_withdrawn", "Invite to the speech account withdrawn"
    ACCOUNT_MEMBER_CHANGED = "account_member_changed", "Role in the speech account changed"
    ACCOUNT_MEMBER_REMOVED = "account_member_removed", "Member of the speech account removed"
    USAGE_EXPORTED = "usage_exported", "Usage exported"
    PRICE_CHANGED = "price_changed", "Price changed"
    BUDGET_CHANGED = "budget_changed", "Budget changed"
    AGENT_CREATED = "agent_created", "Agent created"
    AGENT_CHANGED = "agent_changed", "Agent changed"
    AGENT_ARCHIVED = "agent_archived", "Agent archived"
    AGENT_RESTORED = "agent_restored", "Agent restored"
    AGENT_STORED = "agent_stored", "Agent saved in the speech account"
    AGENT_UNSTORED = "agent_unstored", "Agent deleted from the speech account"
    AUDIT_EXPORTED = "audit_exported", "Audit log exported"


class AppendOnly(Exception):
    """An entry of the audit log was to be changed or deleted."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def matching(
        self,
        text: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> "AuditQuerySet":
        """Entries that contain ``text``, from ``since`` until before ``until``."""
        entries = self
        if text:
            names = ("actor_name", "subject", "project_name", "address", "request_id")
            entries = entries.filter(
                Q(*((f"{name}__icontains", text) for name in names), _connector=Q.OR)
            )
        if action:
            entries = entries.filter(action=action)
        if since:
            entries = entries.filter(at__gte=since)
        return entries.filter(at__lt=until) if until else entries

    def update(self, **values: Any) -> NoReturn:
        raise AppendOnly("entries of the audit log are never changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("entries of the audit log are never deleted")


class AuditEntry(models.Model):
    """An action of a person: who, what, when and from where. Never changed.

    Names are copied, so that an entry stays true when its person, project or subject is renamed
    or deleted. ``details`` holds facts of the action, never a secret.
    """

    at = models.DateTimeField(default=timezone.now)
    # Without a constraint: the entry outlives the user, and nothing may change it.
    actor = models.ForeignKey(
        User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=40)
    subject = models.CharField(max_length=300, blank=True)
    project_name = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True, help_text="of the client; none for a command")
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["at"], name="audit_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action_label} {self.subject}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("entries of the audit log are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("entries of the audit log are never deleted")

    @classmethod
    def record(
        cls,
        action: str,
        *,
        request: HttpRequest | None = None,
        actor: User | None = None,
        subject: str = "",
        project: Project | None = None,
        **details: Any,
    ) -> "AuditEntry":
        """Add an entry; in a transaction it is kept only with the change that it describes.

        ``actor`` is the user of ``request`` unless it is given. ``details`` are JSON values.
        """
        if actor is None and request is not None and isinstance(request.user, User):
            actor = request.user
        entry = cls(
            actor=actor,
            actor_name=actor.email if actor else "",
            action=action,
            subject=subject[:300],
            project_name=project.name if project else "",
            details=details,
        )
        if request is not None:
            entry.address = request.META.get("REMOTE_ADDR") or None
            entry.user_agent = request.headers.get("User-Agent", "")[:300]
            entry.request_id = getattr(request, "request_id", "")[:100]
        entry.save()
        return entry

    @property
    def action_label(self) -> str:
        """The action in words; its name when this version does not know it."""
        return dict(Action.choices).get(self.action, self.action)

    @property
    def detail_pairs(self) -> list[tuple[str, str]]:
        """The details as pairs of a name and a text."""
        return [(name.replace("_", " "), as_text(value)) for name, value in self.details.items()]


def as_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
