"""JSON bodies to frozen values.

As with ``options.py``, each field of a payload class says what it is, and ``read_payload`` and
the API documentation both go by the fields. Errors are a 400 in the modern form.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from engine.wire.errors import Refusal, bad_json
from network import jsontext

Payload = TypeVar("Payload")


@dataclass(frozen=True)
class Kind:
    """A kind of JSON value: what it is called, how it is read, and its schema."""

    name: str
    read: Callable[[Any], Any]  # raises ValueError
    schema: dict[str, Any]


def read_payload(kind: type[Payload], body: bytes) -> Payload:
    """Raises ``Refusal`` (400) naming the field."""
    given = read_object(body)
    values = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        kind_of_value = entry.metadata["kind"]
        value = given.get(entry.name)
        if value is not None or (kind_of_value is ANYTHING and entry.name in given):
            values[entry.name] = _read_value(entry.name, kind_of_value, value)
        elif entry.default is MISSING:
            raise _mismatch(f"missing field `{entry.name}`")
    return kind(**values)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``; an empty body is an empty object."""
    if not body.strip():
        return {}
    value = read_json(body)
    if not isinstance(value, dict):
        raise _mismatch("invalid type: expected an object")
    return value


def read_json(text: bytes | str) -> Any:
    """JSON that every database can store. Raises ``Refusal`` (400)."""
    try:
        return jsontext.read_storable_json(text)
    except ValueError as error:
        raise _mismatch(str(error)) from None


def describe(kind: type) -> dict[str, Any]:
    """The schema of a payload as OpenAPI has it."""
    return {
        "type": "object",
        "properties": {
            entry.name: {**entry.metadata["kind"].schema, "description": entry.metadata["about"]}
            for entry in fields(kind)
        },
        "required": [entry.name for entry in fields(kind) if entry.default is MISSING],
    }


def required(kind: Kind, about: str) -> Any:
    return field(metadata={"kind": kind, "about": about})


def optional(kind: Kind, about: str, default: Any = None) -> Any:
    return field(default=default, metadata={"kind": kind, "about": about})


def _read_value(name: str, kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value)
    except ValueError as error:
        raise _mismatch(f"{name}: {error or f'expected {kind.name}'}") from None


def _mismatch(problem: str) -> Refusal:
    return bad_json(f"Json deserialize error: {problem}")


def text(longest: int, shortest: int = 0) -> Kind:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("invalid type: expected a string")
        if not shortest <= len(value.strip()) <= longest:
            raise ValueError(f"expected {shortest} to {longest} characters")
        return value.strip()

    return Kind("a string", read, {"type": "string", "minLength": shortest, "maxLength": longest})


def _read_texts(value: Any) -> tuple[str, ...]:
    entry = text(200, 1)
    if not isinstance(value, list):
        raise ValueError("invalid type: expected a sequence")
    if len(value) > 100:
        raise ValueError("at most 100 entries")
    texts = tuple(entry.read(one) for one in value)
    if any(not one.isprintable() for one in texts):
        raise ValueError("control characters are not allowed")
    return texts


def _read_labels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("invalid type: expected a map of strings")
    return value


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("invalid type: expected a number")
    if not math.isfinite(value) or abs(value) > 1e12:
        raise ValueError("out of range")
    return value


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("invalid type: expected an RFC 3339 date and time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("input contains invalid characters") from None
    # A bare date has no offset: it is refused, as the hosted service does.
    if not 1900 <= moment.year < 9000:
        raise ValueError("year is out of range")
    if moment.tzinfo is None:
        raise ValueError("premature end of input: expected a date and time with offset")
    return moment


TEXTS = Kind(
    "a list of strings", _read_texts, {"type": "array", "items": {"type": "string", "minLength": 1}}
)
LABELS = Kind(
    "a map of strings",
    _read_labels,
    {"type": "object", "additionalProperties": {"type": "string"}},
)
NUMBER = Kind("a number", _read_number, {"type": "number"})
MOMENT = Kind("a date and time", _read_moment, {"type": "string", "format": "date-time"})
ANYTHING = Kind("a value", lambda value: value, {})
