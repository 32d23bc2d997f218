"""Query strings to frozen options, by the types that the options declare.

The options of an operation are a dataclass. The type of a field says how its parameter is read,
which values are valid and what OpenAPI and the documentation page say about it:

- ``bool``: true or false, in any case;
- ``str``, ``int``, ``float`` with the limits of their ``Meta``; ``Literal``: one of its values;
- ``UUID``, ``date`` and ``datetime``, for which a blank value is no value;
- ``tuple[item, ...]``: a repeatable parameter.

``Reads`` replaces the reader of a type. Unknown parameters are ignored (docs/contract.md, 2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, TypeVar, get_type_hints
from urllib.parse import parse_qs
from uuid import UUID

from msgspec import Meta, inspect

from engine.wire.errors import undeserialized_query
from engine.wire.shapes import schemas

Options = TypeVar("Options")
Reader = Callable[[str, Sequence[str]], Any]

MOST_PARAMETERS = 1_000
Instant = Annotated[datetime, Meta(tz=True)]  # in UTC where the value names no offset
_FLAGS = {"true": True, "false": False}
# float() also reads the digits of other scripts, and underscores between digits.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_SHOWN_CHARACTERS = 100  # of a wrong value


class Checked:
    """Options with rules about several parameters together."""

    def check(self) -> None:
        """Raise ``ApiError`` (400) for values that do not go together."""


@dataclass(frozen=True)
class Parameter:
    """One query parameter as declared."""

    name: str
    read: Reader
    about: str
    schema: Mapping[str, Any]


def About(text: str) -> Meta:
    """Description of a parameter or a member."""
    return Meta(description=text)


def Reads(read: Reader, **schema: Any) -> Meta:
    """A reader of all values of a parameter, and what its schema has besides the type's."""
    return Meta(extra={"read": read}, extra_json_schema=schema or None)


def read_options(kind: type[Options], query: str) -> Options:
    """Return the options in a query string. Raises ``ApiError`` (400) naming the parameter."""
    texts = parse_query(query)
    values = {
        parameter.name: parameter.read(parameter.name, texts[parameter.name])
        for parameter in parameters(kind)  # type: ignore[arg-type]
        if parameter.name in texts
    }
    options = kind(**values)
    if isinstance(options, Checked):
        options.check()
    return options


def reject_unknown(kind: type, query: str) -> None:
    """Raise ``ApiError`` (400) for parameters that ``kind`` does not have: version 2 is strict."""
    known = {parameter.name for parameter in parameters(kind)}
    for name in parse_query(query):
        if name not in known:
            raise undeserialized_query(f"unknown field `{name[:_SHOWN_CHARACTERS]}`")


def parse_query(query: str) -> dict[str, list[str]]:
    try:
        return parse_qs(
            query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except (ValueError, UnicodeDecodeError):
        raise undeserialized_query("the query string cannot be decoded") from None


@cache
def parameters(kind: type) -> tuple[Parameter, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_parameter(field.name, hints[field.name], field.default) for field in fields(kind))


def describe(kind: type) -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI has them."""
    return [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "description": parameter.about,
            "schema": parameter.schema,
        }
        for parameter in parameters(kind)
    ]


def read_text(name: str, value: str, longest: int | None = None) -> str:
    """Return a value without the blanks around it. Raises ``ApiError`` (400) for none."""
    value = _printable(name, value)
    if not value:
        raise undeserialized_query(f"{name}: the value is empty")
    if longest is not None and len(value) > longest:
        raise undeserialized_query(f"{name}: {len(value)} characters; at most {longest}")
    return value


def read_flag(name: str, values: Sequence[str]) -> bool:
    value = values[-1]
    if value.lower() not in _FLAGS:
        raise undeserialized_query(f"{name}: `{shown(value)}` is not `true` or `false`")
    return _FLAGS[value.lower()]


def read_blank_text(name: str, values: Sequence[str]) -> str:
    """Return a text that may be blank: a form that leaves a filter empty."""
    return _printable(name, values[-1])


def check_count(name: str, values: Sequence[str], most: int | None) -> None:
    if most is not None and len(values) > most:
        raise undeserialized_query(f"{name}: {len(values)} values; at most {most}")


def read_number(text: str) -> float:
    """Return the number in ``text``; NaN where it is none."""
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def shown(value: str) -> str:
    """Return the beginning of a wrong value, for a message."""
    return value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"


def reader_of(kind: inspect.Type) -> Reader:
    """Return the reader of a declared type. Raises ``TypeError`` for one without."""
    match kind:
        case inspect.Metadata(type=inner, extra=extra):
            return (extra or {}).get("read") or reader_of(inner)
        case inspect.BoolType():
            return read_flag
        case inspect.StrType():
            return lambda name, values: read_text(name, values[-1], kind.max_length)
        case inspect.LiteralType(values=allowed):
            return lambda name, values: read_choice(name, values[-1], allowed)
        case inspect.IntType() | inspect.FloatType():
            return lambda name, values: _read_number(name, values[-1], kind)
        case inspect.UUIDType():
            return lambda name, values: _read_uuid(name, values[-1])
        case inspect.DateType():
            return lambda name, values: _read_date(name, values[-1])
        case inspect.DateTimeType():
            return lambda name, values: read_moment(name, values[-1])
        case inspect.VarTupleType():
            return _reader_of_many(kind)
        case inspect.UnionType(types=types):
            return _reader_of_union([one for one in types if one != inspect.NoneType()])
    raise TypeError(f"no parameter is of type {kind}")


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    ((schema,), _) = schemas([hint], "{name}")
    about = schema.pop("description", "")
    # A query has no null: None is the default of a parameter that is not given.
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    schema |= {"anyOf": kinds} if len(kinds) > 1 else dict(*kinds)
    if default not in ("", None, ()):
        schema["default"] = default
    return Parameter(name, reader_of(inspect.type_info(hint)), about, schema)


def _reader_of_union(types: Sequence[inspect.Type]) -> Reader:
    if len(types) == 1:
        return reader_of(types[0])
    flag, *others = types
    if not isinstance(flag, inspect.BoolType) or len(others) != 1:
        raise TypeError(f"no parameter is one of {types}")
    read_others = reader_of(others[0])

    def read(name: str, values: Sequence[str]) -> Any:
        is_flag = len(values) == 1 and values[0].lower() in _FLAGS
        return read_flag(name, values) if is_flag else read_others(name, values)

    return read


def _reader_of_many(kind: inspect.VarTupleType) -> Reader:
    read_item = reader_of(kind.item_type)

    def read(name: str, values: Sequence[str]) -> tuple[Any, ...]:
        check_count(name, values, kind.max_length)
        items = [read_item(name, [value]) for value in values]
        is_choice = isinstance(kind.item_type, inspect.LiteralType)
        return tuple(dict.fromkeys(items) if is_choice else items)

    return read


def read_choice(name: str, value: str, allowed: Sequence[Any]) -> Any:
    """Return the one of ``allowed`` that is ``value`` in any case. Raises ``ApiError`` (400)."""
    for one in allowed:
        if value.lower() == one.lower():
            return one
    expected = ", ".join(f"`{one}`" for one in allowed)
    raise undeserialized_query(
        f"{name}: unknown variant `{shown(value)}`, expected one of {expected}"
    )


def _read_number(name: str, value: str, kind: inspect.IntType | inspect.FloatType) -> float:
    # The SDK types limits as floats and then sends "10.0".
    is_whole = isinstance(kind, inspect.IntType)
    form = r"-?\d{1,18}(\.0*)?" if is_whole else r".*"
    number = read_number(value) if re.fullmatch(form, value, re.ASCII) else math.nan
    least, most = kind.ge, kind.le
    if least is None or most is None:
        raise TypeError(f"{name} has no limits")
    if math.isnan(number):
        noun = "whole number" if is_whole else "number"
        raise undeserialized_query(
            f"{name}: `{shown(value)}` is not a {noun} between {least:g} and {most:g}"
        )
    if not least <= number <= most:
        raise undeserialized_query(f"{name}: {shown(value)} is not between {least:g} and {most:g}")
    return int(number) if is_whole else number


def _read_uuid(name: str, value: str) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        raise undeserialized_query(f"{name}: `{shown(value)}` is not a UUID") from None


def _read_date(name: str, value: str) -> date | None:
    moment = read_moment(name, value)
    return moment.date() if moment else None


def read_moment(name: str, value: str) -> datetime | None:
    """Return a date and time, in UTC where it names no offset; None for a blank value."""
    if not value:
        return None
    try:
        # A space is a plus that was not escaped.
        moment = datetime.fromisoformat(value.strip().replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or not 1900 <= moment.year < 9000:
        raise undeserialized_query(f"{name}: `{shown(value)}` is not a date (YYYY-MM-DD)")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def has_controls(value: str) -> bool:
    """Return whether ``value`` has control characters or unpaired surrogates."""
    return any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in value)


def _printable(name: str, value: str) -> str:
    if has_controls(value):
        raise undeserialized_query(f"{name}: control characters are not allowed: {value!r:.100}")
    return value.strip()
