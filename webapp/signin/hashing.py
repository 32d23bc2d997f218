"""Password hashes, one at a time and after everything else.

A hash takes a third of a second of a core by design. Computed by each request in a thread of its
own, a flood of sign-ins takes every core from the pages of those who are signed in.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.contrib.auth.hashers import PBKDF2PasswordHasher

NICENESS = 10
WAITING_AT_MOST = 8


class TooManyAttempts(Exception):
    """So many passwords are being checked that another one is not."""


def step_back() -> None:
    # Linux gives each thread a priority of its own; elsewhere this lowers the whole process's.
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_hashing = ThreadPoolExecutor(1, "hashing", step_back)
_places = threading.BoundedSemaphore(WAITING_AT_MOST)


class BackgroundPBKDF2(PBKDF2PasswordHasher):
    """Django's default hasher, in one thread of low priority."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        return _hashing.submit(super().encode, password, salt, iterations).result()


@contextmanager
def place() -> Iterator[None]:
    """A place among those who wait for a hash. Raises ``TooManyAttempts`` when there is none."""
    if not _places.acquire(blocking=False):
        raise TooManyAttempts
    try:
        yield
    finally:
        _places.release()
