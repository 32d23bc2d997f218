"""Output of the management commands."""

import io
from typing import IO


def take_every_name(stream: IO[str], encoding: str | None = None) -> None:
    """Have a standard stream print any text: in ``encoding``, or its own, without an error.

    JSON is UTF-8 wherever it goes (RFC 8259, 8.1). Other text follows the locale, and what
    that cannot write is replaced.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors="replace")
