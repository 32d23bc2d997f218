"""Differences between two transcripts of one recording."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.text.differences import Comparison, Timed, _steps, compare

NUMBERS = [str(number) for number in range(100)]


def timed(text: str) -> list[Timed]:
    return [Timed(word, float(second)) for second, word in enumerate(text.split())]


def marked(comparison: Comparison) -> list[str]:
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return [
        " ".join(marks[piece.kind].format(piece.text) for piece in passage.pieces)
        for passage in comparison.passages
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("we one the race", "we won the race", ["we [-one-] {+won+} the race"]),
        ("the the race", "the race", ["[-the-] the race"]),
        ("Good morning.", "good morning", []),
        ("a cafe\u0301", "A CAFÉ!", []),
        ("", "Good morning.", ["{+Good morning.+}"]),
        ("Good morning.", "", ["[-Good morning.-]"]),
        ("well - yes", "well yes", []),
    ],
)
def test_words_are_compared_without_case_and_punctuation(old, new, expected):
    assert marked(compare(timed(old), timed(new))) == expected


def test_a_change_is_shown_with_the_words_around_it_and_its_time():
    old = [*NUMBERS[:40], "won", *NUMBERS[41:]]
    comparison = compare(timed(" ".join(old)), timed(" ".join(NUMBERS)))
    assert marked(comparison) == ["34 35 36 37 38 39 [-won-] {+40+} 41 42 43 44 45 46"]
    assert comparison.passages[0].start == 40.0
    assert (comparison.words, comparison.removed, comparison.added) == (100, 1, 1)


def test_changes_that_are_close_are_one_passage():
    old = [*NUMBERS[:10], "x", *NUMBERS[11:15], "y", *NUMBERS[16:60], "z", *NUMBERS[60:]]
    comparison = compare(timed(" ".join(old)), timed(" ".join(NUMBERS)))
    assert marked(comparison) == [
        "4 5 6 7 8 9 [-x-] {+10+} 11 12 13 14 [-y-] {+15+} 16 17 18 19 20 21",
        "54 55 56 57 58 59 [-z-] 60 61 62 63 64 65",
    ]
    assert comparison.changes == 3


def test_a_long_change_is_cut():
    (passage,) = compare(timed(" ".join(NUMBERS)), []).passages
    assert passage.pieces[0].text.endswith(" 79")
    assert passage.pieces[0].hidden == 20


@given(st.lists(st.sampled_from("abc"), max_size=60), st.lists(st.sampled_from("abc"), max_size=60))
def test_the_steps_lead_from_one_transcript_to_the_other(old, new):
    made, kept = [], []
    for step in _steps(old, new):
        if step.is_same:
            assert old[step.first : step.last] == new[step.new_first : step.new_last]
        kept += old[step.first : step.last]
        made += new[step.new_first : step.new_last]
    assert (kept, made) == (old, new)


@pytest.mark.slow
def test_hours_of_speech_differ_by_what_was_changed():
    chance = random.Random(3)
    words = [chance.choice(("the", "and", "of", *NUMBERS)) for _ in range(30_000)]
    old = list(words)
    for at in range(0, 30_000, 500):
        old[at] = "other"
    comparison = compare(timed(" ".join(old)), timed(" ".join(words)))
    assert (comparison.removed, comparison.added) == (60, 60)


def test_transcripts_with_nothing_in_common_are_replaced():
    chance = random.Random(4)
    old, new = (
        timed(" ".join(f"{letter}{chance.randrange(90)}" for _ in range(5_000))) for letter in "xy"
    )
    assert compare(old, new).added == 5_000
