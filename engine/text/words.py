"""The recognised word, which every step over text reads and returns."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

LABEL = re.compile(r"\[[A-Z_]+_\d+\]")  # what a redaction leaves
_BEFORE_WORD, _AFTER_WORD = frozenset("_#@$€£¥₹%'+-"), frozenset("_%'#+°$€£¥₹")


@dataclass(frozen=True)
class Word:
    """One word with its place in the audio (docs/contract.md, 5.3).

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

    Characters that belong to a value stay: ``$5.20``, ``50%``, ``don't``, ``a.m``. A redaction's
    label, ``[SSN_1]``, keeps its capitals.
    """
    text = text.strip()
    if text.startswith("[") and "]" in text:  # a redaction's label
        return text[: text.index("]") + 1]
    first, last = 0, len(text)
    stripped = True
    while stripped:
        before = first, last
        while first < last and not (_is_letter(text[first]) or text[first] in _BEFORE_WORD):
            first += 1
        while first < last and not (_is_letter(text[last - 1]) or text[last - 1] in _AFTER_WORD):
            last -= 1
        first = _after_quotes(text, first, last)
        while first < last and text[last - 1] == "'":
            last -= 1
        stripped = (first, last) != before
    return text[first:last].lower()


def _is_letter(character: str) -> bool:
    """Return whether ``character`` is of a word: the vowel signs of Hindi and Thai are marks."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _after_quotes(text: str, first: int, last: int) -> int:
    """Return where the quotes and dashes at ``first`` end; a minus stays with its number."""
    end = first
    while end < last and text[end] in "'-":
        end += 1
    is_minus = end == last or text[end].isdecimal()
    return max(first, end - 1) if is_minus else end


def merge(words: Sequence[Word], text: str) -> Word:
    """Several spoken words written as one: from the first's start to the last's end.

    The confidence is their mean; the speaker is the first's.
    """
    first, last = words[0], words[-1]
    confidence = sum(word.confidence for word in words) / len(words)
    return replace(first.written(text), end=last.end, confidence=confidence)


def tail(punctuated_word: str) -> str:
    """The punctuation after the word: ``"street,"`` gives ``,``."""
    kept = len(
        punctuated_word.rstrip('.,!?;:…"”\u2019)。\uff0c、\uff01\uff1f\uff1b\uff1a」』\uff09')
    )
    return punctuated_word[kept:]


# Scripts that are written without blanks: Thai, Lao, Burmese, Khmer, Chinese, Japanese, with
# their punctuation and full-width forms. Korean has blanks.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff"
    "\uff01-\uff60\uff66-\uff9f\U00020000-\U0003ffff]"
)


def is_unspaced(character: str) -> bool:
    """Return whether ``character`` belongs to a script that is written without blanks."""
    return _UNSPACED.match(character) is not None


def joined(texts: Iterable[str]) -> str:
    """Return ``texts`` as one line, with blanks where their scripts have them."""
    parts: list[str] = []
    for text in filter(None, texts):
        if parts and not (is_unspaced(parts[-1][-1]) or is_unspaced(text[0])):
            parts.append(" ")
        parts.append(text)
    return "".join(parts)


def transcript(words: Sequence[Word], punctuated: bool) -> str:
    """The words as one line of text, written or bare."""
    text = joined(word.punctuated_word if punctuated else word.word for word in words)
    return text.replace(" \n", "\n").replace("\n ", "\n")
