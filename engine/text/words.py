"""The recognised word, which every step over text reads and returns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

_EDGES = re.compile(r"^[^\w#@$€£%'+-]+|[^\w%'#+°]+$|^['-]+(?=\D)|'+$")


@dataclass(frozen=True)
class Word:
    """One word with its place in the audio; the contract's section 5.3.

    ``word`` is bare and lower case, ``punctuated_word`` as it is written in a sentence.
    ``start`` and ``end`` are seconds from the start of the recording, ``confidence`` and
    ``speaker_confidence`` lie between 0 and 1, ``speaker`` counts from 0 by first appearance.
    """

    word: str
    punctuated_word: str
    start: float
    end: float
    confidence: float
    speaker: int | None = None
    speaker_confidence: float | None = None
    language: str | None = None

    @classmethod
    def of(cls, text: str, start: float, end: float, confidence: float = 1.0) -> "Word":
        """A word from its text as the recogniser wrote it, spaces and punctuation included."""
        written = text.strip()
        return cls(bare(written), written, start, end, confidence)

    def written(self, text: str) -> "Word":
        """The same place in the audio with other text."""
        return replace(self, word=bare(text), punctuated_word=text)


def bare(text: str) -> str:
    """``text`` in lower case, without the punctuation around it: ``"Hello,"`` is ``hello``.

    What belongs to a value stays: ``$5.20``, ``50%``, ``don't``, ``a.m``. A redaction's label,
    ``[SSN_1]``, keeps its capitals.
    """
    text = text.strip()
    if text.startswith("[") and "]" in text:  # a redaction's label
        return text[: text.index("]") + 1]
    previous = None
    while previous != text:
        previous, text = text, _EDGES.sub("", text)
    return text.lower()


def merge(words: Sequence[Word], text: str) -> Word:
    """Several spoken words written as one: from the first's start to the last's end.

    The confidence is their mean; the speaker is the first's.
    """
    first, last = words[0], words[-1]
    confidence = sum(word.confidence for word in words) / len(words)
    return replace(first.written(text), end=last.end, confidence=confidence)


def tail(punctuated_word: str) -> str:
    """The punctuation after the word: ``"street,"`` gives ``,``."""
    kept = len(punctuated_word.rstrip('.,!?;:…"”\u2019)'))
    return punctuated_word[kept:]


def transcript(words: Sequence[Word], punctuated: bool) -> str:
    """The words as one line of text, written or bare."""
    text = " ".join(word.punctuated_word if punctuated else word.word for word in words)
    return text.replace(" \n", "\n").replace("\n ", "\n")
