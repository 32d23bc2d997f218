"""A long text in pieces, and the pace at which they are sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.clips.pace import WINDOW_SECONDS, TextPace
from transcripts.clips.pieces import pieces

texts = st.text(st.sampled_from("ab .!?,;\n。é\"'"), max_size=300)


@given(texts, st.integers(1, 60), st.integers(1, 60))
def test_pieces_are_the_text_and_fit(text, limit, best):
    cut = list(pieces(text, limit, best))
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(len(piece) <= limit and piece.strip() for piece in cut)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        (" \n ", []),
        ("Hello.", ["Hello."]),
        ("One. Two. Three.", ["One. ", "Two. Three."]),
        ('He said "no." She left.', ['He said "no." ', "She left."]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros. ", "Fine."]),
        ("First line\nSecond line", ["First line\n", "Second line"]),
        ("This sentence is far too long, so it is cut at the clause.", [
            "This sentence is far too long, ", "so it is cut at the clause."]),
        ("abcdefghij" * 5, ["abcdefghij" * 4, "abcdefghij"]),
    ],
)  # fmt: skip
def test_a_text_is_cut_where_a_reader_would_breathe(text, cut):
    assert list(pieces(text, 40)) == cut


def test_later_pieces_are_longer():
    text = "This is a sentence of forty characters. " * 50
    lengths = [len(piece) for piece in pieces(text, 2_000)]
    assert lengths[0] == 40
    assert all(560 <= length <= 600 for length in lengths[1:-1])


@given(st.lists(st.tuples(st.integers(1, 2_000), st.floats(0, 90)), max_size=30))
def test_no_minute_has_more_characters_than_a_server_takes(sizes):
    pace, now, sent = TextPace(), 0.0, []
    for size, pause in sizes:
        now += pause
        while wait := pace.wait(size, now):
            now += wait
        pace.sent(size, now)
        sent.append((now, size))
    for start, _ in sent:
        minute = [size for at, size in sent if start <= at < start + WINDOW_SECONDS]
        assert sum(minute) <= 2_400


def test_a_warning_halves_the_pace():
    pace = TextPace(2_400)
    pace.sent(1_000, 0.0)
    assert pace.wait(1_000, 1.0) == 0.0
    pace.slow_down()
    assert pace.wait(1_000, 1.0) == WINDOW_SECONDS - 1.0


def test_a_piece_that_is_longer_than_a_minute_is_sent_alone():
    pace = TextPace(100)
    assert pace.wait(500, 0.0) == 0.0
    pace.sent(500, 0.0)
    assert pace.wait(500, 10.0) == 50.0
    assert pace.wait(500, 60.0) == 0.0
