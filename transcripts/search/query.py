"""What a person typed into the search box, as terms that any index can look for.

The language is words (all must occur), ``"phrases"`` and ``prefix*``. Everything else is
read as a separator, so no input is an error of syntax: ``NEAR(a`` is the phrase *near a*,
``well-known`` the phrase *well known*, and a query of emoji has nothing to look for.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from transcripts.folding import fold

MAX_CHARACTERS = 1000
MAX_WORDS = 64
QUOTES = '"\u201c\u201d\u201e'


class BadSearch(ValueError):
    """The search cannot be run as it is; the message says why to the person who typed it."""


class TooSlow(Exception):
    """The database gave up within its time limit."""


@dataclass(frozen=True)
class Term:
    """Words that follow each other; with ``prefix`` the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True)
class Query:
    """Terms of which an utterance must hold every one. No terms: nothing to look for."""

    terms: tuple[Term, ...]

    def __bool__(self) -> bool:
        return bool(self.terms)

    def marks(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where the terms occur in ``text``: ranges of characters in order, not overlapping."""
        found = [(fold(text[start:end]), start, end) for start, end in word_ranges(text)]
        ranges: list[tuple[int, int]] = []
        for term in self.terms:
            wanted = [fold(word) for word in term.words]
            for first in range(len(found) - len(wanted) + 1):
                here = [word for word, _, _ in found[first : first + len(wanted)]]
                if here[:-1] == wanted[:-1] and (
                    here[-1].startswith(wanted[-1]) if term.prefix else here[-1] == wanted[-1]
                ):
                    ranges.append((found[first][1], found[first + len(wanted) - 1][2]))
        return tuple(merged(ranges))


def parse(text: str) -> Query:
    """Read a query; ``BadSearch`` names the limit when it is too long."""
    if len(text) > MAX_CHARACTERS:
        raise BadSearch(
            f"The search is {len(text):,} characters long; at most {MAX_CHARACTERS:,} are possible."
        )
    terms: list[Term] = []
    for quote in QUOTES[1:]:
        text = text.replace(quote, QUOTES[0])
    for place, piece in enumerate(text.split(QUOTES[0])):
        quoted = place % 2 == 1
        for chunk in [piece] if quoted else piece.split():
            words = tuple(chunk[start:end] for start, end in word_ranges(chunk))
            term = Term(words, prefix=begins_words(chunk.rstrip()))
            if words and term not in terms:
                terms.append(term)
    count = sum(len(term.words) for term in terms)
    if count > MAX_WORDS:
        raise BadSearch(f"The search has {count} words; at most {MAX_WORDS} are possible.")
    return Query(tuple(terms))


def begins_words(chunk: str) -> bool:
    """Whether a star follows the last word. One Latin letter begins too many words to ask for."""
    words = list(word_ranges(chunk))
    start, end = words[-1] if words else (0, 0)
    return chunk[end:] == "*" and (end - start > 1 or not chunk[start].isascii())


def word_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of ``text`` start and end: runs of letters, marks and numbers."""
    for is_word, run in groupby(enumerate(text), key=lambda item: is_word_character(item[1])):
        if is_word:
            places = [place for place, _ in run]
            yield places[0], places[-1] + 1


def is_word_character(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LNM" or category == "Co"


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, overlapping ones joined."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
