"""Captions of a session for the pages that show it."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

# Captions in memory; a page that missed more reads rows.
RECENT_CAPTIONS = 200


# ``json.dumps`` makes an encoder for each message when it has options.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(message: dict[str, Any]) -> str:
    return _encoder.encode(message)


class Feed:
    """The newest captions, the interim words and the state, encoded once for all pages.

    A page has no queue of its own: it remembers the sequence number that it has seen, and waits
    for ``changed``.
    """

    def __init__(self, epoch: int, sequence: int) -> None:
        self.epoch = epoch
        self.sequence = sequence
        self.first = sequence  # captions after this one are in memory
        self.interim = encode({"type": "Interim", "parts": []})
        self.names = encode({"type": "Names", "names": {}})
        self.progress = encode({"type": "Progress"})
        self.ending = ""  # the last message, once the session has ended
        self.is_lost = False  # another process serves it
        self._recent: deque[tuple[int, str]] = deque()
        self._waiting: dict[asyncio.Future[None], Callable[[str], bool] | None] = {}

    def add(self, sequence: int, shown: dict[str, Any]) -> None:
        self._recent.append((sequence, encode(shown)))
        self.sequence = sequence
        self._wake()

    def show_interim(self, parts: list[dict[str, Any]]) -> None:
        # The most frequent message, which is text alone: ``encode`` takes six times as long.
        message = msgspec.json.encode({"type": "Interim", "parts": parts})
        self.show_encoded_interim(message.decode())

    def show_encoded_interim(self, message: str) -> None:
        if message == self.interim:
            return
        self.interim = message
        for waiter, take in self._waiting.items():
            if not waiter.done() and (take is None or not take(message)):
                waiter.set_result(None)

    def show_names(self, names: dict[str, str]) -> None:
        self._set("names", encode({"type": "Names", "names": names}))

    def show_progress(self, **facts: Any) -> None:
        self._set("progress", encode({"type": "Progress", **facts}))

    def end(self, message: dict[str, Any]) -> None:
        self._set("ending", encode(message))

    def lose(self) -> None:
        """The session is served elsewhere from now on."""
        self.is_lost = True
        self._wake()

    def since(self, sequence: int) -> list[tuple[int, str]]:
        """Return the captions after ``sequence`` that are in memory."""
        found = []
        for entry in reversed(self._recent):
            if entry[0] <= sequence:
                break
            found.append(entry)
        return found[::-1]

    def forget(self, stored: int) -> None:
        """Leave old captions to the rows, which have all up to ``stored``."""
        while len(self._recent) > RECENT_CAPTIONS and self._recent[0][0] <= stored:
            self.first = self._recent.popleft()[0]

    async def changed(self, take: Callable[[str], bool] | None = None) -> None:
        """Wait for the next change.

        Interim words are many: those that ``take`` takes meanwhile, returning True, need no task
        to be woken.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = take
        try:
            await waiter
        finally:
            del self._waiting[waiter]

    def _set(self, name: str, message: str) -> None:
        if getattr(self, name) != message:
            setattr(self, name, message)
            self._wake()

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
