"""Authentication: API keys, short-lived tokens and the browser's subprotocols.

Source: docs/contract.md, 1.2. The permissions of a key are cached for a second, so that a frame of
a busy client needs no query. A key that this process deletes is removed from the cache at once, one
that another process deletes within that second.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import jwt
from django.conf import settings

from engine.accounts.keytext import may_exist
from engine.exchange import Caller
from engine.models import Key
from engine.runtime.database import in_database
from engine.wire.errors import insufficient_scope, invalid_credentials
from network.keyformat import digest, prefix

FRESH_SECONDS = 1.0
_MOST_KNOWN = 10_000
_ALGORITHM = "HS256"
_LONGEST_TOKEN = 4096  # characters; ours have a tenth of it


class Credentials:
    """Verifies what callers present. One for the process, used from its event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Caller, float]] = {}
        self._looking: dict[str, asyncio.Future[Caller | None]] = {}
        self._generation = 0
        self._lock = threading.Lock()
        self._used: dict[uuid.UUID, datetime] = {}

    async def verify(self, authorization: str) -> Caller:
        """The holder of an ``Authorization`` header. Raises ``ApiError`` (401)."""
        scheme, _, credential = authorization.partition(" ")
        return await self.verify_pair(scheme, credential.strip())

    async def verify_pair(self, scheme: str, credential: str) -> Caller:
        """The holder of ``credential``; ``scheme`` is ``token`` or ``bearer`` in any case."""
        match scheme.lower():
            case "token":
                caller = await self._holder_of_key(credential)
            case "bearer":
                caller = await self._holder_of_token(credential)
            case _:
                raise invalid_credentials()
        self._used[caller.api_key_id] = datetime.now(UTC)
        return caller

    async def verify_again(self, caller: Caller) -> None:
        """Raises ``ApiError`` (401) when the key behind ``caller`` may no longer do work.

        The life of a short-lived token ends nothing that it opened; that of its key does.
        """
        key_id = caller.api_key_id
        current = await self._known_or_found(str(key_id), lambda: _find_by_id(key_id))
        if not current.allows("usage:write"):
            raise insufficient_scope()

    async def verify_subprotocols(self, offered: Sequence[str]) -> tuple[str, Caller]:
        """The holder of a socket opened by a browser, and the subprotocol to accept.

        ``offered`` is read as pairs of names and values: ``token, KEY, x-..., ...``.
        """
        for name, value in zip(offered[::2], offered[1::2], strict=False):
            if name.lower() in ("token", "bearer"):
                # Published browser code also offers a short-lived token as `token`.
                scheme = "bearer" if value.count(".") == 2 else name
                return name, await self.verify_pair(scheme, value)
        raise invalid_credentials()

    def forget(self) -> None:
        """Something changed: what is known of keys must be asked anew. Callable from any thread."""
        with self._lock:
            self._generation += 1
            self._known.clear()
            self._looking.clear()

    async def save_last_use(self) -> None:
        """Write down when keys were last used: one query for each, now and then."""
        used, self._used = self._used, {}
        if used:
            await in_database(_save_last_use, used)

    async def _holder_of_key(self, key: str) -> Caller:
        if not may_exist(key):
            raise invalid_credentials()
        return await self._known_or_found(digest(key), lambda: _find_by_key(key))

    async def _holder_of_token(self, token: str) -> Caller:
        if len(token) > _LONGEST_TOKEN:
            raise invalid_credentials()
        try:
            claims = jwt.decode(
                token,
                settings.SECRET_KEY,
                algorithms=[_ALGORITHM],
                options={"require": ["exp", "sub"]},
            )
            key_id = uuid.UUID(claims["sub"])
        except (jwt.PyJWTError, ValueError, RecursionError):
            # The header is JSON that is read before the signature, as deep as its sender likes.
            raise invalid_credentials() from None
        # The token dies with the key that asked for it.
        caller = await self._known_or_found(str(key_id), lambda: _find_by_id(key_id))
        return replace(caller, scopes=("usage:write",), is_token=True)

    async def _known_or_found(self, name: str, find: Callable[[], Caller | None]) -> Caller:
        caller, fresh_until = self._known.get(name, (None, 0.0))
        if caller is None or time.monotonic() > fresh_until:
            # One query for all requests that wait; they resume in the order of their arrival.
            looking = self._looking.get(name)
            if looking is None:
                looking = asyncio.ensure_future(self._look_up(name, find))
                self._looking[name] = looking
            caller = await asyncio.shield(looking)
            if caller is None:
                raise invalid_credentials()
        if caller.expires is not None and caller.expires <= datetime.now(UTC):
            raise invalid_credentials()
        return caller

    async def _look_up(self, name: str, find: Callable[[], Caller | None]) -> Caller | None:
        generation = self._generation
        caller: Caller | None = None
        try:
            caller = await in_database(find)
        finally:
            with self._lock:
                # What was read before a deletion must not be remembered after it.
                if generation == self._generation:
                    self._looking.pop(name, None)
                    if caller is not None:
                        self._remember(name, caller)
        return caller

    def _remember(self, name: str, caller: Caller) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[name] = (caller, time.monotonic() + FRESH_SECONDS)


def grant_token(caller: Caller, ttl_seconds: float) -> str:
    """A token that opens listen, speak, read and the agent for ``ttl_seconds``."""
    now = time.time()
    claims = {
        "sub": str(caller.api_key_id),
        "project": caller.project_id,
        "scope": "usage:write",
        "iat": int(now),
        "exp": now + ttl_seconds,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm=_ALGORITHM)


def _find_by_key(key: str) -> Caller | None:
    for row in Key.objects.filter(prefix=prefix(key)).select_related("member"):
        if hmac.compare_digest(row.digest, digest(key)):
            return _caller(row)
    return None


def _find_by_id(key_id: uuid.UUID) -> Caller | None:
    row = Key.objects.filter(pk=key_id).select_related("member").first()
    return _caller(row) if row else None


def _caller(row: Key) -> Caller:
    return Caller(
        api_key_id=row.api_key_id,
        project_id=row.project_id,
        member_id=row.member_id,
        scopes=tuple(row.scopes),
        member_scopes=tuple(row.member.scopes),
        tags=tuple(row.tags),
        expires=row.expiration_date,
    )


def _save_last_use(used: dict[uuid.UUID, datetime]) -> None:
    for key_id, moment in used.items():
        Key.objects.filter(pk=key_id).update(last_used=moment)


# One for the process: the gate asks it, the views that change keys tell it.
CREDENTIALS = Credentials()
