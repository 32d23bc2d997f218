"""Audio frames of a socket to 16 kHz samples, whatever the handshake said they are."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from engine.runtime.priority import step_back
from engine.speech.audio.decode import RATE, Decoder, RawFormat, Samples
from engine.speech.audio.packets import BARE, Packets
from engine.speech.audio.rawaudio import PLAIN, RawAudio
from engine.speech.errors import EmptyAudio, SpeechError
from engine.wire.errors import bad_request

# One step of the detector and of the session: the event loop is never held longer than this
# many samples take (some milliseconds).
_STEP = RATE // 4
_DECODERS = 64
_MOST_BLOCKS = 8  # decoded and not yet taken: some bytes of silence may hold hours
_threads = ThreadPoolExecutor(2 * _DECODERS, "live-decoder", step_back)

# Faster audio is slowed down to 1.25 times real time (docs/contract.md, 4). The first seconds are
# free, so that a client which was held up can catch up.
_SPEED = 1.25
_HEAD_START = 10.0


class Pace:
    """Wait time of a client that sends faster than allowed."""

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
        self._blocks: asyncio.Queue[Samples | None] = asyncio.Queue()

    async def feed(self, data: bytes) -> None:
        """Take the next bytes; returns when their samples have been dealt with."""
        self._blocks.put_nowait(self._raw.feed(data))
        await self._blocks.join()

    async def reach(self) -> None:
        """Wait until the samples of all bytes so far have been dealt with."""

    async def finish(self) -> None:
        """No more bytes come: ``blocks`` ends."""
        self._blocks.put_nowait(self._raw.finish())
        self._blocks.put_nowait(None)

    async def blocks(self) -> AsyncIterator[Samples]:
        """Samples, float32, (channels, samples), 16 kHz, until the last."""
        while (block := await self._blocks.get()) is not None:
            yield block
            self._blocks.task_done()

    @property
    def is_understood(self) -> bool:
        """Return whether the bytes received so far are audio."""
        return True

    async def close(self) -> None:
        pass


class EncodedAudio:
    """A container or a codec, through a confined decoder of its own.

    The same as ``PlainAudio``, but samples come some time behind their bytes, and ``blocks``
    raises ``AudioError`` for bytes that are no audio.
    """

    def __init__(
        self, raw: RawFormat | None, packets: Packets | None = None, *, multichannel: bool
    ) -> None:
        self._decoder = Decoder(None, raw=raw, multichannel=multichannel, decoded=self._decoded)
        # Samples, or how many bytes have been decoded by then.
        self._blocks: asyncio.Queue[Samples | int | Exception | None] = asyncio.Queue()
        self._packets = packets
        self._fed_bytes = self._reached_bytes = 0
        self._progress = asyncio.Event()
        self._is_over = False
        self._room = threading.Semaphore(_MOST_BLOCKS)
        self._is_closed = False
        self._was_fed = self._was_decoded = False
        self._loop = asyncio.get_running_loop()
        self._reader = self._loop.run_in_executor(_threads, self._read)

    async def feed(self, data: bytes) -> None:
        self._was_fed = True
        if self._packets is not None:
            data = self._packets.contained(data)
        self._fed_bytes += len(data)
        await self._loop.run_in_executor(_threads, self._decoder.feed, data)

    async def reach(self) -> None:
        while self._reached_bytes < self._fed_bytes and not self._is_over:
            self._progress.clear()
            await self._progress.wait()

    async def finish(self) -> None:
        await self._loop.run_in_executor(_threads, self._decoder.finish)

    async def blocks(self) -> AsyncIterator[Samples]:
        try:
            while (block := await self._blocks.get()) is not None:
                if isinstance(block, int):
                    self._reached_bytes = block
                    self._progress.set()
                    continue
                self._room.release()
                if isinstance(block, Exception):
                    raise block
                self._was_decoded = True
                yield block
        finally:
            self._is_over = True
            self._progress.set()

    @property
    def is_understood(self) -> bool:
        return self._was_decoded or not self._was_fed

    async def close(self) -> None:
        self._is_closed = True
        self._room.release()
        await self._loop.run_in_executor(_threads, self._decoder.close)
        await self._reader

    def _decoded(self, received: int) -> None:
        self._loop.call_soon_threadsafe(self._blocks.put_nowait, received)

    def _read(self) -> None:
        last: Exception | None = None
        try:
            for block in self._decoder.blocks():
                self._room.acquire()
                if self._is_closed:
                    return
                self._loop.call_soon_threadsafe(self._blocks.put_nowait, block)
        except EmptyAudio:
            pass  # closed before anything was sent: that is no fault
        except (SpeechError, ValueError, OSError) as error:  # also a pipe that ``close`` closed
            last = error
        self._loop.call_soon_threadsafe(self._blocks.put_nowait, last)


def open_audio(
    encoding: str | None, sample_rate: int | None, channels: int, *, multichannel: bool = False
) -> PlainAudio | EncodedAudio:
    """The audio that a handshake announces. Raises ``ApiError`` for what cannot be.

    ``sample_rate`` in Hz is needed with a raw encoding; without ``encoding`` the bytes of a
    container say it (docs/contract.md, 9.1).
    """
    if encoding in PLAIN:
        if sample_rate is None:
            raise bad_request(f"Bad Request: sample_rate is needed with encoding={encoding}.")
        return PlainAudio(encoding, sample_rate, channels)
    if not encoding and sample_rate is not None:
        raise bad_request("Bad Request: sample_rate is only for raw audio: name its encoding.")
    raw = RawFormat(encoding, sample_rate, channels) if encoding else None
    packets = Packets(encoding, sample_rate, channels) if encoding in BARE else None
    return EncodedAudio(raw, packets, multichannel=multichannel)
