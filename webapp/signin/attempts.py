"""Failed sign-ins, counted by account and by client address."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable

ACCOUNT_BURST, ACCOUNT_SECONDS = 10, 30.0  # failures at once; then one in so many seconds
CLIENT_BURST, CLIENT_SECONDS = 30, 5.0
MOST_KEPT = 10_000


class Failures:
    """An allowance of failures for each key, which refills with time. Safe between threads."""

    def __init__(self, burst: int, seconds: float) -> None:
        self._burst = burst
        self._seconds = seconds
        self._spent: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: Hashable) -> float:
        """Seconds until ``key`` may try again; 0 now."""
        with self._lock:
            return max(0.0, (self._left(key) - self._burst + 1) * self._seconds)

    def count(self, key: Hashable) -> None:
        with self._lock:
            self._spent[key] = (self._left(key) + 1, time.monotonic())
            self._spent.move_to_end(key)
            if len(self._spent) > MOST_KEPT:
                self._spent.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        with self._lock:
            self._spent.pop(key, None)

    def forget_all(self) -> None:
        with self._lock:
            self._spent.clear()

    def _left(self, key: Hashable) -> float:
        """Failures of ``key`` that have not been forgotten yet."""
        spent, at = self._spent.get(key, (0.0, 0.0))
        return max(0.0, spent - (time.monotonic() - at) / self._seconds)


# An account from one client alone: otherwise anybody could lock its owner out.
ACCOUNTS = Failures(ACCOUNT_BURST, ACCOUNT_SECONDS)
CLIENTS = Failures(CLIENT_BURST, CLIENT_SECONDS)
