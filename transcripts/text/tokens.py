"""Words of a text as search compares them, and what is indexed of each utterance.

A word is a run of letters, marks and numbers. Scripts that are written without spaces (Chinese,
Japanese, Thai, …) have no such words: there each character is one, so that any part of a
sentence is found, with or without blanks in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from unicodedata import category, east_asian_width

from transcripts.text.folding import fold

# Thai and Lao, Burmese, Khmer, kana, Bopomofo and the Han ideographs. Hangul has spaces.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
ASCII_WORD = re.compile("[A-Za-z0-9]+")
# Joins the words on both sides of a seam to one that is in no text.
SEAM = "ƾ"
# So many words after the end of an utterance tell one phrase across it from another.
AFTER_SEAM = 5
# Databases index no endless words; what is alike so far is alike.
LONGEST = 60
VOCABULARY_CHARACTERS = 200_000


@lru_cache(maxsize=8192)
def is_word_character(character: str) -> bool:
    kind = category(character)
    return kind[0] in "LNM" or kind == "Co"


def is_unspaced(character: str) -> bool:
    """Return whether a character is of a script that puts no spaces between words."""
    return UNSPACED.match(character) is not None


def word_ranges(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word of ``text``, in characters."""
    if text.isascii():
        return [found.span() for found in ASCII_WORD.finditer(text)]
    ranges = []
    start: int | None = None
    for place, character in enumerate(text):
        alone = character > "\u0e00" and is_unspaced(character) and is_word_character(character)
        if start is not None and (alone or not is_word_character(character)):
            ranges.append((start, place))
            start = None
        if alone:
            ranges.append((place, place + 1))
        elif start is None and is_word_character(character):
            start = place
    if start is not None:
        ranges.append((start, len(text)))
    return ranges


def compared(word: str) -> str:
    """A word as the index keeps it across seams and in vocabularies."""
    return fold(word)[:LONGEST]


def spaced(text: str) -> str:
    """``text`` with each character of an unspaced script on its own; empty when it has none."""
    return UNSPACED.sub(r" \g<0> ", text) if UNSPACED.search(text) else ""


def joined(texts: Sequence[str]) -> str:
    """Texts that follow each other as one, with a space where their script has spaces."""
    whole = [*texts[:1]]
    for before, text in pairwise(texts):
        whole += [gap(before, text), text]
    return "".join(whole)


def gap(before: str, after: str) -> str:
    """Return what stands between two texts: a space, or nothing next to a script without spaces.

    The engine joins words by the same rule.
    """
    if not before or not after:
        return ""
    return "" if is_close(before[-1]) or is_close(after[0]) else " "


def is_close(character: str) -> bool:
    """Return whether a character needs no space next to another."""
    wide = category(character)[0] == "P" and east_asian_width(character) in "FW"
    return wide or is_unspaced(character)


def are_close(before: str, after: str) -> bool:
    """Return whether two words may stand next to each other without a space."""
    return is_unspaced(before[-1]) or is_unspaced(after[0])


def seam_words(before: str, after: Sequence[str]) -> list[str]:
    """Return the words that cross a seam: ``before`` ends an utterance, ``after`` follows.

    Each says its own place, so that they need no order.
    """
    return [
        f"{before}{SEAM}{word}" if place == 1 else f"{SEAM}{place}{SEAM}{word}"
        for place, word in enumerate(after[:AFTER_SEAM], 1)
    ]


@dataclass(frozen=True)
class IndexedText:
    """Indexed text of an utterance besides its own, words separated by spaces.

    ``spaced`` stands in for a text in an unspaced script, ``seam`` is how it passes into what
    follows, ``vocabulary`` has each word of the whole transcript once: that of the first
    utterance, empty for the others.
    """

    spaced: str
    seam: str
    vocabulary: str


def indexed(texts: Sequence[str]) -> list[IndexedText]:
    """Return the indexed text of a transcript's utterances, given their texts in order."""
    words_of = [
        [compared(text[start:end]) for start, end in word_ranges(text)]
        # No utterance is that long, and databases index only its beginning.
        for text in (text[:100_000] for text in texts)
    ]
    seams: list[str] = []
    after: list[str] = []
    for words in reversed(words_of):
        seams.append(" ".join(seam_words(words[-1], after)) if words else "")
        after = [*words[:AFTER_SEAM], *after][:AFTER_SEAM]
    seams.reverse()
    vocabularies = [vocabulary(words_of), *[""] * (len(texts) - 1)]
    return [
        IndexedText(spaced(text), seam, all_words)
        for text, seam, all_words in zip(texts, seams, vocabularies, strict=False)
    ]


def vocabulary(words_of: Sequence[Sequence[str]]) -> str:
    """The words of a transcript, each once, as many as a database can index together."""
    text = " ".join(dict.fromkeys(word for words in words_of for word in words))
    if len(text) > VOCABULARY_CHARACTERS:
        text = text[: VOCABULARY_CHARACTERS + 1].rpartition(" ")[0]
    return text
