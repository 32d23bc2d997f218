"""Properties of formatting that hold for any words."""

from __future__ import annotations

import re
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as some

from engine.text.entities import detect_entities
from engine.text.formatting import Formatting, format_words
from engine.text.numbers import find_numbers
from engine.text.paragraphs import paragraphs, sentences, utterances
from engine.text.redaction import GROUPS, TYPES, redact
from engine.text.search import hotwords, parse_replacements, replace_words, search
from engine.text.words import Word

DIGITS = "zero one two three four five six seven eight nine".split()
# What rules look for, so that runs of it come up often, in addition to any text.
TELLING = [
    *DIGITS,
    *"oh double triple ten twenty hundred thousand million and point percent dollars cents".split(),
    *"first third january may card cvv expires social security number at dot com www".split(),
    *"a.m. o'clock half past um uh period comma new line quote unquote 4111 $5 3:30 50%".split(),
    *"7.30 12.5 0.75 1.05 1,500 1999 007".split(),
]
SAID = some.lists(
    some.one_of(some.sampled_from(TELLING), some.text(min_size=1, max_size=8)), max_size=25
)
FORMATTINGS = some.builds(Formatting, **{name: some.booleans() for name in asdict(Formatting())})
KINDS = some.sets(some.sampled_from([*TYPES, "numbers", "aggressive_numbers"]))


def spoken(said: list[str]) -> list[Word]:
    return [Word.of(text, at * 0.5, at * 0.5 + 0.4, 0.9) for at, text in enumerate(said)]


def in_order(words: list[Word]) -> bool:
    times = [time for word in words for time in (word.start, word.end)]
    return times == sorted(times)


@given(SAID, FORMATTINGS)
def test_formatting_keeps_words_in_order(said, options):
    found = format_words(spoken(said), options)
    assert in_order(found)
    assert all(0 <= word.confidence <= 1 for word in found)


@given(SAID, KINDS)
def test_redaction_only_adds_labels(said, kinds):
    words = spoken(said)
    found = redact(words, kinds)
    assert in_order(found)
    new = {word.word for word in found} - {word.word for word in words}
    assert all(re.fullmatch(r"\[[A-Z_]+_\d+\]", word) for word in new)


@given(some.lists(some.sampled_from(range(10)), min_size=16, max_size=16), some.booleans())
def test_no_digit_of_a_card_is_left(digits, as_words):
    number = [DIGITS[digit] if as_words else str(digit) for digit in digits]
    found = redact(spoken(["my", "card", "is", *number, "thanks"]), GROUPS["pci"])
    assert [word.word for word in found] == ["my", "card", "is", "[CREDIT_CARD_1]", "thanks"]


@given(SAID)
def test_numbers_are_found_within_the_words_and_apart(said):
    found = find_numbers([word.lower() for word in said])
    taken = [at for number in found for at in range(number.first, number.first + number.count)]
    assert taken == sorted(set(taken))
    assert set(taken) <= set(range(len(said)))
    assert all(number.value >= 0 for number in found)


@given(SAID, some.lists(some.text(max_size=12), max_size=3))
def test_anything_can_be_searched_and_replaced(said, queries):
    words = spoken(said)
    for query in queries:
        for hit in search(words, query):
            assert 0 <= hit.start <= hit.end
            assert 0 <= hit.confidence <= 1
    assert in_order(replace_words(words, parse_replacements(queries)))
    hotwords(queries, queries)


@given(SAID)
def test_sentences_paragraphs_and_utterances_hold_every_word_once(said):
    words = format_words(spoken(said), Formatting(filler_words=True))
    whole = sentences(words)
    assert [(s.start_word, s.end_word) for s in whole] == _touching(whole)
    assert sum(paragraph.num_words for paragraph in paragraphs(words)) == len(words)
    assert [word for one in utterances(words, 0.05, 0, True) for word in one.words] == words


@given(SAID)
def test_entities_lie_within_the_words(said):
    words = spoken(said)
    for entity in detect_entities(words):
        assert 0 <= entity.start_word < entity.end_word <= len(words)


def _touching(whole):
    """The ranges of ``whole`` as they must be: each begins where the one before it ended."""
    starts = [0, *(sentence.end_word + 1 for sentence in whole[:-1])] if whole else []
    return [(start, sentence.end_word) for start, sentence in zip(starts, whole, strict=True)]
