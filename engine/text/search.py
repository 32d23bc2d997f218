"""Find and replace in recognised words, and the terms a recogniser should listen for."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from rapidfuzz import fuzz

from engine.text.formatting import spell_numbers
from engine.text.words import LABEL, Word, bare, is_unspaced, joined, merge, tail

LEAST_CONFIDENCE = 0.65
MOST_HITS = 10
_SOUNDS = str.maketrans(
    "bfpvcgjkqsxzdtlmnr", "111122222222334556", "aeiouhwy"
)  # Soundex's groups of consonants, vowels dropped


@dataclass(frozen=True)
class Hit:
    """A place that sounds like the query; ``snippet`` is what stands there."""

    confidence: float
    start: float
    end: float
    snippet: str


def searched(words: Sequence[Word], queries: Iterable[str]) -> list[tuple[str, list[Hit]]]:
    """Return each query with its hits in ``words`` as they were spoken: not formatted."""
    spelled = spell_numbers(words)
    return [(query, search(spelled, query)) for query in queries]


def search(words: Sequence[Word], query: str) -> list[Hit]:
    """Return the places that are spelled or sound like ``query``, best first, at most ten.

    As many words as the query has, one more or one less: "data base" finds "database". A query
    in a script without blanks is compared with as many words as hold its characters. Numbers are
    compared as they are spoken; nothing is found in or across what was redacted.
    """
    spoken = spell_numbers([Word.of(word, 0.0, 0.0) for word in query.split()])
    query_words = [word.word for word in spoken if word.word]
    if not query_words:
        return []
    text = "".join(query_words)
    labels = list(accumulate((bool(LABEL.fullmatch(word.word)) for word in words), initial=0))
    candidates = []
    for first, length, difference in _stretches(words, query_words):
        if labels[first + length] > labels[first]:
            continue
        candidate = "".join(word.word for word in words[first : first + length])
        confidence = _likeness(text, candidate)
        if confidence >= LEAST_CONFIDENCE:
            candidates.append((confidence, -difference, first, length))
    hits: list[Hit] = []
    taken: set[int] = set()
    for confidence, _, first, length in sorted(candidates, reverse=True):
        if taken.isdisjoint(range(first, first + length)) and len(hits) < MOST_HITS:
            taken.update(range(first, first + length))
            part = words[first : first + length]
            snippet = joined(word.word for word in part)
            hits.append(Hit(round(confidence, 4), part[0].start, part[-1].end, snippet))
    return hits


def replace_words(words: Sequence[Word], rules: Iterable[tuple[str, str]]) -> list[Word]:
    """The words with each phrase replaced; see ``parse_replacements``.

    Several words that are replaced become one; an empty replacement removes them.
    """
    written = list(words)
    for find, replacement in rules:
        wanted = [bare(word) for word in find.split()]
        if any(wanted):
            written = _replaced(written, wanted, replacement.strip())
    return written


def parse_replacements(values: Iterable[str]) -> list[tuple[str, str]]:
    """``find:replace`` parameters as pairs; without a colon the phrase is removed."""
    pairs = []
    for value in values:
        find, _, replacement = value.partition(":")
        pairs.append((find, replacement))
    return pairs


def hotwords(keyterms: Iterable[str], keywords: Iterable[str] = ()) -> str | None:
    """The terms to prefer, as Whisper's hot words: a comma between, the strongest first.

    ``keywords`` are ``word`` or ``word:intensifier``; what is boosted below zero is left out,
    since a recogniser can be told only what to expect. None when there are no terms.
    """
    boosted = []
    for keyword in keywords:
        word, _, intensifier = keyword.partition(":")
        boosted.append((_number(intensifier), word))
    strongest = sorted(boosted, key=lambda pair: -pair[0])
    terms = [*keyterms, *(word for boost, word in strongest if boost > 0)]
    return ", ".join(term.strip() for term in terms if term.strip()) or None


def _stretches(words: Sequence[Word], wanted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches of ``words`` that may be the ``wanted`` ones.

    Each is its first word, its number of words, and by how many words it differs.
    """
    if not any(is_unspaced(text[0]) for text in wanted):
        for length in {max(1, len(wanted) - 1), len(wanted), len(wanted) + 1}:
            for first in range(len(words) - length + 1):
                yield first, length, abs(length - len(wanted))
        return
    # The recognizer's words have one or more characters: those that hold as many are compared.
    ends = list(accumulate((len(word.word) for word in words), initial=0))
    characters = sum(map(len, wanted))
    for first in range(len(words)):
        middle = bisect_left(ends, ends[first] + characters)
        for end in range(max(first + 1, middle - 1), min(len(words), middle + 1) + 1):
            yield first, end - first, abs(end - middle)


def _likeness(query: str, text: str) -> float:
    if query == text:
        return 1.0
    letters = fuzz.ratio(query, text) / 100
    # Two unlike words can share a skeleton of two consonants; a longer one is evidence.
    skeleton = query.translate(_SOUNDS)
    if len(skeleton) < 3:
        return letters
    sound = fuzz.ratio(skeleton, text.translate(_SOUNDS)) / 100
    return max(letters, 0.5 * letters + 0.5 * sound)


def _replaced(words: list[Word], phrase: list[str], replacement: str) -> list[Word]:
    written: list[Word] = []
    position = 0
    while position < len(words):
        part = _matching(words, position, phrase)
        if not part:
            written.append(words[position])
            position += 1
            continue
        position += len(part)
        mark = tail(part[-1].punctuated_word)
        if replacement:
            written.append(merge(part, replacement + mark))
        elif written and mark and not tail(written[-1].punctuated_word):
            last = written[-1]
            written[-1] = replace(last, punctuated_word=last.punctuated_word + mark)
    return written


def _matching(words: list[Word], position: int, phrase: list[str]) -> list[Word]:
    """Return the words at ``position`` that make up ``phrase``, or none.

    In a script without blanks the recognizer's words may end elsewhere than those of ``phrase``.
    """
    part = words[position : position + len(phrase)]
    if [word.word for word in part] == phrase:
        return part
    text = "".join(phrase)
    if not all(map(is_unspaced, text)):
        return []
    end, characters = position, ""
    while end < len(words) and len(characters) < len(text):
        characters += words[end].word
        end += 1
    return words[position:end] if characters == text else []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0
