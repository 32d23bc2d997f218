"""Limits on the body of a request, kept before Django writes it to disk.

Django spools a whole body into a temporary file before any view, and so any sign-in, is asked.
Here a body that is not from someone who signed in has to be small, and nobody's may take for ever.
"""

import asyncio
import errno
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.urls import reverse
from django.utils.http import parse_header_parameters
from django.utils.module_loading import import_string

from webapp.http.errors import early_page

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]
SignedIn = Callable[[Scope], Awaitable[bool]]

logger = logging.getLogger(__name__)

REQUEST_ID = "earshot.request_id"  # in the scope
ID_HEADER = b"x-request-id"
POLICY = b"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
RETRY_AFTER = {503: b"5", 507: b"60"}  # seconds, as in ``failures``
# Chunks of an upload are 8 to 16 MiB; everything else is far smaller.
MAX_BODY_BYTES = 64 * 1024 * 1024
# Bodies of requests without a session: a sign-in has some hundred bytes.
ANONYMOUS_BYTES = 64 * 1024
ANONYMOUS_SECONDS = 15.0
ANONYMOUS_AT_ONCE = 64  # unfinished; for one more the oldest is given up
IDLE_SECONDS = 30.0  # without a byte; in the first of them no rate is asked for
SLOWEST_BYTES_PER_SECOND = 8 * 1024
LINGER_SECONDS = 2.0


class Rejected(Exception):
    """The body is not accepted: a status and a sentence for the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Body:
    """The body of one request as the server receives it."""

    _unfinished: dict["Body", asyncio.Timeout | None] = {}  # of anonymous requests, oldest first

    def __init__(
        self, scope: Scope, receive: Receive, signed_in: SignedIn, most_bytes: int
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._signed_in = signed_in
        self._most_bytes = most_bytes
        self._started = time.monotonic()
        self._received = 0
        self._is_signed_in = False
        self._is_given_up = False
        self.is_complete = False

    async def check(self, size: int) -> None:
        """Raise ``Rejected`` when a body of ``size`` bytes is too long for its sender."""
        if size > self._most_bytes:
            raise Rejected(
                413, f"A request carries at most {self._most_bytes:,} bytes; send a file in chunks."
            )
        if size > ANONYMOUS_BYTES and not self._is_signed_in:
            self._is_signed_in = await self._signed_in(self._scope)
            if not self._is_signed_in:
                raise Rejected(302, "Sign in to send this; the session has ended.")
            self._unfinished.pop(self, None)

    async def receive(self) -> Mapping[str, Any]:
        """The next ASGI message. Raises ``Rejected``."""
        if self.is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds_left()) as timeout:
                if not self._is_signed_in and self._received:
                    self._make_room(timeout)
                message = await self._receive()
        except TimeoutError:
            raise Rejected(408, "The request did not arrive in time; send it again.") from None
        self.is_complete = not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        if not self.is_complete and not self._is_signed_in:
            self._make_room(None)
        if self.is_complete:
            self.leave()
        await self.check(self._received)
        return message

    def leave(self) -> None:
        self._unfinished.pop(self, None)

    async def drain(self) -> None:
        """Read the rest for a moment: a close over unread data resets the connection."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.is_complete:
                    message = await self._receive()
                    self.is_complete = not message.get("more_body", False)
        except TimeoutError:
            pass

    def _seconds_left(self) -> float:
        elapsed = time.monotonic() - self._started
        if self._is_given_up:
            return 0.0
        if not self._is_signed_in:
            return max(0.0, ANONYMOUS_SECONDS - elapsed)
        fair = IDLE_SECONDS + self._received / SLOWEST_BYTES_PER_SECOND
        return max(0.0, min(IDLE_SECONDS, fair - elapsed))

    def _make_room(self, timeout: asyncio.Timeout | None) -> None:
        """Take a place among the unfinished; the oldest is given up when there are too many."""
        self._unfinished[self] = timeout
        if len(self._unfinished) > ANONYMOUS_AT_ONCE:
            oldest = next(iter(self._unfinished))
            waiting = self._unfinished.pop(oldest)
            oldest._is_given_up = True
            if waiting is not None:
                waiting.reschedule(asyncio.get_running_loop().time())


async def has_session(scope: Scope) -> bool:
    """Return whether the request carries the session cookie of a signed-in user."""
    try:
        check = database_sync_to_async(session_is_valid, thread_sensitive=False)
        is_valid: bool = await check(scope)
    except DatabaseError:
        logger.exception("request_id=%s the session could not be read", scope[REQUEST_ID])
        raise Rejected(503, "The database does not respond. Try again in a moment.") from None
    return is_valid


def session_is_valid(scope: Scope) -> bool:
    return user_of(scope) is not None


def user_of(scope: Scope) -> Any:
    """Return the signed-in user of the session cookie; None without one."""
    key = session_key_of(scope)
    if not key:
        return None
    request = HttpRequest()
    request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(key)
    user = get_user(request)
    return user if user.is_authenticated else None


def session_key_of(scope: Scope) -> str:
    """Return the key in the session cookie; empty without one."""
    cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    return parse_cookie(cookies.decode("latin-1")).get(settings.SESSION_COOKIE_NAME) or ""


def limit_bodies(
    application: Application,
    most_bytes: int = MAX_BODY_BYTES,
    signed_in: SignedIn = has_session,
) -> Application:
    """Number each request and keep its body within limits.

    Responds 415 to another charset than UTF-8, 413 to a longer body, 302 to one that needs a
    session, 408 to one that does not come, 507 when the disk is full and 500 when the application
    fails, each with the request id.
    """

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, REQUEST_ID: str(uuid.uuid4())}
        body = Body(scope, receive, signed_in, most_bytes)
        is_started = False

        async def watched(message: Mapping[str, Any]) -> None:
            nonlocal is_started
            is_started = True
            if message["type"] == "http.response.start":
                message = {**message, "headers": numbered(message["headers"], scope[REQUEST_ID])}
            await send(message)

        async def reject(status: int, message: str) -> None:
            if is_started:
                return
            await respond(scope, send, body, status, message)

        try:
            check_charset(scope)
            await body.check(announced_bytes(scope))
            await application(scope, body.receive, watched)
        except Rejected as rejected:
            await reject(rejected.status, rejected.message)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            await reject(507, "The disk of the server is full.")
        except Exception:
            logger.exception("request_id=%s failed", scope[REQUEST_ID])
            await reject(500, "The server failed on this request.")
        finally:
            body.leave()

    return limited


def numbered(headers: Iterable[Header], request_id: str) -> list[Header]:
    """The headers with the id of the request, once."""
    others = [(name, value) for name, value in headers if name.lower() != ID_HEADER]
    return [*others, (ID_HEADER, request_id.encode())]


def check_charset(scope: Scope) -> None:
    """Raise ``Rejected`` for a charset other than UTF-8.

    Django decodes the address and the form with it, and again on the page that reports that it
    cannot.
    """
    kinds = [value for name, value in scope["headers"] if name == b"content-type"]
    try:
        _, parameters = parse_header_parameters(b",".join(kinds).decode("latin-1"))
        if parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8"):
            return
    except ValueError:
        pass
    raise Rejected(415, "The Content-Type of a request names no charset other than utf-8.")


def announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def error_content(scope: Scope, status: int, message: str) -> tuple[list[Header], bytes]:
    """Headers and body of an error: a page for a browser, JSON with ``error`` for a script."""
    request_id = scope[REQUEST_ID]
    if wants_page(scope):
        content = early_page(status, message, request_id)
        kind = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", POLICY),
        ]
    else:
        content = json.dumps({"error": message, "request_id": request_id}).encode()
        kind = [(b"content-type", b"application/json")]
    length = (b"content-length", str(len(content)).encode())
    return [*kind, length, (ID_HEADER, request_id.encode())], content


def wants_page(scope: Scope) -> bool:
    """Return whether a browser opens the response as a page."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def respond(scope: Scope, send: Send, body: Body, status: int, message: str) -> None:
    """Send an error; the connection ends, since its body was not read to the end."""
    headers, content = error_content(scope, status, message)
    headers.append((b"connection", b"close"))
    if status == 302:
        headers.append((b"location", reverse(settings.LOGIN_URL).encode()))
    if status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[status]))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": True})
    await body.drain()
    await send({"type": "http.response.body", "body": b""})
