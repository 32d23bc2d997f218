"""A call over a real WebSocket to a server of agents in the same loop."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from websockets.asyncio.server import ServerConnection, serve

from management.models import Connection
from tests.transcripts.calls.test_talk import SPEECH, VOICE, ended, is_of, opened
from transcripts.calls.models import Call

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("transactional_db", "rings")]


class Server:
    """A server of agents that repeats what it is asked in writing, and says so in sound."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.keys: list[str] = []
        self.heard = bytearray()
        self.is_closed = asyncio.Event()

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.keys.append(connection.request.headers["authorization"])
        await connection.send(json.dumps({"type": "Welcome", "request_id": "r-1"}))
        async for frame in connection:
            if isinstance(frame, bytes):
                self.heard += frame
                continue
            message = json.loads(frame)
            if message["type"] == "Settings":
                await connection.send(json.dumps({"type": "SettingsApplied"}))
            if message["type"] == "InjectUserMessage":
                for role in ("user", "assistant"):
                    text = {"type": "ConversationText", "role": role, "content": message["content"]}
                    await connection.send(json.dumps(text))
                await connection.send(VOICE)
                await connection.send(json.dumps({"type": "AgentAudioDone"}))
        self.is_closed.set()


@pytest_asyncio.fixture
async def server_of_agents(call: Call) -> AsyncIterator[Server]:
    made = Server()
    async with serve(made.handle, "127.0.0.1", 0) as running:
        port = running.sockets[0].getsockname()[1]
        connection = await Connection.objects.aget()
        connection.agent_url = f"ws://127.0.0.1:{port}"
        connection.api_key = "a-key"
        await sync_to_async(connection.save)()
        yield made


async def test_a_conversation_goes_over_the_wire(call, ada, server_of_agents):
    page = await opened(call, ada)
    await page.sends(0, SPEECH)
    await page.asks(type="Say", text="Is there anybody?")
    heard = await page.until(lambda one: isinstance(one, bytes))
    kinds = [one["kind"] for one in heard if is_of(one, "Wire")]
    assert kinds[:5] == [
        "Settings",
        "Welcome",
        "SettingsApplied",
        "InjectUserMessage",
        "ConversationText",
    ]
    assert heard[-1] == VOICE
    assert server_of_agents.paths == ["/v1/agent/converse"]
    assert server_of_agents.keys == ["Token a-key"]
    await page.asks(type="Stop")
    await ended(page)
    async with asyncio.timeout(60):
        await server_of_agents.is_closed.wait()
    assert bytes(server_of_agents.heard) == SPEECH


async def test_a_server_that_cannot_be_reached_ends_the_call(call, ada):
    await Connection.objects.aupdate(agent_url="ws://127.0.0.1:9")
    page = await opened(call, ada)
    assert "cannot be reached" in (await ended(page))["reason"]
