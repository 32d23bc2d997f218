"""Model files: written whole, and checked against their sha256."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from pathlib import Path

from engine.weights.errors import MissingWeights


def write_whole(path: Path, content: bytes) -> None:
    """Write ``path``, readable by every user; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)  # the engine may run as another user than installs it
    os.replace(file.name, path)


def digest(path: Path) -> str:
    """Return the sha256 of a file. A process reads each state of a file once."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


def checked(path: Path, sha256: str) -> Path:
    """Return ``path``. Raises ``MissingWeights`` when its sha256 is another."""
    if (actual := digest(path)) != sha256:
        raise MissingWeights(f"{path} has sha256 {actual}, expected {sha256}: install it again")
    return path


@functools.cache
def _digest(path: Path, size_bytes: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
