"""The socket of a conversation with an agent: against a server of the test, and the engine."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from speechclient import BadRequest, ServiceUnavailable
from speechclient.options import AgentOptions
from speechclient.sockets import AgentStream, SocketTimeouts
from speechclient.streams import agent
from speechclient.streams.live_speak import Audio
from speechclient.streams.session import StreamError
from tests.engine.rest.conftest import Engine, start_engine
from tests.speechclient.conftest import KEY
from tests.speechclient.test_sockets import QUICK
from tests.speechclient.test_sockets import host as host

pytestmark = pytest.mark.full

OPTIONS = AgentOptions()


@pytest.fixture(scope="module")
def engine(full_lane, tmp_path_factory) -> Iterator[Engine]:
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


async def test_a_conversation_that_says_nothing_is_kept_alive(host):
    frames = []
    paths = []

    async def handler(connection):
        paths.append(connection.request.path)
        async for frame in connection:
            frames.append(frame if isinstance(frame, bytes) else json.loads(frame)["type"])
            if frames[-2:] == ["KeepAlive", "KeepAlive"]:
                return

    timeouts = SocketTimeouts(keep_alive_seconds=0.02)
    async with await AgentStream.open(await host(handler), KEY, OPTIONS, timeouts=timeouts) as one:
        await one.send(one.session.settings({"audio": {}, "agent": {}}))
        await one.send_audio(b"pcm")
        async for _ in one:
            pass
    assert paths == ["/v1/agent/converse"]
    assert frames == ["Settings", b"pcm", "KeepAlive", "KeepAlive"]


async def test_a_fatal_error_is_raised_with_the_words_of_the_server(host):
    async def handler(connection):
        error = {"type": "Error", "code": "INVALID_SETTINGS", "description": "no such voice"}
        await connection.send(json.dumps(error))
        await connection.close(1008)

    async with await AgentStream.open(await host(handler), KEY, OPTIONS) as stream:
        assert isinstance(await anext(stream), StreamError)
        with pytest.raises(BadRequest, match="no such voice"):
            await anext(stream)


async def test_a_server_of_agents_that_vanished_is_noticed(host):
    async def handler(connection):
        connection.transport.pause_reading()
        await connection.wait_closed()

    url = await host(handler, ping_interval=None, close_timeout=0.1)
    async with await AgentStream.open(url, KEY, OPTIONS, timeouts=QUICK) as stream:
        with pytest.raises(ServiceUnavailable, match="ping"):
            await anext(stream)


async def test_a_message_that_is_too_long_ends_the_conversation(host):
    async def handler(connection):
        await connection.send("x" * (4 * 1024 * 1024 + 1))
        await connection.wait_closed()

    async with await AgentStream.open(await host(handler), KEY, OPTIONS) as stream:
        with pytest.raises(ServiceUnavailable, match="exceeds limit"):
            await anext(stream)


async def test_closing_ends_the_iteration(host):
    async def handler(connection):
        await connection.wait_closed()

    async with await AgentStream.open(await host(handler), KEY, OPTIONS) as stream:
        waiting = asyncio.create_task(anext(stream, "over"))
        await asyncio.sleep(0)
        await stream.finish()
        assert await waiting == "over"


SETTINGS = {
    "audio": {
        "input": {"encoding": "linear16", "sample_rate": 16_000},
        "output": {"encoding": "linear16", "sample_rate": 24_000, "container": "none"},
    },
    "agent": {
        "think": {
            "provider": {"type": "open_ai", "model": "librarian"},
            "functions": [{"name": "search_library"}],
        },
        "speak": {"provider": {"type": "deepgram", "model": "flux-jack-en"}},
    },
}


async def test_the_engine_holds_a_conversation_with_a_function_call(engine):
    events = []
    async with await AgentStream.open(engine.url, engine.key, OPTIONS) as stream:
        await stream.send(stream.session.settings(SETTINGS))
        async for event in stream:
            events.append(event)
            match event:
                case agent.SettingsApplied():
                    await stream.send(stream.session.inject_user("Who spoke of the harbour?"))
                case agent.FunctionCallRequest(functions=(call,)):
                    hits = [{"title": "Monday", "speaker": "Ada", "start": 3, "text": "The end."}]
                    await stream.send(stream.session.respond(call.id, call.name, json.dumps(hits)))
                case agent.AgentAudioDone():
                    break
    assert isinstance(events[0], agent.Welcome)
    assert stream.request_id == events[0].request_id
    said = " ".join(
        each.content
        for each in events
        if isinstance(each, agent.ConversationText) and not each.is_user
    )
    assert "Ada said: The end." in said
    assert sum(len(each.data) for each in events if isinstance(each, Audio)) > 48_000
    assert not any(isinstance(each, agent.Other) for each in events)


async def test_the_engine_rejects_settings_without_meaning(engine):
    async with await AgentStream.open(engine.url, engine.key, OPTIONS) as stream:
        await stream.send(stream.session.settings({"audio": {}, "agent": "no-such-agent"}))
        with pytest.raises(Exception, match="agent") as rejected:
            async for _ in stream:
                pass
    assert vars(rejected.value)["code"] == "INVALID_AGENT_ID"
