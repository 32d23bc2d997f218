"""JSON bodies to shapes. Errors are a 400 in the modern form (docs/contract.md, 3.1)."""

from __future__ import annotations

from typing import Any, TypeVar

from engine.wire.errors import ApiError, bad_json
from engine.wire.reading import Invalid, read_shape
from engine.wire.shapes import Shape
from network import jsontext

Payload = TypeVar("Payload", bound=Shape)


def read_payload(kind: type[Payload], body: bytes) -> Payload:
    """Return the shape in ``body``. Raises ``ApiError`` (400) naming the member and its value."""
    try:
        return read_shape(kind, read_object(body))
    except Invalid as error:
        raise _mismatch(str(error)) from None


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``; an empty body is an empty object."""
    if not body.strip():
        return {}
    value = read_json(body)
    if not isinstance(value, dict):
        raise _mismatch("invalid type: expected an object")
    return value


def read_json(text: bytes | str) -> Any:
    """Return JSON that every database can store. Raises ``ApiError`` (400)."""
    try:
        return jsontext.read_storable_json(text)
    except ValueError as error:
        raise _mismatch(str(error)) from None


def _mismatch(problem: str) -> ApiError:
    return bad_json(f"Json deserialize error: {problem}")
