"""Rows of a form that is repeated: their numbers, and one more or one less of them.

A row has the name ``function-0``, one inside it ``function-0-parameter-2``; a field of it ends with
the name of the field. Every row has a field ``name``. The numbers need not follow each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_DIGITS = 4

Values = dict[str, str]


def numbers(values: Mapping[str, str], kind: str) -> list[int]:
    """Return the numbers of the rows of a kind: ``function``, or ``function-0-parameter``."""
    pattern = re.compile(rf"{re.escape(kind)}-(\d{{1,{MOST_DIGITS}}})-name")
    return sorted({int(match[1]) for key in values if (match := pattern.fullmatch(key))})


def with_row(values: Values, kind: str) -> Values:
    """Return the values with an empty row after the others."""
    last = max(numbers(values, kind), default=-1)
    return {**values, f"{kind}-{last + 1}-name": ""}


def without_row(values: Values, row: str) -> Values:
    """Return the values without a row and all that is in it."""
    return {name: value for name, value in values.items() if not name.startswith(f"{row}-")}
