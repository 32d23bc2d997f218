"""An engine with room for a few streams, and a bare WebSocket beside the SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.runtime.modelcache import IN_EVENT_LOOP
from tests.contract.messages import misfits
from tests.engine.engine import Engine, start_engine
from tests.speech import Samples, join, pcm_bytes, say

STREAMS = 8  # that the engine takes at once

Message = dict[str, Any]


@pytest.fixture(scope="session")
def engine(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings = {
        "ENGINE_LIVE_LIMIT": str(STREAMS),
        "ENGINE_LIVE_LIMIT_TOTAL": str(STREAMS),
        "ENGINE_STREAM_LIMIT": str(STREAMS),
        "ENGINE_FETCH_PRIVATE_HOSTS": "true",  # where a test's own callbacks are
        "ENGINE_WARM_VOICES": "flux-jack-en",
    }
    running = start_engine(tmp_path_factory.mktemp("engine"), **settings)
    yield running
    running.stop()
    # A model that a test made the engine load there would have blocked the other streams.
    assert IN_EVENT_LOOP not in (running.data / "engine.log").read_text()


@pytest.fixture(scope="session")
def speech(full_lane: None) -> Samples:
    """Two sentences with a second between them, at 16 kHz."""
    fox, shells = say("The quick brown fox jumps over the lazy dog."), say("She sells sea shells.")
    return join(0.5, fox, 1.0, shells, 1.0)


@dataclass
class Stream:
    """One WebSocket: what it was told, and how it was closed.

    A binary frame is told as a message of the type ``sound`` with its ``data``; every other
    message must be as it was published.
    """

    socket: ClientConnection
    path: str
    told: list[Message] = field(default_factory=list)
    code: int | None = None
    reason: str = ""

    def send(self, samples: Samples, chunk_ms: int = 100, rate: int = 16_000) -> None:
        """Send 16-bit samples in frames, as fast as they go."""
        self.send_bytes(pcm_bytes(samples), rate * 2 * chunk_ms // 1000)

    def send_bytes(self, data: bytes, chunk: int = 3200) -> None:
        for at in range(0, len(data), chunk):
            self.socket.send(data[at : at + chunk])

    def say(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind, **fields}))

    def read_until(self, found: Callable[[Message], bool], seconds: float = 60) -> Message:
        """The first message that fits, which is the last one read."""
        deadline = time.monotonic() + seconds
        while True:
            frame = self.socket.recv(max(0.0, deadline - time.monotonic()))
            if isinstance(frame, bytes):
                message = {"type": "sound", "data": frame}
            else:
                message = json.loads(frame)
                assert misfits(self.path, message) == []
            self.told.append(message)
            if found(message):
                return message

    def read_all(self, seconds: float = 60) -> list[Message]:
        """Everything until the other side closes; ``code`` and ``reason`` say how."""
        try:
            self.read_until(lambda message: False, seconds)
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                self.code, self.reason = closed.rcvd.code, closed.rcvd.reason
        return self.told

    def read_to(self, kind: str) -> Message:
        """The next message of this type."""
        return self.read_until(lambda message: message["type"] == kind)

    def close_stream(self) -> list[Message]:
        self.say("CloseStream")
        return self.read_all()

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.told if message["type"] == kind]

    @property
    def sound(self) -> bytes:
        return b"".join(message["data"] for message in self.of("sound"))

    @property
    def finals(self) -> list[Message]:
        return [message for message in self.of("Results") if message["is_final"]]

    @property
    def transcript(self) -> str:
        texts = (final["channel"]["alternatives"][0]["transcript"] for final in self.finals)
        return " ".join(text for text in texts if text)


Open = Callable[..., Any]


@pytest.fixture
def open_stream(engine: Engine) -> Open:
    """``with open_stream("/v1/listen", model="nova-3") as stream``; lists repeat a parameter.

    Waits for room: the engine may learn after the client that an earlier stream has ended.
    """

    @contextmanager
    def open_it(path: str = "/v1/listen", **query: Any) -> Iterator[Stream]:
        with _connect_when_there_is_room(engine, path, query) as socket:
            yield Stream(socket, path)

    return open_it


def _connect(engine: Engine, path: str, query: dict[str, Any]) -> ClientConnection:
    query = {"encoding": "linear16", "sample_rate": 16_000} | query
    query = {name: value for name, value in query.items() if value is not None}
    url = f"{engine.socket_url}{path}?{urlencode(query, doseq=True)}"
    headers = {"authorization": f"Token {engine.key}"}
    return connect(url, additional_headers=headers, max_size=None, compression=None)


def _connect_when_there_is_room(
    engine: Engine, path: str, query: dict[str, Any]
) -> ClientConnection:
    deadline = time.monotonic() + 60
    while True:
        try:
            return _connect(engine, path, query)
        except InvalidStatus as error:
            if error.response.status_code != 429 or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture
def rejected(engine: Engine) -> Callable[..., InvalidStatus]:
    """The error with which a handshake is rejected at once."""

    def reject(path: str = "/v1/listen", **query: Any) -> InvalidStatus:
        with pytest.raises(InvalidStatus) as raised, _connect(engine, path, query):
            pass
        return raised.value

    return reject
