"""JSON from outside: read within limits, or rejected with a ``ValueError``."""

from __future__ import annotations

import json
import re
from typing import Any

# Escaped in a JSON text, after an even number of backslashes: a written "\\u0000" is no NUL.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
MAX_DEPTH = 100  # what is read here is written again with less of the stack left


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text.

    Raises ``ValueError`` for what is no JSON, for numbers that no float holds, and for more than
    ``MAX_DEPTH`` levels of lists and objects.
    """
    try:
        value = json.loads(text, parse_int=_read_int, parse_constant=_reject_constant)
        if not _is_deep(value):
            json.dumps(value, allow_nan=False)  # 1e999 is read as infinity
            return value
    except RecursionError:
        pass
    raise ValueError(f"more than {MAX_DEPTH} levels of lists and objects")


def read_storable_json(text: bytes | str) -> Any:
    """The same for what every database can store; NUL and unpaired surrogates raise too."""
    value = read_json(text)
    check_storable(value)
    return value


def check_storable(value: Any) -> None:
    """Raise ``ValueError`` for strings that PostgreSQL cannot store."""
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    if "\\u0000" in text and NUL.search(text):
        raise ValueError("strings must not contain U+0000")


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _read_int(digits: str) -> int:
    """Reject 10**400 as 1e400 is rejected: arithmetic with either fails where a float is needed."""
    number = int(digits)
    try:
        float(number)
    except OverflowError:
        raise ValueError(f"a number of {len(digits)} digits is too large") from None
    return number


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
