"""Audio frames of a socket to 16 kHz samples, whatever the handshake said they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.errors import bad_request
from engine.speech.decode import RATE, Decoder, RawFormat, Samples
from engine.speech.errors import AudioError
from engine.speech.rawaudio import PLAIN, RawAudio

# One step of the detector and of the session: the event loop is never held longer than this
# many samples take (some milliseconds).
_STEP = RATE // 4
_DECODERS = 64
_threads = ThreadPoolExecutor(2 * _DECODERS, "live-decoder")

# The contract's section 4: faster is slowed down to 1.25 times real time. The first seconds are
# free, so that a client which was held up can catch up.
_SPEED = 1.25
_HEAD_START = 10.0


class Pace:
    """How long a client that sends faster than it may has to wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()

    def wait_seconds(self, received_seconds: float) -> float:
        allowed = _HEAD_START + _SPEED * (self._clock() - self._started)
        return max(0.0, (received_seconds - allowed) / _SPEED)


def steps(samples: Samples) -> list[Samples]:
    """``samples`` (channels, samples) cut so that none takes the event loop long."""
    return [samples[:, at : at + _STEP] for at in range(0, samples.shape[1], _STEP)]


class PlainAudio:
    """Raw samples: they are at hand as soon as they come."""

    def __init__(self, encoding: str, sample_rate: int, channels: int) -> None:
        self._raw = RawAudio(encoding, sample_rate, channels)

    async def feed(self, data: bytes) -> list[Samples]:
        return [self._raw.feed(data)]

    async def finish(self) -> list[Samples]:
        return [self._raw.finish()]

    async def close(self) -> None:
        pass


class EncodedAudio:
    """A container or a codec, through a confined decoder of its own.

    Samples come behind the bytes: ``feed`` gives what has been decoded so far. Raises
    ``AudioError`` for bytes that are no audio.
    """

    def __init__(self, raw: RawFormat | None, *, multichannel: bool) -> None:
        self._decoder = Decoder(None, raw=raw, multichannel=multichannel)
        self._blocks: asyncio.Queue[Samples | Exception | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._reader = self._loop.run_in_executor(_threads, self._read)

    async def feed(self, data: bytes) -> list[Samples]:
        await self._loop.run_in_executor(_threads, self._decoder.feed, data)
        found: list[Samples] = []
        while not self._blocks.empty():
            block = self._blocks.get_nowait()
            if isinstance(block, Exception):
                raise block
            if block is not None:
                found.append(block)
        return found

    async def finish(self) -> list[Samples]:
        """Everything that is left; waits for the decoder."""
        await self._loop.run_in_executor(_threads, self._decoder.finish)
        found: list[Samples] = []
        while (block := await self._blocks.get()) is not None:
            if isinstance(block, Exception):
                raise block
            found.append(block)
        return found

    async def close(self) -> None:
        await self._loop.run_in_executor(_threads, self._decoder.close)
        await self._reader

    def _read(self) -> None:
        last: Exception | None = None
        try:
            for block in self._decoder.blocks():
                self._loop.call_soon_threadsafe(self._blocks.put_nowait, block)
        except (AudioError, ValueError, OSError) as error:  # the pipe is closed under us at the end
            last = error
        self._loop.call_soon_threadsafe(self._blocks.put_nowait, last)


def open_audio(
    encoding: str, sample_rate: int | None, channels: int, *, multichannel: bool = False
) -> PlainAudio | EncodedAudio:
    """The audio that a handshake announces. Raises ``Refusal`` for what cannot be.

    ``sample_rate`` in Hz is needed with a raw encoding; without ``encoding`` the bytes of a
    container say it (contract, section 9.1).
    """
    if encoding in PLAIN:
        if sample_rate is None:
            raise bad_request(f"Bad Request: sample_rate is needed with encoding={encoding}.")
        return PlainAudio(encoding, sample_rate, channels)
    if not encoding and sample_rate is not None:
        raise bad_request("Bad Request: sample_rate is only for raw audio: name its encoding.")
    raw = RawFormat(encoding, sample_rate, channels) if encoding else None
    return EncodedAudio(raw, multichannel=multichannel)
