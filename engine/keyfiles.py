"""Secrets in files of ``EARSHOT_DATA``, readable by their owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """The text in ``path``; the first start writes what ``make`` gives."""
    try:
        return path.read_text().strip()
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
