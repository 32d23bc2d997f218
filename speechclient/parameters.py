"""Options dataclasses as query parameters and JSON, and back.

A field that has its default is not sent, so the server's own default holds. A field is a bool,
text, a whole number, a number, a list of text (sent as repeated keys) or ``key: value`` pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Self, get_type_hints

from speechclient.errors import InvalidOption

Reader = Callable[[str, Any], Any]

MAX_LIST = 1_000
MAX_KEYTERMS = 100
MAX_KEYTERM_TOKENS = 500
MAX_KEYTERM_LENGTH = 200
# A server's tokens are not known here: a word is one at least, a long word several.
TOKEN_LETTERS = 16


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value.isoformat() if isinstance(value, date) else value


def _wire(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _flag(name: str, value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} is {value!r}; it is true or false")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidOption(f"{name} is {value!r}; it is text, not empty")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidOption(f"{name} is {value!r}; it is not valid Unicode") from error
    return value


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidOption(f"{name} is {value!r}; it is a whole number")
    return number


def _number(name: str, value: Any) -> float:
    try:
        number = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not math.isfinite(number):
        raise InvalidOption(f"{name} is {value!r}; it is a number")
    return number


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidOption(f"{name} is {value!r}; it is a list of text")
    texts = tuple(_text(name, text).strip() for text in value)
    if len(texts) > MAX_LIST:
        raise InvalidOption(f"{name} has {len(texts)} entries; at most {MAX_LIST} are allowed")
    return texts


def read_keyterms(name: str, value: Any) -> tuple[str, ...]:
    """Key terms, trimmed. Raises ``InvalidOption`` for more than a server takes.

    A server may not respond to too many of them, so they are counted before they are sent:
    docs/contract.md, 9.3.
    """
    terms = _texts(name, value)
    if len(terms) > MAX_KEYTERMS:
        raise InvalidOption(f"{name} has {len(terms)} terms; at most {MAX_KEYTERMS} are allowed")
    for term in terms:
        if len(term) > MAX_KEYTERM_LENGTH:
            raise InvalidOption(
                f"a {name} is longer than {MAX_KEYTERM_LENGTH} characters: {term[:40]!r}"
            )
    tokens = sum(-(-len(word) // TOKEN_LETTERS) for term in terms for word in term.split())
    if tokens > MAX_KEYTERM_TOKENS:
        raise InvalidOption(
            f"{name} has at least {tokens} tokens; at most {MAX_KEYTERM_TOKENS} are allowed"
        )
    return terms


def _flag_or_text(name: str, value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    text = _text(name, value)
    return text.lower() == "true" if text.lower() in ("true", "false") else text


def _flag_or_integer(name: str, value: Any) -> bool | int:
    if isinstance(value, bool) or str(value).lower() in ("true", "false"):
        return _flag(name, value)
    return _integer(name, value)


def _flag_or_texts(name: str, value: Any) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    texts = _texts(name, value)
    if not texts:
        return False
    flags = [text.lower() == "true" for text in texts if text.lower() in ("true", "false")]
    if not flags:
        return texts
    if len(flags) < len(texts):
        raise InvalidOption(f"{name} mixes true or false with other values")
    return flags[-1]


def _pairs(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidOption(f"{name} is {value!r}; it is an object of text")
    for key, text in value.items():
        if not isinstance(text, str) or not key or ":" in _text(name, key):
            raise InvalidOption(f"{name} has {key!r}: {text!r}; both are text, the key has no ':'")
    return dict(value)


def _flags(name: str, value: Any) -> dict[str, bool]:
    if not isinstance(value, Mapping):
        raise InvalidOption(f"{name} is {value!r}; it is an object of true and false")
    return {_text(name, key): _flag(key, flag) for key, flag in value.items()}


def _day(name: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidOption(f"{name} is {value!r}; it is a day such as 2026-11-21") from error


def _moment(name: str, value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidOption(f"{name} is {value!r}; it is a date and time") from error
    if moment.tzinfo is None:
        raise InvalidOption(f"{name} is {value!r}; it has no time zone")
    return moment


def _or_none(read: Reader) -> Reader:
    return lambda name, value: None if value is None else read(name, value)


_READERS: dict[Any, Reader] = {
    bool: _flag,
    str: _text,
    str | None: _or_none(_text),
    int | None: _or_none(_integer),
    float | None: _or_none(_number),
    tuple[str, ...]: _texts,
    bool | str: _flag_or_text,
    bool | int | None: _or_none(_flag_or_integer),
    bool | tuple[str, ...]: _flag_or_texts,
    Mapping[str, str]: _pairs,
    Mapping[str, bool]: _flags,
    date | None: _or_none(_day),
    datetime | None: _or_none(_moment),
}


class Options:
    """Base of all option classes, which are frozen dataclasses."""

    always_sent: ClassVar[str] = "model"
    readers: ClassVar[dict[str, Reader]]

    def __init_subclass__(cls) -> None:
        hints = get_type_hints(cls)
        cls.readers = {
            name: read_keyterms if name == "keyterm" else _READERS[hints[name]]
            for name in cls.__annotations__
        }

    def __post_init__(self) -> None:
        for name, read in self.readers.items():
            object.__setattr__(self, name, read(name, getattr(self, name)))

    def query(self) -> list[tuple[str, str]]:
        """The query parameters: booleans as true and false, lists as repeated keys."""
        pairs: list[tuple[str, str]] = []
        default = type(self)()
        for name in self.readers:
            value = getattr(self, name)
            if value is None or (value == getattr(default, name) and name != self.always_sent):
                continue
            if isinstance(value, Mapping):
                pairs += [(name, f"{key}:{text}") for key, text in value.items()]
            elif isinstance(value, tuple):
                pairs += [(name, text) for text in value]
            else:
                pairs.append((name, _wire(value)))
        return pairs

    def to_json(self) -> dict[str, Any]:
        """The options that differ from their defaults, ready for ``json.dumps``."""
        default = type(self)()
        return {
            name: _plain(getattr(self, name))
            for name in self.readers
            if getattr(self, name) != getattr(default, name)
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The options that ``to_json`` wrote. Raises ``InvalidOption``."""
        if not isinstance(stored, Mapping):
            raise InvalidOption("options are an object of names and values")
        for name in stored:
            if name not in cls.readers:
                raise InvalidOption(f"{name!r} is no option; there are {', '.join(cls.readers)}")
        return cls(**stored)

    @classmethod
    def from_query(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """The options in query parameters, the inverse of ``query``. Raises ``InvalidOption``.

        A repeated key is a list; of a parameter that takes one value the last one counts.
        """
        read: dict[str, Any] = {}
        for name, text in pairs:
            kind = cls.readers.get(name)
            if kind in (_texts, _flag_or_texts, read_keyterms):
                read.setdefault(name, []).append(text)
            elif kind is _pairs:
                key, colon, value = text.partition(":")
                if not colon:
                    raise InvalidOption(f"{name} is {text!r}; it is written key:value")
                read.setdefault(name, {})[key] = value
            else:
                read[name] = text
        return cls.from_json(read)
