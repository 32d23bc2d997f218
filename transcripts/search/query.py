"""Search queries: the typed text as terms that any index can look for.

The language is words (all must occur), ``"phrases"`` and ``prefix*``. Everything else is
read as a separator, so no input is an error of syntax: ``NEAR(a`` is the phrase *near a*,
``well-known`` the phrase *well known*, and a query of emoji has nothing to look for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from transcripts.text.folding import fold
from transcripts.text.tokens import compared, seam_words, word_ranges

MAX_CHARACTERS = 1000
MAX_WORDS = 64
# Ranges of characters of a text: (start, end) of each, in order, not overlapping.
Marks = tuple[tuple[int, int], ...]
QUOTES = '"\u201c\u201d\u201e'


class BadSearch(ValueError):
    """The search cannot be run as it is; the message says why to the person who typed it."""


class TooSlow(Exception):
    """The database gave up within its time limit."""


@dataclass(frozen=True)
class Crossing:
    """One way in which a phrase passes from an utterance into what follows.

    ``before`` are the words up to the end of the utterance, ``seam`` those of the index on the
    seam; with ``prefix`` the last of them may have more letters.
    """

    before: tuple[str, ...]
    seam: tuple[str, ...]
    prefix: bool


@dataclass(frozen=True)
class Term:
    """Words that follow each other; the last one may have more letters with ``prefix``."""

    words: tuple[str, ...]
    prefix: bool = False

    def crossings(self) -> Iterator[Crossing]:
        """Each way in which the words may stand on a seam between utterances."""
        words = [compared(word) for word in self.words]
        for place in range(1, len(words)):
            seam = seam_words(words[place - 1], words[place:])
            whole = len(seam) == len(words) - place
            yield Crossing(self.words[:place], tuple(seam), self.prefix and whole)

    def ranges(self, words: "Words") -> Iterator[tuple[int, int]]:
        """Return the ranges of characters where the term occurs in a text."""
        wanted = [fold(word) for word in self.words]
        for first in words.places(wanted[0], self.prefix and len(wanted) == 1):
            here = words.folded[first : first + len(wanted)]
            if (
                len(here) == len(wanted)
                and here[:-1] == wanted[:-1]
                and (here[-1].startswith(wanted[-1]) if self.prefix else here[-1] == wanted[-1])
            ):
                yield words.ranges[first][0], words.ranges[first + len(wanted) - 1][1]


class Words:
    """The words of a text, as terms are looked for among them."""

    def __init__(self, text: str) -> None:
        self.ranges = word_ranges(text)
        if text.isascii():
            # Folding keeps the places of these characters.
            folded = fold(text)
            self.folded = [folded[start:end] for start, end in self.ranges]
        else:
            self.folded = [fold(text[start:end]) for start, end in self.ranges]

    def places(self, word: str, is_prefix: bool) -> Iterator[int]:
        for place, folded in enumerate(self.folded):
            if folded == word or (is_prefix and folded.startswith(word)):
                yield place


class Found(NamedTuple):
    """Marks of the terms of a query in a text, which is whole if it holds every one of them."""

    marks: Marks
    is_whole: bool


@dataclass(frozen=True)
class Query:
    """Terms of which a transcript must hold every one. No terms: nothing to look for."""

    terms: tuple[Term, ...]

    def __bool__(self) -> bool:
        return bool(self.terms)

    @cached_property
    def parts(self) -> "tuple[Query, ...]":
        """Each term as a query of its own."""
        return tuple(Query((term,)) for term in self.terms)

    def found(self, text: str) -> Found:
        """Return where the terms occur in ``text``."""
        words = Words(text)
        ranges = [list(term.ranges(words)) for term in self.terms]
        marks = merged([place for places in ranges for place in places])
        return Found(tuple(marks), all(ranges))

    def marks(self, text: str) -> Marks:
        return self.found(text).marks

    def is_in(self, text: str) -> bool:
        return self.found(text).is_whole


def parse(text: str) -> Query:
    """Read a query; ``BadSearch`` names the limit when it is too long."""
    if len(text) > MAX_CHARACTERS:
        raise BadSearch(
            f"The search is {len(text):,} characters long; at most {MAX_CHARACTERS:,} are allowed."
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
        raise BadSearch(f"The search has {count} words; at most {MAX_WORDS} are allowed.")
    return Query(tuple(terms))


def begins_words(chunk: str) -> bool:
    """Return whether a star follows the last word; one Latin letter matches too many words."""
    words = word_ranges(chunk)
    start, end = words[-1] if words else (0, 0)
    return chunk[end:] == "*" and (end - start > 1 or not chunk[start].isascii())


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, overlapping ones joined."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
