"""Database work for code that runs in the event loop, which must never wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_threads = ThreadPoolExecutor(8, "database")
_one_thread = ThreadPoolExecutor(1, "database-turn")


async def in_database(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run ``function`` in a thread of its own. It ends even if the caller is cancelled."""
    return await _run(_threads, lambda: function(*args, **kwargs))


async def in_turn(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """The same for what every call writes: one after the other, in the order they came.

    SQLite lets one write at a time and has the others sleep and try again; fifty of them would
    take all the threads from those who only want to read.
    """
    return await _run(_one_thread, lambda: function(*args, **kwargs))


async def _run(threads: Executor, function: Callable[[], Result]) -> Result:
    def run() -> Result:
        try:
            return function()
        finally:
            # Back to the pool. A sound connection to SQLite is kept: closing the last one to a
            # database in WAL mode writes the whole log back.
            if connection.vendor != "sqlite" or connection.errors_occurred:
                connection.close()

    return await asyncio.get_running_loop().run_in_executor(threads, run)
