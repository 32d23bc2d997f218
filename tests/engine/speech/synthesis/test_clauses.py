"""Clauses: cuts of text so that sound begins soon and continues."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speech.synthesis.clauses import GROWTH, LONGEST, clauses, last_sentence_end


@pytest.mark.parametrize(
    ("text", "first", "pieces"),
    [
        ("Yes. I will come.", 40, ["Yes.", "I will come."]),
        ("A short one", 40, ["A short one"]),
        (
            "When the rain stops, we shall go out together.",
            30,
            ["When the rain stops,", "we shall go out together."],
        ),
        (
            "The large old house and the garden",
            24,
            ["The large old house", "and the garden"],
        ),
        ("one\ntwo", 10, ["one", "two"]),
        ("Antidisestablishmentarianism wins", 8, ["Antidisestablishmentarianism", "wins"]),
        ("", 10, []),
        (" \n ", 10, []),
    ],
)
def test_text_is_cut_where_one_would_breathe(text: str, first: int, pieces: list[str]):
    assert list(clauses(text, first)) == pieces


@given(st.text(alphabet='ab .,!?;:-\n"é—', max_size=600), st.integers(10, 80))
def test_every_word_is_in_its_place(text: str, first: int):
    pieces = list(clauses(text, first))
    assert " ".join(pieces).split() == text.split()
    assert all(pieces)
    longest_word = max(map(len, text.split()), default=0)
    limit = float(first)
    for piece in pieces:
        assert len(piece) <= max(min(limit, LONGEST), longest_word)
        limit = max(limit, len(piece)) * GROWTH


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Hello there. How are", len("Hello there.")),
        ("Hello there.", 0),
        ("Dear Dr. Smith", 0),
        ('He said "no." Then', len('He said "no."')),
        ("3.5 million", 0),
    ],
)
def test_a_sentence_is_finished_when_more_follows(text: str, end: int):
    assert last_sentence_end(text) == end
