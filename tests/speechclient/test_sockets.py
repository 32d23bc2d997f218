"""The sockets against a real WebSocket server in the same loop."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri
from websockets.utils import accept_key

from speechclient import BadRequest, Denied, ServiceUnavailable
from speechclient.options import (
    FluxOptions,
    FluxSpeakOptions,
    ListenStreamOptions,
    SpeakStreamOptions,
)
from speechclient.sockets import (
    FluxSpeakStream,
    FluxStream,
    ListenStream,
    SocketTimeouts,
    SpeakStream,
    _Connection,
)
from speechclient.streams.flux import TurnInfo
from speechclient.streams.live_listen import ConfigureFailed, Results, StreamMetadata
from speechclient.streams.live_speak import Audio, Flushed
from speechclient.streams.session import Event
from tests.network.wire import Wire, cut, frames_of
from tests.speechclient.conftest import KEY

pytestmark = pytest.mark.full

RAW = ListenStreamOptions(encoding="linear16", sample_rate=16000, interim_results=True)
QUICK = SocketTimeouts(
    open_seconds=0.3,
    send_seconds=0.3,
    ping_seconds=0.2,
    pong_seconds=0.2,
    finish_seconds=0.3,
    close_seconds=0.3,
)


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Callable]:
    """``await host(handler, **options)`` serves ``handler(connection)`` and gives its URL."""
    async with AsyncExitStack() as stack:

        async def start(handler, **options: Any) -> str:
            async def name_request(connection, request, response):
                response.headers["dg-request-id"] = "r-1"

            facts: dict[str, Any] = {"process_response": name_request, "compression": "deflate"}
            server = await stack.enter_async_context(
                serve(handler, "127.0.0.1", 0, **facts | options)
            )
            return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield start


async def listening(connection: ServerConnection) -> None:
    """Answers audio with a result of its size, and CloseStream as in docs/contract.md, 9.6."""
    async for frame in connection:
        if isinstance(frame, bytes):
            alternative = {"transcript": str(len(frame)), "confidence": 1, "words": []}
            body = {"type": "Results", "channel": {"alternatives": [alternative]}}
            await connection.send(json.dumps(body))
        elif json.loads(frame)["type"] == "CloseStream":
            await connection.send(json.dumps({"type": "Metadata", "request_id": "r-1"}))
            return


async def test_audio_goes_up_and_results_come_down(host):
    seen = []

    async def handler(connection):
        seen.append(connection.request)
        await listening(connection)

    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:
        await stream.send_audio(bytes(640))
        await stream.finish()
        events = [event async for event in stream]

    results, metadata = events
    assert isinstance(results, Results)
    assert isinstance(metadata, StreamMetadata)
    assert results.transcript == "640"
    assert stream.request_id == "r-1"
    (request,) = seen
    assert request.path == (
        "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true"
    )
    assert request.headers["authorization"] == f"Token {KEY}"
    assert "sec-websocket-extensions" not in request.headers


async def test_events_go_to_a_function_in_order_and_the_end_to_the_iteration(host):
    async def handler(connection):
        async for frame in connection:
            if isinstance(frame, bytes):
                for transcript in ("one", "two", "three"):
                    body = {"channel": {"alternatives": [{"transcript": transcript}]}}
                    text = json.dumps({"type": "Results", **body})
                    parts = [text[:9], text[9:]]  # in two frames
                    await connection.send(parts if transcript == "two" else text)
            else:
                await connection.send(json.dumps({"type": "Metadata"}))
                return

    taken: list[str] = []
    kinds: list[str] = []

    def take(event: Event) -> None:
        assert isinstance(event, Results)
        taken.append(event.transcript)

    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:

        async def read() -> None:
            async for event in stream:
                kinds.append(type(event).__name__)
                if isinstance(event, Results):
                    take(event)

        stream.deliver_to(take)
        reading = asyncio.create_task(read())
        await stream.send_audio(bytes(640))
        while len(taken) < 3:  # noqa: ASYNC110 no event reports it
            await asyncio.sleep(0.01)
        await stream.finish()
        await reading
    assert taken == ["one", "two", "three"]
    assert kinds[-1] == "StreamMetadata"
    assert "Results" in kinds


async def test_an_error_of_the_function_ends_the_iteration(host):
    def fail(event):
        raise LookupError("no such caption")

    async with await ListenStream.open(await host(listening), KEY, RAW) as stream:
        stream.deliver_to(fail)
        await stream.send_audio(bytes(640))
        with pytest.raises(LookupError, match="no such caption"):
            await anext(stream)


async def test_text_that_is_no_utf8_is_an_error_for_the_iteration(host):
    async def handler(connection):
        async for _ in connection:
            await connection.send(b"\xff", text=True)

    taken: list[Event] = []
    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:
        stream.deliver_to(taken.append)
        await stream.send_audio(bytes(640))
        with pytest.raises(ServiceUnavailable):
            await anext(stream)
    assert taken == []


async def connected(wire: Wire) -> _Connection:
    """Return a connection over ``wire`` whose handshake is over."""
    protocol = ClientProtocol(parse_uri("ws://localhost/"))
    connection = _Connection(protocol, ping_interval=None)
    connection.connection_made(wire)
    protocol.send_request(protocol.connect())
    protocol.data_to_send()
    connection.data_received(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(protocol.key).encode() + b"\r\n\r\n"
    )
    return connection


async def test_messages_are_the_same_however_they_are_cut():
    chance = random.Random(12)
    sizes = (1, 124, 126, 300, 65_534, 65_536)
    for _ in range(60):
        messages = [f"{number}é" + "a" * chance.choice(sizes) for number in range(8)]
        frames = [
            frame.serialize(mask=False)
            for message in messages
            for frame in frames_of(message.encode(), Opcode.TEXT, chance)
        ]
        connection = await connected(Wire())
        taken: list[str] = []
        connection.take = taken.append
        for piece in cut(frames, chance):
            connection.data_received(piece)
            while any(frame.fin for frame in connection.recv_messages.frames.queue):
                taken.append(str(await connection.recv()))
        assert taken == messages


async def test_a_whole_frame_is_read_without_the_parser(monkeypatch):
    connection = await connected(Wire())
    taken: list[str] = []
    parsed: list[bytes] = []
    connection.take = taken.append
    monkeypatch.setattr(connection.protocol, "receive_data", parsed.append)
    connection.data_received(Frame(Opcode.TEXT, b"a" * 300).serialize(mask=False))
    assert (taken, parsed) == (["a" * 300], [])


async def test_audio_of_every_size_is_sent_masked_and_as_it_is():
    wire = Wire()
    connection = await connected(wire)
    wire.written.clear()
    frames = [bytes([number]) * size for number, size in enumerate((2, 125, 126, 640, 65_536))]
    frames += [bytes(640)] * 2_000  # more than there are masks at one time
    assert all(map(connection.send_at_once, frames))
    assert wire.messages(is_masked=True) == frames
    assert bytes(64) not in wire.written  # each mask is random


async def test_a_response_to_configure_that_is_delivered_in_time_is_no_end(host):
    async def handler(connection):
        async for frame in connection:
            if isinstance(frame, str) and "Configure" in frame:
                await connection.send(json.dumps({"type": "ConfigureSuccess", "keyterms": []}))
            elif isinstance(frame, str):
                return

    taken: list[Event] = []
    timeouts = SocketTimeouts(configure_seconds=0.05)
    async with await ListenStream.open(await host(handler), KEY, RAW, timeouts=timeouts) as stream:
        stream.deliver_to(taken.append)
        reading = asyncio.create_task(anext(stream, None))
        await stream.configure(["Lighthouse"])
        await asyncio.sleep(0.2)
        assert [type(event).__name__ for event in taken] == ["Configured"]
        assert not reading.done()
        await stream.finish()
        assert await reading is None


async def test_an_empty_chunk_does_not_end_the_stream_and_a_large_one_is_cut(host):
    async with await ListenStream.open(await host(listening), KEY, RAW) as stream:
        await stream.send_audio(b"")
        await stream.send_audio(bytes(100_000))
        await stream.finish()
        sizes = [int(event.transcript) async for event in stream if isinstance(event, Results)]
    assert sizes == [65_536, 34_464]


async def test_the_credential_travels_as_a_subprotocol_where_headers_cannot(host):
    seen = []

    def first(connection, offered):
        seen.extend(offered)
        return offered[0]

    async def handler(connection):
        seen.append(connection.request.headers.get("authorization"))

    url = await host(handler, select_subprotocol=first, subprotocols=[Subprotocol("bearer")])
    async with await ListenStream.open(url, "", RAW, access_token="jwt", as_subprotocol=True):
        pass
    assert seen == ["bearer", "jwt", None]


async def test_control_messages_are_text(host):
    frames = []

    async def handler(connection):
        async for frame in connection:
            frames.append(json.loads(frame)["type"] if isinstance(frame, str) else frame)

    url = await host(handler)
    async with await ListenStream.open(url, KEY, RAW) as stream:
        await stream.keep_alive()
        await stream.finalize()
        await stream.configure(["Earshot"])
    async with await FluxStream.open(url, KEY, FluxOptions()) as flux:
        await flux.send_audio(b"pcm")
        await flux.force_end_turn()
        await flux.configure(eot_threshold=0.8)
    async with await FluxSpeakStream.open(url, KEY, FluxSpeakOptions()) as flux_speak:
        await flux_speak.speak("Hi.")
        await flux_speak.interrupt(5)
        await flux_speak.configure(1.1)
        await flux_speak.flush()
    async with await SpeakStream.open(url, KEY, SpeakStreamOptions()) as speak:
        await speak.clear()
    assert frames == [
        *["KeepAlive", "Finalize", "Configure"],
        *[b"pcm", "ForceEndTurn", "Configure"],
        *["Speak", "Interrupt", "Configure", "Flush"],
        "Clear",
    ]


async def test_text_goes_up_and_audio_comes_down(host):
    async def handler(connection):
        async for frame in connection:
            kind = json.loads(frame)["type"]
            if kind == "Flush":
                await connection.send(b"pcm")
                await connection.send(json.dumps({"type": "Flushed", "sequence_id": 0}))
            elif kind == "Close":
                return

    async with await SpeakStream.open(await host(handler), KEY, SpeakStreamOptions()) as stream:
        await stream.speak("Hello.")
        await stream.flush()
        events = [await anext(stream), await anext(stream)]
        await stream.finish()
        events += [event async for event in stream]
    assert events == [Audio(raw=b"pcm"), Flushed(raw=events[1].raw, sequence_id=0)]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadRequest), (401, Denied), (429, ServiceUnavailable), (503, ServiceUnavailable)],
)
async def test_a_refused_handshake_says_why(host, caplog, status, kind):
    def refuse(connection, request):
        response = connection.respond(HTTPStatus(status), "")
        response.headers["dg-error"] = f"no, {KEY}"
        response.headers["dg-request-id"] = "r-2"
        response.headers["retry-after"] = "4"
        return response

    url = await host(listening, process_request=refuse, process_response=None)
    with pytest.raises(kind, match=r"no, \[secret\]") as rejected:
        await ListenStream.open(url, KEY, RAW)
    assert (rejected.value.status, rejected.value.request_id) == (status, "r-2")
    if isinstance(rejected.value, ServiceUnavailable):
        assert rejected.value.retry_after == 4.0
    assert "request_id=r-2" in caplog.text


async def test_the_body_of_a_refused_handshake_is_read(host):
    def refuse(connection, request):
        body = {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r-3"}
        return connection.respond(HTTPStatus.UNAUTHORIZED, json.dumps(body))

    url = await host(listening, process_request=refuse, process_response=None)
    with pytest.raises(Denied, match="Invalid credentials") as rejected:
        await ListenStream.open(url, KEY, RAW)
    assert (rejected.value.code, rejected.value.request_id) == ("INVALID_AUTH", "r-3")


async def test_a_redirect_is_not_followed(host):
    visits = []

    def redirect(connection, request):
        visits.append(request.path)
        response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "")
        response.headers["location"] = "/elsewhere"
        return response

    with pytest.raises(Denied, match="redirect"):
        await ListenStream.open(await host(listening, process_request=redirect), KEY, RAW)
    assert len(visits) == 1


async def test_nobody_listening_is_an_outage(unused_tcp_port):
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        await ListenStream.open(f"http://127.0.0.1:{unused_tcp_port}", KEY, RAW)


@pytest.mark.parametrize("response", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", None])
async def test_a_server_that_is_none_is_an_outage(response):
    async def handle(reader, writer):
        await reader.read(1000)
        if response is None:
            await reader.read()
        else:
            writer.write(response)
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ServiceUnavailable):
            await ListenStream.open(f"http://127.0.0.1:{port}", KEY, RAW, timeouts=QUICK)


@pytest.mark.parametrize(
    ("code", "reason", "kind", "key"),
    [
        (1008, "bad. See https://dpgr.am/data0000", BadRequest, "DATA-0000"),
        (1011, "late. See https://dpgr.am/net0001", ServiceUnavailable, "NET-0001"),
    ],
)
async def test_a_close_with_a_reason_is_raised(host, code, reason, kind, key):
    async def handler(connection):
        await connection.close(code, reason)

    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:
        with pytest.raises(kind) as ended:
            await anext(stream)
        assert (ended.value.code, ended.value.request_id) == (key, "r-1")
        with pytest.raises(kind):
            await stream.send_audio(b"late")


async def test_a_connection_that_is_cut_is_an_outage(host):
    async def handler(connection):
        connection.transport.abort()

    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:
        with pytest.raises(ServiceUnavailable, match="was lost"):
            await anext(stream)


async def test_a_server_that_vanished_is_noticed(host):
    """Half open: nothing arrives any more, not even a FIN."""

    async def handler(connection):
        connection.transport.pause_reading()
        await connection.wait_closed()

    url = await host(handler, ping_interval=None, close_timeout=0.1)
    async with await ListenStream.open(url, KEY, RAW, timeouts=QUICK) as stream:
        with pytest.raises(ServiceUnavailable, match="ping"):
            await anext(stream)


async def test_a_server_that_does_not_finish_is_given_up(host):
    async def handler(connection):
        async for _ in connection:
            pass

    url = await host(handler)
    async with await ListenStream.open(url, KEY, RAW, timeouts=QUICK) as stream:
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await stream.finish()
        with pytest.raises(ServiceUnavailable, match="did not finish"):
            await waiting


async def test_a_configure_without_a_response_failed(host):
    async def handler(connection):
        async for _ in connection:
            pass

    quick = SocketTimeouts(configure_seconds=0.1)
    async with await ListenStream.open(await host(handler), KEY, RAW, timeouts=quick) as stream:
        await stream.configure(["Earshot"])
        event = await anext(stream)
        assert isinstance(event, ConfigureFailed)
        assert event.code == "NO_RESPONSE"


async def test_a_flux_stream_ends_its_turn_before_it_closes(host):
    frames = []

    async def handler(connection):
        turn = {"type": "TurnInfo", "event": "StartOfTurn", "transcript": "so"}
        await connection.send(json.dumps(turn))
        async for frame in connection:
            frames.append(json.loads(frame)["type"])
            if frames[-1] == "ForceEndTurn":
                await connection.send(json.dumps(turn | {"event": "EndOfTurn"}))
            if frames[-1] == "CloseStream":
                connection.protocol.send_close()  # without a status code
                return

    async with await FluxStream.open(await host(handler), KEY, FluxOptions()) as stream:
        await anext(stream)
        await stream.finish()
        events = [event.event async for event in stream if isinstance(event, TurnInfo)]
    assert events == ["EndOfTurn"]
    assert frames == ["ForceEndTurn", "CloseStream"]


async def test_a_flux_server_that_ends_no_turn_is_closed_all_the_same(host):
    async def handler(connection):
        await connection.send(json.dumps({"type": "TurnInfo", "event": "StartOfTurn"}))
        async for frame in connection:
            if json.loads(frame)["type"] == "CloseStream":
                return

    quick = SocketTimeouts(turn_seconds=0.1)
    url = await host(handler)
    async with await FluxStream.open(url, KEY, FluxOptions(), timeouts=quick) as stream:
        await anext(stream)
        await stream.finish()
        assert [event async for event in stream] == []


async def test_a_server_that_stops_reading_makes_sending_fail(host):
    async def handler(connection):
        connection.transport.pause_reading()
        await connection.wait_closed()

    url = await host(handler, ping_interval=None, close_timeout=0.1)
    patient = SocketTimeouts(send_seconds=0.3, close_seconds=0.3)
    async with await ListenStream.open(url, KEY, RAW, timeouts=patient) as stream:
        with pytest.raises(ServiceUnavailable, match="takes no more data"):
            await stream.send_audio(bytes(64_000_000))


async def test_messages_are_bounded_and_the_server_is_to_blame(host):
    async def handler(connection):
        await connection.send("x" * (5 * 1024 * 1024))
        await connection.wait_closed()

    async with await ListenStream.open(await host(handler), KEY, RAW) as stream:
        with pytest.raises(ServiceUnavailable):
            await anext(stream)


async def test_a_reader_that_stops_holds_the_server_back(host):
    sent = 0

    async def handler(connection):
        nonlocal sent
        while True:
            await connection.send(json.dumps({"type": "Results", "pad": "x" * 10_000}))
            sent += 1

    async with await ListenStream.open(await host(handler, write_limit=1), KEY, RAW) as stream:
        await anext(stream)
        previous = -1
        while previous != sent:
            previous = sent
            await asyncio.sleep(0.2)
        assert sent < 2_000


async def test_closing_ends_the_iteration_and_can_be_repeated(host):
    stream = await ListenStream.open(await host(listening), KEY, RAW)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await stream.close()
    await stream.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(ServiceUnavailable, match="has ended"):
        await stream.keep_alive()


async def test_the_key_is_never_logged(host, caplog):
    caplog.set_level(logging.DEBUG)
    async with await ListenStream.open(await host(listening), KEY, RAW) as stream:
        await stream.finish()
        _ = [event async for event in stream]
    ours = [record for record in caplog.records if record.name.startswith("speechclient")]
    assert any("/v1/listen opened, request_id=r-1" in record.getMessage() for record in ours)
    assert not [record for record in ours if KEY in record.getMessage()]
