"""When Python looks for garbage among everything that lives.

The collector lets no thread go on while it looks, and it looks at all that is not garbage too: at
the engine's own modules for 50 ms, at the words of ten hours of speech for a tenth of a second.
So what is there before anybody is served is never looked at again, and what has lived for long
only when no answer is being put together.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SECONDS = 60.0  # from one look to the next
LONGEST_WAIT_SECONDS = 600.0  # for a quiet moment: garbage must not pile up
_NEVER = 2**31 - 1


class Heap:
    """Used from the event loop alone: no locks."""

    def __init__(self) -> None:
        self._answers = 0
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    @contextmanager
    def holding_answer(self) -> Iterator[None]:
        """While an answer is put together, which may be of many words."""
        self._answers += 1
        self._is_quiet.clear()
        try:
            yield
        finally:
            self._answers -= 1
            if not self._answers:
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
