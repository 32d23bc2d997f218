"""Storage of audio: files being uploaded, and the media storage."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import FileSystemStorage, default_storage

BLOCK_BYTES = 1024 * 1024
# What an upload must leave free: the database and the logs need room.
SPARE_BYTES = 256 * 1024 * 1024


class DiskFull(Exception):
    """There is no room for it; nothing was half-written."""


@contextmanager
def full_disk_noticed() -> Iterator[None]:
    """Turn the two errors of a full disk into ``DiskFull``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The disk of the server is full.") from error
        raise


def staging(key: object) -> Path:
    """The file of an upload or a fetch on its way in."""
    settings.UPLOADS.mkdir(parents=True, exist_ok=True)
    return settings.UPLOADS / str(key)


def spare_bytes() -> int:
    """The room there is for files on their way in; negative when the disk is nearly full."""
    settings.UPLOADS.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(settings.UPLOADS).free - SPARE_BYTES


def digest(file: IO[bytes], hasher: Any = None) -> Any:
    """The SHA-256 of what is left to read in a file, added to ``hasher`` if there is one."""
    hasher = hasher or hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        hasher.update(block)
    return hasher


def sync(path: Path) -> None:
    """Make what a file or folder holds survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def media_name(kind: str, moment: datetime, key: object) -> str:
    """A name in the media storage: ours, with nothing in it that a person typed."""
    return f"{kind}/{moment:%Y/%m}/{key}"


def keep(path: Path, name: str) -> str:
    """Move a staged file into the media storage; the name it really has there.

    Done again after it was cut off it finds what it did. Raises ``DiskFull``, and
    ``FileNotFoundError`` when the file is in neither place.
    """
    with full_disk_noticed():
        if not path.exists() and default_storage.exists(name):
            return name
        if isinstance(default_storage, FileSystemStorage):
            move(path, Path(default_storage.path(name)))
            return name
        with path.open("rb") as file:
            name = default_storage.save(name, File(file))
        path.unlink()
        return name


def move(path: Path, target: Path) -> None:
    """Move a file to another folder, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another disk: copy next to the target first, so that it appears whole.
        aside = target.with_name(f".{target.name}")
        shutil.copyfile(path, aside)
        sync(aside)
        os.replace(aside, target)
        path.unlink()
    sync(target.parent)


@contextmanager
def local_file(name: str) -> Iterator[Path]:
    """A stored file as a path on this machine, copied here for a while if it is elsewhere."""
    if isinstance(default_storage, FileSystemStorage):
        yield Path(default_storage.path(name))
        return
    settings.UPLOADS.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.UPLOADS, prefix="copy-") as copy:
        with full_disk_noticed(), default_storage.open(name) as source:
            shutil.copyfileobj(source, copy, BLOCK_BYTES)
            copy.flush()
        yield Path(copy.name)


def size_of(name: str) -> int:
    """Bytes of a stored file. Raises ``FileNotFoundError``."""
    return int(default_storage.size(name))


def open_range(name: str, first: int, last: int) -> BinaryIO:
    """A stored file to be read from byte ``first`` on; beyond ``last`` it may have nothing."""
    if isinstance(default_storage, FileSystemStorage):
        file = open(default_storage.path(name), "rb")  # noqa: SIM115 its reader closes it
        file.seek(first)
        return file
    # Object storages of django-storages would fetch the whole object to open it.
    storage: Any = default_storage
    stored = storage.bucket.Object(storage._normalize_name(name))
    body: BinaryIO = stored.get(Range=f"bytes={first}-{last}")["Body"]
    return body
