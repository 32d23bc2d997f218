"""Celery's scheduler, which keeps its times in memory and notices when the clock is set back."""

from typing import Any

from celery.beat import Scheduler


class Schedule(Scheduler):
    """Runs each task at its interval, whatever the wall clock does.

    Celery's own keeps the time of the last run in a file. When a clock that was ahead is set
    back, that time lies in the future, and nothing runs until the clock has caught up with it.
    """

    def tick(self, *args: Any, **options: Any) -> Any:
        ahead = [
            entry for entry in self.schedule.values() if entry.last_run_at > entry.default_now()
        ]
        for entry in ahead:
            entry.last_run_at = entry.default_now()
        if ahead:
            self._heap = None  # holds the times of the next runs by the old clock
        return super().tick(*args, **options)

    @property
    def info(self) -> str:
        return "    . in memory"
