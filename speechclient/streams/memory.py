"""Memory of a live stream's newest audio."""

from __future__ import annotations


class Memory:
    """At most ``size`` bytes of a source: ``start`` to ``end``, counted from its beginning."""

    def __init__(self, size: int, start: int = 0) -> None:
        self.size = size
        self.start = start
        self._audio = bytearray()

    @property
    def end(self) -> int:
        return self.start + len(self._audio)

    def make_room(self, size: int, droppable: int) -> bool:
        """Make room for ``size`` bytes; nothing from byte ``droppable`` on is dropped."""
        excess = len(self._audio) + size - self.size
        if excess > 0:
            self.drop_before(min(self.start + excess, droppable))
        return len(self._audio) + size <= self.size

    def append(self, audio: bytes) -> None:
        self._audio += audio

    def drop_before(self, place: int) -> None:
        if place > self.start:
            size = min(place - self.start, len(self._audio))
            del self._audio[:size]
            self.start += size

    def read(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes from ``start``; empty when they are not here."""
        first = start - self.start
        return bytes(self._audio[first : first + size]) if first >= 0 else b""
