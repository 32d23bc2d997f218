"""Phrases that are written twice, and whether there was time to say them twice."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.speech.recognition.repeats import without_repeats
from engine.speech.recognition.transcript import Word


def spoken(*parts: tuple[str, float], start: float = 0.0) -> list[Word]:
    """Words of each text evenly over its seconds, one text after the other."""
    words = []
    for text, seconds in parts:
        texts = text.split()
        for each in texts:
            words.append(Word(each, start, start + seconds / len(texts), 0.9))
            start += seconds / len(texts)
    return words


def texts(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("phrase", "first", "second"),
    [
        ("And so my fellow Americans,", 2.0, 0.5),
        ("And so my fellow Americans,", 0.5, 2.0),
        ("Ready?", 0.3, 0.02),
        ("555 0199", 1.5, 0.2),
        ("请说中文", 0.8, 0.1),
    ],
)
def test_a_copy_without_its_time_is_left_out(phrase, first, second):
    words = spoken(("Well,", 0.3), (phrase, first), (phrase, second), ("that is it.", 0.6))
    kept = without_repeats(words)
    assert texts(kept) == f"Well, {phrase} that is it."
    longer = max(first, second)
    assert sum(word.end - word.start for word in kept[1:-3]) == pytest.approx(longer)


@pytest.mark.parametrize(
    ("phrase", "seconds"),
    [
        ("no,", 0.2),
        ("very", 0.25),
        ("New York,", 0.5),
        ("ask not what your country can do", 1.6),
        ("five five five", 0.8),
        ("ha", 0.1),
    ],
)
def test_what_was_said_again_and_again_stays(phrase, seconds):
    words = spoken(*[(phrase, seconds)] * 4)
    assert without_repeats(words) == words


def test_several_copies_leave_one():
    words = spoken(("thank you so much", 1.0), *[("thank you so much", 0.1)] * 3)
    assert texts(without_repeats(words)) == "thank you so much"


def test_case_and_punctuation_make_no_other_phrase():
    words = spoken(("Are you ready?", 0.8), ("are you ready", 0.1))
    assert texts(without_repeats(words)) == "Are you ready?"


def test_a_word_that_was_cut_is_written_once():
    before = spoken(("over the country", 0.9))
    before[-1] = Word("country", 0.6, 0.75, 0.9)
    words = spoken(("country", 0.15), ("roads", 0.4), start=0.75)
    assert texts(without_repeats(words, before)) == "roads"


def test_only_voice_counts_as_time():
    words = spoken(("Ready?", 0.4), ("Ready?", 0.4))
    assert without_repeats(words) == words
    heard = without_repeats(words, voice=lambda word: 0.4 if word.start == 0 else 0.0)
    assert heard == words[:1]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "be", "see", "Dee!"]), st.floats(0.02, 0.6)), max_size=12
    )
)
@example([(word, 0.0625) for word in ("see", "a", "see", "see", "a")])
def test_what_is_kept_is_in_order_and_settled(parts):
    words = spoken(*parts)
    kept = without_repeats(words)
    places = [words.index(word) for word in kept]
    assert places == sorted(places)
    assert without_repeats(kept) == kept
