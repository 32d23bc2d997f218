"""A speech server for made-up speech, and pages that speak it, over real sockets.

Second ``n`` of the speech is word ``n``: see ``tests/speechclient/simulated.py``.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import struct
import threading
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Origin

from tests.bench.echo import read_list
from tests.product import Member, free_port
from tests.speechclient.simulated import RATE, Server, source

BYTES_PER_SECOND = 32_000
PIECE = BYTES_PER_SECOND // 10
OFFSET = struct.Struct("<Q")


def speech(seconds: int) -> bytes:
    """Return made-up speech of one word a second, as 16-bit samples at 16 kHz."""
    slow = source(seconds)
    return b"".join(bytes([byte]) * (BYTES_PER_SECOND // RATE) for byte in slow)


async def hear(connection: ServerConnection) -> None:
    """Respond as a speech server: a final result for each word, after its pause."""
    server, settled, was_silent = Server(rate=BYTES_PER_SECOND), 0.0, True
    async for frame in connection:
        end = 0.0
        if isinstance(frame, bytes):
            server.audio += frame
            is_silent = frame.endswith(b"\0")
            if is_silent and not was_silent:
                end = server.pause()
            was_silent = is_silent
        elif "CloseStream" in frame or "Finalize" in frame:
            end = server.seconds
        if end > settled:
            await connection.send(server.message(settled, end, is_final=True))
            settled = end
        if isinstance(frame, str) and "CloseStream" in frame:
            await connection.send(json.dumps({"type": "Metadata"}))
            return


class WordServer:
    """The speech server, in a thread of its own. It can be cut off and come back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.is_away = False
        self._connections: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()

    @property
    def environ(self) -> dict[str, str]:
        return {"DEEPGRAM_API_KEY": "x", "DEEPGRAM_BASE_URL": f"http://127.0.0.1:{self.port}"}

    async def _run(self) -> None:
        options: dict[str, Any] = {"compression": None, "process_request": self._admit}
        async with serve(self._hear, "127.0.0.1", self.port, **options):
            await self._stop.wait()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.is_away:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "away")
        return await read_list(connection, request)

    async def _hear(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        try:
            await hear(connection)
        except ConnectionClosed:
            pass
        finally:
            self._connections.discard(connection)

    def leave(self) -> None:
        """Drop every connection and accept none until ``is_away`` is false again."""
        self.is_away = True
        self._loop.call_soon_threadsafe(self._drop)

    def _drop(self) -> None:
        for connection in self._connections:
            connection.transport.abort()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@dataclass
class Page:
    """The page of one session: it keeps its audio, and sends again what the server has not.

    ``piece_seconds`` are between two pieces of a tenth of a second.
    """

    path: str
    headers: dict[str, str]
    audio: bytes
    piece_seconds: float
    captions: dict[int, dict[str, Any]] = field(default_factory=dict)
    closes: list[tuple[int, str]] = field(default_factory=list)
    recording: str = ""
    spoken: int = 0  # bytes of audio that the microphone has given
    socket: ClientConnection | None = None

    @property
    def is_spoken(self) -> bool:
        return self.spoken >= len(self.audio)

    @property
    def texts(self) -> list[str]:
        """The words of the captions, in order."""
        text = " ".join(self.captions[index]["text"] for index in sorted(self.captions))
        return text.split()

    async def speak(self) -> None:
        """Give audio as a microphone does, whatever the network is like."""
        while not self.is_spoken:
            await asyncio.sleep(self.piece_seconds)
            self.spoken = min(self.spoken + PIECE, len(self.audio))

    async def serve(self, port: int, may_stop: Callable[[], bool] = lambda: True) -> None:
        """Send audio to a web process until it closes the socket; ``Stop`` after the last."""
        base = f"127.0.0.1:{port}"
        async with connect(
            f"ws://{base}{self.path}listen?tab=1",
            additional_headers=self.headers,
            origin=Origin(f"http://{base}"),
            compression=None,
            open_timeout=60,
        ) as self.socket:
            sending: asyncio.Task[None] | None = None
            try:
                async for text in self.socket:
                    message = json.loads(text)
                    if message["type"] == "Session":
                        work = self._send(self.socket, message["received"], may_stop)
                        sending = asyncio.create_task(work)
                    self._read(message)
            except ConnectionClosed:
                pass
            finally:
                if sending is not None:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        self.closes.append((self.socket.close_code or 0, self.socket.close_reason or ""))

    async def _send(
        self, socket: ClientConnection, sent: int, may_stop: Callable[[], bool]
    ) -> None:
        while sent < len(self.audio) or not may_stop():
            piece = self.audio[sent : min(sent + PIECE, self.spoken)]
            if piece:
                await socket.send(OFFSET.pack(sent) + piece)
                sent += len(piece)
            else:
                await asyncio.sleep(self.piece_seconds / 2)
        await socket.send(json.dumps({"type": "Stop"}))

    def stored(self, port: int) -> bytes:
        """Return the samples of its recording, which a web process at ``port`` serves."""
        url = f"http://127.0.0.1:{port}{self.recording}file"
        content = httpx.get(url, headers=self.headers, timeout=60).raise_for_status().content
        with wave.open(io.BytesIO(content)) as file:
            return file.readframes(file.getnframes())

    def _read(self, message: dict[str, Any]) -> None:
        if message["type"] == "Caption":
            self.captions[message["index"]] = message
        elif message["type"] == "Ended":
            self.recording = message["recording"]


def start_pages(member: Member, count: int, audio: bytes, piece_seconds: float) -> list[Page]:
    """Start sessions of one user."""
    cookies = "; ".join(f"{name}={value}" for name, value in member.http.cookies.items())
    made = []
    for number in range(count):
        response = member.http.post(
            "/live/start/",
            headers=member.headers,
            data={
                "project": member.project, "title": f"Session {number}", "source": "microphone",
                "mode": "captions", "language": "en", "model": "nova-3", "endpointing": "300",
                "diarize": "on",
            },
            follow_redirects=False,
        )  # fmt: skip
        path = re.match(r"(/live/[0-9a-f-]+/)", response.headers["Location"])
        assert path
        made.append(Page(path[1], {"Cookie": cookies}, audio, piece_seconds))
    return made
