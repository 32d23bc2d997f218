"""Members of the speech account's projects, and invitations to them."""

from django.db import models

from management.models.mirrored import Mirrored
from management.models.projects import Project


class Member(Mirrored):
    """A member of a project of the speech account: a person there, not a user of ours."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="account_members")
    member_id = models.CharField(max_length=100)
    email = models.CharField(max_length=254, blank=True)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    scopes = models.JSONField(default=list, help_text="role names or single scopes")

    class Meta:
        ordering = ["email", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "member_id"], name="one_row_a_member")
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.member_id


class Invite(Mirrored):
    """An invitation to a project of the speech account that is not accepted yet."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="account_invites")
    email = models.CharField(max_length=254)
    scope = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["email", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "email"], name="one_row_an_invite")
        ]

    def __str__(self) -> str:
        return self.email
