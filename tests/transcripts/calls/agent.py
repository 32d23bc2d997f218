"""An agent for calls: it says what a test tells it, and remembers what it was sent."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from speechclient.errors import SpeechError
from speechclient.streams.agent import AgentSession
from speechclient.streams.session import Event
from transcripts.calls.upstream import Server


class FakeStream:
    """The interface of ``speechclient.sockets.AgentStream``, without a socket."""

    on_send: Callable[[str], None] | None = None

    def __init__(self) -> None:
        self.session = AgentSession()
        self.messages: list[dict[str, Any]] = []
        self.audio = b""
        self._events: asyncio.Queue[Event | SpeechError | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self._loop = asyncio.get_running_loop()
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, SpeechError):
            raise event
        return event

    async def send(self, frame: str) -> None:
        if self.on_send is not None:
            self.on_send(frame)
        self.messages.append(json.loads(frame))

    async def send_audio(self, audio: bytes) -> None:
        self.audio += audio

    async def close(self) -> None:
        self._put(None)

    def _put(self, event: Event | SpeechError | None) -> None:
        if self._loop is None:
            self._events.put_nowait(event)
        else:  # the test may run in another thread than the server
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    # For the test.

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if each["type"] == kind]

    def tells(self, kind: str, **body: Any) -> None:
        event = self.session.receive(json.dumps({"type": kind, **body}))
        self._put(event)

    def says(self, role: str, content: str) -> None:
        self.tells("ConversationText", role=role, content=content)

    def plays(self, audio: bytes) -> None:
        self._put(self.session.receive(audio))

    def begins(self) -> None:
        self.tells("Welcome", request_id="r-1")
        self.tells("SettingsApplied")

    def calls(self, call_id: str, name: str, arguments: str = "{}") -> None:
        call = {"id": call_id, "name": name, "arguments": arguments, "client_side": True}
        self.tells("FunctionCallRequest", functions=[call])

    def fails(self, error: SpeechError) -> None:
        self._put(error)


class FakeAgent:
    """Opens one stream for each call, the newest last."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.servers: list[Server] = []

    async def open(self, server: Server) -> Any:
        self.servers.append(server)
        self.streams.append(FakeStream())
        return self.streams[-1]

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]
