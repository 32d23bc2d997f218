"""Secrets in files of ``EARSHOT_DATA``, readable by their owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from engine.env import Misconfigured

_SHORTEST_KEY = 20


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """Return the text in ``path``; the first start writes what ``make`` returns.

    Raises ``Misconfigured`` for a file that is empty or damaged.
    """
    try:
        return _checked(path, path.read_bytes())
    except FileNotFoundError:
        text = make()
    # Written aside and renamed: a reader sees no file or a whole one, never one others may read.
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    return text


def _checked(path: Path, content: bytes) -> str:
    key = content.strip()
    if len(key) < _SHORTEST_KEY or not all(33 <= byte < 127 for byte in key):
        state = "damaged" if key else "empty"
        raise Misconfigured(
            f"{path} is {state}; restore it from a backup, or delete it and a new one is made."
        )
    return key.decode("ascii")
