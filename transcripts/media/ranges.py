"""The Range header of a request for a part of a file. Source: RFC 9110, section 14."""

import re

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(Exception):
    """The range lies beyond the file."""


def read_range(header: str, size_bytes: int) -> tuple[int, int] | None:
    """First and last byte of the part that is asked for; None for the whole file.

    A header that is not understood, or asks for several parts, is ignored, as it may be.
    Raises ``Unsatisfiable``.
    """
    match = RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), size_bytes)
        if length == 0:
            raise Unsatisfiable
        return size_bytes - length, size_bytes - 1
    if int(first) >= size_bytes:
        raise Unsatisfiable
    end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    return (int(first), end) if end >= int(first) else None
