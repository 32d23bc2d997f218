"""A limit on what a request may carry, kept before Django writes it to disk.

Django spools a whole body into a temporary file before any view, and so any sign-in, is asked.
"""

import errno
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Chunks of an upload are 8 to 16 MiB; everything else is far smaller.
MAX_BODY_BYTES = 64 * 1024 * 1024


class TooLarge(Exception):
    """The body has more bytes than are taken."""


def limit_bodies(application: Application, most_bytes: int = MAX_BODY_BYTES) -> Application:
    """Answer 413 to a longer body, announced or not, and 507 when the disk is full."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        received, started = 0, False

        async def counted() -> Mapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most_bytes:
                raise TooLarge
            return message

        async def watched(message: Mapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if announced_bytes(scope) > most_bytes:
                raise TooLarge
            await application(scope, counted, watched)
        except TooLarge:
            message = f"A request carries at most {most_bytes:,} bytes; send a file in chunks."
            await refuse(send, 413, message)
        except OSError as error:
            if started or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            await refuse(send, 507, "The disk of the server is full.")

    return limited


def announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": message}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What is left of the body is not read: the connection cannot be used again.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
