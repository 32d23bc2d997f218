"""JSON values to shapes, with an error message that has the place and the value.

msgspec's own messages have no values, and it neither trims texts nor takes a number that is
written as a text, which some members of the protocol may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

from msgspec import Meta, Struct, inspect

Kind = TypeVar("Kind", bound=Struct)

# Text without the blanks around it.
Trimmed = Annotated[str, Meta(extra={"trimmed": True})]
PRINTABLE = Meta(extra={"printable": True})  # text without control characters
_LARGEST = 1e15  # whole numbers up to it are exact as floats
# A number, or one that is written as a text.
WrittenNumber = Annotated[float, Meta(extra={"written": True})]


class Invalid(ValueError):
    """A value that its declaration does not allow; ``place`` is the path of its member."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place


def read_message(kinds: Any, given: Mapping[str, Any]) -> Any:
    """Return the message of the union ``kinds`` that ``given`` holds, None for an unknown type.

    Raises ``Invalid`` for a known type whose members are wrong.
    """
    for kind in get_args(kinds):
        if kind.__struct_config__.tag == given.get("type"):
            return read_shape(kind, given)
    return None


def read_shape(kind: type[Kind], given: Mapping[str, Any], place: str = "") -> Kind:
    """Return the shape that ``given`` holds; unknown members are ignored. Raises ``Invalid``.

    A member that is null is the same as one that is absent, unless any value is allowed.
    """
    declared, members = _declared(kind), {}
    tag_field = declared.tag_field
    if tag_field is not None and given.get(tag_field) != declared.tag:
        raise Invalid(place, f"{tag_field} is not {declared.tag}")
    if declared.forbid_unknown_fields:
        _check_known(declared, given, place)
    for field in declared.fields:
        value = given.get(field.encode_name)
        if value is not None or (field.encode_name in given and _is_any(field.type)):
            below = f"{place}.{field.encode_name}" if place else field.encode_name
            members[field.name] = read_value(field.type, value, below)
        elif field.required:
            raise Invalid(place, f"missing field `{field.encode_name}`")
    return kind(**members)


def read_value(kind: inspect.Type, value: Any, place: str) -> Any:
    """Return ``value`` as its declared type has it. Raises ``Invalid``."""
    match kind:
        case inspect.Metadata(type=inner, extra=extra):
            read = read_value(inner, _prepared(value, extra or {}), place)
            if (extra or {}).get("printable") and not read.isprintable():
                raise Invalid(place, f"control characters are not allowed: {shown(read)}")
            return read
        case inspect.UnionType(types=types):
            return read_value(_member_for(types, value), value, place)
        case inspect.AnyType():
            return value
        case inspect.StructType(cls=cls):
            return read_shape(cls, _expected(value, dict, "an object", place), place)
        case inspect.DictType(value_type=item):
            given = _expected(value, dict, "an object", place)
            return {name: read_value(item, one, f"{place}.{name}") for name, one in given.items()}
        case inspect.ListType() | inspect.VarTupleType():
            return _read_list(kind, value, place)
    return _SCALARS[type(kind)](kind, value, place)


def shown(value: Any) -> str:
    """Return a wrong value for a message."""
    return f"{value!r:.60}"


@cache
def _declared(kind: type[Struct]) -> inspect.StructType:
    declared = inspect.type_info(kind)
    assert isinstance(declared, inspect.StructType)
    return declared


def _check_known(declared: inspect.StructType, given: Mapping[str, Any], place: str) -> None:
    known = [field.encode_name for field in declared.fields]
    for name in given:
        if name not in known:
            raise Invalid(place, f"{shown(name)} is none of {', '.join(known)}")


def _is_any(kind: inspect.Type) -> bool:
    return isinstance(kind.type if isinstance(kind, inspect.Metadata) else kind, inspect.AnyType)


def _member_for(kinds: Iterable[inspect.Type], value: Any) -> inspect.Type:
    """Return the kind of JSON value that ``value`` is, or the first where it is none of them."""
    present = [kind for kind in kinds if not isinstance(kind, inspect.NoneType)]
    return next((kind for kind in present if isinstance(value, _json_types(kind))), present[0])


def _json_types(kind: inspect.Type) -> tuple[type, ...]:
    match kind:
        case inspect.Metadata(type=inner):
            return _json_types(inner)
        case inspect.StructType() | inspect.DictType():
            return (dict,)
        case inspect.ListType() | inspect.VarTupleType():
            return (list,)
        case inspect.IntType() | inspect.FloatType():
            return (int, float)
        case inspect.LiteralType(values=values):
            return tuple({type(one) for one in values})
    return (str,)


def _prepared(value: Any, extra: Mapping[str, Any]) -> Any:
    if extra.get("trimmed") and isinstance(value, str):
        return value.strip()
    if extra.get("written") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _expected(value: Any, kind: type, noun: str, place: str) -> Any:
    if not isinstance(value, kind):
        raise Invalid(place, f"invalid type: expected {noun}, got {shown(value)}")
    return value


def _read_list(kind: inspect.ListType | inspect.VarTupleType, value: Any, place: str) -> Any:
    given = _expected(value, list, "a list", place)
    if kind.max_length is not None and len(given) > kind.max_length:
        raise Invalid(place, f"{len(given)} entries; at most {kind.max_length}")
    items = [read_value(kind.item_type, one, f"{place}[{at}]") for at, one in enumerate(given)]
    return items if isinstance(kind, inspect.ListType) else tuple(items)


def _read_text(kind: inspect.StrType, value: Any, place: str) -> str:
    text: str = _expected(value, str, "a string", place)
    if kind.min_length and not text:
        raise Invalid(place, "the text is empty")
    if len(text) < (kind.min_length or 0):
        raise Invalid(place, f"{len(text)} characters; at least {kind.min_length}")
    if kind.max_length is not None and len(text) > kind.max_length:
        raise Invalid(place, f"{len(text)} characters; at most {kind.max_length}")
    return text


def _read_number(kind: inspect.IntType | inspect.FloatType, value: Any, place: str) -> float:
    is_whole = isinstance(kind, inspect.IntType)
    is_number = isinstance(value, int if is_whole else int | float) and not isinstance(value, bool)
    if not is_number or not -_LARGEST < value < _LARGEST:  # as NaN is not
        noun = "a whole number" if is_whole else "a number"
        raise Invalid(place, f"invalid type: expected {noun}, got {shown(value)}")
    least = -_LARGEST if kind.ge is None else kind.ge
    most = _LARGEST if kind.le is None else kind.le
    if not least <= value <= most:
        limits = f"{least:g} or more" if kind.le is None else f"between {least:g} and {most:g}"
        raise Invalid(place, f"{value} is not {limits}")
    number: float = value
    return number


def _read_flag(kind: inspect.Type, value: Any, place: str) -> bool:
    flag: bool = _expected(value, bool, "true or false", place)
    return flag


def _read_choice(kind: inspect.LiteralType, value: Any, place: str) -> Any:
    if value not in kind.values:
        expected = ", ".join(map(str, kind.values))
        raise Invalid(place, f"{shown(value)} is none of {expected}")
    return value


def _read_moment(kind: inspect.Type, value: Any, place: str) -> datetime:
    text = _expected(value, str, "an RFC 3339 date and time", place)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(place, f"{shown(text)} is not a date and time") from None
    # A date alone has no offset: the hosted service rejects it too.
    if moment.tzinfo is None or not 1900 <= moment.year < 9000:
        raise Invalid(place, f"{shown(text)} is not a date and time with an offset")
    return moment


_SCALARS: dict[type, Callable[[Any, Any, str], Any]] = {
    inspect.StrType: _read_text,
    inspect.IntType: _read_number,
    inspect.FloatType: _read_number,
    inspect.BoolType: _read_flag,
    inspect.LiteralType: _read_choice,
    inspect.DateTimeType: _read_moment,
}
