"""Event loop lag: measured continuously, reported by ``/healthz``."""

from __future__ import annotations

import asyncio
import time
from collections import deque

INTERVAL_SECONDS = 0.01
REMEMBERED_SECONDS = 60


class Pulse:
    """Beats every 10 ms; a late beat means that the loop, or the whole process, stood still."""

    def __init__(self) -> None:
        self._worst: deque[float] = deque([0.0], maxlen=REMEMBERED_SECONDS)  # of each second

    @property
    def worst_ms(self) -> float:
        """The latest beat of the last minute, in milliseconds after its time."""
        return round(max(self._worst) * 1000, 1)

    async def beat(self) -> None:
        """Run until cancelled."""
        second = time.monotonic() + 1
        while True:
            before = time.monotonic()
            await asyncio.sleep(INTERVAL_SECONDS)
            now = time.monotonic()
            self._worst[-1] = max(self._worst[-1], now - before - INTERVAL_SECONDS)
            if now >= second:
                self._worst.append(0.0)
                second = now + 1


PULSE = Pulse()
