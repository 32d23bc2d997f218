"""Sockets driven without a network: the server's side is played here, and waiting is short."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.consumers.listen import ListenConsumer
from engine.consumers.protocol import SCOPE_KEY as PINGS_KEY
from engine.consumers.protocol import Pings
from engine.consumers.sockets import Socket
from engine.consumers.speak import SpeakConsumer
from engine.env import read_environment
from engine.exchange import SCOPE_KEY, ApiRequest, Exchange
from engine.inference.models import catalog, recognizer
from engine.wire.shapes import Message
from tests.engine.engine import MODELS

FRAME = bytes(100_000)


class Done(Message):
    pass


class Speaker(Socket):
    """Sends a megabyte in response to any message."""

    stalled_seconds = close_seconds = 0.1

    async def read(self, message: Mapping[str, Any]) -> None:
        self.spawn(self.speak())

    async def speak(self) -> None:
        for _ in range(10):
            await self.tell_bytes(FRAME, lambda: False)
        self.tell(Done())
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

    def say(self, kind: str, **fields: Any) -> None:
        text = json.dumps({"type": kind, **fields})
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    @property
    def close_codes(self) -> list[int]:
        return [one["code"] for one in self.sent if one["type"] == "websocket.close"]


@asynccontextmanager
async def connected(
    socket: type[Socket],
    path: str = "/v1/speak",
    query: str = "",
    most: int = 1_000,
    pings: Pings | None = None,
) -> AsyncIterator[tuple[Server, asyncio.Task[None]]]:
    server = Server(most)
    server.incoming.put_nowait({"type": "websocket.connect"})
    scope = {"type": "websocket", SCOPE_KEY: Exchange(ApiRequest(path, query)), PINGS_KEY: pings}
    running = asyncio.create_task(socket.as_asgi()(scope, server.incoming.get, server.send))
    try:
        yield server, running
    finally:
        server.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(running, 10)


async def test_all_sound_comes_before_the_close():
    async with connected(Speaker) as (server, _):
        server.say("Speak")
        await asyncio.wait_for(server.is_closed.wait(), 10)
    assert sum(len(one.get("bytes") or "") for one in server.sent) == 10 * len(FRAME)
    assert server.sent[-2]["text"] == '{"type":"Done"}'
    assert server.close_codes == [1000]


async def test_a_client_that_reads_no_more_is_given_up():
    gave_up = asyncio.Event()

    class ImpatientSpeaker(Speaker):
        close_seconds = 10.0

        def finish(self, code: int = 1000, reason: str = "") -> None:
            super().finish(code, reason)
            gave_up.set()

    async with connected(ImpatientSpeaker, most=5) as (server, _):
        server.say("Speak")
        await asyncio.wait_for(gave_up.wait(), 10)
        server.reads_on.set()
        await asyncio.wait_for(server.is_closed.wait(), 10)
    # The frame that was on its way, then the close: what waited was dropped.
    assert len(server.sent) == 7
    assert server.close_codes == [1013]


class Listener(Socket):
    silence_seconds = 0.2
    pings_count = True

    def fall_silent(self) -> None:
        self.finish(1011, "silence")


async def test_pings_hold_a_socket_where_they_count():
    pings = Pings()
    async with connected(Listener, pings=pings) as (server, _):
        for _ in range(5):
            pings.last = time.monotonic()
            await asyncio.sleep(0.1)
        assert server.close_codes == []
        await asyncio.wait_for(server.is_closed.wait(), 10)
    assert server.close_codes == [1011]


async def test_a_client_that_never_reads_again_does_not_hold_the_socket():
    async with connected(Speaker, most=5) as (server, running):
        server.say("Speak")
        await asyncio.wait_for(running, 10)
    assert server.close_codes == []


@pytest.fixture(params=[True, False], ids=["strict", "lenient"])
def strict(request: pytest.FixtureRequest, settings: Any) -> Iterator[bool]:
    """An environment of the engine in this process."""
    variables = {"ENGINE_STRICT": str(request.param), "ENGINE_MODEL_CACHE": str(MODELS)}
    settings.ENVIRONMENT = read_environment(variables)
    yield request.param
    catalog.cache_clear()
    recognizer.cache_clear()


class HastyListenConsumer(ListenConsumer):
    silence_seconds = 0.3


async def test_keepalive_alone_holds_a_stream_unless_the_engine_is_strict(strict: bool):
    raw = "encoding=linear16&sample_rate=16000"
    async with connected(HastyListenConsumer, "/v1/listen", raw) as (server, _):
        for _ in range(5):
            server.say("KeepAlive")
            await asyncio.sleep(0.1)
        assert server.close_codes == ([1011] if strict else [])


async def test_keepalive_holds_a_stream_that_has_begun(strict: bool):
    raw = "encoding=linear16&sample_rate=16000"
    async with connected(HastyListenConsumer, "/v1/listen", raw) as (server, _):
        server.incoming.put_nowait({"type": "websocket.receive", "bytes": bytes(320)})
        for _ in range(5):
            server.say("KeepAlive")
            await asyncio.sleep(0.1)
        assert server.close_codes == []


async def test_a_strict_engine_limits_the_text_of_a_minute(strict: bool):
    async with connected(SpeakConsumer, "/v1/speak", "model=aura-2-arcas-en") as (server, _):
        for _ in range(2):
            server.say("Speak", text="a" * 1_300)  # no clause ends: nothing is spoken
        await asyncio.sleep(0.1)
        assert server.close_codes == ([1008] if strict else [])
