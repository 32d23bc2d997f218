"""Environment variables of both servers, read one at a time and typed.

A value that cannot be used stops the start with a sentence that names the variable, the value
unless it may be a secret, and what to set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
LEAST_DIFFERENT = 10  # characters of a secret
LONGEST_NUMBER = 40  # digits; Python does not read some thousand


class Misconfigured(Exception):
    """The environment cannot be used; the message says what to set."""


class Reader:
    """Typed look-ups in one environment. A variable that is empty or blank is not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self.environ.get(name, "").strip() or default

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name)
        if not text:
            return default
        # Of ASCII digits alone: `int` also reads "1_000" and the digits of other scripts.
        is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
        if not is_number or not least <= int(text) <= most:
            raise Misconfigured(
                f"{name} is {text!r}; set it to a whole number from {least} to {most}."
            )
        return int(text)

    def flag(self, name: str, default: bool = False) -> bool:
        text = self.text(name).lower()
        if text and text not in YES | NO:
            raise Misconfigured(f"{name} is {text!r}; set it to true or false.")
        return text in YES if text else default

    def words(self, name: str, separator: str | None = ",") -> tuple[str, ...]:
        """Return the parts of a list; without a ``separator``, blanks separate them."""
        parts = (part.strip() for part in self.text(name).split(separator))
        return tuple(part for part in parts if part)

    def url(self, name: str, schemes: tuple[str, ...], default: str = "") -> str:
        text = self.text(name, default)
        if text and urlsplit(text).scheme not in schemes:
            allowed = ", ".join(f"{scheme}://" for scheme in schemes)
            # The value may hold a password: name the scheme alone.
            scheme = urlsplit(text).scheme
            raise Misconfigured(f"{name} starts with {scheme!r}; start it with one of {allowed}.")
        return text.rstrip("/") if schemes[0] in {"http", "ws"} else text

    def secret(self, name: str, least: int) -> str:
        """Return a long and random value of at least ``least`` characters, or ""."""
        return checked_secret(name, self.text(name), least)

    def secrets(self, name: str, least: int) -> tuple[str, ...]:
        """Return a list of secrets."""
        return tuple(checked_secret(name, value, least) for value in self.words(name))

    def file(self, name: str, kind: str) -> Path | None:
        """Return the path of a readable file, described by ``kind``; None if it is not set."""
        text = self.text(name)
        if not text:
            return None
        path = Path(text).absolute()
        if not path.is_file() or not os.access(path, os.R_OK):
            raise Misconfigured(f"{name} is {text!r}, which cannot be read; set it to {kind}.")
        return path


def checked_secret(name: str, value: str, least: int) -> str:
    """Return ``value``. Raises ``Misconfigured`` for one that is short or uniform."""
    if value and (len(value) < least or len(set(value)) < LEAST_DIFFERENT):
        # Not the value: it is a secret all the same.
        raise Misconfigured(
            f"{name} has {len(value)} characters, {len(set(value))} of them different; set "
            f"it to at least {least} random characters."
        )
    return value
