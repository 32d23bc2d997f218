"""Live streams that reconnect, against a real WebSocket server in the same loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve

from speechclient import BadRequest, Denied, InvalidOption, ServiceUnavailable
from speechclient.live import LiveListen, LiveTurns, Survival
from speechclient.options import FluxOptions, ListenStreamOptions
from speechclient.sockets import SocketTimeouts
from speechclient.streams.live_events import (
    Configured,
    ConfigureFailed,
    ConnectionOpened,
    Gap,
    LiveEvent,
    Segment,
    State,
    StateChanged,
    Turn,
)
from tests.speechclient.conftest import KEY
from tests.speechclient.simulated import RATE, Server, source

pytestmark = pytest.mark.full

FAST = 10 * RATE  # ten words in a second
RAW = ListenStreamOptions(encoding="mulaw", sample_rate=FAST)
FLUX = FluxOptions(encoding="mulaw", sample_rate=16_000)
QUICK = Survival(
    retry_seconds=0.01,
    max_retry_seconds=0.05,
    sockets=SocketTimeouts(
        open_seconds=2, ping_seconds=0.3, pong_seconds=0.3, configure_seconds=0.2, close_seconds=0.3
    ),
)
Handler = Callable[[ServerConnection], Awaitable[None]]


class Host:
    """A server on one port that can be stopped and started again."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.frames: list[str] = []
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *handlers: Handler, **options: Any) -> None:
        """Serve each connection by the next handler, the last one again and again."""
        waiting = list(handlers)

        async def handle(connection: ServerConnection) -> None:
            self.connections += 1
            await (waiting.pop(0) if len(waiting) > 1 else waiting[0])(connection)

        facts: dict[str, Any] = {"ping_interval": None, "close_timeout": 0.1}
        server = await self._stack.enter_async_context(
            serve(handle, "127.0.0.1", self.port, **facts | options)
        )
        self.port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self._stack.aclose()

    async def hear(self, connection: ServerConnection, cut_at: int | None = None) -> None:
        """Hear words, a result for each pause. Cut after ``cut_at`` bytes of audio."""
        server = Server(rate=FAST)
        settled = 0.0
        async for frame in connection:
            if isinstance(frame, bytes):
                assert frame, "an empty frame would end the stream"
                server.audio += frame
                if cut_at is not None and len(server.audio) >= cut_at:
                    connection.transport.abort()
                    return
                if server.pause() > settled:
                    await connection.send(server.message(settled, server.pause(), is_final=True))
                    settled = server.pause()
                continue
            self.frames.append(json.loads(frame)["type"])
            if self.frames[-1] in ("Finalize", "CloseStream"):
                end, finalized = server.seconds, self.frames[-1] == "Finalize"
                await connection.send(
                    server.message(settled, end, is_final=True, finalized=finalized)
                )
                settled = end
            if self.frames[-1] == "Configure":
                await connection.send(json.dumps({"type": "ConfigureSuccess", "keyterms": ["x"]}))
            if self.frames[-1] == "CloseStream":
                await connection.send(json.dumps({"type": "Metadata"}))
                return

    def cut(self, at: int) -> Handler:
        return lambda connection: self.hear(connection, cut_at=at)


async def silent(connection: ServerConnection) -> None:
    """Take audio and say nothing."""
    async for _ in connection:
        pass


async def frozen(connection: ServerConnection) -> None:
    """Half open: nothing is read any more."""
    connection.transport.pause_reading()
    await connection.wait_closed()


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    yield host
    await host.stop()


class Disk:
    """Stored audio of a stream."""

    def __init__(self) -> None:
        self.audio = b""
        self.broken = range(0)  # bytes that cannot be read

    async def read(self, start: int, size: int) -> bytes:
        if start in self.broken:
            raise OSError("input/output error")
        return self.audio[start : start + size]


async def collect(stream, events: list, until: type | None = None) -> None:
    """Add the events of ``stream`` to ``events``, up to the first ``until``."""
    async for event in stream:
        events.append(event)
        if until is not None and isinstance(event, until):
            return


async def events_of(stream) -> list:
    return [event async for event in stream]


async def speak(stream, words: int, *, disk: Disk | None = None, piece: int = 37) -> list:
    """Send so many words, finish and return all events."""
    reading = asyncio.create_task(events_of(stream))
    audio = source(words)
    for start in range(0, len(audio), piece):
        if disk is not None:
            disk.audio += audio[start : start + piece]
        await stream.send(audio[start : start + piece])
    await stream.finish()
    return await reading


def words_of(events: list) -> list[int]:
    return [
        int(word.word)
        for event in events
        if isinstance(event, Segment) and event.is_final
        for word in event.words
    ]


def times_are_true(events: list) -> bool:
    words = [word for event in events if isinstance(event, Segment) for word in event.words]
    return all(abs(word.start - (int(word.word) + 0.2) / 10) < 0.02 for word in words)


async def test_all_words_come_with_their_times(host):
    await host.start(host.hear)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        events = await speak(stream, 12)
    assert words_of(events) == list(range(12))
    assert times_are_true(events)
    assert stream.state is State.ENDED
    assert stream.final_seconds == stream.received_seconds == pytest.approx(1.2)
    assert host.frames == ["CloseStream"]


async def test_a_reader_that_waits_for_nothing_has_the_same_words(host):
    await host.start(host.cut(345), host.hear)
    disk = Disk()
    taken: list[LiveEvent] = []
    async with LiveListen(host.url, KEY, RAW, source=disk, survival=QUICK) as stream:
        stream.deliver_to(taken.append)
        reading = asyncio.create_task(events_of(stream))
        audio = source(12)
        for start in range(0, len(audio), 37):
            disk.audio += audio[start : start + 37]
            stream.send_stored(audio[start : start + 37])
            await asyncio.sleep(0)
        await stream.finish()
        events = taken + await reading
    assert words_of(events) == list(range(12))
    assert times_are_true(events)
    opened = [event for event in events if isinstance(event, ConnectionOpened)]
    assert [event.connection for event in opened] == [1, 2]


async def test_no_word_is_lost_or_doubled_when_the_server_dies_in_a_word(host):
    await host.start(host.cut(345), host.cut(15), host.cut(450), host.hear)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        events = await speak(stream, 16)
    assert words_of(events) == list(range(16))
    assert times_are_true(events)
    opened = [event for event in events if isinstance(event, ConnectionOpened)]
    assert [event.connection for event in opened] == [1, 2, 3, 4]
    assert State.WAITING in [event.state for event in events if isinstance(event, StateChanged)]
    assert not [event for event in events if isinstance(event, Gap)]


async def test_stored_audio_outlives_a_long_outage(host):
    await host.start(host.hear)
    disk = Disk()
    async with LiveListen(host.url, KEY, RAW, source=disk, survival=QUICK) as stream:
        reading = asyncio.create_task(events_of(stream))
        audio = source(30)  # three seconds; memory has none

        async def send(start: int, end: int) -> None:
            disk.audio = audio[:end]
            await stream.send(audio[start:end])

        await send(0, 1_000)
        await host.stop()
        for start in range(1_000, 3_000, 500):
            await send(start, start + 500)
        await host.start(host.hear)
        await stream.finish()
        events = await reading
    assert words_of(events) == list(range(30))
    assert times_are_true(events)


async def test_stored_audio_that_cannot_be_read_is_a_gap(host):
    await host.start(host.hear)
    await host.stop()
    async with LiveListen(host.url, KEY, RAW, source=Disk(), survival=QUICK) as stream:
        reading = asyncio.create_task(events_of(stream))
        await stream.send(source(30))
        await host.start(host.hear)
        await stream.finish()
        events = await reading
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert (gap.start, gap.end) == (0.0, 3.0)
    assert words_of(events) == []
    assert times_are_true(events)


async def test_stored_audio_after_a_part_that_cannot_be_read_is_sent(host):
    await host.start(host.hear)
    await host.stop()
    disk = Disk()
    disk.audio, disk.broken = source(30), range(1_500)
    async with LiveListen(host.url, KEY, RAW, source=disk, survival=QUICK) as stream:
        reading = asyncio.create_task(events_of(stream))
        await stream.send(disk.audio)
        await host.start(host.hear)
        await stream.finish()
        events = await reading
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert (gap.start, gap.end) == (0.0, 1.5)
    assert words_of(events) == list(range(15, 30))
    assert times_are_true(events)


async def test_memory_without_room_waits_once_and_then_loses_the_oldest(host):
    await host.start(host.hear)
    await host.stop()
    survival = Survival(
        buffer_seconds=2, send_seconds=0.1, retry_seconds=0.01, max_retry_seconds=0.05
    )
    async with LiveListen(host.url, KEY, RAW, survival=survival) as stream:
        reading = asyncio.create_task(events_of(stream))
        audio = source(60)
        for start in range(0, len(audio), 100):
            await stream.send(audio[start : start + 100])
        await host.start(host.hear)
        await stream.finish()
        events = await reading
    gaps = [event for event in events if isinstance(event, Gap)]
    lost = sum(gap.end - gap.start for gap in gaps)
    assert lost >= 4.0
    assert len(words_of(events)) >= 10
    assert words_of(events)[-1] == 59
    assert times_are_true(events)


async def test_another_process_resumes_with_the_stored_audio(host):
    await host.start(host.hear)
    audio = source(12)
    disk = Disk()
    disk.audio = audio
    first = LiveListen(host.url, KEY, RAW, source=disk, survival=QUICK)
    said = []
    async with first as stream:
        await stream.send(audio[:700])
        async for event in stream:
            said.append(event)
            if words_of(said)[-1:] == [4]:
                break
    second = LiveListen(
        host.url, KEY, RAW, source=disk, survival=QUICK, resume=first.checkpoint(), received=900
    )
    async with second as stream:
        reading = asyncio.create_task(events_of(stream))
        await stream.send(audio[900:])
        await stream.finish()
        said += await reading
    assert words_of(said) == list(range(12))
    assert times_are_true(said)


@pytest.mark.parametrize("first", [silent, frozen])
async def test_a_server_that_says_nothing_is_left(host, first):
    await host.start(first, host.hear)
    sockets = replace(QUICK.sockets, finish_seconds=5)
    survival = Survival(retry_seconds=0.01, stall_seconds=0.5, sockets=sockets)
    async with LiveListen(host.url, KEY, RAW, survival=survival) as stream:
        events = await speak(stream, 12)
    assert words_of(events) == list(range(12))
    assert host.connections == 2


async def test_a_server_that_reads_nothing_holds_up_no_stored_audio(host):
    await host.start(frozen)
    patient = Survival(sockets=SocketTimeouts(send_seconds=3600, ping_seconds=3600))
    # A second is 6 MB, so that two seconds fill the buffers of the system.
    wide = ListenStreamOptions(encoding="linear32", sample_rate=192_000, channels=8)
    async with LiveListen(host.url, KEY, wide, source=Disk(), survival=patient) as stream:
        await collect(stream, [], until=ConnectionOpened)
        async with asyncio.timeout(30):
            for _ in range(200):
                await stream.send(bytes(61_440))
        assert stream.received_seconds == 2.0
        assert stream.sent_seconds < 2.0
        assert not stream.has_sent_all


async def test_all_is_sent_on_a_connection_alone(host):
    await host.start(host.hear)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        assert not stream.has_sent_all
        await collect(stream, [], until=ConnectionOpened)
        async with asyncio.timeout(30):
            await stream.send(bytes(RATE))
            while not stream.has_sent_all:  # noqa: ASYNC110 no event reports it
                await asyncio.sleep(0.01)
        assert stream.sent_seconds == stream.received_seconds > 0.0


async def test_silence_is_bridged_by_text_frames(host):
    kept = asyncio.Event()

    async def handler(connection):
        async for frame in connection:
            assert json.loads(frame) == {"type": "KeepAlive"}
            kept.set()

    await host.start(handler)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK):
        async with asyncio.timeout(30):
            await kept.wait()


async def test_a_rejected_key_ends_the_stream_for_all_who_use_it(host):
    def refuse(connection, request):
        return connection.respond(HTTPStatus.UNAUTHORIZED, "no such key")

    await host.start(host.hear, process_request=refuse)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        with pytest.raises(Denied, match="no such key"):
            await events_of(stream)
        with pytest.raises(Denied, match="no such key"):
            await stream.send(b"late")
        with pytest.raises(Denied, match="no such key"):
            await stream.finish()
    assert host.connections == 0


async def test_audio_that_the_server_rejects_ends_the_stream_with_a_gap(host):
    async def handler(connection):
        await connection.recv()
        await connection.close(1008, "no audio. See https://dpgr.am/data0000")

    await host.start(handler)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        await stream.send(source(1))
        events: list = []
        with pytest.raises(BadRequest, match="data0000"):
            await collect(stream, events)
    assert [event for event in events if isinstance(event, Gap)]
    assert host.connections == 1


async def test_a_busy_server_is_asked_again(host):
    busy = [429, 503]

    def refuse(connection, request):
        return connection.respond(HTTPStatus(busy.pop()), "busy") if busy else None

    await host.start(host.hear, process_request=refuse)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        events = await speak(stream, 3)
    assert words_of(events) == [0, 1, 2]


async def test_a_server_that_never_finishes_leaves_a_gap(host):
    await host.start(silent)
    survival = Survival(finish_seconds=0.2, sockets=QUICK.sockets)
    async with LiveListen(host.url, KEY, RAW, survival=survival) as stream:
        events = await speak(stream, 2)
    (gap,) = [event for event in events if isinstance(event, Gap)]
    assert gap.start == 0.0
    assert gap.end == pytest.approx(0.2)


async def test_finalize_is_sent_behind_the_audio(host):
    await host.start(host.hear)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        await stream.send(source(10)[:160])  # in the middle of a word
        await stream.finalize()
        async for event in stream:
            if isinstance(event, Segment) and event.from_finalize:
                assert event.end == pytest.approx(0.16)
                break


async def test_key_terms_are_changed_and_kept_for_later_connections(host):
    paths = []

    async def handler(connection):
        paths.append(connection.request.path)
        await host.hear(connection, cut_at=150 if len(paths) == 1 else None)

    await host.start(handler)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        assert await stream.configure(["x"]) == ConfigureFailed(
            "NOT_CONNECTED", "the connection is lost; try again later"
        )
        await collect(stream, [], until=ConnectionOpened)
        assert await stream.configure(["x"]) == Configured(("x",))
        with pytest.raises(InvalidOption, match="at most 100"):
            await stream.configure(["term"] * 101)
        await speak(stream, 5)
    assert ["keyterm=x" in path for path in paths] == [False, True]


@pytest.mark.parametrize(
    ("response", "code"),
    [(None, "NO_RESPONSE"), ({"type": "Error", "variant": "SchemaError"}, "SchemaError")],
)
async def test_a_configure_without_success_failed(host, response, code):
    async def handler(connection):
        async for _ in connection:
            if response is not None:
                await connection.send(json.dumps(response))

    await host.start(handler)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        await collect(stream, [], until=ConnectionOpened)
        failed = await stream.configure(["x"])
    assert isinstance(failed, ConfigureFailed)
    assert failed.code == code


async def test_changed_numerals_are_kept_for_later_connections(host):
    paths, frames = [], []

    async def handler(connection):
        paths.append(connection.request.path)
        async for frame in connection:
            if isinstance(frame, str) and json.loads(frame)["type"] == "Configure":
                frames.append(json.loads(frame))
                await connection.send(json.dumps({"type": "ConfigureSuccess", "keyterms": []}))
            if isinstance(frame, bytes) and len(paths) == 1 and frames:
                connection.transport.abort()

    await host.start(handler)
    async with LiveTurns(host.url, KEY, FLUX, survival=QUICK) as stream:
        await collect(stream, [], until=ConnectionOpened)
        assert isinstance(await stream.configure(numerals=True), Configured)
        await stream.send(bytes(1_600))
        await collect(stream, [], until=ConnectionOpened)
    assert [frame["numerals"] for frame in frames] == [True]
    assert ["numerals=true" in path for path in paths] == [False, True]


async def test_turns_end_before_the_stream(host):
    async def handler(connection):
        info = {"type": "TurnInfo", "event": "StartOfTurn", "transcript": "so"}
        async for frame in connection:
            if isinstance(frame, bytes):
                await connection.send(json.dumps(info))
                continue
            host.frames.append(json.loads(frame)["type"])
            if host.frames[-1] == "ForceEndTurn":
                await connection.send(json.dumps(info | {"event": "EndOfTurn"}))
            if host.frames[-1] == "CloseStream":
                async with connection.send_context():
                    connection.protocol.send_close()  # without a status code
                return

    await host.start(handler)
    async with LiveTurns(host.url, KEY, FLUX, survival=QUICK) as stream:
        await stream.send(bytes(1_600))
        events: list = []
        await collect(stream, events, until=Turn)
        reading = asyncio.create_task(collect(stream, events))
        await stream.finish()
        await reading
    assert [event.event for event in events if isinstance(event, Turn)] == [
        "StartOfTurn",
        "EndOfTurn",
    ]
    assert host.frames == ["ForceEndTurn", "CloseStream"]


@pytest.mark.parametrize(
    "options",
    [
        ListenStreamOptions(),
        ListenStreamOptions(encoding="opus", sample_rate=48_000),
        ListenStreamOptions(encoding="linear16"),
        ListenStreamOptions(encoding="linear16", sample_rate=8_000, callback="http://x.test"),
    ],
)
def test_a_stream_that_could_not_resume_is_rejected(options):
    with pytest.raises(InvalidOption):
        LiveListen("http://engine.test", KEY, options)


async def test_sending_after_the_end_is_an_error(host):
    await host.start(host.hear)
    async with LiveListen(host.url, KEY, RAW, survival=QUICK) as stream:
        await speak(stream, 1)
        with pytest.raises(ServiceUnavailable, match="has ended"):
            await stream.send(b"late")
