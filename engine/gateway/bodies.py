"""Reading a request body: counted, hashed, and audio into a file as it comes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from engine.exchange import Body
from engine.wire.errors import ApiError, listen_too_large, payload_too_large, too_slow, truncated

LISTEN_LIMIT = 2_000_000_000  # bytes; docs/contract.md, 4
SMALL_LIMIT = 2_000_000
_WRITE_BYTES = 1 << 20  # one hop to a thread a mebibyte, not one a network packet
_IDLE_SECONDS = 60.0  # without a byte; in the first of them no rate is asked for
_SLOWEST_BYTES_PER_SECOND = 1024
_LINGER_SECONDS = 2.0


async def store(
    chunks: AsyncIterator[bytes], spool: Path | None, limit: int, too_large: ApiError
) -> Body:
    """All of ``chunks``, in a new file of ``spool`` or, without one, in memory.

    Raises ``too_large`` as soon as there are more than ``limit`` bytes. No file is left behind
    when anything goes wrong.
    """
    path = _new_file(spool) if spool else None
    sha256 = hashlib.sha256()
    size = 0
    buffer = bytearray()
    try:
        async for chunk in chunks:
            buffer += chunk
            if size + len(buffer) > limit:
                raise too_large
            if path is not None and len(buffer) >= _WRITE_BYTES:
                size += len(buffer)
                await asyncio.to_thread(_append, path, sha256, bytes(buffer))
                buffer.clear()
        if path is None:
            return Body(len(buffer), hashlib.sha256(buffer).hexdigest(), data=bytes(buffer))
        await asyncio.to_thread(_append, path, sha256, bytes(buffer))
        return Body(size + len(buffer), sha256.hexdigest(), path=path)
    except BaseException:
        if path is not None:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        raise


class Incoming:
    """The body of one request as the server hands it over."""

    def __init__(self, receive: Any, headers: Mapping[str, str]) -> None:
        declared = headers.get("content-length", "")
        self._receive = receive
        self._started = asyncio.get_running_loop().time()
        self._received = 0  # bytes
        self._declared = int(declared) if declared.isascii() and declared.isdigit() else None
        # Nothing is on its way; the server still says so in one message.
        self.is_complete = not self._declared and "transfer-encoding" not in headers

    async def read(self, spool: Path | None) -> Body:
        """The whole body, in a new file of ``spool`` or, without one, in memory.

        Raises ``ApiError``: 413 as soon as it is known to be too large, 408 when nothing comes
        for a minute or less than a kibibyte a second comes after it, 422 when the client stops
        before the end.
        """
        limit = LISTEN_LIMIT if spool else SMALL_LIMIT
        too_large = listen_too_large(limit) if spool else payload_too_large()
        if self._declared is not None and self._declared > limit:
            raise too_large
        return await store(self._chunks(), spool, limit, too_large)

    async def drain(self) -> None:
        """Take what is still coming for a moment after an error.

        A socket closed over unread data resets the connection, and the client never learns why.
        """
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self.is_complete:
                    await self._next()
        except (TimeoutError, ApiError):
            pass

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._next()
            if self.is_complete:
                return

    async def _next(self) -> bytes:
        now = asyncio.get_running_loop().time()
        fair_until = self._started + _IDLE_SECONDS + self._received / _SLOWEST_BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(min(now + _IDLE_SECONDS, fair_until)):
                message = await self._receive()
        except TimeoutError:
            raise too_slow() from None
        if message["type"] == "http.disconnect":
            self.is_complete = True
            raise truncated()
        self.is_complete = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        self._received += len(body)
        return body


def _new_file(spool: Path) -> Path:
    file, name = tempfile.mkstemp(dir=spool, prefix="body-")
    os.close(file)
    return Path(name)


def _append(path: Path, sha256: Any, data: bytes) -> None:
    # Opened anew each time: a cancelled reader then leaves no descriptor to close too early.
    sha256.update(data)
    with path.open("ab") as file:
        file.write(data)
