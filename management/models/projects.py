"""Projects, and who may do what in them."""

import unicodedata
import uuid
from collections.abc import Sequence

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from management.models.connections import Connection
from management.models.people import LastOwner, User


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> "ProjectQuerySet":
        """Projects whose recordings this person may see: their own memberships, no more."""
        return self.filter(memberships__user=user)

    def writable_by(self, user: User) -> "ProjectQuerySet":
        """Projects this person may add to: every role but viewer, unless it is archived."""
        writers = {"memberships__user": user, "memberships__role__in": Membership.WRITERS}
        return self.active().filter(**writers)

    def active(self) -> "ProjectQuerySet":
        """Projects that are not archived."""
        return self.filter(archived_at=None)

    def administered_by(self, user: User) -> "ProjectQuerySet":
        """Projects whose keys, members and money this person sees: owners and admins of them.

        A team administrator sees those of every project.
        """
        if user.is_superuser:
            return self.all()
        return self.filter(memberships__user=user, memberships__role__in=Membership.ADMINISTRATORS)

    def owned_by(self, user: User) -> "ProjectQuerySet":
        """Projects whose budget this person sets: as their owner; all for administrators."""
        if user.is_superuser:
            return self.all()
        return self.filter(memberships__user=user, memberships__role=Membership.Role.OWNER)

    def accounted_to(self, user: User) -> "ProjectQuerySet":
        """Projects whose usage and costs this person sees: their own; all for administrators."""
        return self.all() if user.is_superuser else self.visible_to(user)

    def with_role(self) -> "ProjectQuerySet":
        """With ``role``, that of the person whose projects these are (``visible_to``)."""
        return self.annotate(role=F("memberships__role"))

    def mirrored(self) -> "ProjectQuerySet":
        """Projects that are, or were, those of a speech account."""
        return self.filter(is_local=False)

    def present(self) -> "ProjectQuerySet":
        """Projects that the server still lists."""
        return self.mirrored().filter(gone_at=None)

    def make_local(self, name: str, connection: Connection, owner: User) -> "Project":
        """Make a project of the team alone, which the server of ``connection`` does not know."""
        with transaction.atomic():
            upstream_id = f"local:{uuid.uuid4()}"
            facts = {"name": name, "is_local": True, "upstream_id": upstream_id}
            project = self.create(connection=connection, **facts)
            Membership.objects.create(user=owner, project=project, role=Membership.Role.OWNER)
        return project

    def owned_by_only(self, user: User) -> "ProjectQuerySet":
        """Projects of which this person is the only active owner."""
        owner = Membership.Role.OWNER
        others = Membership.objects.filter(role=owner, user__is_active=True).exclude(user=user)
        owned = self.filter(memberships__user=user, memberships__role=owner)
        return owned.exclude(pk__in=others.values("project"))

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
    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="when a sync noticed that the server no longer lists it"
    )
    is_local = models.BooleanField(
        default=False, help_text="made here; the server does not know it"
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="when it was closed to new and changed recordings"
    )
    transcribes_live_again = models.BooleanField(
        default=False,
        help_text="whether recordings of new live sessions are transcribed again, if not chosen",
    )
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

    @property
    def is_present(self) -> bool:
        """Return whether the server still lists it, as ``ProjectQuerySet.present`` does."""
        return not self.is_local and self.gone_at is None

    def set_role(self, user: User, role: str) -> None:
        """Give a person a role in this project, as a new member or instead of another role.

        Raises ``LastOwner``.
        """
        with transaction.atomic():
            self.keep_an_owner(but=user, role=role)
            Membership.objects.update_or_create(user=user, project=self, defaults={"role": role})

    def remove_member(self, user: User) -> None:
        """Take a person out of this project. Raises ``LastOwner``."""
        with transaction.atomic():
            self.keep_an_owner(but=user)
            self.memberships.filter(user=user).delete()

    def keep_an_owner(self, but: User, role: str = "") -> None:
        """Raise ``LastOwner`` if nobody but this person owns the project. Call it in a transaction.

        With ``role`` owner it is fine.
        """
        # The lock of its row makes changes of one project wait for each other.
        Project.objects.select_for_update().get(pk=self.pk)
        if role == Membership.Role.OWNER:
            return
        if Project.objects.filter(pk=self.pk).owned_by_only(but).exists():
            raise LastOwner(f"{but} is the only owner of {self}. Make somebody else owner first.")

    def set_archived(self, is_archived: bool) -> None:
        """Close this project to new and changed recordings, or open it again."""
        self.archived_at = timezone.now() if is_archived else None
        self.save(update_fields=["archived_at"])

    def set_live_default(self, transcribes_again: bool) -> None:
        """Choose for new live sessions whether their recordings are transcribed again."""
        self.transcribes_live_again = transcribes_again
        self.save(update_fields=["transcribes_live_again"])

    def role_of(self, user: User) -> str:
        """Return the role of a person in this project; empty when they are not in it."""
        roles = self.memberships.filter(user=user).values_list("role", flat=True)
        return roles.first() or ""

    def grantable_by(self, user: User) -> list[tuple[str, str]]:
        """The roles that a person may give and take here: only owners make owners."""
        role = self.role_of(user)
        if user.is_superuser or role == Membership.Role.OWNER:
            return list(Membership.Role.choices)
        if role == Membership.Role.ADMIN:
            return [each for each in Membership.Role.choices if each[0] != Membership.Role.OWNER]
        return []


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
