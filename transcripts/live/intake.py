"""Audio of a session between its microphone and the disk."""

import asyncio

from transcripts.live.audio import SAMPLE_BYTES, AudioFile

# Audio that waits for the disk; a microphone takes half a minute to fill it.
WAITING_BYTES = 1024 * 1024


class WrongOffset(Exception):
    """The audio does not continue what was received; ``received`` says where that ends."""

    def __init__(self, received: int) -> None:
        super().__init__(f"the session has {received} bytes of audio")
        self.received = received


class Intake:
    """Receives audio in order and exactly once, whatever the sender repeats.

    It is the ``AudioSource`` of the stream to the speech server: audio can be read from the moment
    it is received. Offsets are bytes of audio from the start of the session.
    """

    def __init__(self, file: AudioFile) -> None:
        self._file = file
        self._recent = bytearray()
        self._recent_start = file.size_bytes
        self._room = asyncio.Event()
        self._room.set()
        self._storing = asyncio.Lock()

    @property
    def received(self) -> int:
        return self._recent_start + len(self._recent)

    @property
    def stored(self) -> int:
        """Return the bytes that the disk has."""
        return self._file.size_bytes

    async def accept(self, offset: int, audio: bytes) -> bytes:
        """Take audio that begins at ``offset``; return the part of it that is new.

        Waits while the disk is slow. Raises ``WrongOffset`` when audio before it is missing.
        """
        await self._room.wait()
        return self.take(offset, audio)

    @property
    def has_room(self) -> bool:
        return self._room.is_set()

    def take(self, offset: int, audio: bytes) -> bytes:
        """The same without waiting, when it ``has_room``."""
        received = self.received
        if offset > received or offset % SAMPLE_BYTES:
            raise WrongOffset(received)
        new = audio[received - offset :]
        new = new[: len(new) - len(new) % SAMPLE_BYTES]
        self._recent += new
        if received + len(new) - self.stored > WAITING_BYTES:
            self._room.clear()
        return new

    async def read(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes of audio from ``start``; empty at the end."""
        if start >= self._recent_start:
            place = start - self._recent_start
            return bytes(self._recent[place : place + size])
        size = min(size, self._recent_start - start)
        return await asyncio.to_thread(self._file.read, start, size)

    async def store(self) -> int:
        """Write what was received to the disk; return the bytes that it has. Raises ``OSError``."""
        async with self._storing:
            start = self.stored
            waiting = bytes(self._recent[start - self._recent_start :])
            if waiting:
                await asyncio.to_thread(self._file.write, start, waiting)
            # The stream to the speech server reads audio only where it has to send it again.
            del self._recent[: self.stored - self._recent_start]
            self._recent_start = self.stored
            self._room.set()
            return self.stored

    async def close(self) -> None:
        async with self._storing:
            self._file.close()
