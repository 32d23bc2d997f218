"""What every socket does, driven without a network: the server's side is played here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from engine.calls import SCOPE_KEY, Call
from engine.consumers.sockets import Socket

FRAME = bytes(100_000)


class Speaker(Socket):
    """Says a megabyte in answer to any message."""

    stalled_seconds = close_seconds = 0.1

    async def read(self, message: Mapping[str, Any]) -> None:
        self.spawn(self.speak())

    async def speak(self) -> None:
        for _ in range(10):
            await self.tell_bytes(FRAME, lambda: False)
        self.tell({"type": "Done"})
        self.finish()


class Server:
    """Takes ``most`` messages from the socket, and no more until it ``reads_on``."""

    def __init__(self, most: int) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.most = most
        self.reads_on = asyncio.Event()
        self.is_closed = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.sent) >= self.most:
            await self.reads_on.wait()
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.is_closed.set()

    @property
    def close_codes(self) -> list[int]:
        return [one["code"] for one in self.sent if one["type"] == "websocket.close"]


@asynccontextmanager
async def connected(most: int = 1_000) -> AsyncIterator[tuple[Server, asyncio.Task[None]]]:
    server = Server(most)
    server.incoming.put_nowait({"type": "websocket.connect"})
    server.incoming.put_nowait({"type": "websocket.receive", "text": "{}"})
    scope = {"type": "websocket", SCOPE_KEY: Call("/v1/speak", "")}
    running = asyncio.create_task(Speaker.as_asgi()(scope, server.incoming.get, server.send))
    try:
        yield server, running
    finally:
        server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(running, 10)


async def test_all_sound_comes_before_the_close():
    async with connected() as (server, _):
        await asyncio.wait_for(server.is_closed.wait(), 10)
    assert sum(len(one.get("bytes") or "") for one in server.sent) == 10 * len(FRAME)
    assert server.sent[-2]["text"] == '{"type": "Done"}'
    assert server.close_codes == [1000]


async def test_a_client_that_reads_no_more_is_given_up():
    async with connected(most=5) as (server, _):
        await asyncio.sleep(0.15)
        server.reads_on.set()
        await asyncio.wait_for(server.is_closed.wait(), 10)
    # The frame that was on its way, then the close: what waited was dropped.
    assert len(server.sent) == 7
    assert server.close_codes == [1013]


async def test_a_client_that_never_reads_again_does_not_hold_the_socket():
    async with connected(most=5) as (server, running):
        await asyncio.wait_for(running, 10)
    assert server.close_codes == []
