"""One request to the engine and its outcome, shared by every room that serves it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from engine.scopes import grants, grants_all, role_of

SCOPE_KEY = "earshot.exchange"  # in the ASGI scope
CLIENT_CLOSED_REQUEST = 499  # nginx's status for a client that left before the response


@dataclass(frozen=True)
class Caller:
    """API key behind a request, and the member that it belongs to."""

    api_key_id: uuid.UUID
    project_id: str
    member_id: uuid.UUID
    scopes: tuple[str, ...]
    member_scopes: tuple[str, ...]
    tags: tuple[str, ...]
    expires: datetime | None
    is_token: bool = False  # made by /v1/auth/grant

    def allows(self, scope: str) -> bool:
        """Return whether both the key and its member have ``scope``.

        A token has its scope alone: usage:write of a key includes the log of requests.
        """
        if self.is_token and scope not in self.scopes:
            return False
        return grants(self.scopes, scope) and grants(self.member_scopes, scope)

    def may_grant(self, scopes: Sequence[str]) -> bool:
        """Return whether the caller may give all ``scopes`` to a key or a member."""
        return grants_all(self.scopes, scopes) and grants_all(self.member_scopes, scopes)

    def may_manage(self, scopes: Sequence[str], action: str) -> bool:
        """Return whether the caller may do ``action`` to a member or an invite with ``scopes``.

        Admins and owners are managed only by holders of the scopes of their class.
        ``action`` is ``write:kick``, ``write:scopes`` or ``write:invites``.
        """
        return self.allows(f"{role_of(scopes)}:{action}")

    def may_delete_key_of(self, member_id: uuid.UUID) -> bool:
        """Return whether the caller may delete a member's keys: their own, or all as an owner."""
        return member_id == self.member_id or self.allows("owners:write")


@dataclass(frozen=True)
class Body:
    """Request body: small ones in memory, audio in a file of the spool."""

    size: int
    sha256: str
    data: bytes = b""
    path: Path | None = None

    def discard(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class ApiRequest:
    """Facts of one request, none of which change while it is served."""

    path: str
    query: str
    kind: str = ""  # listen, speak, read, agent; "" for requests that are not recorded
    processing_method: str = "sync"  # sync, async, streaming
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    key_holder: Caller | None = None  # None where no key is needed
    content_type: str = ""  # of the body, without parameters, in lower case
    body: Body = Body(0, "")
    progress_name: str = ""  # under which the caller polls for progress

    @property
    def caller(self) -> Caller:
        """The key's holder. Raises ``RuntimeError`` on a path that needs no key."""
        if self.key_holder is None:
            raise RuntimeError("this request needs no key, so its caller is unknown")
        return self.key_holder

    def recorded_path(self) -> str:
        """Return the path with its query, without the credentials of a callback URL."""
        parameters = [
            (name, without_credentials(value) if name == "callback" else value)
            for name, value in parse_qsl(self.query, keep_blank_values=True)
        ]
        return f"{self.path}?{urlencode(parameters, quote_via=quote)}" if parameters else self.path


@dataclass
class Usage:
    """Resources that a request used, for its record and its price."""

    seconds: float = 0.0  # of audio
    channel_seconds: float = 0.0
    agent_seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    models: list[str] = field(default_factory=list)  # uuids
    model: str = ""  # requested name, by which prices are found
    features: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)  # of the options; those of the key come first
    language: str = ""


@dataclass
class Outcome:
    """End of a request as its record shows it; filled in while the request is served."""

    status: int = CLIENT_CLOSED_REQUEST
    usage: Usage = field(default_factory=Usage)
    callback: str = ""  # URL that receives the results
    is_deferred: bool = False  # a callback job does the work and records it


@dataclass
class Exchange:
    """A request and its outcome. The gateway replaces ``request`` as it learns more facts."""

    request: ApiRequest
    outcome: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True)
class ApiResponse:
    """A complete response of listen, read or speak, for the caller or for a callback."""

    content: bytes
    usage: Usage
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def exchange_of(scope: Mapping[str, Any]) -> Exchange:
    """Return the exchange that the gateway put into an ASGI ``scope``."""
    exchange: Exchange = scope[SCOPE_KEY]
    return exchange


def without_credentials(url: str) -> str:
    """Return ``url`` without its user and password; "" when it cannot be parsed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
