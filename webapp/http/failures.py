"""Failures of the machine, not of the program: a full disk, a database that is busy or away.

Any statement of any request can meet them, so they are told apart in one place: where Django
responds to an exception that nothing else has handled (``errors.server_error``).
"""

import errno
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError

from transcripts.media.storage import DiskFull

DISK_FULL_STATE = "53100"  # PostgreSQL, appendix A: disk_full
NO_ROOM_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Failure:
    """A failure by its HTTP status; ``retry_after`` is in seconds."""

    status: int
    retry_after: int


FULL = Failure(507, 60)
BUSY = Failure(503, 5)


def failure_of(error: BaseException | None) -> Failure | None:
    """Return the failure behind an exception; None when it is a mistake of the program."""
    for each in chain(error):
        if isinstance(each, DiskFull):
            return FULL
        if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
            return FULL
        if isinstance(each, OperationalError | InterfaceError):
            return FULL if has_no_room(each) else BUSY
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def has_no_room(error: Exception) -> bool:
    if getattr(error.__cause__, "sqlstate", None) == DISK_FULL_STATE:
        return True
    if "disk is full" in str(error):
        return True
    # A write-ahead log that cannot grow is "disk I/O error" to SQLite.
    return "disk I/O" in str(error) and shutil.disk_usage(settings.DATA).free < NO_ROOM_BYTES
