"""Messages and audio for the page of a call, until its socket takes them."""

import asyncio
from collections import deque

# A page that reads has far less waiting; agents send a reply faster than it is played.
MOST_BYTES = 16 * 1024 * 1024


class Outbox:
    """A queue of frames, text or audio; audio that became useless is removed from it."""

    def __init__(self) -> None:
        self._frames: deque[str | bytes] = deque()
        self._size_bytes = 0
        self._filled = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        return not self._frames

    @property
    def is_full(self) -> bool:
        return self._size_bytes > MOST_BYTES

    def put(self, frame: str | bytes) -> None:
        """Add a frame; what is put into a full outbox is dropped: its page does not read."""
        if self.is_full:
            return
        self._frames.append(frame)
        self._size_bytes += len(frame)
        self._filled.set()

    def drop_audio(self) -> None:
        """Remove the audio that the page has not been sent."""
        self._frames = deque(frame for frame in self._frames if isinstance(frame, str))
        self._size_bytes = sum(map(len, self._frames))

    async def get(self) -> str | bytes:
        """Return the next frame, as soon as there is one."""
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        frame = self._frames.popleft()
        self._size_bytes -= len(frame)
        return frame
