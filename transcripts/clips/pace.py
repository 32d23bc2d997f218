"""Pace at which text is sent to a speak socket, without a clock."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 60.0
MAX_CHARACTERS = 2_400  # in a minute; more closes the socket: docs/contract.md, 4
SLOW_DOWN = "DATA-0001"


class TextPace:
    """Keeps text below the characters a minute that servers accept.

    That is more than twice the pace of speech, so a listener never waits for it.
    """

    def __init__(self, characters: int = MAX_CHARACTERS) -> None:
        self._characters = characters
        self._sent: deque[tuple[float, int]] = deque()

    def wait(self, size: int, now: float) -> float:
        """Return the seconds until ``size`` characters may be sent, 0 for now.

        A piece that is longer than a minute's text waits until nothing else counts.
        """
        while self._sent and self._sent[0][0] <= now - WINDOW_SECONDS:
            self._sent.popleft()
        room = self._characters - size - sum(count for _, count in self._sent)
        for at, count in self._sent:
            if room >= 0:
                break
            room += count
            if room >= 0 or (at, count) == self._sent[-1]:
                return at + WINDOW_SECONDS - now
        return 0.0

    def sent(self, size: int, now: float) -> None:
        self._sent.append((now, size))

    def slow_down(self) -> None:
        """The server warns: send half as much from now on."""
        self._characters = max(self._characters // 2, 1)
