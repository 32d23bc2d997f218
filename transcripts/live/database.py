"""Short database work of live sessions, in a few threads that keep their connections.

Django opens a connection for each piece of work that runs outside a request. With SQLite that
costs more than the work itself, and sessions and their sockets have several pieces a second.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import Error, connection
from django.db.models import QuerySet

THREADS = 4
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live-database")


async def run(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Run a query or a short transaction. Work that also waits for files is not for here."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, partial(_run, work, arguments, named))


def _run(work: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        return work(*arguments, **named)
    except Error:
        connection.close()  # it may be broken
        raise
    finally:
        if connection.vendor != "sqlite":
            connection.close()  # back to the pool


class Standing:
    """Rows that are looked for again and again, by a statement that is put together once.

    Django takes ten times as long to put it together as the database to answer it.
    """

    def __init__(self, rows: QuerySet[Any]) -> None:
        query = rows.order_by().values_list("pk")[:1].query
        self._statement, self._values = query.sql_with_params()

    def exists(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(self._statement, self._values)
            return cursor.fetchone() is not None
