"""The base of every socket: frames in order, messages out in order, limits, and the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from engine.consumers import sockets
from engine.consumers.protocol import FAREWELL_KEY, SCOPE_KEY, Farewell, Pings
from engine.consumers.sockets import Socket
from engine.exchange import SCOPE_KEY as EXCHANGE_KEY
from engine.exchange import ApiRequest, Exchange
from engine.wire.listen_messages import Error
from engine.wire.shapes import encode

WAIT_SECONDS = 60


class Recorder(Socket):
    """Keeps what it is told; a message of the type "Run" runs one of ``works``."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.works: dict[str, Callable[[], Any]] = {}
        self.has_left = False
        self.grown = asyncio.Event()

    async def hear(self, data: bytes) -> None:
        self.heard.append(data)
        self.grown.set()

    async def read(self, message: Mapping[str, Any]) -> None:
        self.heard.append(dict(message))
        self.grown.set()
        work = self.works.get(str(message.get("run")))
        if work is not None and (result := work()) is not None:
            await result

    async def misread(self, problem: str) -> None:
        self.heard.append(problem)
        self.grown.set()

    def fall_silent(self) -> None:
        self.finish(1011, "silent")

    def fail(self) -> None:
        self.tell(Error(description="failed"))

    async def leave(self) -> None:
        self.has_left = True


class Client:
    """The other side of a socket."""

    def __init__(self, socket: Recorder, scope: dict[str, Any]) -> None:
        self.socket, self.scope = socket, scope
        self.communicator = ApplicationCommunicator(socket, scope)

    async def text(self, text: str) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def run(self, name: str, work: Callable[[], Any]) -> None:
        self.socket.works[name] = work
        await self.text(json.dumps({"run": name}))

    async def bytes(self, data: bytes) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "bytes": data})

    async def receive(self) -> Any:
        """The bytes or the description of the next message, or the code and reason of the close."""
        output = await self.communicator.receive_output(WAIT_SECONDS)
        if output["type"] == "websocket.close":
            return output["code"], output["reason"]
        if output.get("bytes") is not None:
            return output["bytes"]
        return json.loads(output["text"])["description"]

    async def has_heard(self, count: int) -> list[Any]:
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.socket.heard) < count:
                self.socket.grown.clear()
                await self.socket.grown.wait()
        return self.socket.heard


Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def connect() -> Connect:
    @asynccontextmanager
    async def connected(**facts: Any) -> AsyncIterator[Client]:
        socket = Recorder()
        for name, value in facts.items():
            setattr(socket, name, value)
        exchange = Exchange(ApiRequest(path="/v1/test", query=""))
        scope = {
            "type": "websocket", EXCHANGE_KEY: exchange, FAREWELL_KEY: Farewell(),
            SCOPE_KEY: Pings(),
        }  # fmt: skip
        client = Client(socket, scope)
        await client.communicator.send_input({"type": "websocket.connect"})
        accepted = await client.communicator.receive_output(WAIT_SECONDS)
        assert accepted["type"] == "websocket.accept"
        yield client
        if not client.communicator.future.done():
            await client.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await client.communicator.wait(WAIT_SECONDS)
        assert socket.has_left

    return connected


def never() -> bool:
    return False


async def test_frames_are_dealt_with_in_their_order(connect: Connect):
    async with connect() as client:
        await client.bytes(b"one")
        await client.text('{"type": "Two"}')
        await client.bytes(b"")
        assert await client.has_heard(3) == [b"one", {"type": "Two"}, b""]


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", "NaN", '{"a": NaN}', "[" * 5_000])
async def test_a_text_that_is_no_object_is_misread(connect: Connect, text: str):
    async with connect() as client:
        await client.text(text)
        await client.text("{}")  # the socket stays open
        assert await client.has_heard(2) == ["the message is not a JSON object", {}]


async def test_messages_and_sound_are_sent_in_the_order_in_which_they_were_told(connect: Connect):
    async with connect() as client:
        socket = client.socket

        async def work() -> None:
            socket.tell(Error(description="before"))
            await socket.tell_bytes(b"sound", never)
            socket.tell(Error(description="after"))
            socket.finish(1000, "done")
            socket.tell(Error(description="too late"))

        await client.run("work", work)
        received = [await client.receive() for _ in range(4)]
        assert received == ["before", b"sound", "after", (1000, "done")]


async def test_long_sound_is_cut_into_frames(connect: Connect):
    sound = bytes(range(256)) * 200
    async with connect() as client:
        await client.run("speak", lambda: client.socket.tell_bytes(sound, never))
        frames = [await client.receive() for _ in range(4)]
        assert [len(frame) for frame in frames] == [16_384, 16_384, 16_384, 2_048]
        assert b"".join(frames) == sound


async def test_sound_that_is_not_wanted_any_more_is_not_sent(connect: Connect):
    async with connect() as client:
        wanted = iter([False, True])

        async def work() -> None:
            await client.socket.tell_bytes(bytes(40_000), lambda: next(wanted))
            client.socket.tell(Error(description="stopped"))

        await client.run("speak", work)
        assert [len(await client.receive()), await client.receive()] == [16_384, "stopped"]


async def test_sound_is_dropped_and_messages_are_not(connect: Connect):
    async with connect() as client:
        socket = client.socket

        async def work() -> None:
            await socket.tell_bytes(b"sound", never)
            socket.tell(Error(description="kept"))
            await socket.tell_bytes(b"more", never)
            socket.drop_bytes()
            socket.tell(Error(description="later"))

        await client.run("speak", work)
        assert [await client.receive(), await client.receive()] == ["kept", "later"]
        assert not socket.is_at_work


async def test_a_client_that_leaves_too_much_unread_is_closed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sockets, "_UNREAD_BYTES", 2_000)
    async with connect() as client:

        def work() -> None:
            for _ in range(20):
                client.socket.tell(Error(description="x" * 100))

        await client.run("tell", work)
        outputs = [await client.receive()]
        while isinstance(outputs[-1], str):
            outputs.append(await client.receive())
        assert outputs[-1] == (1013, "The client does not read what it is sent.")
        assert len(outputs) < 20


async def test_the_failure_of_a_task_is_told_before_the_close(connect: Connect, caplog: Any):
    async def broken() -> None:
        raise RuntimeError("no voice")

    async with connect() as client:
        await client.run("break", lambda: client.socket.spawn(broken()) and None)
        assert await client.receive() == "failed"
        assert await client.receive() == (1011, "The engine failed on this stream. Open it again.")
    assert "a task of /v1/test failed" in caplog.text


async def test_a_task_that_is_cancelled_ends_nothing(connect: Connect):
    async with connect() as client:
        tasks: list[asyncio.Task[Any]] = []

        def work() -> None:
            tasks.append(client.socket.spawn(asyncio.sleep(WAIT_SECONDS)))
            tasks[0].cancel()
            client.socket.tell(Error(description="open"))

        await client.run("cancel", work)
        assert await client.receive() == "open"


async def test_tasks_end_with_the_socket(connect: Connect):
    tasks: list[asyncio.Task[Any]] = []
    async with connect() as client:
        await client.run(
            "wait", lambda: tasks.append(client.socket.spawn(asyncio.sleep(WAIT_SECONDS)))
        )
        await client.has_heard(1)
    assert tasks[0].cancelled()


async def test_a_client_that_sends_nothing_is_closed(connect: Connect):
    async with connect(silence_seconds=0.01) as client:
        assert await client.receive() == (1011, "silent")


async def test_a_ping_is_a_sign_of_life_where_it_counts(connect: Connect):
    async with connect(silence_seconds=0.2, pings_count=True) as client:
        pings: Pings = client.scope[SCOPE_KEY]
        pings.last = asyncio.get_running_loop().time() + 0.2
        await client.run("say", lambda: client.socket.tell(Error(description="open")))
        assert await client.receive() == "open"
        assert await client.receive() == (1011, "silent")


async def test_nothing_is_dealt_with_after_the_close(connect: Connect):
    async with connect() as client:
        await client.run("finish", lambda: client.socket.finish(1000))
        assert await client.receive() == (1000, "")
        await client.bytes(b"late")
        await client.text('{"type": "Late"}')
    assert client.socket.heard == [{"run": "finish"}]


async def test_a_farewell_is_left_with_the_server(connect: Connect):
    async with connect() as client:
        message = Error(description="the server stops")
        await client.run("farewell", lambda: client.socket.set_farewell(message))
        await client.has_heard(1)
        farewell: Farewell = client.scope[FAREWELL_KEY]
        assert farewell.text == encode(message).decode()
