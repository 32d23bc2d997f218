"""Decisions about time of a live stream, without a clock: pace, silence, stalls, retries.

``now`` is a time of any monotonic clock in seconds.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_RATE = 1.25  # servers accept that much of real time: docs/contract.md, 4


class Pace:
    """Speed limit of sent audio: at most ``MAX_RATE`` times real time.

    ``burst_seconds`` of audio may be sent at once after a time of slower sending, so that audio
    that was late by a moment is not delayed further.
    """

    def __init__(self, burst_seconds: float) -> None:
        self._burst = burst_seconds / MAX_RATE
        self._earliest = float("-inf")

    def restart(self, now: float, *, has_burst: bool) -> None:
        """Begin on a new connection, where a burst may have to be earned first."""
        self._earliest = now if has_burst else now + self._burst

    def wait(self, now: float) -> float:
        """Return the seconds until the next piece may be sent, 0 for now."""
        return max(self._earliest - self._burst - now, 0.0)

    def sent(self, audio_seconds: float, now: float) -> None:
        self._earliest = max(self._earliest, now) + audio_seconds / MAX_RATE


class StallWatch:
    """Notices a server that takes audio and sends nothing.

    Each stall doubles the patience until something is received: a server that is busy is not
    helped by audio that is sent to it again and again.
    """

    def __init__(self, limit_seconds: float, *, most_seconds: float = 60.0) -> None:
        self._least, self._limit, self._most = limit_seconds, limit_seconds, most_seconds
        self._since: float | None = None
        self._audio = 0.0

    def restart(self) -> None:
        self._since, self._audio = None, 0.0

    def heard(self) -> None:
        self._since, self._audio, self._limit = None, 0.0, self._least

    def sent(self, audio_seconds: float, now: float) -> bool:
        """Return True when audio was sent for the whole limit and nothing was received."""
        self._since = now if self._since is None else self._since
        self._audio += audio_seconds
        if self._audio < self._limit or now - self._since < self._limit:
            return False
        self._limit = min(self._limit * 2, self._most)
        return True


class Backoff:
    """Waits between attempts to connect: doubled each time, and spread by chance.

    ``random`` returns a number from 0 to 1.
    """

    def __init__(self, random: Callable[[], float], *, first: float, most: float) -> None:
        self._random, self._first, self._most = random, first, most
        self._failures = 0

    def reset(self) -> None:
        """The server has sent a result: the next failure is the first."""
        self._failures = 0

    def next(self, retry_after: float | None) -> float:
        """Return the seconds to wait; ``retry_after`` is what the server asked for."""
        longest = min(self._first * 2.0 ** min(self._failures, 30), self._most)
        self._failures += 1
        spread: float = longest * (0.5 + 0.5 * self._random())
        # Streams that were sent away together must not return together.
        return spread if retry_after is None else retry_after + spread
