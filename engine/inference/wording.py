"""Steps over recognised words, the same for recordings and for live results.

Redaction comes first, so that nothing made later can show what was removed; search reads the words
as they were spoken; formatting and replacements come last (docs/contract.md, 5.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from engine.inference.catalog import is_english
from engine.text.formatting import Formatting, format_words
from engine.text.redaction import CannotRedact, parse_redactions, redact
from engine.text.search import parse_replacements, replace_words
from engine.text.words import Word
from engine.wire.errors import bad_request


@dataclass(frozen=True)
class Wording:
    """The steps of one request; redaction knows English alone."""

    redactions: frozenset[str] = frozenset()
    formatting: Formatting = Formatting()
    replacements: Sequence[tuple[str, str]] = ()

    @classmethod
    def of(cls, options: Any, language: str | None) -> Wording:
        """Raises ``ApiError`` (400) for redactions that cannot be made in ``language``."""
        return cls(
            check_redactions(options.redact, language),
            formatting_of(options),
            parse_replacements(options.replace),
        )

    def spoken(
        self, words: Sequence[Word], language: str | None, *, is_part: bool = False
    ) -> Sequence[Word]:
        """Return the words as they were spoken, redacted.

        A value may reach over the end of a live result, a part of the whole. Its half alone would
        not be recognised: with any redaction, every number of a part is redacted.
        """
        if not is_english(language):
            return words
        redactions = self.redactions
        if redactions and is_part:
            redactions |= {"aggressive_numbers"}
        return redact(words, redactions)

    def written(self, words: Sequence[Word], language: str | None) -> list[Word]:
        """Return spoken words as they are written in ``language``, a BCP-47 tag."""
        return replace_words(format_words(words, self.formatting, language), self.replacements)


def formatting_of(options: Any) -> Formatting:
    return Formatting(**{field.name: getattr(options, field.name) for field in fields(Formatting)})


def check_redactions(values: Iterable[str], language: str | None) -> frozenset[str]:
    """Return the redactions named. Raises ``ApiError`` (400)."""
    try:
        redactions = parse_redactions(values)
    except CannotRedact as error:
        raise bad_request(f"Bad Request: {error}") from None
    if redactions and not is_english(language):
        # The rules know English numbers: others would stay in the transcript.
        raise bad_request("Bad Request: redact is only available for English.")
    return redactions
