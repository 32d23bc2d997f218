"""Invitations to the team: a link that makes one account, once."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from management import tokentext
from management.models.people import User
from management.models.projects import Membership, Project
from network import keyformat


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Invitations that were neither accepted nor withdrawn; their link may have expired."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def valid(self) -> "InvitationQuerySet":
        """Invitations whose link works."""
        return self.open().filter(expires_at__gt=Now())

    def of(self, token: str) -> "Invitation | None":
        """Return the invitation whose link has this token; None when it does not work."""
        if not keyformat.is_whole(token, tokentext.INVITATION):
            return None
        return self.valid().filter(token_digest=keyformat.digest(token)).first()

    def invite(
        self,
        email: str,
        *,
        days: int,
        projects: Iterable[Project] = (),
        role: str = Membership.Role.MEMBER,
        is_administrator: bool = False,
        by: User | None = None,
    ) -> "tuple[Invitation, str]":
        """Make an invitation; return it and its token, which is not stored.

        An open invitation of the same address is withdrawn.
        """
        with transaction.atomic():
            self.open().filter(email__iexact=email).update(withdrawn_at=Now())
            invitation = Invitation(
                email=User.objects.normalize_email(email),
                role=role,
                is_administrator=is_administrator,
                created_by=by,
            )
            token = invitation.renew(days)
            invitation.projects.set(projects)
        return invitation, token


class Invitation(models.Model):
    """An invitation of one address, with the role and projects of the account that it makes."""

    email = models.EmailField("e-mail address", max_length=254)
    is_administrator = models.BooleanField(default=False)
    role = models.CharField(max_length=10, choices=Membership.Role, default=Membership.Role.MEMBER)
    projects = models.ManyToManyField(Project, related_name="+")
    token_digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.email

    @property
    def is_expired(self) -> bool:
        """Return whether its link no longer works for its age."""
        return self.expires_at <= timezone.now()

    def renew(self, days: int) -> str:
        """Give the invitation a new link, for ``days`` from now; return its token.

        The link before stops working.
        """
        token = keyformat.make(tokentext.INVITATION)
        self.token_digest = keyformat.digest(token)
        self.expires_at = timezone.now() + timedelta(days=days)
        self.save()
        return token

    def withdraw(self) -> bool:
        """Stop the link from working; False when the invitation was accepted before."""
        open_ones = Invitation.objects.open().filter(pk=self.pk)
        return open_ones.update(withdrawn_at=Now()) == 1

    def accept(self, name: str, password: str) -> User | None:
        """Make the account; None when the link was used, withdrawn or expired in the meantime."""
        with transaction.atomic():
            # One conditional UPDATE: of two requests with the same link, one makes an account.
            if not Invitation.objects.valid().filter(pk=self.pk).update(accepted_at=Now()):
                return None
            user = User.objects.create_user(
                self.email,
                password,
                first_name=name.strip(),
                is_superuser=self.is_administrator,
                is_staff=self.is_administrator,
            )
            Membership.objects.bulk_create(
                Membership(user=user, project=project, role=self.role)
                for project in self.projects.all()
            )
        return user
