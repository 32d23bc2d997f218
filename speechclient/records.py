"""Records: frozen dataclasses whose fields carry the names of the JSON members that fill them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints

from speechclient.fields import Fields

_READERS: dict[Any, Callable[[Fields, str], Any]] = {
    str: Fields.text,
    str | None: Fields.optional_text,
    int: Fields.integer,
    float: Fields.number,
    float | None: Fields.optional_number,
    bool: Fields.flag,
    bool | None: Fields.optional_flag,
    tuple[str, ...]: Fields.texts,
    tuple[int, ...]: Fields.integers,
    dict[str, str]: Fields.pairs,
    date | None: Fields.day,
    datetime | None: Fields.moment,
    object: Fields.value,
}


class Record:
    """Reads itself out of a JSON object; what is missing or of a wrong type has a default."""

    __slots__ = ()
    kinds: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        hints = get_type_hints(cls)
        cls.kinds = {name: hints[name] for name in cls.__annotations__}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(**cls.values(fields))

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        """The fields that the class itself adds, by name."""
        return {name: _read(kind, fields, name) for name, kind in cls.kinds.items()}


def _read(kind: Any, fields: Fields, name: str) -> Any:
    if kind in _READERS:
        return _READERS[kind](fields, name)
    if get_origin(kind) is tuple:
        return tuple(get_args(kind)[0].read(element) for element in fields.objects(name))
    return kind.read(fields.object(name))
