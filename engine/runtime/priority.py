"""Threads that compute let those that answer go first."""

from __future__ import annotations

import os

_NICE = 5


def step_back() -> None:
    """Have this thread, and the threads and processes it starts, yield to all others.

    On a machine whose cores are all at work, the event loop and the web server would else wait
    for their turn behind the models. Only Linux knows priorities of threads.
    """
    if hasattr(os, "sched_getaffinity"):
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
