"""Reading what a server sent, without trusting it.

A server's JSON may hold anything: NaN, missing and wrong-typed members, lone surrogates, a
million words. ``Fields`` returns a value of the asked type or its default and never raises;
``read_json`` is the one place that raises.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

MAX_TEXT = 20_000_000
MAX_LINE = 10_000

_decoder = json.JSONDecoder(parse_constant=lambda _: None)


def read_json(body: bytes | str) -> Fields:
    """The JSON object in ``body`` (UTF-8). Raises ``ValueError`` when there is none.

    NaN and infinities become null; of duplicate keys the last one counts.
    """
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        value = _decoder.decode(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return Fields(value)


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """``text`` without NUL and lone surrogates, which no database stores, cut at ``limit``."""
    if len(text) > limit:
        text = text[:limit]
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def clean_line(text: str, limit: int = MAX_LINE) -> str:
    """``text`` as one line for logs and messages: no control or direction characters."""
    spaced = " ".join(clean_text(text, limit).split())
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf"))


class Fields:
    """One JSON object of unknown honesty: each reader gives its type or its default."""

    __slots__ = ("_members",)

    def __init__(self, members: object = None) -> None:
        self._members: dict[str, Any] = members if isinstance(members, dict) else {}

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def __bool__(self) -> bool:
        return bool(self._members)

    def text(self, name: str, default: str = "", limit: int = MAX_LINE) -> str:
        value = self._members.get(name)
        return clean_text(value, limit) if isinstance(value, str) else default

    def line(self, *names: str, limit: int = 500) -> str:
        """The first of ``names`` that is text, as one line; a member may have older spellings."""
        lines = (text for name in names if (text := clean_line(self.text(name), limit)))
        return next(lines, "")

    def optional_text(self, name: str) -> str | None:
        return self.text(name) or None

    def number(self, name: str, default: float = 0.0) -> float:
        """A finite float; ints count, booleans and numeric strings do not."""
        value = _finite(self._members.get(name))
        return default if value is None else value

    def optional_number(self, name: str) -> float | None:
        return _finite(self._members.get(name))

    def share(self, name: str) -> float:
        """A confidence or other share, clamped to 0..1; 0.0 when absent."""
        return min(max(self.number(name), 0.0), 1.0)

    def optional_share(self, name: str) -> float | None:
        return self.share(name) if self.optional_number(name) is not None else None

    def integer(self, name: str, default: int = 0) -> int:
        """An integer of at most 64 bits, as databases have; a float counts when it is whole."""
        value = self.optional_integer(name)
        return default if value is None else value

    def optional_integer(self, name: str) -> int | None:
        return _whole(self._members.get(name))

    def flag(self, name: str) -> bool:
        return self._members.get(name) is True

    def optional_flag(self, name: str) -> bool | None:
        value = self._members.get(name)
        return value if isinstance(value, bool) else None

    def is_object(self, name: str) -> bool:
        return isinstance(self._members.get(name), dict)

    def is_text(self, name: str) -> bool:
        return isinstance(self._members.get(name), str)

    def lists(self, name: str) -> bool:
        """Return whether it is a list, or null in place of an empty one."""
        value = self._members.get(name, False)
        return value is None or isinstance(value, list)

    def is_list_of_objects(self, name: str) -> bool:
        """Return whether it is a list with an object as its first element."""
        value = self._members.get(name)
        return isinstance(value, list) and bool(value) and isinstance(value[0], dict)

    def object(self, name: str) -> Fields:
        return Fields(self._members.get(name))

    def objects(self, name: str, limit: int = 100_000) -> Iterator[Fields]:
        """The objects in the list ``name``, at most ``limit``; other elements are left out."""
        value = self._members.get(name)
        if isinstance(value, list):
            for element in value[:limit]:
                if isinstance(element, dict):
                    yield Fields(element)

    def members(self, limit: int = 10_000) -> Iterator[Fields]:
        """The members that are objects themselves, as in a map from ids to objects."""
        for value in list(self._members.values())[:limit]:
            if isinstance(value, dict):
                yield Fields(value)

    def texts(self, name: str, limit: int = 10_000) -> tuple[str, ...]:
        """The strings in the list ``name``, at most ``limit``; other elements are left out."""
        value = self._members.get(name)
        if not isinstance(value, list):
            return ()
        return tuple(clean_text(e, MAX_LINE) for e in value[:limit] if isinstance(e, str))

    def integers(self, name: str, limit: int = 10_000) -> tuple[int, ...]:
        """The list ``name`` with 0 in place of elements that are no integers."""
        value = self._members.get(name)
        elements = value[:limit] if isinstance(value, list) else []
        return tuple(_whole(element) or 0 for element in elements)

    def pairs(self, name: str, limit: int = 10_000) -> dict[str, str]:
        """The object ``name`` with its string members."""
        members = list(Fields(self._members.get(name))._members.items())[:limit]
        return {
            clean_text(key, MAX_LINE): clean_text(value, MAX_LINE)
            for key, value in members
            if isinstance(value, str)
        }

    def moment(self, name: str) -> datetime | None:
        """A point in time, always in UTC; None when absent or not RFC 3339."""
        try:
            moment = datetime.fromisoformat(self.text(name, limit=64))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def day(self, name: str) -> date | None:
        """A calendar day; of a point in time its day. None when absent or neither."""
        try:
            return date.fromisoformat(self.text(name, limit=64)[:10])
        except ValueError:
            return None

    def value(self, name: str) -> Any:
        """The member as it came, for parts without a fixed shape; cleaned of NUL and surrogates."""
        return _clean_value(self._members.get(name))


def _finite(value: Any) -> float | None:
    if type(value) is int:  # not bool
        try:
            value = float(value)
        except OverflowError:
            return None
    return value if type(value) is float and math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and -(2**63) <= value < 2**63 else None


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean_value(element) for element in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean_value(element) for key, element in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
