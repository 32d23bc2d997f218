"""Files that hold keys: made on first use, mode 0600, written whole or not at all."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SHORTEST_KEY = 20


class UnusableKeyFile(Exception):
    """A key file exists but does not hold a key; the message says what to do."""


def read_or_make(path: Path, make: Callable[[], str]) -> str:
    """Return the text of ``path``; the first call writes what ``make`` returns.

    Safe when several processes start at once: the first to link the file into place wins and
    the others read what it wrote. Raises ``UnusableKeyFile`` for a file that is empty, damaged
    or not readable: a new key in its place would make everything unreadable that the old one
    protects.
    """
    try:
        if not path.exists():
            write(path, make())
        content = path.read_bytes()
    except OSError as error:
        raise UnusableKeyFile(
            f"{path} cannot be read or written ({error.strerror}); correct its permissions or "
            "set EARSHOT_DATA to another folder."
        ) from error
    if not is_key(content):
        state = "damaged" if content.strip() else "empty"
        raise UnusableKeyFile(
            f"{path} is {state}; restore it from a backup. Only if there is none, delete it: a "
            "new one is made, and what the old one protected is lost."
        )
    return content.decode("ascii").strip()


def is_key(content: bytes) -> bool:
    """Return whether every line is printable ASCII without spaces and long enough for a key."""
    lines = content.split()
    return bool(lines) and all(
        len(line) >= SHORTEST_KEY and all(33 <= byte < 127 for byte in line) for line in lines
    )


def write(path: Path, text: str) -> None:
    """Write a new key file; one that another process made in the meantime stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path, text) as aside, suppress(FileExistsError):
        os.link(aside, path)
        sync_folder(path.parent)


def prepend(path: Path, line: str) -> None:
    """Put a line before those of a key file."""
    replace(path, f"{line}\n{path.read_text().strip()}")


def replace(path: Path, text: str) -> None:
    """Write a key file anew: a reader finds the old text or the new one."""
    with written_aside(path, text) as aside:
        os.replace(aside, path)
        sync_folder(path.parent)


@contextmanager
def written_aside(path: Path, text: str) -> Iterator[str]:
    """A temporary file of ``text``, on the disk, to be put into place of ``path`` at once.

    No reader and no crash can leave a partial file.
    """
    descriptor, aside = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        Path(aside).unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
