"""JSON from outside: read within limits, or rejected with a ``ValueError``."""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 100  # what is read here is written again with less of the stack left


def read_json(text: bytes | str) -> Any:
    """The value of a JSON text that every database can store.

    Raises ``ValueError`` for what is no JSON, for NaN and infinities, NUL, unpaired surrogates
    and for more than ``MAX_DEPTH`` levels of lists and objects.
    """
    try:
        value = json.loads(text, parse_constant=_reject_constant)
        if _is_deep(value):
            raise ValueError(f"more than {MAX_DEPTH} levels of lists and objects")
        kept = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise ValueError(f"more than {MAX_DEPTH} levels of lists and objects") from None
    kept.encode()
    if "\\u0000" in kept:
        raise ValueError("strings must not contain U+0000")
    return value


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


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
