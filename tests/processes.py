"""Processes that end with the test or benchmark that started them, also when it is killed."""

import ctypes
import signal
import sys

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 15
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Ask the kernel to stop this process when its parent ends: a ``preexec_fn``."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none is lost sight of."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Stop every descendant of this process and wait until all are gone."""
    own = psutil.Process()
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        descendants = own.children(recursive=True)
        for process in descendants:
            try:
                stop(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(descendants, timeout=STOP_SECONDS)
        if not own.children(recursive=True):
            return
