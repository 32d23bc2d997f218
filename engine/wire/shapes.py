"""Declarations of JSON: one class for each object of the wire protocol.

The encoder, the OpenAPI document and the documentation page are all derived from the fields of
these classes. A member that may be absent is declared ``Omittable[...]`` and defaults to ``UNSET``;
one that may be null includes ``None``.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, TypeAlias, TypeVar, Union, dataclass_transform

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, StructMeta, UnsetType, inspect, structs

__all__ = [
    "UNSET",
    "Day",
    "Message",
    "Moment",
    "Omittable",
    "Shape",
    "Uuid",
    "encode",
    "schemas",
    "timestamp",
]

Member = TypeVar("Member")
Omittable: TypeAlias = Union[Member, UnsetType]  # noqa: UP007 (`|` makes no generic alias)

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Day = Annotated[str, Meta(extra_json_schema={"format": "date"})]

# The encoder holds the GIL until it returns: 0.2 ms for 1,000 words, 4 ms for 1,000 utterances.
_BLOCK = 1_000
_PLACE = b"\0"  # which JSON never contains
_encoder = msgspec.json.Encoder()


class _ShapeMeta(StructMeta):
    """Passes ``kw_only`` on to subclasses, which msgspec does not inherit."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> _ShapeMeta:
        return super().__new__(cls, name, bases, namespace, **{"kw_only": True, **config})


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Shape(Struct, metaclass=_ShapeMeta, frozen=True, gc=False):
    """A JSON object; without cycles, so that the garbage collector need not visit it."""


class Message(Shape, tag=True, tag_field="type"):
    """A JSON message of a socket; ``type`` is the name of its class."""


def encode(value: Any) -> bytes:
    """Return the JSON of shapes and built-in values in UTF-8.

    Long lists are encoded in blocks, so that other threads run in between: in one step, the
    response to ten hours of speech would block the event loop for a tenth of a second.
    """
    written = io.BytesIO()
    for piece in _pieces(value):
        written.write(piece)
    return written.getvalue()


def schemas(kinds: Iterable[Any], template: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the JSON Schema of each of ``kinds``, and the named schemas that they refer to.

    ``template`` is the form of a reference, such as ``#/components/schemas/{name}``.
    """
    schema_list, named = msgspec.json.schema_components(kinds, ref_template=template)
    return list(schema_list), named


def timestamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds and ``Z`` (docs/contract.md, 2)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pieces(value: Any) -> Iterator[bytes]:
    """Yield the JSON of ``value`` in pieces."""
    long_lists: list[list[Any]] = []
    frame = _encoder.encode(_with_places(value, long_lists)).split(_PLACE)
    yield frame[0]
    for values, following in zip(long_lists, frame[1:], strict=True):
        for start in range(0, len(values), _BLOCK):
            block = encode(values[start : start + _BLOCK])
            yield b"[" if start == 0 else b","
            yield block[1:-1]
        yield b"]" + following


def _with_places(value: Any, long_lists: list[list[Any]]) -> Any:
    """Return ``value`` with a mark in place of each long list, which is added to ``long_lists``."""
    if isinstance(value, Struct):
        members = {name: getattr(value, name) for name in _nested(type(value))}
        changed = {name: _with_places(member, long_lists) for name, member in members.items()}
        return structs.replace(value, **changed) if changed else value
    if not isinstance(value, list):
        return value
    if len(value) > _BLOCK:
        long_lists.append(value)
        return Raw(_PLACE)
    is_nested = bool(value) and isinstance(value[0], Struct) and _nested(type(value[0]))
    return [_with_places(item, long_lists) for item in value] if is_nested else value


@cache
def _nested(kind: type[Struct]) -> tuple[str, ...]:
    """Return the members of ``kind`` that hold a list, themselves or further below."""
    declared = inspect.type_info(kind)
    assert isinstance(declared, inspect.StructType)
    return tuple(field.name for field in declared.fields if _holds_list(field.type))


def _holds_list(kind: inspect.Type) -> bool:
    match kind:
        case inspect.ListType():
            return True
        case inspect.StructType(fields=fields):
            return any(_holds_list(field.type) for field in fields)
        case inspect.UnionType(types=types):
            return any(map(_holds_list, types))
        case inspect.Metadata(type=inner):
            return _holds_list(inner)
    return False
