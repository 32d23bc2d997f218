"""The steps over recognised words, in the order that keeps what each promises."""

from collections.abc import Iterable, Sequence

from engine.text.formatting import Formatting, format_words
from engine.text.redaction import redact
from engine.text.search import replace_words
from engine.text.words import Word


def process(
    words: Sequence[Word],
    formatting: Formatting,
    redactions: frozenset[str] = frozenset(),
    replacements: Iterable[tuple[str, str]] = (),
) -> list[Word]:
    """What a response is made of: redacted, then formatted, then replaced words.

    Redaction is first, so that nothing made later can show what was taken out; its labels pass
    through the other steps unchanged. ``redactions`` comes from ``parse_redactions``,
    ``replacements`` from ``parse_replacements``.
    """
    return replace_words(format_words(redact(words, redactions), formatting), replacements)
