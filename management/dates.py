"""The language of dates: month and day names for one person; all other text stays English."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.utils import translation

ENGLISH = "en"
_language: ContextVar[str] = ContextVar("language of dates", default=ENGLISH)


def languages() -> list[tuple[str, str]]:
    """The languages of dates, each with its own name, English first."""
    names = [
        (code, translation.get_language_info(code)["name_local"])
        for code, _ in settings.LANGUAGES
        if code != ENGLISH
    ]
    return [(ENGLISH, "English"), *sorted(names, key=lambda pair: pair[1].casefold())]


def use(language: str) -> None:
    """Write the dates of this request in ``language``; blank is English."""
    _language.set(language or ENGLISH)


def used() -> str:
    """Return the language of dates of this request."""
    return _language.get()


@contextmanager
def english() -> Iterator[None]:
    """Start with English, and return to the language of before at the end."""
    token = _language.set(ENGLISH)
    try:
        yield
    finally:
        _language.reset(token)
