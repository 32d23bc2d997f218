"""Find within one transcript: what was typed, wherever the recognizer cut the text."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from transcripts.text import reading
from transcripts.text.folding import fold
from transcripts.text.tokens import are_close, joined, word_ranges

# What may stand within a word of an unspaced script: but not vowel signs, which are no letters.
BLANKS = "(?:[^\\w\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff]|_)*+"


@dataclass(frozen=True)
class Found:
    """From a character of one utterance to one of the same or a later utterance.

    Utterances are counted from 0; characters in UTF-16, as browsers count them.
    """

    first: int
    start: int
    last: int
    end: int


def find(texts: Sequence[str], typed: str) -> Iterator[Found]:
    """Each place of ``typed`` in utterances that follow each other, in order.

    Case, accents, punctuation and the ends of utterances do not matter; it may begin and end
    within a word.
    """
    pattern = pattern_of(typed)
    if pattern is None:
        return
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    whole = "\n".join(map(reading.fold, texts))
    for match in pattern.finditer(whole):
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, match.end() - 1) - 1
        yield Found(
            first,
            browser_place(texts[first], match.start() - starts[first]),
            last,
            browser_place(texts[last], match.end() - starts[last]),
        )


def pattern_of(typed: str) -> re.Pattern[str] | None:
    """Return the pattern for a folded text; None if nothing was typed."""
    words = [fold(typed[start:end]) for start, end in word_ranges(typed)]
    if not words:
        marks = typed.strip()
        return re.compile(re.escape(marks)) if marks else None
    source = loose(words[0])
    for before, word in pairwise(words):
        source += (BLANKS if are_close(before, word) else r"[\W_]++") + loose(word)
    return re.compile(source)


def loose(word: str) -> str:
    """A word whose Latin letters may have accents of their own."""
    return "".join(
        re.escape(letter) + ("[\u0300-\u036f]*+" if letter.isascii() and letter.isalpha() else "")
        for letter in word
    )


def browser_place(text: str, place: int) -> int:
    """A place in a text as a browser counts: characters beyond U+FFFF are two."""
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


def shown_texts(utterances: Iterable[tuple[str, Sequence[Sequence[Any]]]]) -> list[str]:
    """The texts of ``(text, words)`` as a page shows them: laid out by their words."""
    shown = []
    for text, words in utterances:
        if not words or joined([str(word[0]) for word in words]) == text:
            shown.append(text)
        else:
            shown.append("".join(word.before + word.text for word in reading.words(text, words)))
    return shown
