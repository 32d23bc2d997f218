"""The first project and its owner, and what an operator does from a shell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from engine.accounts.keyfiles import read_or_make
from engine.accounts.keys import digest, make_key, prefix
from engine.accounts.usage import spent_dollars
from engine.models import Balance, Invite, Key, Member, Project, Request

OWNER_EMAIL = "owner@earshot.invalid"


def ensure_root_key(path: Path, project_id: str) -> str:
    """The owner key in ``path``, known to the database; both are made on the first start.

    ``project_id`` is the id of the first project, "" for a random one.
    """
    key = read_or_make(path, make_key)
    with transaction.atomic():
        if Key.objects.filter(digest=digest(key)).exists():
            return key
        project = Project.objects.order_by("created").first()
        if project is None:
            chosen = {"project_id": project_id} if project_id else {}
            project = Project.objects.create(name="Earshot", **chosen)
        owner, _ = Member.objects.get_or_create(
            project=project, email=OWNER_EMAIL, defaults={"scopes": ["owner"]}
        )
        create_key(owner, key, "Root key of this engine", ["owner"])
    return key


def create_key(member: Member, key: str, comment: str, scopes: list[str], **facts: object) -> Key:
    return Key.objects.create(
        project=member.project,
        member=member,
        comment=comment,
        scopes=scopes,
        prefix=prefix(key),
        digest=digest(key),
        **facts,
    )


def forget_root_key(path: Path, deleted: str) -> None:
    """Remove the file of a key whose digest is ``deleted``, or the next start would revive it."""
    try:
        if digest(path.read_text().strip()) == deleted:
            path.unlink()
    except FileNotFoundError:
        pass


def accept_invite(email: str, project_id: str | None = None) -> str:
    """Make the person invited as ``email`` a member, and answer with their first key.

    Raises ``Invite.DoesNotExist``. The engine sends no mail: an operator runs
    ``python -m engine accept EMAIL`` and hands the key over.
    """
    with transaction.atomic():
        invites = Invite.objects.filter(email__iexact=email).order_by("created")
        if project_id:
            invites = invites.filter(project_id=project_id)
        invite = invites.first()
        if invite is None:
            raise Invite.DoesNotExist
        member, _ = Member.objects.get_or_create(
            project=invite.project, email=invite.email, defaults={"scopes": [invite.scope]}
        )
        key = make_key()
        create_key(member, key, f"First key of {invite.email}", [invite.scope])
        invite.delete()
    return key


def add_credit(project: Project, amount: float, units: str) -> Balance:
    """Record a purchase and the balance it opens."""
    return Balance.objects.create(
        project=project, amount=amount, units=units, spent_before=spent_dollars(project.pk)
    )


def purge_requests(days: int) -> int:
    """Delete requests older than ``days`` from the log; the daily sums keep their share."""
    return Request.objects.filter(created__lt=timezone.now() - timedelta(days=days)).delete()[0]
