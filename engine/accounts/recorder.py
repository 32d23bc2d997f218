"""Calls on their way into the log of requests."""

from __future__ import annotations

import asyncio

from engine.accounts.usage import record
from engine.calls import Call
from engine.runtime.database import in_database


class Recorder:
    """Writes down one batch of calls after the other, each in one transaction.

    SQLite lets one write at a time, has the others sleep and try again, and asks the disk once
    for each: fifty calls that end together would keep all threads from those who only read.
    Used from the event loop alone.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Call, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, call: Call) -> asyncio.Future[None]:
        """Done when ``call`` has been written; its error is that of the database."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((call, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await in_database(record, [call for call, _ in batch])
            except Exception as raised:
                error = raised
            for _, written in batch:
                if written.done():
                    continue
                if error is None:
                    written.set_result(None)
                else:
                    written.set_exception(error)


RECORDER = Recorder()
