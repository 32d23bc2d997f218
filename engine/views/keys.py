"""API keys (docs/contract.md, 14.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import JsonResponse

from engine.accounts.credentials import CREDENTIALS
from engine.accounts.keys import make_key
from engine.accounts.setup import create_key
from engine.accounts.setup import delete_key as delete_stored_key
from engine.exchange import ApiRequest, Caller
from engine.gateway.operations import operation
from engine.models import Key, Member, Project
from engine.scopes import KNOWN
from engine.views.lookup import find
from engine.wire.errors import bad_request, insufficient_scope, not_found
from engine.wire.options import choice, read_options
from engine.wire.payloads import (
    MOMENT,
    NUMBER,
    TEXTS,
    describe,
    optional,
    read_payload,
    required,
    text,
)
from engine.wire.responses import timestamp
from engine.wire.schemas import MAYBE_TEXT, MESSAGE, TEXT, listing, record
from engine.wire.schemas import MOMENT as MOMENT_SCHEMA
from engine.wire.schemas import TEXTS as TEXTS_SCHEMA

LONGEST_LIFE = timedelta(days=36500)


@dataclass(frozen=True)
class NewKey:
    comment: str = required(text(500), "Purpose of the key.")
    scopes: tuple[str, ...] = required(TEXTS, "Scope names or role names.")
    tags: tuple[str, ...] = optional(TEXTS, "Labels of every call made with the key.", ())
    expiration_date: datetime | None = optional(MOMENT, "When it ends; RFC 3339 with offset.")
    time_to_live_in_seconds: float | None = optional(NUMBER, "Or how long it lasts.")


@dataclass(frozen=True)
class KeyFilters:
    status: str = choice("Only these keys.", "active", "expired")


_KEY = record(
    {"tags": TEXTS_SCHEMA, "expiration_date": MOMENT_SCHEMA},
    api_key_id=TEXT,
    comment=TEXT,
    scopes=TEXTS_SCHEMA,
    created=MOMENT_SCHEMA,
)
_MEMBER = record(member_id=TEXT, email=TEXT)
_ITEM = record(
    member=record(
        member_id=TEXT, email=TEXT, first_name=MAYBE_TEXT, last_name=MAYBE_TEXT, api_key=_KEY
    )
)


@operation(
    "keys:read",
    tag="Keys",
    query=KeyFilters,
    answer=listing("api_keys", record(member=_MEMBER, api_key=_KEY)),
)
def list_keys(request: ApiRequest, project: Project) -> JsonResponse:
    """List API keys"""
    filters = read_options(KeyFilters, request.query)
    keys = project.keys.all()
    if filters.status == "active":
        keys = keys.active()
    elif filters.status == "expired":
        keys = keys.expired()
    found = keys.select_related("member").order_by("-created")
    shown = [{"member": _member(key.member), "api_key": _key(key)} for key in found]
    return JsonResponse({"api_keys": shown})


@operation(
    "keys:write",
    tag="Keys",
    body=describe(NewKey),
    answer=record(
        {"tags": TEXTS_SCHEMA, "expiration_date": MOMENT_SCHEMA},
        api_key_id=TEXT,
        key=TEXT,
        comment=TEXT,
        scopes=TEXTS_SCHEMA,
    ),
)
def make_api_key(request: ApiRequest, project: Project) -> JsonResponse:
    """Make an API key

    The key itself is in this answer only. It belongs to the member behind the calling key, and
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
    answer = _key(key)
    del answer["created"]
    return JsonResponse(answer | {"key": secret})


@operation(
    "keys:read",
    tag="Keys",
    answer=record({"member": _MEMBER, "api_key": _KEY}, item=_ITEM),
)
def show_key(request: ApiRequest, project: Project, key_id: str) -> JsonResponse:
    """Get an API key"""
    key = _find_key(project, key_id)
    names = {
        "first_name": key.member.first_name or None,
        "last_name": key.member.last_name or None,
    }
    member = _member(key.member)
    # Both the published shape and that of the SDK's example: docs/contract.md, choice 3.
    return JsonResponse(
        {
            "item": {"member": {**member, **names, "api_key": _key(key)}},
            "member": member,
            "api_key": _key(key),
        }
    )


@operation("keys:write", tag="Keys", answer=MESSAGE)
def delete_key(request: ApiRequest, project: Project, key_id: str) -> JsonResponse:
    """Delete an API key

    It is refused from then on. Keys of other members are for owners to delete.
    """
    key = _find_key(project, key_id)
    if not request.caller.may_delete_key_of(key.member_id):
        raise insufficient_scope()
    delete_stored_key(key, settings.ENVIRONMENT.data / "engine.key")
    CREDENTIALS.forget()
    return JsonResponse({"message": "Successfully deleted the API key."})


def _find_key(project: Project, key_id: str) -> Key:
    return find(project.keys.select_related("member"), key_id, not_found("api key"))


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


def _member(member: Member) -> dict[str, Any]:
    return {"member_id": str(member.member_id), "email": member.email}


def _key(key: Key) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "api_key_id": str(key.api_key_id),
        "comment": key.comment,
        "scopes": key.scopes,
        "tags": key.tags,
        "created": timestamp(key.created),
    }
    if key.expiration_date is not None:
        shown["expiration_date"] = timestamp(key.expiration_date)
    return shown
