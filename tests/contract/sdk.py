"""JSON held against the types of the installed official SDK."""

from __future__ import annotations

import datetime
import functools
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
from deepgram import DeepgramClient
from deepgram.core.unchecked_base_model import construct_type

from tests.contract.shapes import is_instance


def unknown(kind: Any, value: Any, place: str = "") -> list[str]:
    """Return the parts of ``value`` that the SDK's type ``kind`` does not declare.

    The SDK raises nothing: it keeps members that it does not know, fills in None for missing
    ones, and takes any text for a literal that it does not know. Each of these is found here.
    """
    origin = get_origin(kind)
    if kind in (Any, object):
        return []
    if origin is Annotated:
        return unknown(get_args(kind)[0], value, place)
    if origin in (Union, types.UnionType):
        return _unknown_of_union(get_args(kind), value, place)
    if origin is Literal:
        known = get_args(kind)
        return [] if value in known else [f"{place}: {value!r:.60} is none of {known}"]
    if origin is list or origin is typing.Sequence:
        if not isinstance(value, list):
            return [f"{place}: {value!r:.60} is not a list"]
        (item,) = get_args(kind)
        return [one for each in value for one in unknown(item, each, f"{place}[]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{place}: {value!r:.60} is not an object"]
        item = get_args(kind)[1]
        return [one for each in value.values() for one in unknown(item, each, f"{place}{{}}")]
    if kind is type(None):
        return [] if value is None else [f"{place}: {value!r:.60} is not null"]
    if kind is datetime.datetime:
        return [] if _is_moment(value) else [f"{place}: {value!r:.60} is no date and time"]
    if issubclass(kind, pydantic.BaseModel):
        return _unknown_members(kind, value, place)
    return [] if is_instance(value, kind) else [f"{place}: {value!r:.60} is no {kind.__name__}"]


def _unknown_of_union(kinds: tuple[Any, ...], value: Any, place: str) -> list[str]:
    """Apply ``unknown`` with the kind that ``value`` has most in common with."""
    if value is None and type(None) in kinds:
        return []
    # The last resort of an enumeration is Any: a value that only fits there is unknown.
    declared = [one for one in kinds if one not in (Any, type(None))]
    if not declared:
        return []

    def strangeness(kind: Any) -> tuple[int, int]:
        common = _declared(kind).keys() & (value if isinstance(value, dict) else {})
        return -len(common), len(unknown(kind, value))

    return unknown(min(declared, key=strangeness), value, place)


def _declared(kind: Any) -> dict[str, Any]:
    """The fields of a model by the names that they have in JSON; none of another type."""
    if not isinstance(kind, type) or not issubclass(kind, pydantic.BaseModel):
        return {}
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _unknown_members(model: type[pydantic.BaseModel], value: Any, place: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{place}: {value!r:.60} is not an object"]
    found = []
    declared = _declared(model)
    for name, field in declared.items():
        below = f"{place}.{name}".lstrip(".")
        if name in value:
            found += unknown(field.annotation, value[name], below)
        elif field.is_required():
            found.append(f"{below}: missing")
    undeclared = [f"{place}.{name}".lstrip(".") for name in value if name not in declared]
    return found + [f"{below}: not declared" for below in undeclared]


def _is_moment(value: Any) -> bool:
    try:
        return datetime.datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


@functools.cache
def method(name: str) -> Any:
    """The method of the SDK's client with this dotted name, such as ``read.v1.text.analyze``."""
    return functools.reduce(getattr, name.split("."), DeepgramClient(api_key="x"))


@functools.cache
def response_type(name: str) -> Any:
    """The type that the SDK parses the responses of a method into."""
    return typing.get_type_hints(method(name))["return"]


def message_types(messages: Any, kind: str) -> list[type[pydantic.BaseModel]]:
    """The models of the union ``messages`` for messages whose ``type`` is ``kind``."""
    typed = [(model, _declared(model).get("type")) for model in get_args(messages)]
    return [
        model for model, field in typed if field is not None and kind in _literals(field.annotation)
    ]


def constructed_type(messages: Any, message: dict[str, Any]) -> type:
    """The class that the SDK makes of ``message``."""
    return type(construct_type(type_=messages, object_=message))


def _literals(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(one for each in get_args(annotation) for one in _literals(each))
