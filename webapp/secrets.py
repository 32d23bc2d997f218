"""Secrets of the embedded default: made on first start, kept under EARSHOT_DATA."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """The secret in ``path``; a new one of 50 characters, mode 0600, when there is none.

    Safe when several processes start at once: the first to create the file wins and the
    others read what it wrote.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written aside and linked into place: no reader can see a half-written file.
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50)[:50])
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_text().strip()
