"""Uploads in chunks: bytes in order, hashed and on disk before they are acknowledged.

The wire is tus 1.0's (`views/uploads.py`); here is what it means. The truth about how far an
upload has come is its row, written after its bytes are safe: a file that is longer was cut
off in between, and its surplus is written again.
"""

import fcntl
import hashlib
import logging
import os
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from management.models import Project, User
from transcripts.models import Recording, Upload
from transcripts.names import clean_name, title_of
from transcripts.storage import (
    BLOCK_BYTES,
    digest,
    full_disk_noticed,
    has_room,
    keep,
    media_name,
    staging,
    sync,
)

logger = logging.getLogger(__name__)

MAX_OPEN_UPLOADS = 500
KEPT_FOR = timedelta(days=7)
# One whose client went away after the last byte is finished by the sweep.
FINISHED_AFTER = timedelta(seconds=20)
MAX_HASHERS = 256
GONE = "The bytes of this upload are no longer on this server; start it again."


class Refused(Exception):
    """The upload cannot be taken; the message says why, ``status`` in HTTP's words."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class WrongOffset(Exception):
    """The bytes do not continue what is there; ``offset_bytes`` is where to go on."""

    def __init__(self, offset_bytes: int) -> None:
        super().__init__(f"The upload goes on at byte {offset_bytes}.")
        self.offset_bytes = offset_bytes


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def begin(
    owner: User, project: Project, name: str, size_bytes: int, options: dict[str, Any]
) -> Upload:
    """Open an upload, checking every limit before a byte travels. Raises ``Refused``.

    ``options`` are those of its transcription, as ``options.complete`` gives them.
    """
    name = clean_name(name)
    limit = settings.ENV.max_upload_bytes
    if size_bytes <= 0:
        raise Refused(f"{name} is empty: there is nothing in it to transcribe.")
    if size_bytes > limit:
        raise Refused(f"{name} has {size_bytes:,} bytes; at most {limit:,} are taken.", 413)
    if owner.uploads.filter(recording=None).count() >= MAX_OPEN_UPLOADS:
        raise Refused(f"You have {MAX_OPEN_UPLOADS} unfinished uploads; finish some first.", 429)
    if not has_room(size_bytes):
        raise Refused(f"The server has no room for {name}.", 507)
    return Upload.objects.create(
        owner=owner, project=project, name=name, size_bytes=size_bytes, options=options
    )


def append(upload: Upload, offset_bytes: int, stream: Readable) -> None:
    """Add the bytes of ``stream``, which start at ``offset_bytes`` of the file.

    They are hashed and safe on disk when this returns, and ``upload`` says how far it is.
    Raises ``WrongOffset`` when they do not continue what is there, or another writer is at it;
    ``Refused`` when there are more than were announced; ``DiskFull``.
    """
    with locked(upload), full_disk_noticed():
        if upload.recording_id or offset_bytes != upload.offset_bytes:
            raise WrongOffset(upload.offset_bytes)
        path = staging(upload.pk)
        hasher = hashers.take(upload)
        position = offset_bytes
        with path.open("r+b" if offset_bytes else "w+b") as file:
            if file.seek(0, os.SEEK_END) < offset_bytes:
                raise Refused(GONE, 410)
            file.seek(offset_bytes)
            try:
                while block := stream.read(BLOCK_BYTES):
                    position += len(block)
                    if position > upload.size_bytes:
                        raise Refused(
                            f"{upload.name} was announced with {upload.size_bytes:,} bytes, "
                            "but more have come.",
                            413,
                        )
                    file.write(block)
                    if hasher:
                        hasher.update(block)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                # A disk that is full gets its room back.
                file.truncate(offset_bytes)
                raise
        if offset_bytes == 0:
            sync(path.parent)
        advance(upload, position)
        if hasher:
            hashers.put(upload, hasher)


def advance(upload: Upload, position: int) -> None:
    row = Upload.objects.filter(pk=upload.pk, offset_bytes=upload.offset_bytes)
    if not row.update(offset_bytes=position, changed_at=timezone.now()):
        # Cancelled, or moved on by another machine that shares the folder.
        upload.refresh_from_db()
        raise WrongOffset(upload.offset_bytes)
    upload.offset_bytes = position


def finish(upload: Upload, source: Recording.Source = Recording.Source.UPLOAD) -> Recording:
    """Make the recording of an upload whose bytes are all there, and queue its transcription.

    Can be done again: an upload makes one recording. Raises ``DiskFull``.
    """
    with locked(upload):
        if upload.recording is not None:
            return upload.recording
        path = staging(upload.pk)
        name = media_name("recordings", upload.created_at, upload.pk)
        if path.exists():
            sha256 = hashers.digest(upload, path)
        elif default_storage.exists(name):
            # Cut off between the move and the row.
            with default_storage.open(name) as stored:
                sha256 = digest(stored).hexdigest()
        else:
            raise Refused(GONE, 410)
        file = keep(path, name)
        with transaction.atomic():
            recording = Recording.objects.create(
                project=upload.project,
                owner=upload.owner,
                title=title_of(upload.name),
                file=file,
                original_name=upload.name,
                size_bytes=upload.size_bytes,
                sha256=sha256,
                source=source,
            )
            recording.enqueue(upload.options)
            Upload.objects.filter(pk=upload.pk).update(recording=recording)
        upload.recording = recording
        lock_path(upload).unlink(missing_ok=True)
        return recording


def cancel(upload: Upload) -> None:
    """Forget an upload and its bytes. What has become a recording stays one."""
    with locked(upload):
        Upload.objects.filter(pk=upload.pk).delete()
        staging(upload.pk).unlink(missing_ok=True)
        lock_path(upload).unlink(missing_ok=True)


def sweep_uploads() -> None:
    """Finish what lost its client at the last byte; forget what nobody has touched for days."""
    now = timezone.now()
    whole = Upload.objects.filter(
        recording=None, offset_bytes=F("size_bytes"), changed_at__lt=now - FINISHED_AFTER
    )
    old = Upload.objects.filter(changed_at__lt=now - KEPT_FOR)
    for uploads, act in ((whole, finish), (old, cancel)):
        for upload in uploads.order_by("changed_at")[:20]:
            try:
                act(upload)
            except (WrongOffset, Upload.DoesNotExist):
                continue  # its client is at it after all
            except Refused as refusal:
                # Its bytes are on the machine that took them, which sweeps too.
                logger.warning("Upload %s: %s", upload.pk, refusal)


def lock_path(upload: Upload) -> Path:
    return staging(f"{upload.pk}.lock")


@contextmanager
def locked(upload: Upload) -> Iterator[None]:
    """Hold an upload alone, its row read anew.

    Raises ``WrongOffset`` while another does, ``Upload.DoesNotExist`` when it was cancelled.
    The lock is the kernel's and goes with the process: a cut request leaves none behind.
    """
    with lock_path(upload).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            upload.refresh_from_db()
            raise WrongOffset(upload.offset_bytes) from None
        try:
            upload.refresh_from_db()
            yield
        finally:
            # A process that another thread forks meanwhile has the file too, until it is itself.
            fcntl.flock(file, fcntl.LOCK_UN)


class Hashers:
    """SHA-256 of the uploads that this process has seen from their first byte on.

    What others have seen is hashed from the file: after a restart, or with several processes.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.kept: OrderedDict[uuid.UUID, tuple[int, Any]] = OrderedDict()

    def take(self, upload: Upload) -> Any:
        """The hash of all bytes so far, not kept any longer; None when it is not known."""
        if upload.offset_bytes == 0:
            return hashlib.sha256()
        with self.lock:
            offset_bytes, hasher = self.kept.pop(upload.pk, (None, None))
        return hasher if offset_bytes == upload.offset_bytes else None

    def put(self, upload: Upload, hasher: Any) -> None:
        with self.lock:
            self.kept[upload.pk] = (upload.offset_bytes, hasher)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)

    def digest(self, upload: Upload, path: Path) -> str:
        hasher = self.take(upload)
        if hasher is None:
            with path.open("rb") as file:
                hasher = digest(file)
        return str(hasher.hexdigest())


hashers = Hashers(MAX_HASHERS)
