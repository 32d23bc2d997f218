"""One call, from its first byte to its record."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.http import HttpRequest

from engine.scopes import grants, grants_all

SCOPE_KEY = "earshot.call"


@dataclass(frozen=True)
class Identity:
    """The key behind a call, and the member it belongs to."""

    api_key_id: uuid.UUID
    project_id: str
    member_id: uuid.UUID
    scopes: tuple[str, ...]
    member_scopes: tuple[str, ...]
    tags: tuple[str, ...]
    expires: datetime | None
    is_token: bool = False  # made by /v1/auth/grant

    def allows(self, scope: str) -> bool:
        """A key never does more than its member may, whatever it was made for."""
        return grants(self.scopes, scope) and grants(self.member_scopes, scope)

    def may_hand_out(self, scopes: Sequence[str]) -> bool:
        return grants_all(self.scopes, scopes) and grants_all(self.member_scopes, scopes)


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
class Answered:
    """A whole answer, for the caller or for a callback."""

    content: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Usage:
    """Resources that a request used; views and consumers fill it in."""

    seconds: float = 0.0  # of audio
    channel_seconds: float = 0.0
    agent_seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    models: list[str] = field(default_factory=list)  # uuids
    model: str = ""  # the name that was asked for, for prices
    features: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    language: str = ""
    method: str = "sync"  # sync, async, streaming


@dataclass
class Call:
    """One request: the facts known at the gate, and those that views add for its record."""

    path: str
    query: str
    kind: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    identity: Identity | None = None
    content_type: str = ""  # of the body, without parameters, in lower case
    body: Body | None = None
    status: int = 499  # until something else was answered, the client has gone away
    callback: str = ""
    progress_name: str = ""  # under which the caller asks how far it is
    is_deferred: bool = False  # recorded later, by whoever finishes the work
    usage: Usage = field(default_factory=Usage)

    @property
    def caller(self) -> Identity:
        if self.identity is None:
            raise RuntimeError("this call needs no key, so its caller is unknown")
        return self.identity

    def shown_path(self) -> str:
        """The path with its query, without the credentials a callback may carry."""
        parameters = [
            (name, without_credentials(value) if name == "callback" else value)
            for name, value in parse_qsl(self.query, keep_blank_values=True)
        ]
        return f"{self.path}?{urlencode(parameters, quote_via=quote)}" if parameters else self.path


def call_of(request: HttpRequest) -> Call:
    """The call that the gate let in as ``request``."""
    return request.scope[SCOPE_KEY]  # type: ignore[attr-defined]


def without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
