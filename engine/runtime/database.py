"""Database work for code that runs in the event loop, which must never wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connection

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_threads = ThreadPoolExecutor(8, "database")


async def in_database(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Run ``function`` in a thread of its own. It ends even if the caller is cancelled."""

    def run() -> Result:
        try:
            return function(*args, **kwargs)
        finally:
            # Back to the pool. A sound connection to SQLite is kept: closing the last one to a
            # database in WAL mode writes the whole log back.
            if connection.vendor != "sqlite" or connection.errors_occurred:
                connection.close()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)
