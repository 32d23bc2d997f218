"""Shapes of JSON: which members are required, and of which type.

A shape is one of these:

- a type: ``str``, ``int``, ``float`` (whole numbers too), ``bool``, ``object`` (anything);
- a pattern that a text matches, such as ``UUID``;
- a frozen set of the allowed values;
- ``[shape]``: a list of any length;
- ``{"name": shape, "other?": shape}``: an object with at least these members; one whose name
  ends with ``?`` may be left out;
- ``Map(shape)``: an object with any names; ``Maybe(shape)``: that or null; ``Either(...)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Map:
    values: Any


@dataclass(frozen=True)
class Maybe:
    shape: Any


@dataclass(frozen=True)
class Either:
    shapes: tuple[Any, ...]

    def __init__(self, *shapes: Any) -> None:
        object.__setattr__(self, "shapes", shapes)


def misfits(shape: Any, value: Any, place: str = "") -> list[str]:
    """Return the parts of ``value`` that do not fit ``shape``; a place has ``[]`` for each item."""
    match shape:
        case dict():
            return _object_misfits(shape, value, place)
        case [item]:
            if not isinstance(value, list):
                return [f"{place}: {value!r:.60} is not a list"]
            return [one for each in value for one in misfits(item, each, f"{place}[]")]
        case Map(item):
            if not isinstance(value, dict):
                return [f"{place}: {value!r:.60} is not an object"]
            return [one for each in value.values() for one in misfits(item, each, f"{place}{{}}")]
        case Maybe(item):
            return [] if value is None else misfits(item, value, place)
        case Either(shapes):
            return min((misfits(one, value, place) for one in shapes), key=len)
        case frozenset():
            fits = isinstance(value, str) and value in shape
        case re.Pattern():
            fits = isinstance(value, str) and shape.fullmatch(value) is not None
        case _:
            fits = is_instance(value, shape)
    return [] if fits else [f"{place}: {value!r:.60} is no {_name(shape)}"]


def is_instance(value: Any, kind: type) -> bool:
    """As ``isinstance``, for JSON: true is no number, a whole number is also a ``float``."""
    if kind is object:
        return True
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _object_misfits(shape: dict[str, Any], value: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {value!r:.60} is not an object"]
    found = []
    for name, member in shape.items():
        key = name.removesuffix("?")
        below = f"{place}.{key}".lstrip(".")
        if key in value:
            found += misfits(member, value[key], below)
        elif key == name:
            found.append(f"{below}: missing")
    return found


def _name(shape: Any) -> str:
    return shape.__name__ if isinstance(shape, type) else str(getattr(shape, "pattern", shape))
