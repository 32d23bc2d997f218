"""Every rule over text takes time in proportion to the text, whatever a recogniser repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from engine.speech.synthesis.clauses import clauses, first_clause_end, last_sentence_end
from engine.speech.synthesis.english import English
from engine.text.entities import detect_entities
from engine.text.formatting import Formatting, format_words
from engine.text.intelligence import count_tokens, words_of
from engine.text.labels import find_topics
from engine.text.paragraphs import paragraphs, sentences, utterances
from engine.text.redaction import TYPES, redact
from engine.text.search import replace_words, searched
from engine.text.sentiment import sentiment_segments
from engine.text.spoken import written_out
from engine.text.words import Word, bare
from tests.linear import TIMES, assert_linear

pytestmark = pytest.mark.full

FEW = 120


def nowhere(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Embeddings without a model."""
    return np.zeros((len(texts), 2), np.float32)


WORD_RULES: dict[str, Callable[[Sequence[Word]], object]] = {
    "smart_format": lambda words: format_words(words, Formatting(smart_format=True)),
    "numerals": lambda words: format_words(words, Formatting(numerals=True, measurements=True)),
    "spelling, dictation, profanity": lambda words: format_words(
        words, Formatting(dictation=True, profanity_filter=True)
    ),
    "redaction": lambda words: redact(words, {*TYPES, "numbers", "aggressive_numbers"}),
    "entities": detect_entities,
    "search": lambda words: searched(words, ["one point", "dot a dot"]),
    "replacement": lambda words: replace_words(words, [("dot", "point"), ("one two", "")]),
    "paragraphs": paragraphs,
    "utterances": lambda words: utterances(words, 0.05, 0, True),
    "sentiment": lambda words: sentiment_segments(sentences(words), [0.0] * len(sentences(words))),
    "topics": lambda words: find_topics(sentences(words), nowhere),
}
TEXT_RULES: dict[str, Callable[[str], object]] = {
    "English aloud": lambda text: written_out(text, "en-US"),
    "Spanish aloud": lambda text: written_out(text, "es-ES"),
    "French aloud": lambda text: written_out(text, "fr-FR"),
    "Italian aloud": lambda text: written_out(text, "it-IT"),
    "clauses": lambda text: list(clauses(text)),
    "ends of sentences": lambda text: (last_sentence_end(text), first_clause_end(text)),
    "words of a text": words_of,
    "tokens": count_tokens,
    "bare words": bare,
}
TELLING = (
    "dot point one two oh double hundred thousand million and at a uh okay dash slash com www "
    "march may first 3, 5 1984 4111 10:30 3.30pm 1,200 $5 99% 5$ dollars cents pound per cent card "
    "social expires comma period new line open quote a. A. Mr. e.g. don't - -- ' a.b a-b a_b 1-1 "
    "1.1.1 x@y https://a. .... 11111 Mon- \u044f"
).split()


def repeated(unit: Sequence[str], times: int) -> list[Word]:
    said = [word for _ in range(times) for word in unit]
    return [Word.of(word, at * 0.5, at * 0.5 + 0.4) for at, word in enumerate(said)]


@pytest.mark.parametrize("name", WORD_RULES)
@given(unit=some.lists(some.sampled_from(TELLING), min_size=1, max_size=3))
@example(unit=["dot", "a"])
@example(unit=["point", "one"])
@example(unit=["one", "one", "point"])
@example(unit=["hundred", "and", "and"])
@example(unit=["card", "4", "okay"])
@settings(max_examples=15)
def test_rules_over_words_are_linear(name: str, unit: list[str]):
    assert_linear(WORD_RULES[name], repeated(unit, FEW), repeated(unit, FEW * TIMES))


@pytest.mark.parametrize("name", TEXT_RULES)
@given(unit=some.sampled_from(TELLING), space=some.sampled_from(["", " "]))
@example(unit="a.", space="")
@example(unit="a-", space="")
@example(unit=".", space="")
@example(unit="a", space="")
@example(unit="1", space="")
@example(unit="'.", space="")
@settings(max_examples=15)
def test_rules_over_text_are_linear(name: str, unit: str, space: str):
    text = (unit + space) * (4 * FEW)
    assert_linear(TEXT_RULES[name], text, text * TIMES)


@pytest.mark.parametrize("unit", ["dot a ", "point one ", "a", "a-", "the "])
def test_phonemes_are_linear(unit: str):
    assert_linear(English("us").phonemes, unit * FEW, unit * (FEW * TIMES))


@pytest.mark.parametrize("digits", [400, 5_000])
def test_endless_digits_are_no_error(digits: int):
    """Python reads no integer of more than 4,300 digits."""
    words = repeated(["pay", "1" * digits, "dollars", "1" * digits + "th", "may", "1" * digits], 1)
    assert format_words(words, Formatting(smart_format=True, measurements=True))
    assert format_words(words, Formatting())
    assert redact(words, {*TYPES, "aggressive_numbers"})
