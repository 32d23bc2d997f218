"""The first project and its owner, and what an operator does from a shell."""

from __future__ import annotations

from pathlib import Path

from django.db import transaction

from engine.accounts.keyfiles import read_or_make
from engine.accounts.keytext import make_key
from engine.models import Invite, Key, Member, Project
from network.keyformat import digest, prefix

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


def delete_key(key: Key, root_key_file: Path) -> None:
    """Delete ``key``, and ``root_key_file`` if it holds it: the next start would add it again."""
    key.delete()
    try:
        if digest(root_key_file.read_text().strip()) == key.digest:
            root_key_file.unlink()
    except FileNotFoundError:
        pass


def accept_invite(email: str, project_id: str | None = None) -> str:
    """Make the user invited as ``email`` a member, and return their first key.

    Raises ``Invite.DoesNotExist``. The engine sends no mail: an operator runs
    ``python -m engine accept EMAIL`` and passes the key on.
    """
    with transaction.atomic():
        invites = Invite.objects.filter(email__iexact=email).order_by("created")
        if project_id:
            invites = invites.filter(project_id=project_id)
        invite = invites.first()
        if invite is None:
            raise Invite.DoesNotExist
        member, key = invite.accept(), make_key()
        create_key(member, key, f"First key of {invite.email}", [invite.scope])
    return key
