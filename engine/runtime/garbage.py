"""Garbage-collection schedule: freeze start-up objects, collect fully between responses.

A full collection holds the GIL and visits every object: those of the engine's own modules take
50 ms, the words of ten hours of speech a tenth of a second. Objects that exist before the first
request are therefore frozen, and the oldest generation is collected only while no response is
being built.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SECONDS = 60.0  # from one full collection to the next
LONGEST_WAIT_SECONDS = 600.0  # for a quiet moment: garbage must not pile up
_NEVER = 2**31 - 1


class Heap:
    """Used from the event loop alone: no locks."""

    def __init__(self) -> None:
        self._responses = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    @contextmanager
    def holding_response(self) -> Iterator[None]:
        """Postpone full collections while a response is built, which may have many words."""
        self._responses += 1
        self._is_quiet.clear()
        try:
            yield
        finally:
            self._responses -= 1
            if not self._responses:
                self._is_quiet.set()

    async def keep(self) -> None:
        """Run until cancelled; to be started when all that stays in memory is loaded."""
        gc.collect()
        gc.freeze()
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, _NEVER)
        while True:
            await asyncio.sleep(SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_quiet.wait(), LONGEST_WAIT_SECONDS)
            gc.collect()


HEAP = Heap()
