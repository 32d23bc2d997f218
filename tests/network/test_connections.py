"""Connections are bounded before an application sees a request."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from network import connections
from network.connections import HttpConnection, WebSocketConnection
from tests.network.wire import Wire, cut, frames_of

pytestmark = pytest.mark.full

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Server:
    """A server whose application responds with what it received."""

    port: int = 0
    seen: list[str] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    state: ServerState = field(default_factory=ServerState)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope["type"])
        if scope["type"] == "websocket":
            await receive()
            if scope["path"] == "/rejected":
                await send({"type": "websocket.http.response.start", "status": 404})
                await send({"type": "websocket.http.response.body", "body": b"nothing"})
                return
            if scope["path"] == "/closed":
                await send({"type": "websocket.close"})
                return
            await send({"type": "websocket.accept"})
            if scope["path"] == "/large":
                await self._send_for_ever(send)
                return
            if scope["path"] == "/shortcut":
                await self._relay(scope["extensions"][connections.SHORTCUT], receive)
                return
            while (message := await receive())["type"] == "websocket.receive":
                pass
            self.seen.append(f"disconnect {message['code']}")
            self.stopped.set()
            return
        if scope["path"] != "/early":
            while (await receive())["more_body"]:
                pass
        size = 8_000_000 if scope["path"] == "/large" else 2
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(size)})

    async def _relay(self, shortcut: Any, receive: Any) -> None:
        """Take every frame at once but those that begin with ``w``; say which came how."""

        def take(frame: bytes) -> bool:
            return not frame.startswith(b"w") and bool(shortcut["send_text"](f"took {frame!r}"))

        shortcut["deliver_to"](take)
        while (message := await receive())["type"] == "websocket.receive":
            shortcut["send_text"](f"received {message.get('text') or message['bytes']!r}")
        self.seen.append(f"sent {shortcut['send_text']('late')}")
        self.stopped.set()

    async def _send_for_ever(self, send: Any) -> None:
        try:
            while True:
                await send({"type": "websocket.send", "bytes": bytes(60_000)})
        except OSError:
            self.stopped.set()

    async def open(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return reader, writer

    async def exchange(self, sent: bytes) -> bytes:
        """Everything that the server sends until it closes the connection."""
        reader, writer = await self.open(sent)
        received = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        return received


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running = Server()
    config = uvicorn.Config(
        running.application,
        http=HttpConnection,
        ws=WebSocketConnection,
        interface="asgi3",
        log_config=None,
        lifespan="off",
    )
    config.load()
    state = running.state
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: HttpConnection(config, state, {}), "127.0.0.1", 0)
    running.port = listening.sockets[0].getsockname()[1]
    yield running
    for connection in list(state.connections):
        connection.transport.abort()
    listening.close()


async def test_a_header_line_without_end_is_rejected(server: Server):
    _, writer = await server.open(b"GET / HTTP/1.1\r\nhost: x\r\ncookie: ")
    sent = 0
    with pytest.raises(ConnectionError):  # noqa: PT012 any of them may be the one that fails
        while sent < 128 * 1024 * 1024:
            writer.write(b"a" * 65_536)
            await writer.drain()
            sent += 65_536
    assert sent < 16 * 1024 * 1024  # what the buffers of the two sockets hold
    assert server.seen == []


@pytest.mark.parametrize(
    "head",
    [
        b"cookie: " + b"a" * 70_000,
        b"\r\n".join(b"x-%d: y" % number for number in range(200)),
    ],
    ids=["long", "many"],
)
async def test_a_head_that_is_too_large_is_a_431_with_its_request_id(server: Server, head):
    response = await server.exchange(b"GET / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 431 ")
    request_id = response.partition(b"x-request-id: ")[2].partition(b"\r\n")[0]
    assert request_id
    assert response.endswith(b"Request id: " + request_id + b"\n")
    assert server.seen == []


async def test_trailers_are_bounded_as_a_head_is(server: Server):
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
    response = await server.exchange(head + b"x-trailer: " + b"a" * 200_000)
    assert b" 431 " in response


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nhost:", b"POST"])
async def test_an_unfinished_head_has_a_deadline(server: Server, monkeypatch, sent):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    response = await server.exchange(sent)
    assert response.startswith(b"HTTP/1.1 408 " if sent else b"")
    assert server.seen == []


async def test_the_deadline_holds_for_every_request_of_a_connection(server: Server, monkeypatch):
    reader, writer = await server.open(REQUEST)
    await reader.readuntil(b"\0\0")
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    writer.write(b"\r\n")  # stops the timer of an idle connection, begins no request
    received = await asyncio.wait_for(reader.read(), 30)
    assert received.startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_the_oldest_unfinished_heads_make_room(server: Server, monkeypatch):
    monkeypatch.setattr(connections, "HEADS_AT_ONCE", 3)
    half_sent = [await server.open(b"GET / HTTP/1.1\r\nhost:") for _ in range(10)]
    response = await server.exchange(REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert response.startswith(b"HTTP/1.1 200 ")
    for reader, _ in half_sent[:7]:
        assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 408 ")
    for _, writer in half_sent:
        writer.close()


async def test_a_whole_request_after_another_is_served(server: Server):
    reader, writer = await server.open()
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        writer.write(b"a" * 100_000)
        response = await asyncio.wait_for(reader.readuntil(b"\0\0"), 30)
        assert response.startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert server.seen == ["http"] * 3


async def test_the_rest_of_a_body_after_its_response_has_a_deadline(server: Server, monkeypatch):
    monkeypatch.setattr(connections, "LINGER_SECONDS", 0.05)
    response = await server.exchange(
        b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc"
    )
    assert response.startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_reads_nothing_is_disconnected(server: Server, monkeypatch):
    monkeypatch.setattr(connections, "STALLED_SECONDS", 0.05)
    _, writer = await server.open(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(30):
        with pytest.raises(ConnectionError):  # noqa: PT012
            while True:  # fails once the other side has gone
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        (b"GET /", b"GET /" + b"a" * 70_000),
        (b"host: x", b"host: x\r\ncookie: " + b"a" * 60_000 + b"\r\nx: " + b"b" * 60_000),
        (b"upgrade: websocket", b"upgrade: websocket\r\nx y: z"),
        (b"-version: 13", b"-version: x"),
        (b"host: x", b"host: x\r\nx:"),
    ],
)
async def test_a_handshake_that_cannot_be_read_is_a_4xx_or_no_hindrance(
    server: Server, field, wrong
):
    reader, writer = await server.open(HANDSHAKE.replace(field, wrong))
    status = (await asyncio.wait_for(reader.readline(), 30)).split()[1]
    assert status == b"101" or status.startswith(b"4")
    writer.close()


@pytest.mark.parametrize(
    ("field", "wrong", "status"),
    [
        (b"-version: 13", b"-version: 8", 400),
        (b"host: x", b"host: x\r\nsec-websocket-protocol: token, \xff", 400),
        (b"GET /", b"GET /closed", 403),
    ],
)
async def test_a_handshake_rejected_below_the_application_has_a_request_id(
    server: Server, field, wrong, status, caplog
):
    received = await server.exchange(HANDSHAKE.replace(field, wrong))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    (request_id,) = re.findall(rb"(?i)x-request-id: (\S+)", head)
    assert b"Request id: " + request_id in body
    assert f"content-length: {len(body)}".encode() in head.lower()


async def test_a_rejected_handshake_is_no_error_in_the_log(server: Server, caplog):
    received = await server.exchange(HANDSHAKE.replace(b"GET /", b"GET /rejected"))
    assert received.startswith(b"HTTP/1.1 404 ")
    await server.exchange(REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_a_server_that_stops_names_each_client_another_time_to_return(server: Server):
    reasons = set()
    for _ in range(8):
        async with connect(f"ws://127.0.0.1:{server.port}/") as socket:
            (connection,) = server.state.connections
            connection.shutdown()
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            reasons.add(closed.value.rcvd.reason)
            await asyncio.wait_for(server.stopped.wait(), 30)
            server.stopped.clear()
    times = [float(re.search(r"retry in ([\d.]+) s", reason)[1]) for reason in reasons]
    assert len(times) > 3
    assert all(0.4 < seconds < 3.1 for seconds in times)
    assert server.seen.count("disconnect 1012") == 8


async def test_a_websocket_whose_client_reads_nothing_is_closed(server: Server, monkeypatch):
    monkeypatch.setattr(connections, "STALLED_SOCKET_SECONDS", 0.05)
    _, writer = await server.open(HANDSHAKE.replace(b"GET /", b"GET /large"))
    await asyncio.wait_for(server.stopped.wait(), 30)
    assert server.state.connections == set()
    writer.close()


async def test_small_frames_by_the_thousand_close_a_socket(server: Server):
    async with connect(f"ws://127.0.0.1:{server.port}/", compression=None) as socket:
        with pytest.raises(ConnectionClosed) as raised:  # noqa: PT012
            for _ in range(20_000):
                await socket.send(b"\0\0")
            await socket.recv()
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1008
    assert "64 bytes" in raised.value.rcvd.reason
    await asyncio.wait_for(server.stopped.wait(), 30)
    assert server.seen == ["websocket", "disconnect 1008"]


@pytest.mark.parametrize("opcode", [0x89, 0x8A, 0x00], ids=["ping", "pong", "continuation"])
async def test_frames_without_a_message_count_too(server: Server, opcode: int):
    reader, writer = await server.open(HANDSHAKE)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    mask = bytes(4)
    if opcode == 0x00:
        writer.write(b"\x02\x80" + mask)  # the first of a message in many frames
    try:
        for _ in range(20):
            writer.write((bytes([opcode, 0x80]) + mask) * 1_000)
            await writer.drain()
        received = await asyncio.wait_for(reader.read(), 30)
        assert b"\x03\xf0Too many frames" in received
    except ConnectionError:
        pass  # closed before all was sent
    await asyncio.wait_for(server.stopped.wait(), 30)
    assert server.seen[-1] == "disconnect 1008"


async def test_frames_of_audio_are_not_counted(server: Server):
    async with connect(f"ws://127.0.0.1:{server.port}/", compression=None) as socket:
        for _ in range(2 * connections.SMALL_FRAMES_AT_ONCE):
            await socket.send(bytes(320))
        await (await socket.ping())


async def test_an_application_can_have_whole_frames_past_the_queue(server: Server):
    async with connect(f"ws://127.0.0.1:{server.port}/shortcut", compression=None) as socket:
        for frame, response in (
            (b"a", "took b'a'"),
            (b"w", "received b'w'"),
            ([b"c", b"d"], "received b'cd'"),  # a message in two frames
            (b"b", "took b'b'"),
        ):
            await socket.send(frame)
            assert await asyncio.wait_for(socket.recv(), 30) == response
    await asyncio.wait_for(server.stopped.wait(), 30)
    assert server.seen == ["websocket", "sent False"]


async def test_frames_behind_a_message_of_the_queue_are_behind_it(server: Server):
    reader, writer = await server.open(HANDSHAKE.replace(b"GET /", b"GET /shortcut"))
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    texts = [b"a", b"w", b"t", b"b"]
    frames = [b"\x82\x81", b"\x82\x81", b"\x81\x81", b"\x82\x81"]
    pieces = [head + bytes(4) + text for head, text in zip(frames, texts, strict=True)]
    writer.write(b"".join(pieces))
    expected = ["took b'a'", "received b'w'", "received 't'", "received b'b'"]
    for text in expected:
        assert await asyncio.wait_for(reader.readexactly(2 + len(text)), 30) == (
            b"\x81" + bytes([len(text)]) + text.encode()
        )
    writer.close()


class Relaying:
    """A connection whose application takes its frames, those that begin with ``w`` excepted."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.wire = Wire()
        self.is_ready = asyncio.Event()
        config = uvicorn.Config(self._application, interface="asgi3", log_config=None)
        config.load()
        self.connection = WebSocketConnection(config, ServerState(), {})
        self.connection.connection_made(self.wire)
        self.connection.data_received(HANDSHAKE)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.shortcut = scope["extensions"][connections.SHORTCUT]
        self.shortcut["deliver_to"](self._take)
        self.is_ready.set()
        while (message := await receive())["type"] == "websocket.receive":
            self.heard.append(message.get("bytes") or message["text"].encode())

    def _take(self, frame: bytes) -> bool:
        if frame.startswith(b"w"):
            return False
        self.heard.append(frame)
        return True


async def test_messages_are_the_same_however_they_are_cut():
    chance = random.Random(12)
    sizes = (1, 125, 126, 640, 648, 16_383, 16_384, 20_000)
    for _ in range(60):
        messages: list[bytes] = []
        frames: list[Frame] = []
        for number in range(8):
            message = bytes([chance.choice(b"waxb")]) + bytes([number]) * chance.choice(sizes)
            kind = chance.choice((Opcode.BINARY, Opcode.BINARY, Opcode.TEXT))
            frames += frames_of(message, kind, chance)
            messages.append(message)
        relaying = Relaying()
        await relaying.is_ready.wait()
        sent = [frame.serialize(mask=True) for frame in frames]
        for piece in cut(sent, chance):
            relaying.connection.data_received(piece)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert relaying.heard == messages
        relaying.connection.connection_lost(None)


async def test_a_whole_frame_is_read_without_the_parser(monkeypatch):
    relaying = Relaying()
    await relaying.is_ready.wait()
    parsed: list[bytes] = []
    monkeypatch.setattr(relaying.connection.conn, "receive_data", parsed.append)
    relaying.connection.data_received(Frame(Opcode.BINARY, b"a" * 648).serialize(mask=True))
    assert (relaying.heard, parsed) == ([b"a" * 648], [])


async def test_no_frame_is_taken_once_the_connection_closes():
    relaying = Relaying()
    await relaying.is_ready.wait()
    relaying.connection.data_received(Frame(Opcode.CLOSE, b"").serialize(mask=True))
    relaying.connection.data_received(Frame(Opcode.BINARY, b"a" * 648).serialize(mask=True))
    assert relaying.heard == []


async def test_text_of_every_size_is_sent_as_it_is():
    relaying = Relaying()
    await relaying.is_ready.wait()
    texts = ["é" + "a" * size for size in (1, 123, 124, 640, 16_381, 16_382, 70_000)]
    relaying.wire.written.clear()
    assert all(map(relaying.shortcut["send_text"], texts))
    assert relaying.wire.messages(is_masked=False) == [text.encode() for text in texts]
