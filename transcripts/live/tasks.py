"""Tasks of one run: a failure is logged, and they are cancelled together."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


class Tasks:
    """The tasks of what ``name`` says, for log messages."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._is_done)
        return task

    async def cancel(self, but: asyncio.Task[Any] | None = None) -> None:
        """Cancel the tasks and wait for them; ``but`` is not cancelled but waited for."""
        others = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in others:
            if task is not but:
                task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _is_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s failed", self._name, exc_info=task.exception())
