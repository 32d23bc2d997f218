"""A transport that keeps what is written to it, and the bytes of frames cut in any way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader


class Wire(asyncio.Transport):
    """The end of a connection that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def messages(self, *, is_masked: bool) -> list[bytes]:
        """Return the payload of each frame that was written."""
        reader = StreamReader()
        reader.feed_data(bytes(self.written))
        found = []
        while reader.buffer:
            parser = Frame.parse(reader.read_exact, mask=is_masked)
            try:
                next(parser)
            except StopIteration as end:
                found.append(bytes(end.value.data))
            else:
                raise AssertionError("the last frame is not whole")
        return found

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Everything is written at once."""


def frames_of(message: bytes, kind: Opcode, chance: random.Random) -> Iterator[Frame]:
    """Yield ``message`` as one frame or two, at times with a ping behind it."""
    if chance.random() < 0.3 and len(message) > 1:
        half = len(message) // 2
        yield Frame(kind, message[:half], fin=False)
        yield Frame(Opcode.CONT, message[half:])
    else:
        yield Frame(kind, message)
    if chance.random() < 0.3:
        yield Frame(Opcode.PING, b"?")


def cut(frames: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield the bytes of ``frames``: some whole, some in pieces, some several at once."""
    held = b""
    for frame in frames:
        place = chance.choice((len(frame), len(frame), 1, 2, 4, 8, chance.randrange(len(frame))))
        if held + frame[:place]:
            yield held + frame[:place]
        held = frame[place:]
        if held and chance.random() < 0.7:
            yield held
            held = b""
    if held:
        yield held
