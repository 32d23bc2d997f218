"""Lower priority for threads that compute, below those that serve requests."""

from __future__ import annotations

import os

_NICE = 5


def step_back() -> None:
    """Lower the priority of this thread and of the threads and processes that it starts.

    On a machine whose cores are all busy, the event loop and the web server would otherwise be
    scheduled after the models. Only Linux has priorities of threads.
    """
    if hasattr(os, "sched_getaffinity"):
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
