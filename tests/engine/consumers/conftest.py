"""Live streams in this process, whose models need no weights."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from channels.testing import WebsocketCommunicator

from engine.consumers import agent, flux, listen, recognition, turns
from tests.contract.messages import misfits
from tests.engine.inprocess import WAIT_SECONDS, Inside
from tests.engine.live import FakeEndOfTurn, FakeLiveRecognizer

Message = dict[str, Any]
LINEAR16 = {"encoding": "linear16", "sample_rate": 16_000}


@dataclass
class LiveStream:
    """One socket of a client in this process, and what it was told."""

    socket: WebsocketCommunicator
    path: str
    told: list[Message] = field(default_factory=list)
    code: int | None = None

    async def hear(self, data: bytes) -> None:
        await self.socket.send_to(bytes_data=data)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_to(text_data=json.dumps({"type": kind, **fields}))

    async def read(self) -> bool:
        """Read one message; False at the close, which leaves its code."""
        output = await self.socket.receive_output(WAIT_SECONDS)
        if output["type"] == "websocket.close":
            self.code = output["code"]
            return False
        message = json.loads(output["text"])
        assert misfits(self.path, message) == []
        self.told.append(message)
        return True

    async def close_stream(self) -> list[Message]:
        await self.say("CloseStream")
        while await self.read():
            pass
        return self.told


OpenLive = Callable[..., AbstractAsyncContextManager[LiveStream]]


@pytest.fixture
def recognizer(monkeypatch: pytest.MonkeyPatch) -> FakeLiveRecognizer:
    """The recognizer of every live stream."""
    made = FakeLiveRecognizer()
    for module in (agent, listen, flux, recognition):
        monkeypatch.setattr(module, "recognizer", lambda: made)
    monkeypatch.setattr(turns, "end_of_turn", FakeEndOfTurn)
    return made


@pytest.fixture
def open_live(inside: Inside, recognizer: FakeLiveRecognizer) -> OpenLive:
    """``async with open_live("/v1/listen", model="nova-3") as stream``: 16-bit audio at 16 kHz."""

    @asynccontextmanager
    async def open_it(path: str = "/v1/listen", **query: Any) -> AsyncIterator[LiveStream]:
        query = {name: value for name, value in (LINEAR16 | query).items() if value is not None}
        token = f"Token {inside.ada.key}".encode()
        socket = WebsocketCommunicator(
            inside.gate,
            f"{path}?{urlencode(query, doseq=True)}",
            headers=[(b"authorization", token)],
        )
        accepted, problem = await socket.connect(timeout=WAIT_SECONDS)
        assert accepted, problem
        yield LiveStream(socket, path)
        await socket.disconnect(timeout=WAIT_SECONDS)

    return open_it
