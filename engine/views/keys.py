"""API keys (docs/contract.md, 14.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from msgspec import Meta

from engine.accounts.credentials import CREDENTIALS
from engine.accounts.keytext import make_key
from engine.accounts.setup import create_key
from engine.accounts.setup import delete_key as delete_stored_key
from engine.exchange import ApiRequest, Caller
from engine.gateway.operations import operation
from engine.models import Key, Member, Project
from engine.scopes import KNOWN
from engine.views.lookup import find
from engine.wire import account as shapes
from engine.wire.errors import bad_request, insufficient_scope, not_found
from engine.wire.payloads import read_payload
from engine.wire.query import About, Instant, read_options
from engine.wire.reading import PRINTABLE, Trimmed
from engine.wire.shapes import UNSET, Shape, timestamp

LONGEST_LIFE = timedelta(days=36500)


Label = Annotated[Trimmed, Meta(min_length=1, max_length=200), PRINTABLE]
Labels = Annotated[tuple[Label, ...], Meta(max_length=100)]


class NewKey(Shape):
    comment: Annotated[Trimmed, Meta(max_length=500), About("Purpose of the key.")]
    scopes: Annotated[Labels, About("Scope names or role names.")]
    tags: Annotated[Labels, About("Labels of every request made with the key.")] = ()
    expiration_date: Annotated[Instant | None, About("When it ends; RFC 3339 with offset.")] = None
    time_to_live_in_seconds: Annotated[float | None, About("Or how long it lasts.")] = None


@dataclass(frozen=True)
class KeyFilters:
    status: Annotated[Literal["active", "expired"] | None, About("Only these keys.")] = None


@operation("keys:read", tag="Keys", query=KeyFilters)
def list_keys(request: ApiRequest, project: Project) -> shapes.Keys:
    """List API keys"""
    filters = read_options(KeyFilters, request.query)
    keys = Key.objects.filter(project=project)
    if filters.status == "active":
        keys = keys.active()
    elif filters.status == "expired":
        keys = keys.expired()
    rows = keys.select_related("member").order_by("-created")
    entries = [shapes.KeyOfMember(member=_member(key.member), api_key=_key(key)) for key in rows]
    return shapes.Keys(api_keys=entries)


@operation("keys:write", tag="Keys", body=NewKey)
def make_api_key(request: ApiRequest, project: Project) -> shapes.CreatedKey:
    """Make an API key

    The key itself is in this response only. It belongs to the member behind the calling key, and
    may do no more than that key. Give an end or a time to live, not both.
    """
    caller = request.caller
    wanted = read_payload(NewKey, request.body.data)
    _check_scopes(wanted.scopes, caller)
    secret = make_key()
    key = create_key(
        project.members.get(pk=caller.member_id),
        secret,
        wanted.comment,
        list(wanted.scopes),
        tags=list(wanted.tags),
        expiration_date=_expiration(wanted),
    )
    return shapes.CreatedKey(key=secret, **_key_fields(key))


@operation("keys:read", tag="Keys")
def show_key(request: ApiRequest, project: Project, key_id: str) -> shapes.KeyDetails:
    """Get an API key"""
    key = _find_key(project, key_id)
    member = shapes.MemberWithKey(
        member_id=str(key.member_id),
        email=key.member.email,
        first_name=key.member.first_name,
        last_name=key.member.last_name,
        api_key=_key(key),
    )
    # Both the published shape and that of the SDK's example: docs/contract.md, choice 3.
    return shapes.KeyDetails(
        item=shapes.KeyItem(member=member), member=_member(key.member), api_key=_key(key)
    )


@operation("keys:write", tag="Keys")
def delete_key(request: ApiRequest, project: Project, key_id: str) -> shapes.Message:
    """Delete an API key

    It is rejected from then on. Keys of other members are for owners to delete.
    """
    key = _find_key(project, key_id)
    if not request.caller.may_delete_key_of(key.member_id):
        raise insufficient_scope()
    delete_stored_key(key, settings.ENVIRONMENT.data / "engine.key")
    CREDENTIALS.forget()
    return shapes.Message(message="Successfully deleted the API key.")


def _find_key(project: Project, key_id: str) -> Key:
    return find(
        Key.objects.filter(project=project).select_related("member"), key_id, not_found("api key")
    )


def _check_scopes(scopes: tuple[str, ...], caller: Caller) -> None:
    if not scopes:
        raise bad_request("Bad Request: at least one scope is needed.")
    unknown = [scope for scope in scopes if scope not in KNOWN]
    if unknown:
        raise bad_request(f"Bad Request: unknown scope {unknown[0]}.")
    if not caller.may_grant(scopes):
        raise insufficient_scope()


def _expiration(wanted: NewKey) -> datetime | None:
    seconds = wanted.time_to_live_in_seconds
    if seconds is None:
        return wanted.expiration_date
    if wanted.expiration_date is not None:
        raise bad_request(
            "Bad Request: give either expiration_date or time_to_live_in_seconds, not both."
        )
    if not 0 < seconds <= LONGEST_LIFE.total_seconds():
        raise bad_request("Bad Request: time_to_live_in_seconds is out of range.")
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _member(member: Member) -> shapes.MemberName:
    return shapes.MemberName(member_id=str(member.member_id), email=member.email)


def _key(key: Key) -> shapes.Key:
    return shapes.Key(created=timestamp(key.created), **_key_fields(key))


def _key_fields(key: Key) -> dict[str, Any]:
    end = key.expiration_date
    return {
        "api_key_id": str(key.api_key_id),
        "comment": key.comment,
        "scopes": key.scopes,
        "tags": key.tags,
        "expiration_date": UNSET if end is None else timestamp(end),
    }
