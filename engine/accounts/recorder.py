"""Queue of completed requests, written to the log in batches."""

from __future__ import annotations

import asyncio

from engine.accounts.ledger import record
from engine.exchange import Exchange
from engine.runtime.database import in_database


class Recorder:
    """Writes completed requests in batches, one transaction for each batch.

    SQLite allows one write at a time, the others sleep and retry, and each waits for the disk:
    fifty requests that end together would occupy every thread, and readers would wait.
    Used from the event loop alone.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Exchange, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, exchange: Exchange) -> asyncio.Future[None]:
        """Return a future that is done when ``exchange`` is written, with the database's error."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((exchange, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return written

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            error: Exception | None = None
            try:
                await in_database(record, [exchange for exchange, _ in batch])
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
