"""The steps over the words of a live result, in the order that keeps what each promises."""

from __future__ import annotations

from collections.abc import Sequence

from engine.text.formatting import Formatting, format_words
from engine.text.redaction import redact
from engine.text.search import replace_words
from engine.text.words import Word


def redact_result(words: Sequence[Word], redactions: frozenset[str]) -> list[Word]:
    """Return the words of one result, redacted: the first step over them.

    A value may reach over the end of a result, and its half alone would not be known for what
    it is: with any redaction every number goes.
    """
    if redactions:
        redactions |= {"aggressive_numbers"}
    return redact(words, redactions)


def write(
    words: Sequence[Word],
    formatting: Formatting,
    language: str | None,
    replacements: Sequence[tuple[str, str]] = (),
) -> list[Word]:
    """Return redacted words as they are written in ``language``, a BCP-47 tag."""
    return replace_words(format_words(words, formatting, language), replacements)
