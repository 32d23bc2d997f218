"""Messages in the order in which they were begun, though a thread computes some of them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.runtime.priority import step_back
from engine.wire.shapes import Message

_MOST_WAITING = 8  # then the client is read no further
_threads = ThreadPoolExecutor(2, "live-messages", step_back)


class OrderedMessages:
    """The messages of one stream; ``tell`` gets each of them in the event loop.

    A stream that computes messages needs ``run`` until its end; it raises the error of a
    computation.
    """

    def __init__(self, tell: Callable[[Message], None]) -> None:
        self._tell = tell
        self._waiting: deque[Message | Callable[[], Message]] = deque()
        self._unfinished = 0  # that wait or are computed
        self._changed = asyncio.Event()

    def add(self, message: Message) -> None:
        """Tell ``message`` behind those before it: at once when none is unfinished."""
        if self._unfinished:
            self._put(message)
        else:
            self._tell(message)

    def compute(self, make: Callable[[], Message]) -> None:
        """Tell what ``make`` returns, which a thread calls when the messages before are made."""
        self._put(make)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                await self._change()
            message = self._waiting.popleft()
            if callable(message):
                message = await loop.run_in_executor(_threads, message)
            self._tell(message)
            self._unfinished -= 1
            self._changed.set()

    async def wait_for_room(self) -> None:
        """Wait until few messages are unfinished."""
        await self._wait(_MOST_WAITING)

    async def wait_for_all(self) -> None:
        """Wait until every message has been told."""
        await self._wait(0)

    def _put(self, message: Message | Callable[[], Message]) -> None:
        self._unfinished += 1
        self._waiting.append(message)
        self._changed.set()

    async def _wait(self, most: int) -> None:
        while self._unfinished > most:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
