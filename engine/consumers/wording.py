"""The steps over the words of a live result, in the order that keeps what each promises."""

from __future__ import annotations

from collections.abc import Sequence

from engine.text.formatting import Formatting, format_words
from engine.text.redaction import redact
from engine.text.search import replace_words
from engine.text.words import Word


def write(
    words: Sequence[Word],
    formatting: Formatting,
    redactions: frozenset[str],
    replacements: Sequence[tuple[str, str]] = (),
) -> list[Word]:
    """Redacted first, so that nothing made later can show what was taken out.

    A value may reach over the end of a result, and its half alone would not be known for what
    it is: with any redaction every number goes.
    """
    if redactions:
        redactions |= {"aggressive_numbers"}
    return replace_words(format_words(redact(words, redactions), formatting), replacements)
