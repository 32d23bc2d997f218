"""A speech server that echoes: each frame of audio is answered at once with a result.

The transcript of a result is the number of bytes of audio that the stream has sent so far. A
stream with the key term ``STALL`` is not read.

    python -m tests.bench.echo PORT
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from http import HTTPStatus

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

BYTES_PER_SECOND = 32_000
STALL = "stall"
FINAL_BYTES = 5 * BYTES_PER_SECOND
MODEL = {
    "name": "general", "canonical_name": "nova-3", "architecture": "nova-3", "languages": ["en"],
    "version": "1", "uuid": "6a0f5f4e-5d0b-5c8e-9b43-0c3d9b8e2f10", "batch": True,
    "streaming": True, "formatted_output": True,
}  # fmt: skip
LISTS = {
    "/v1/projects": {"projects": [{"project_id": "p-1", "name": "Echo"}]},
    "/v1/models": {"stt": [MODEL], "tts": []},
}


def result(start: int, end: int, *, is_final: bool) -> str:
    """Return a message about bytes ``start`` to ``end``."""
    text = {"word": str(end), "punctuated_word": str(end)}
    word = text | {"start": start / BYTES_PER_SECOND, "end": end / BYTES_PER_SECOND}
    best = {"transcript": str(end), "confidence": 1, "words": [word | {"confidence": 1}]}
    message = {
        "type": "Results", "channel_index": [0, 1], "start": word["start"],
        "duration": (end - start) / BYTES_PER_SECOND, "is_final": is_final,
        "channel": {"alternatives": [best]},
    }  # fmt: skip
    return json.dumps(message)


async def echo(connection: ServerConnection) -> None:
    size = settled = 0
    with suppress(ConnectionClosed):
        assert connection.request is not None
        if f"keyterm={STALL}" in connection.request.path:
            connection.transport.pause_reading()
            await connection.wait_closed()
        async for frame in connection:
            if isinstance(frame, bytes):
                size += len(frame)
                is_final = size - settled >= FINAL_BYTES
                await connection.send(result(settled, size, is_final=is_final))
                settled = size if is_final else settled
            elif "CloseStream" in frame:
                await connection.send(json.dumps({"type": "Metadata"}))
                return


async def read_list(connection: ServerConnection, request: Request) -> Response | None:
    """Respond to the lists that a connection is probed with; upgrade all else."""
    path = request.path.partition("?")[0]
    if path.endswith("/listen"):
        return None
    body = LISTS.get(path)
    status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
    response = connection.respond(status, json.dumps(body or {}))
    del response.headers["content-type"]
    response.headers["content-type"] = "application/json"
    return response


async def main(port: int) -> None:
    options = {"compression": None, "process_request": read_list, "ping_interval": None}
    async with serve(echo, "127.0.0.1", port, **options):  # type: ignore[arg-type]
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
