"""Uploads in chunks: bytes in order, hashed and on disk before they are acknowledged.

The protocol is tus 1.0 (`views/uploads.py`); this module holds its rules. The progress of an upload
come, and the hash of what has come, stand in its row, which is written after its bytes are on
disk: a file that is longer was interrupted in between, and its surplus is written again.

Disk space is reserved for what is announced: an upload is accepted when there is room for it
and for the missing bytes of all others.
"""

import fcntl
import hashlib
import logging
import os
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Protocol

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from management.models import Project, User
from transcripts.media.names import clean_name, title_of
from transcripts.media.storage import (
    BLOCK_BYTES,
    digest,
    full_disk_noticed,
    keep,
    media_name,
    spare_bytes,
    staging,
    sync,
)
from transcripts.models import Recording, Upload

logger = logging.getLogger(__name__)

MAX_OPEN_UPLOADS = 500
KEPT_FOR = timedelta(days=7)
# One whose client went away after the last byte is finished by the sweep.
FINISHED_AFTER = timedelta(seconds=20)
# An upload that has not moved for this long reserves no room any more until it is resumed.
RESERVED_FOR = timedelta(hours=1)
MAX_HASHERS = 256
# How long the last step of an upload waits for others that look at it: none of them can write.
FINISH_WAIT_SECONDS, FINISH_POLL_SECONDS = 10.0, 0.02
DELETED = "The recording of this upload was deleted."
GONE = "The bytes of this upload are no longer on this server; start it again."


class Rejected(Exception):
    """The upload is rejected; the message says why, ``status`` is that of HTTP."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class WrongOffset(Exception):
    """The bytes do not continue what is there; ``offset_bytes`` is where to resume."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(f"The upload continues at byte {offset_bytes}.")
        self.offset_bytes = offset_bytes


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def begin(
    owner: User, project: Project, name: str, size_bytes: int, options: dict[str, Any]
) -> Upload:
    """Open an upload, checking every limit before a byte travels. Raises ``Rejected``.

    ``options`` are those of its transcription, as ``options.complete`` gives them.
    """
    name = clean_name(name)
    limit = settings.ENV.max_upload_bytes
    if size_bytes <= 0:
        raise Rejected(f"{name} is empty: there is nothing in it to transcribe.")
    if size_bytes > limit:
        raise Rejected(f"{name} has {size_bytes:,} bytes; at most {limit:,} are allowed.", 413)
    if owner.uploads.unfinished().count() >= MAX_OPEN_UPLOADS:
        raise Rejected(f"You have {MAX_OPEN_UPLOADS} unfinished uploads; finish some first.", 429)
    with reserving():
        check_room(owner, name, size_bytes)
        return Upload.objects.create(
            owner=owner, project=project, name=name, size_bytes=size_bytes, options=options
        )


def check_room(owner: User, name: str, size_bytes: int) -> None:
    """Raise ``Rejected`` (507) unless so many bytes fit beside all that is announced.

    One person's uploads together reserve at most half of the room, so that many announced
    ones do not keep everybody else out; a single one may take all of it.
    """
    if size_bytes > unreserved_bytes():
        raise Rejected(f"The server has no room for {name}.", 507)
    own = owner.uploads.reserved_bytes(timezone.now() - RESERVED_FOR)
    if own and own + size_bytes > spare_bytes() / 2:
        raise Rejected(
            "Your unfinished uploads need all of the free disk space; finish some first.", 507
        )


def unreserved_bytes() -> int:
    """The room on the disk that nobody's upload needs; may be negative."""
    return spare_bytes() - Upload.objects.reserved_bytes(timezone.now() - RESERVED_FOR)


@contextmanager
def reserving() -> Iterator[None]:
    """Look at the room and announce an upload alone: two at once could both get the last of it.

    The room is that of this machine's disk, and so is the lock.
    """
    settings.UPLOADS.mkdir(parents=True, exist_ok=True)
    folder = os.open(settings.UPLOADS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)
        os.close(folder)


def append(
    upload: Upload, offset_bytes: int, stream: Readable, prefix_sha256: str | None = None
) -> None:
    """Add the bytes of ``stream``, which start at ``offset_bytes`` of the file.

    ``prefix_sha256`` is the hash of all bytes before them, from a client that resumes with a
    file it cannot otherwise know to be the same. When this returns the bytes are hashed and on
    disk, and ``upload`` says how far it is. Raises ``WrongOffset`` when they do not continue
    what is there, or another writer is at it; ``Rejected`` when they are of another file, or
    more than were announced, or the disk has no room left for it; ``DiskFull``.
    """
    with locked(upload), full_disk_noticed():
        if upload.state != Upload.State.OPEN or offset_bytes != upload.offset_bytes:
            raise WrongOffset(upload.offset_bytes)
        path = staging(upload.pk)
        hasher = hashers.take(upload, path)
        if offset_bytes and prefix_sha256 not in (None, hasher.hexdigest()):
            raise Rejected(f"This is another file than the one that {upload.name} began with.", 412)
        if timezone.now() - upload.changed_at > RESERVED_FOR:
            reserve_again(upload)
        position = offset_bytes
        with path.open("r+b" if offset_bytes else "w+b") as file:
            if file.seek(0, os.SEEK_END) < offset_bytes:
                raise Rejected(GONE, 410)
            file.seek(offset_bytes)
            try:
                while block := stream.read(BLOCK_BYTES):
                    position += len(block)
                    if position > upload.size_bytes:
                        raise Rejected(
                            f"{upload.name} was announced with {upload.size_bytes:,} bytes, "
                            "but more were received.",
                            413,
                        )
                    file.write(block)
                    hasher.update(block)
                # An interrupted attempt may have written further.
                file.truncate(position)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                # A disk that is full gets its room back.
                file.truncate(offset_bytes)
                raise
        if offset_bytes == 0:
            sync(path.parent)
        advance(upload, position, hasher.hexdigest())
        hashers.put(upload, hasher)


def reserve_again(upload: Upload) -> None:
    """Reserve the room of an upload that lay still. Raises ``Rejected`` when there is none."""
    with reserving():
        check_room(upload.owner, upload.name, upload.size_bytes - upload.offset_bytes)
        Upload.objects.filter(pk=upload.pk).update(changed_at=timezone.now())


def advance(upload: Upload, position: int, sha256: str) -> None:
    row = Upload.objects.filter(pk=upload.pk, offset_bytes=upload.offset_bytes)
    if not row.update(offset_bytes=position, sha256=sha256, changed_at=timezone.now()):
        # Cancelled, or moved on by another machine that shares the folder.
        upload.refresh_from_db()
        raise WrongOffset(upload.offset_bytes)
    upload.offset_bytes, upload.sha256 = position, sha256


def finish(upload: Upload, source: Recording.Source = Recording.Source.UPLOAD) -> Recording:
    """Make the recording of an upload whose bytes are all there, and queue its transcription.

    Can be repeated: an upload makes one recording. Raises ``DiskFull``, and ``Rejected`` when
    its bytes, or the recording that it became, are gone.
    """
    with locked(upload, FINISH_WAIT_SECONDS):
        if upload.state == Upload.State.STORED:
            if upload.recording is None:
                raise Rejected(DELETED, 410)
            return upload.recording
        path = staging(upload.pk)
        name = media_name("recordings", upload.created_at, upload.pk)
        # In neither place, or in the second after an interruption between move and row.
        if not path.exists() and not default_storage.exists(name):
            raise Rejected(GONE, 410)
        file = keep(path, name)
        with transaction.atomic():
            recording = Recording.objects.create(
                project=upload.project,
                owner=upload.owner,
                title=title_of(upload.name),
                file=file,
                original_name=upload.name,
                size_bytes=upload.size_bytes,
                sha256=upload.sha256 or stored_digest(file),
                source=source,
            )
            recording.enqueue(upload.options)
            stored = {"recording": recording, "state": Upload.State.STORED}
            Upload.objects.filter(pk=upload.pk).update(**stored)
        upload.recording, upload.state = recording, Upload.State.STORED
        lock_path(upload).unlink(missing_ok=True)
        return recording


def stored_digest(name: str) -> str:
    """The hash of a stored file, of an upload that began before its row held one."""
    with default_storage.open(name) as stored:
        return str(digest(stored).hexdigest())


def cancel(upload: Upload) -> None:
    """Forget an upload and its bytes. An upload that has become a recording is kept."""
    with locked(upload):
        Upload.objects.filter(pk=upload.pk).delete()
        staging(upload.pk).unlink(missing_ok=True)
        lock_path(upload).unlink(missing_ok=True)


def sweep_uploads(forget: bool = True) -> None:
    """Finish what lost its client at the last byte; forget what nobody has touched for days.

    Without ``forget`` nothing is deleted, because the clock has just been set.
    """
    whole = Upload.objects.without_client(FINISHED_AFTER)
    old = Upload.objects.filter(changed_at__lt=timezone.now() - KEPT_FOR)
    for uploads, act in ((old if forget else old.none(), cancel), (whole, finish)):
        for upload in uploads.order_by("changed_at")[:20]:
            try:
                act(upload)
            except (WrongOffset, Upload.DoesNotExist):
                continue  # its client is at it after all
            except Rejected as rejection:
                # Its bytes are on the machine that took them, which sweeps too.
                logger.warning("Upload %s: %s", upload.pk, rejection)


def lock_path(upload: Upload) -> Path:
    return staging(f"{upload.pk}.lock")


@contextmanager
def locked(upload: Upload, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold an upload alone, its row read anew.

    Raises ``WrongOffset`` while another does for longer than ``wait_seconds``, and
    ``Upload.DoesNotExist`` when it was cancelled. The lock is the kernel's and goes with the
    process: a cut request leaves none behind.
    """
    latest = time.monotonic() + wait_seconds
    with lock_path(upload).open("w") as file:
        while not took_lock(file):
            if time.monotonic() >= latest:
                upload.refresh_from_db()
                raise WrongOffset(upload.offset_bytes)
            time.sleep(FINISH_POLL_SECONDS)
        try:
            upload.refresh_from_db()
            yield
        finally:
            # A process that another thread forks meanwhile has the file too, until it is itself.
            fcntl.flock(file, fcntl.LOCK_UN)


def took_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Hashers:
    """SHA-256 of the uploads that this process wrote last, to continue with.

    Others are hashed from the file: after a restart, or with several processes.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.kept: OrderedDict[uuid.UUID, tuple[int, Any]] = OrderedDict()

    def take(self, upload: Upload, path: Path) -> Any:
        """The hash of all bytes so far, no longer kept here. Raises ``Rejected`` without them."""
        with self.lock:
            offset_bytes, hasher = self.kept.pop(upload.pk, (None, None))
        if offset_bytes == upload.offset_bytes:
            return hasher
        return beginning(path, upload.offset_bytes) if upload.offset_bytes else hashlib.sha256()

    def put(self, upload: Upload, hasher: Any) -> None:
        with self.lock:
            self.kept[upload.pk] = (upload.offset_bytes, hasher)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)


def beginning(path: Path, size_bytes: int) -> Any:
    """The hash of the first bytes of a file. Raises ``Rejected`` when it has fewer."""
    hasher = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while size_bytes and (block := file.read(min(BLOCK_BYTES, size_bytes))):
                hasher.update(block)
                size_bytes -= len(block)
    except FileNotFoundError:
        raise Rejected(GONE, 410) from None
    if size_bytes:
        raise Rejected(GONE, 410)
    return hasher


hashers = Hashers(MAX_HASHERS)
