"""Audio of one reply of an agent: made ahead of its release, and sent from any position."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import soxr

from engine.consumers.sockets import Socket
from engine.inference.agent_models import AgentVoice
from engine.inference.models import synthesizer
from engine.runtime.priority import step_back
from engine.speech.audio.decode import Samples
from engine.speech.audio.encode import Encoder
from engine.speech.errors import SpeechError
from engine.speech.synthesis.markup import plain
from engine.weights.errors import MissingWeights

_FRAME_SECONDS = 0.5  # of audio that is encoded at once
_threads = ThreadPoolExecutor(16, "agent-speak", step_back)


class Listener(Protocol):
    """Owner of the audio."""

    def on_made(self, number: int, seconds: float, *, is_last: bool) -> None: ...

    def on_sent(self, seconds: float) -> None: ...

    def on_all_sent(self) -> None: ...

    def on_speak_failed(self, number: int) -> None: ...


class ReplyAudio:
    """Sentences become samples in their order; the samples are sent while released."""

    def __init__(self, socket: Socket, voice: AgentVoice, listener: Listener) -> None:
        self._socket = socket
        self._listener = listener
        self._rate = voice.format.sample_rate
        self._texts: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self._pieces: list[Samples] = []  # at ``_rate``
        self._grown = asyncio.Event()
        self._is_finished = False  # no more sentences come
        self._unmade = 0  # sentences
        self._cancelled = threading.Event()
        self._sender: asyncio.Task[None] | None = None
        self._maker: asyncio.Task[None] | None = None
        self.use(voice)
        self.is_restarted = False

    def use(self, voice: AgentVoice) -> None:
        """Make the sentences that follow with ``voice``, some of them again."""
        self.is_restarted = True
        self._voice = voice
        self._texts = asyncio.Queue()
        self._unmade = 0
        self._maker = self._socket.spawn(self._make_all())

    def say(self, number: int, text: str) -> None:
        self.is_restarted = False
        self._unmade += 1
        self._texts.put_nowait((number, text))

    def finish(self) -> None:
        self._is_finished = True
        self._grown.set()

    def release(self, position: float) -> None:
        """Send from ``position`` in seconds on."""
        self._stop_sending()
        self._sender = self._socket.spawn(self._send(round(position * self._rate)))

    def hold(self) -> None:
        self._stop_sending()
        self._socket.drop_bytes()

    def stop(self) -> None:
        self._cancelled.set()
        self.hold()
        if self._maker is not None:
            self._maker.cancel()

    def _stop_sending(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    async def _make_all(self) -> None:
        while True:
            number, text = await self._texts.get()
            try:
                await self._make(number, text)
            except (SpeechError, MissingWeights):
                self._unmade = 0
                self._listener.on_speak_failed(number)
                return
            self._unmade -= 1
            self._grown.set()

    async def _make(self, number: int, text: str) -> None:
        loop = asyncio.get_running_loop()
        pieces = self._spoken(text)
        while (piece := await loop.run_in_executor(_threads, next, pieces, None)) is not None:
            self._pieces.append(piece)
            self._listener.on_made(number, len(piece) / self._rate, is_last=False)
            self._grown.set()
        self._listener.on_made(number, 0.0, is_last=True)

    def _spoken(self, text: str) -> Iterator[Samples]:
        voice = self._voice.model.voice
        sound = synthesizer().speak(
            plain(text), voice, speed=self._voice.speed, cancelled=self._cancelled.is_set
        )
        for samples in sound:
            if voice.sample_rate != self._rate:
                samples = soxr.resample(samples, voice.sample_rate, self._rate)
            yield samples.astype(np.float32, copy=False)

    async def _send(self, position: int) -> None:
        # A new one for each release: the client has dropped what came before.
        encoder = Encoder(self._voice.format, self._rate)
        while True:
            self._grown.clear()
            samples = self._from(position)
            if not len(samples):
                if self._is_finished and not self._unmade:
                    break
                await self._grown.wait()
                continue
            await self._socket.tell_bytes(encoder.feed(samples), self._is_stopped)
            position += len(samples)
            self._listener.on_sent(len(samples) / self._rate)
        await self._socket.tell_bytes(encoder.finish(), self._is_stopped)
        self._listener.on_all_sent()

    def _is_stopped(self) -> bool:
        return self._cancelled.is_set()

    def _from(self, position: int) -> Samples:
        """Return the next samples after ``position``, at most half a second; none if unmade."""
        most = round(_FRAME_SECONDS * self._rate)
        for piece in self._pieces:
            if position < len(piece):
                return piece[position : position + most]
            position -= len(piece)
        return np.zeros(0, np.float32)
