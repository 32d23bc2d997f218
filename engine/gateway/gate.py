"""ASGI gateway: authentication, authorisation, admission control, request log.

It stands before Django (REST) and the sockets. It rejects before the body is read, so that a
stranger costs nothing, and records each request for work exactly once, also when the client
goes away.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from engine import progress
from engine.accounts.credentials import Credentials
from engine.accounts.ledger import read_prices
from engine.accounts.recorder import RECORDER
from engine.env import Environment
from engine.exchange import SCOPE_KEY, ApiRequest, Caller, Exchange
from engine.gateway.admission import Admission
from engine.gateway.bodies import Incoming
from engine.gateway.operations import (
    Operation,
    SocketOperation,
    find_operation,
    find_socket,
    find_views,
)
from engine.models import Project
from engine.runtime.database import in_database
from engine.wire.errors import (
    ApiError,
    address_too_long,
    bad_request,
    insufficient_scope,
    internal_error,
    malformed_project_id,
    no_credit,
    no_room,
    project_not_found,
    unavailable,
)

logger = logging.getLogger("engine.requests")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Header = tuple[bytes, bytes]

LONGEST_ADDRESS = 32_768  # bytes of path and query: hundreds of key terms and labels
RECHECK_SECONDS = 3.0  # between two looks at the key of an open socket
POLICY_VIOLATION = 1008


class Gate:
    """``rest`` serves HTTP; the route table has the consumer of each WebSocket."""

    def __init__(
        self,
        rest: Application,
        credentials: Credentials,
        environment: Environment,
    ) -> None:
        self._rest = rest
        self._credentials = credentials
        self._admission = Admission(environment.limits)
        self._origins = environment.cors_origins
        self._ids_are_uuids = not environment.project_id or _is_uuid(environment.project_id)
        self._spool = environment.spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = read_headers(scope)
        exchange = Exchange(
            ApiRequest(
                scope["path"],
                scope["query_string"].decode("latin-1"),
                content_type=read_content_type(headers),
                progress_name=headers.get(progress.HEADER.lower(), ""),
            )
        )
        scope = {**scope, SCOPE_KEY: exchange}
        serve = self._serve_request if scope["type"] == "http" else self._serve_socket
        try:
            await serve(exchange, headers, scope, receive, send)
        finally:
            if exchange.request.body.path is not None:
                # In a thread: freeing gigabytes takes longer than a frame of audio may wait.
                await asyncio.to_thread(exchange.request.body.discard)

    async def _serve_request(
        self,
        exchange: Exchange,
        headers: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        responder = Responder(exchange, send, self._cors_headers(headers.get("origin", "")))
        incoming = Incoming(receive, headers)
        request_id = exchange.request.request_id
        try:
            if scope["method"] == "OPTIONS":
                views, _ = find_views(scope["path"])
                await responder.allow([*views, "OPTIONS"], headers)
                return
            operation = await self._authorize(exchange, headers, scope)
            holder = exchange.request.key_holder
            with self._admission.admit(operation.kind, holder.project_id if holder else ""):
                await self._read_body(exchange, operation, incoming)
                replayed = _replay(exchange.request.body.data, receive)
                await self._rest(scope, replayed, responder.send)
        except ApiError as error:
            await responder.reject(error, incoming)
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            logger.exception("request_id=%s the request body could not be stored", request_id)
            await responder.reject(no_room() if is_full else unavailable(), incoming)
        except Exception:
            logger.exception("request_id=%s failed", request_id)
            await responder.reject(internal_error(), incoming)
        finally:
            await responder.settle()

    async def _authorize(
        self, exchange: Exchange, headers: Mapping[str, str], scope: Scope
    ) -> Operation:
        """Find the operation and check that the caller may run it. Raises ``ApiError``."""
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_ADDRESS:
            raise address_too_long(LONGEST_ADDRESS)
        operation, arguments = find_operation(scope["path"], scope["method"])
        if operation.scope is not None:
            caller = await self._credentials.verify(headers.get("authorization", ""))
            exchange.request = replace(exchange.request, key_holder=caller, kind=operation.kind)
            self._check_permission(caller, operation.scope, arguments)
            await _check_credit(exchange.request)
        return operation

    async def _read_body(
        self, exchange: Exchange, operation: Operation, incoming: Incoming
    ) -> None:
        """Add the body to the request. Raises ``ApiError``."""
        request = exchange.request
        is_audio = operation.takes_audio and request.content_type != "application/json"
        if request.key_holder is None and not incoming.is_complete:
            raise bad_request("Bad Request: this request takes no body.")
        body = await incoming.read(self._spool if is_audio else None)
        exchange.request = replace(request, body=body)

    async def _serve_socket(
        self,
        exchange: Exchange,
        headers: Mapping[str, str],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        responder = SocketResponder(exchange, scope, send)
        await receive()  # websocket.connect
        try:
            consumer = find_socket(scope["path"])
            operation: SocketOperation = consumer.operation
            caller, responder.subprotocol = await self._authenticate_socket(headers, scope)
            exchange.request = replace(
                exchange.request,
                key_holder=caller,
                kind=operation.kind,
                processing_method="streaming",
            )
            self._check_permission(caller, operation.scope, {})
            await _check_credit(exchange.request)
            # With more streams than the models can process in real time, all of them would lag.
            with self._admission.admit(operation.admitted_as, caller.project_id):
                serving = consumer.as_asgi()(scope, _once_more(receive), responder.send)
                await self._serve_while_valid(exchange.request, serving, responder)
        except ApiError as error:
            await responder.reject(error)
        except Exception:
            logger.exception("request_id=%s failed", exchange.request.request_id)
            await responder.reject(internal_error())
        finally:
            await responder.settle()

    async def _authenticate_socket(
        self, headers: Mapping[str, str], scope: Scope
    ) -> tuple[Caller, str | None]:
        """Return the caller, and the subprotocol to confirm when the key came in one."""
        if "authorization" in headers:
            return await self._credentials.verify(headers["authorization"]), None
        chosen, caller = await self._credentials.verify_subprotocols(scope["subprotocols"])
        return caller, chosen

    async def _serve_while_valid(
        self, request: ApiRequest, application: Awaitable[None], responder: SocketResponder
    ) -> None:
        """Serve a socket until it ends by itself or its key may no longer do work."""
        serving = asyncio.ensure_future(application)
        watching = asyncio.create_task(self._wait_until_revoked(request))
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            else:
                await responder.revoke()
        finally:
            for task in (serving, watching):
                task.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)

    async def _wait_until_revoked(self, request: ApiRequest) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await self._credentials.verify_again(request.caller)
            except ApiError:
                logger.info("request_id=%s the key was deleted or has expired", request.request_id)
                return
            except Exception:
                # A database that does not respond says nothing about the key.
                logger.exception("request_id=%s the key could not be checked", request.request_id)

    def _check_permission(self, caller: Caller, scope: str, arguments: Mapping[str, str]) -> None:
        """Check the caller's scopes; another project is a 404."""
        project_id = arguments.get("project_id")
        if project_id is not None:
            if self._ids_are_uuids and not _is_uuid(project_id):
                raise malformed_project_id(_uuid_problem(project_id))
            if project_id.lower() != caller.project_id.lower():
                raise project_not_found()
        if scope and not caller.allows(scope):
            raise insufficient_scope()

    def _cors_headers(self, origin: str) -> list[Header]:
        """Return the CORS headers: keys are sent in a header, so any page may send requests.

        Source: docs/contract.md, 15.5.
        """
        # Always: else a cache could send the response for one origin to another.
        vary = (b"vary", b"origin")
        allowed = "*" if "*" in self._origins else origin if origin in self._origins else ""
        if not origin or not allowed:
            return [vary]
        exposed = (
            b"dg-request-id, dg-error, dg-model-name, dg-model-uuid, dg-char-count, "
            b"dg-speed-used, dg-pronunciations-applied, dg-pronunciation-warnings, "
            b"dg-breaks-applied, dg-warnings, retry-after"
        )
        return [
            (b"access-control-allow-origin", allowed.encode("latin-1")),
            (b"access-control-expose-headers", exposed),
            vary,
        ]


class Responder:
    """Sends the response of one HTTP request, with its request id, and records the request."""

    def __init__(self, exchange: Exchange, send: Send, headers: list[Header]) -> None:
        self._exchange = exchange
        self._request_id = exchange.request.request_id
        self._send = send
        self._headers = [(b"dg-request-id", self._request_id.encode()), *headers]
        self._is_started = False
        self._is_settled = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._is_started = True
            self._exchange.outcome.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._headers]}
        elif not message.get("more_body", False):
            # Before the last byte: a client that has the response finds it in the usage.
            await self.settle()
        await self._send(message)

    async def allow(self, methods: list[str], headers: Mapping[str, str]) -> None:
        """Respond to OPTIONS, which includes the preflight of browsers."""
        allowed = ", ".join(methods).encode()
        wanted = headers.get("access-control-request-headers", "authorization, content-type")
        permissions = [
            (b"allow", allowed),
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", wanted.encode("latin-1")),
            (b"access-control-max-age", b"86400"),
        ]
        await self.send({"type": "http.response.start", "status": 204, "headers": permissions})
        await self.send({"type": "http.response.body", "body": b""})

    async def reject(self, error: ApiError, incoming: Incoming) -> None:
        if self._is_started:
            return
        body = error.body(self._request_id)
        headers = [
            (b"content-type", error.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if error.retry_after is not None:
            headers.append((b"retry-after", str(error.retry_after).encode()))
        if not incoming.is_complete:
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.settle()
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await incoming.drain()
        await self.send({"type": "http.response.body", "body": b""})

    async def settle(self) -> None:
        """Record the request, once."""
        if not self._is_settled:
            self._is_settled = True
            await _settle(self._exchange)


class SocketResponder:
    """Sends the response of one WebSocket: the upgrade or an HTTP error, then frames."""

    def __init__(self, exchange: Exchange, scope: Scope, send: Send) -> None:
        self._exchange = exchange
        self._request_id = exchange.request.request_id
        self._can_reject = "websocket.http.response" in scope.get("extensions", {})
        self._send = send
        self._is_started = self._is_closed = False
        self.subprotocol: str | None = None

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if self._is_closed:
            return
        self._is_closed = message["type"] == "websocket.close"
        if message["type"] == "websocket.accept":
            self._is_started = True
            self._exchange.outcome.status = 101
            named = (b"dg-request-id", self._request_id.encode())
            message = {
                **message,
                "subprotocol": self.subprotocol,
                "headers": [*message.get("headers", ()), named],
            }
        await self._send(message)

    async def revoke(self) -> None:
        """Close the socket; what its consumer still sends is dropped."""
        if not self._is_closed:
            reason = "The API key was deleted or has expired."
            await self.send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": reason})

    async def reject(self, error: ApiError) -> None:
        """Reject the handshake with an HTTP status (docs/contract.md, 3.2)."""
        if self._is_started:
            return
        self._exchange.outcome.status = error.status
        if not self._can_reject:
            await self._send({"type": "websocket.close", "code": 1008})
            return
        headers = [
            (b"content-type", error.content_type.encode()),
            (b"dg-error", _header_text(error.message)),
            (b"dg-request-id", self._request_id.encode()),
        ]
        if error.retry_after is not None:
            headers.append((b"retry-after", str(error.retry_after).encode()))
        await self._send(
            {
                "type": "websocket.http.response.start",
                "status": error.status,
                "headers": headers,
            }
        )
        await self._send(
            {
                "type": "websocket.http.response.body",
                "body": error.body(self._request_id),
            }
        )

    async def settle(self) -> None:
        await _settle(self._exchange)


def read_headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def read_content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _check_credit(request: ApiRequest) -> None:
    """Raises ``ApiError`` (402) for recognition without credit, on an engine with prices."""
    if request.kind != "listen" or not read_prices():
        return
    if not await in_database(_has_credit, request.caller.project_id):
        raise no_credit()


def _has_credit(project_id: str) -> bool:
    project = Project.objects.filter(pk=project_id).first()
    return project is None or project.has_credit()  # one that was just deleted fails later


async def _settle(exchange: Exchange) -> None:
    request, outcome = exchange.request, exchange.outcome
    logger.info(
        "request_id=%s %s status=%d seconds=%.3f key=%s",
        request.request_id,
        request.path,
        outcome.status,
        time.monotonic() - request.started,
        request.key_holder.api_key_id if request.key_holder else "-",
    )
    if request.key_holder is None or not request.kind or outcome.is_deferred:
        return
    recording = RECORDER.add(exchange)
    try:
        await asyncio.shield(recording)
    except asyncio.CancelledError:
        with suppress(Exception):
            await recording
        raise
    except Exception:
        # The work is done and the response is right: only its record is lost.
        logger.exception("request_id=%s could not be recorded", request.request_id)


def _replay(body: bytes, receive: Receive) -> Receive:
    """ASGI receive callable for Django: the whole body, then the client's disconnect."""
    is_read = False

    async def receive_again() -> MutableMapping[str, Any]:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


def _once_more(receive: Receive) -> Receive:
    """The same for a socket: the connect that the gate has taken, then the frames."""
    is_connected = False

    async def receive_again() -> MutableMapping[str, Any]:
        nonlocal is_connected
        if is_connected:
            return await receive()
        is_connected = True
        return {"type": "websocket.connect"}

    return receive_again


def _header_text(text: str) -> bytes:
    return re.sub(r"[^\x20-\x7e]", " ", text).encode()


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _uuid_problem(text: str) -> str:
    for position, character in enumerate(text, 1):
        if character not in "0123456789abcdefABCDEF-":
            return (
                "invalid character: expected an optional prefix of `urn:uuid:` followed by "
                f"[0-9a-fA-F-], found `{character}` at {position}"
            )
    return f"invalid length: expected length 32 for simple format, found {len(text)}"
