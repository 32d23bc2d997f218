"""Events of a live stream on their way to its reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from speechclient.streams.live_events import (
    Checkpoint,
    ConnectionOpened,
    Gap,
    LiveEvent,
    Segment,
    Turn,
)

MAX_BATCHES = 256


class Deliveries:
    """A bounded queue of events, which knows the place in the stream of what was taken from it.

    ``present`` returns the checkpoint of the stream. ``checkpoint`` is that of the last event
    that the reader has: with one that is ahead of it, events that are still here would be
    missing after another process has resumed the stream.
    """

    def __init__(self, present: Callable[[], Checkpoint]) -> None:
        self._present = present
        self._handed = present()
        self._batches: asyncio.Queue[tuple[deque[LiveEvent], Checkpoint | None]] = asyncio.Queue(
            MAX_BATCHES
        )
        self._batch: deque[LiveEvent] = deque()
        self._after: Checkpoint | None = None
        self._putting = 0
        self.take: Callable[[LiveEvent], None] | None = None  # a reader that waits for nothing

    @property
    def checkpoint(self) -> Checkpoint:
        is_current = not self._batch and self._batches.empty() and not self._putting
        return self._present() if is_current else self._handed

    @property
    def is_empty(self) -> bool:
        return not self._batch and self._batches.empty()

    async def put(self, events: Sequence[LiveEvent]) -> None:
        """Add events of one message; wait while the reader is far behind."""
        if self.take is not None:
            for event in events:
                self.take(event)
            return
        if not events:
            return
        after = self._present() if any(map(_moves, events)) else None
        self._putting += 1
        try:
            await self._batches.put((deque(events), after))
        finally:
            self._putting -= 1

    def wake(self) -> None:
        """Let a reader that waits look again."""
        if self._batches.empty():
            self._batches.put_nowait((deque(), None))

    async def next(self) -> LiveEvent | None:
        """Return the next event; None when the reader was woken without one."""
        if not self._batch:
            self._batch, self._after = await self._batches.get()
        event = self._batch.popleft() if self._batch else None
        if not self._batch and self._after is not None:
            self._handed = self._after
        return event


def _moves(event: LiveEvent) -> bool:
    """Return whether a stream that is resumed after ``event`` begins at another place."""
    match event:
        case Segment(is_final=is_final):
            return is_final
        case Turn(event=kind):
            return kind == "EndOfTurn"
    return isinstance(event, Gap | ConnectionOpened)
