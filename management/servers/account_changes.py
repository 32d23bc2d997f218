"""Changes of members and invites: made at the server first, then mirrored."""

from django.utils import timezone

from management.models import Invite, Member, Project
from management.servers.key_changes import account_of
from speechclient import Denied

NOT_FOUND = 404


def send_invite(project: Project, email: str, scope: str) -> Invite:
    """Invite somebody to the project of the speech account. Raises ``NotChanged``."""
    with account_of(project) as account:
        account.invite(email, scope)
    invite, _ = Invite.objects.update_or_create(
        project=project, email=email, defaults={"scope": scope, "gone_at": None}
    )
    return invite


def withdraw_invite(invite: Invite) -> None:
    """Withdraw an invite. Raises ``NotChanged``."""
    with account_of(invite.project) as account:
        try:
            account.delete_invite(invite.email)
        except Denied as error:
            if error.status != NOT_FOUND:
                raise
    Invite.objects.filter(pk=invite.pk).update(gone_at=timezone.now())


def change_role(member: Member, role: str) -> None:
    """Give a member another role. Raises ``NotChanged``."""
    with account_of(member.project) as account:
        account.set_member_scope(member.member_id, role)
    Member.objects.filter(pk=member.pk).update(scopes=[role])


def remove_member(member: Member) -> None:
    """Remove a member, whose keys are no longer accepted. Raises ``NotChanged``."""
    with account_of(member.project) as account:
        account.remove_member(member.member_id)
    Member.objects.filter(pk=member.pk).update(gone_at=timezone.now())
    member.project.keys.present().filter(member_id=member.member_id).update(gone_at=timezone.now())
