"""Times of a part of the text in the audio."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import LabelledSegment
from speechclient.insights import Label
from transcripts.text.timedtext import TimedText, labels, spans


def timed(*texts: str) -> list[list]:
    return [[text, float(at), at + 0.5, 0.9] for at, text in enumerate(texts)]


def said(*lines: str) -> TimedText:
    """Utterances of a second a word, ten seconds apart."""
    return TimedText(
        (
            line,
            [[word, 10 * n + at, 10 * n + at + 0.5, 1] for at, word in enumerate(line.split())],
            10 * n,
            10 * n + 9,
        )
        for n, line in enumerate(lines)
    )


def test_words_are_counted_over_all_utterances():
    text = said("The harbour is closed.", "Nobody knows why.")
    assert text.text == "The harbour is closed.\nNobody knows why."
    assert text.span("Nobody knows why.", 4, 6) == (10.0, 12.5)
    assert text.span("closed. Nobody", 3, 4) == (3.0, 10.5)


def test_a_server_that_counts_otherwise_is_understood_by_the_words():
    text = said("Well, yes.", "The harbour is closed.", "Yes.", "The harbour is open.")
    assert text.span("The harbour is open.", 5, 8) == (30.0, 33.5)
    assert text.span("The harbour is", 1, 3) == (10.0, 12.5)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (-3, 10**9), (10**9, 10**9), (5, 2)])
def test_a_place_that_cannot_be_is_within_the_recording(first, last):
    start, end = said("One two.", "Three.").span("nowhere at all", max(first, 0), last)
    assert 0 <= start <= end <= 10.5


def test_an_empty_text_has_no_places():
    assert TimedText([]).span("a", 0, 0) == (0.0, 0.0)


def test_formatted_words_have_the_time_of_what_they_came_from():
    words = timed("It", "cost", "$20.50", "then")
    assert list(spans("It cost $20.50 then", words, 0, 4))[2] == (2.0, 2.5)
    spoken = timed("It", "cost", "twenty", "dollars", "then")
    assert list(spans("It cost $20 then", spoken, 0, 5))[-1] == (4.0, 4.5)


def test_words_without_times_are_spread_over_the_utterance():
    assert list(spans("a b", [], 4.0, 6.0)) == [(4.0, 5.0), (5.0, 6.0)]


@given(
    st.lists(st.text(max_size=30), max_size=8),
    st.integers(0, 100),
    st.integers(0, 100),
    st.text(max_size=20),
)
def test_every_word_of_every_text_has_a_time(lines, first, last, wanted):
    text = TimedText((line, timed(*line.split()[::2]), 0.0, 9.0) for line in lines)
    assert len(text.words) == len(text.spans)
    start, end = text.span(wanted, first, last)
    assert start <= end


def test_labels_are_in_the_order_of_the_audio():
    segments = [
        LabelledSegment("Three.", 2, 2, (Label("Late", 0.5),)),
        LabelledSegment("One two.", 0, 1, (Label("Early", 0.4), Label("", 1.0))),
    ]
    found = labels(said("One two.", "Three."), segments)
    assert [(each["name"], each["start"]) for each in found] == [("Early", 0.0), ("Late", 10.0)]
