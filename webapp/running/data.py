"""The data folder: readable by its owner alone, and checked before anything is written to it."""

import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from webapp.env import Misconfigured

logger = logging.getLogger(__name__)

UMASK = 0o077
SQLITE_HEADER = b"SQLite format 3\0"


def prepare(data: Path) -> None:
    """Make ``data`` with mode 0700, and have this process create files for its user alone.

    Raises ``Misconfigured`` when it cannot be used.
    """
    os.umask(UMASK)
    try:
        data.mkdir(parents=True, exist_ok=True)
        # On an existing folder too: older versions created it readable to everyone.
        if data.stat().st_mode & UMASK:
            data.chmod(0o700)
        writable = os.access(data, os.W_OK | os.X_OK)
    except OSError as error:
        reason = "it is a file" if data.is_file() else error.strerror
        raise Misconfigured(
            f"{data} cannot be the data folder ({reason}); set EARSHOT_DATA to a folder of yours."
        ) from error
    if not writable:
        raise Misconfigured(
            f"{data} cannot be written; change its owner or set EARSHOT_DATA to another folder."
        )


def tighten(*folders: Path) -> int:
    """Remove the permissions of other users from everything in ``folders``; return the count.

    Files of earlier versions were readable to everyone on the machine. Symbolic links are not
    followed: what they point to is not ours to change.
    """
    changed = 0
    for path in (path for folder in folders if folder.is_dir() for path in contents(folder)):
        try:
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & UMASK:
                path.chmod(stat.S_IMODE(mode) & ~UMASK)
                changed += 1
        except FileNotFoundError:
            continue  # a temporary file that its process has removed
        except PermissionError as error:
            logger.warning("%s is readable to other users: %s", path, error.strerror)
    return changed


def contents(folder: Path) -> Iterator[Path]:
    yield folder
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(parent, name)


def check_database(database: Path, media: Path) -> None:
    """Raise ``Misconfigured`` when the SQLite file is damaged, or empty beside stored recordings.

    An empty database would start as an empty library, with every recording out of sight.
    """
    try:
        size = database.stat().st_size if database.exists() else 0
        with database.open("rb") if size else open(os.devnull, "rb") as file:
            header = file.read(len(SQLITE_HEADER))
    except OSError as error:
        raise Misconfigured(
            f"the database {database} cannot be opened ({error.strerror}); correct its "
            "permissions or set DATABASE_URL to another one."
        ) from error
    if size and (header != SQLITE_HEADER or not is_readable(database)):
        raise Misconfigured(
            f"the database {database} is damaged; restore it from a backup, or move it away "
            "together with the media folder to start with an empty library."
        )
    if (not size or not has_tables(database)) and holds_recordings(media):
        raise Misconfigured(
            f"the database {database} is missing or empty, but {media} holds recordings; restore "
            "the database from a backup, or move that folder away to start with an empty library."
        )


def is_readable(database: Path) -> bool:
    """Return whether SQLite can read the table of contents."""
    try:
        has_tables(database)
    except sqlite3.OperationalError:
        return True  # locked by another process: it is in use, not damaged
    except sqlite3.DatabaseError:
        return False
    return True


def has_tables(database: Path) -> bool:
    connection = sqlite3.connect(database, timeout=5)
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        connection.close()
    return bool(tables)


def holds_recordings(media: Path) -> bool:
    return any(files for _, _, files in os.walk(media / "recordings"))
