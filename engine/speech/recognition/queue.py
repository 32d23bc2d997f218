"""The one queue of everything that needs a model: finals, then interims, then batch windows."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from engine.runtime.priority import step_back
from engine.speech.errors import Cancelled

# A call of several windows would hold up a final that comes meanwhile; so while somebody speaks
# live, and for these seconds after, windows go one by one.
_LIVE_SECONDS = 10.0


class Priority(IntEnum):
    FINAL = 0
    INTERIM = 1
    BATCH = 2


@dataclass
class Job:
    """One item for a model.

    ``call`` takes the items of several jobs and returns their results in order; jobs whose
    ``kind`` is equal may share a call. ``owner`` is the request they belong to.
    """

    item: Any
    call: Callable[[Sequence[Any]], Sequence[Any]]
    kind: Hashable
    priority: Priority
    owner: Hashable = None
    future: Future[Any] = field(default_factory=Future)
    submitted: float = field(default_factory=time.monotonic)
    waited: float = 0.0  # seconds in the queue; known once it is taken


class Work:
    """Worker threads over one priority queue.

    Finals and interims are taken in the order they came; batch requests take turns, one call
    each, so that a long recording does not hold up a short one. Cancel the future of a job that
    still waits, and it is dropped.
    """

    def __init__(self, *, threads: int = 2, windows_per_call: int = 2) -> None:
        self._windows_per_call = windows_per_call
        self._changed = threading.Condition()
        self._live: dict[Priority, deque[Job]] = {
            Priority.FINAL: deque(),
            Priority.INTERIM: deque(),
        }
        # By owner, in the order of their turns: a dict keeps it.
        self._batch: dict[Hashable, deque[Job]] = {}
        self._last_live = -_LIVE_SECONDS
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"speech-{index}", daemon=True)
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Future[Any]:
        """Queue ``job``; its future gives the result, or the error of its call."""
        with self._changed:
            if self._closed:
                raise Cancelled("the engine is stopping")
            if job.priority is Priority.BATCH:
                self._batch.setdefault(job.owner, deque()).append(job)
            else:
                self._live[job.priority].append(job)
                self._last_live = time.monotonic()
            self._changed.notify()
        return job.future

    def waiting(self) -> dict[Priority, int]:
        """Return the number of waiting jobs by priority, without the cancelled ones."""
        counts = dict.fromkeys(Priority, 0)
        with self._changed:
            for jobs in (*self._live.values(), *self._batch.values()):
                for job in jobs:
                    counts[job.priority] += not job.future.cancelled()
        return counts

    def close(self) -> None:
        """Drop what waits and end the threads after their present calls."""
        with self._changed:
            self._closed = True
            for jobs in (*self._live.values(), *self._batch.values()):
                for job in jobs:
                    job.future.cancel()
                jobs.clear()
            self._batch.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        step_back()
        while jobs := self._take():
            try:
                results = jobs[0].call([job.item for job in jobs])
            except BaseException as error:  # the edge of a thread: the waiting callers get it
                for job in jobs:
                    job.future.set_exception(error)
            else:
                for job, result in zip(jobs, results, strict=True):
                    job.future.set_result(result)

    def _take(self) -> list[Job]:
        """The next jobs for one call; none when the queue is closed."""
        with self._changed:
            while not self._closed:
                jobs = self._next_live() or self._next_batch()
                if jobs:
                    return jobs
                self._changed.wait()
        return []

    def _next_live(self) -> list[Job]:
        for jobs in self._live.values():
            while jobs:
                job = jobs.popleft()
                if _begin(job):
                    return [job]
        return []

    def _next_batch(self) -> list[Job]:
        alone = time.monotonic() - self._last_live < _LIVE_SECONDS
        # No more than a share of what waits: the other threads get the rest.
        share = -(-sum(len(jobs) for jobs in self._batch.values()) // len(self._threads))
        most = 1 if alone else min(self._windows_per_call, max(1, share))
        taken: list[Job] = []
        for owner in list(self._batch):
            jobs = self._batch.pop(owner)
            while jobs and len(taken) < most:
                if taken and jobs[0].kind != taken[0].kind:
                    break
                job = jobs.popleft()
                if _begin(job):
                    taken.append(job)
            if jobs:
                self._batch[owner] = jobs  # last in the order: the others are next
            if len(taken) == most:
                break
        return taken


def _begin(job: Job) -> bool:
    """Mark ``job`` as taken; False when it was cancelled."""
    job.waited = time.monotonic() - job.submitted
    return job.future.set_running_or_notify_cancel()
