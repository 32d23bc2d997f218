"""Results of a search without a database: excerpts, marks, counts and cursors."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.search import COUNT_CAP, BadSearch, Cursor, Hit, Results
from transcripts.search.hits import EXCERPT_CHARACTERS, cut


def hit(text: str, *marks: tuple[int, int], **facts: Any) -> Hit:
    known: dict[str, Any] = {
        "utterance": 1,
        "index": 0,
        "recording": 1,
        "title": "Monday",
        "recorded_at": datetime(2026, 11, 20, tzinfo=UTC),
        "project": 1,
        "project_name": "Interviews",
        "channel": 0,
        "speaker": 0,
        "voice": None,
        "start": 0.0,
        "end": 1.0,
    }
    return Hit(text=text, marks=marks, **known | facts)


@pytest.mark.parametrize(
    ("text", "marks", "pieces"),
    [
        ("one two", [], [("one two", False)]),
        ("one two", [(0, 3)], [("one", True), (" two", False)]),
        ("one two", [(4, 7)], [("one ", False), ("two", True)]),
        ("one two", [(0, 3), (4, 7)], [("one", True), (" ", False), ("two", True)]),
        ("one two", [(0, 7)], [("one two", True)]),
        ("", [], []),
    ],
)
def test_a_text_is_cut_at_its_marks(
    text: str, marks: list[tuple[int, int]], pieces: list[tuple[str, bool]]
):
    assert list(cut(text, marks)) == pieces


@st.composite
def marked_texts(draw: Any) -> tuple[str, list[tuple[int, int]]]:
    """A text and ranges of it, in order, that do not overlap."""
    text = draw(st.text("ab é\u0301🙂", max_size=900))
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    return text, list(zip(places[::2], places[1::2], strict=False))


@given(marked_texts())
def test_pieces_are_the_text_and_its_marks(made: tuple[str, list[tuple[int, int]]]):
    text, marks = made
    pieces = cut(text, marks)
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, marked in pieces if marked] == [text[a:b] for a, b in marks]


@given(marked_texts())
def test_an_excerpt_is_short_and_shows_the_first_mark(made: tuple[str, list[tuple[int, int]]]):
    text, marks = made
    excerpt = hit(text, *marks).excerpt
    shown = "".join(piece for piece, _ in excerpt)
    assert len(shown) <= EXCERPT_CHARACTERS + 64
    position = 0
    for part in shown.removeprefix("… ").removesuffix(" …").split(" … "):
        position = text.index(part, position) + len(part)
    if marks:
        start, end = marks[0]
        first = next(piece for piece, marked in excerpt if marked)
        assert text[start:end].startswith(first)


@given(st.integers(0, 500), st.integers(300, 900), st.integers(0, 500))
def test_an_excerpt_shows_every_word_that_was_looked_for(before: int, between: int, after: int):
    filler = "and so on "
    parts = [filler * (before // 10), "Needle ", filler * (between // 10), "thread "]
    text = "".join(parts) + "needle thread " * 3 + filler * (after // 10)
    marks = [found.span() for found in re.finditer("needle|thread", text, re.IGNORECASE)]
    excerpt = hit(text, *marks).excerpt
    assert [piece for piece, marked in excerpt if marked][:2] == ["Needle", "thread"]
    assert sum(len(piece) for piece, _ in excerpt) <= EXCERPT_CHARACTERS + 64


def test_an_excerpt_of_a_text_without_spaces_is_short_and_shows_the_mark():
    text = "今天天气很好" * 200 + "公园" + "我们去" * 200
    place = text.index("公园")
    excerpt = hit(text, (place, place + 2)).excerpt
    before, mark, after = [piece for piece, _ in excerpt if piece.strip(" …")]
    assert (before[-2:], mark, after[:3]) == ("很好", "公园", "我们去")
    assert len(before) < len(after) < EXCERPT_CHARACTERS


def test_what_is_said_far_apart_is_shown_whole():
    text = "word " * 200
    assert hit(text, (0, 4), apart=True).excerpt == hit(text, (0, 4)).pieces


@pytest.mark.parametrize(
    ("count", "label"),
    [(0, "0"), (7, "7"), (1000, "1,000"), (COUNT_CAP + 1, "1,000+"), (50_000, "1,000+")],
)
def test_a_count_stops_at_the_cap(count: int, label: str):
    assert Results("newest", count=count).count_label == label


cursors = st.builds(
    Cursor,
    st.sampled_from(["newest", "relevance"]),
    st.integers(0, COUNT_CAP + 1),
    st.integers(0, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(cursors)
def test_a_cursor_is_read_as_it_was_written(cursor: Cursor):
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text(max_size=60))
def test_any_other_text_is_no_cursor(text: str):
    with suppress(BadSearch):
        assert Cursor.decode(text).order in ("newest", "relevance")


@pytest.mark.parametrize(
    "fields",
    [
        ["oldest", 1, 1, 0.0],
        ["newest", -1, 1, 0.0],
        ["newest", COUNT_CAP + 2, 1, 0.0],
        ["newest", 1, -1, 0.0],
        ["newest", 1, 2**63, 0.0],
        ["newest", 1, 1, "x"],
        ["newest", 1, 1],
        ["newest", 1, 1, 0.0, 0],
        {"order": "newest"},
        None,
        7,
    ],
)
def test_a_cursor_of_other_values_is_rejected(fields: Any):
    text = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    with pytest.raises(BadSearch):
        Cursor.decode(text)
