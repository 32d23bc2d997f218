"""Speech as it is made: a text over a speak socket, paced and in pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from management.tagging import tagged
from speechclient.errors import ServiceUnavailable
from speechclient.options import FluxSpeakOptions, SpeakStreamOptions
from speechclient.sockets import FluxSpeakStream, SpeakStream
from speechclient.speak import speak_version
from speechclient.streams.live_speak import Audio, Flushed, TurnSpoken
from speechclient.streams.session import Event, StreamWarning
from transcripts.clips.pace import SLOW_DOWN, TextPace

SAMPLE_RATE = 24_000
SPEAK = "speak"  # the feature in the tags of requests
# Without a message while text is to be spoken. A server may have to load the voice first; one
# that vanished is noticed by pings.
SILENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Server:
    """Address of the speech server of a project, the key for it, and the tags of requests."""

    base_url: str
    api_key: str
    tags: tuple[str, ...]


class Speaking:
    """One text that is spoken over one socket; iterate for audio, linear16 of ``SAMPLE_RATE``.

    Raises as sockets do. ``request_id`` is the server's.
    """

    def __init__(self, stream: SpeakStream | FluxSpeakStream, texts: Sequence[str]) -> None:
        self.pace = TextPace()
        self._stream = stream
        self._texts = texts
        self._unspoken = len(texts) if isinstance(stream, SpeakStream) else 1
        self._is_sent = False

    @property
    def request_id(self) -> str | None:
        return self._stream.request_id

    async def __aiter__(self) -> AsyncIterator[bytes]:
        sending = asyncio.create_task(self._send())
        try:
            while self._unspoken:
                event = await self._next(sending)
                if isinstance(event, Audio):
                    yield event.data
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _next(self, sending: asyncio.Task[None]) -> Event:
        """Return the next event; sending that failed is its error."""
        try:
            async with asyncio.timeout(SILENCE_SECONDS + self._pace_seconds()):
                event = await anext(self._stream)
        except (TimeoutError, StopAsyncIteration) as error:
            raise ServiceUnavailable(
                "the server stopped in the middle of the text", request_id=self.request_id
            ) from error
        if sending.done() and (failure := sending.exception()) is not None:
            raise failure
        match event:
            case Flushed() | TurnSpoken():
                self._unspoken -= 1
            case StreamWarning(code=code) if code == SLOW_DOWN:
                self.pace.slow_down()
        return event

    def _pace_seconds(self) -> float:
        """Return how long the server may be silent because it waits for text."""
        return 0.0 if self._is_sent else 60.0

    async def _send(self) -> None:
        """Send the pieces as fast as the server takes text, each spoken as soon as it is there."""
        clock = asyncio.get_running_loop().time
        for text in self._texts:
            await asyncio.sleep(self.pace.wait(len(text), clock()))
            self.pace.sent(len(text), clock())
            await self._stream.speak(text)
            if isinstance(self._stream, SpeakStream):
                await self._stream.flush()
        if isinstance(self._stream, FluxSpeakStream):
            await self._stream.flush()
        self._is_sent = True


@asynccontextmanager
async def speaking(
    server: Server, model: str, speed: float | None, texts: Sequence[str]
) -> AsyncIterator[Speaking]:
    """Open a socket for ``texts``; leaving the context stops the server's work.

    Raises ``SpeechError``.
    """
    if speak_version(model) == "v2":
        flux = FluxSpeakOptions(
            model=model, encoding="linear16", sample_rate=SAMPLE_RATE, speed=speed
        )
        stream: SpeakStream | FluxSpeakStream = await FluxSpeakStream.open(
            server.base_url, server.api_key, tagged(flux, server.tags)
        )
    else:
        aura = SpeakStreamOptions(
            model=model, encoding="linear16", sample_rate=SAMPLE_RATE, speed=speed
        )
        stream = await SpeakStream.open(server.base_url, server.api_key, aura)
    async with stream:
        yield Speaking(stream, texts)
