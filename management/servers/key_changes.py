"""Changes of API keys: made at the server first, then mirrored from its response."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from management.models import Key, Project, User
from management.servers.crypto import UnreadableKey
from management.servers.speech import speech_client
from management.sync.parts import key_fields
from speechclient import AccountClient, Denied, SpeechError

NOT_FOUND = 404


class NotChanged(Exception):
    """The server rejected a change, or was not reached; the message says why, for people."""


class InUse(NotChanged):
    """The key is the one that Earshot itself uses."""


def create_key(
    project: Project,
    user: User | None,
    comment: str,
    scopes: Sequence[str],
    tags: Sequence[str] = (),
    expiration: datetime | None = None,
    replaces: Key | None = None,
) -> tuple[Key, str]:
    """Make a key at the server; return its row and its value, which is not stored.

    Raises ``NotChanged``.
    """
    with account_of(project) as account:
        made = account.create_key(comment, scopes, tags=tags, expiration_date=expiration)
        facts = {
            "comment": made.comment or comment,
            "scopes": list(made.scopes or scopes),
            "tags": list(made.tags or tags),
            "created": timezone.now(),
            "expiration": made.expiration_date or expiration,
        }
        with suppress(SpeechError):  # the next sync knows the member
            facts = key_fields(account.key(made.api_key_id))
    with transaction.atomic():
        key, _ = Key.objects.update_or_create(
            project=project,
            api_key_id=made.api_key_id[:100],
            defaults={**facts, "made_by": user, "gone_at": None, "replaces": replaces},
        )
    return key, made.key


def rotate_key(key: Key, user: User | None) -> tuple[Key, str]:
    """Make a key with the same rights; the old one works until it is deleted.

    An expiry is as far from now as it was from the old key's beginning. Raises ``NotChanged``.
    """
    expiration = None
    if key.expiration is not None and key.created is not None:
        expiration = timezone.now() + (key.expiration - key.created)
    comment = key.comment or f"Replaces {key.api_key_id[:8]}"
    return create_key(key.project, user, comment, key.scopes, key.tags, expiration, replaces=key)


def delete_key(key: Key) -> None:
    """Delete a key at the server, which stops accepting it at once. Raises ``NotChanged``."""
    if key.is_own:
        raise InUse(
            "Earshot uses this key itself. Give the connection another key before this one is "
            "deleted."
        )
    with account_of(key.project) as account:
        try:
            account.delete_key(key.api_key_id)
        except Denied as error:
            if error.status != NOT_FOUND:
                raise
    Key.objects.filter(pk=key.pk).update(gone_at=timezone.now())


@contextmanager
def account_of(project: Project) -> Iterator[AccountClient]:
    """A client of the project's account. Its errors become ``NotChanged``."""
    try:
        with speech_client(project.connection) as client:
            yield client.account(project.upstream_id)
    except SpeechError as error:
        raise NotChanged(sentence(error, project)) from error
    except (UnreadableKey, ValueError) as error:
        raise NotChanged(str(error)) from error


def sentence(error: SpeechError, project: Project) -> str:
    """Return the server's error for people, with its request id."""
    text = f"{project.connection} rejected the change: {str(error).rstrip('.')}."
    if error.status is None:
        text = f"{project.connection} was not reached: {str(error).rstrip('.')}."
    return f"{text} Request id: {error.request_id}." if error.request_id else text
