"""Hits of a search: the closest places of its words, and the rows that show them."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests.transcripts.search.conftest import hear
from transcripts.models import Utterance
from transcripts.search import search, search_everything
from transcripts.search.hits import shortest_window
from transcripts.search.index import bounds_of, database_index
from transcripts.search.query import Words, parse
from transcripts.text.folding import fold


def width(places: tuple[int, ...] | list[int]) -> int:
    return max(places) - min(places)


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=6), min_size=1, max_size=4))
def test_no_other_choice_of_places_is_closer_together(listed: list[list[int]]):
    ordered = [sorted(places) for places in listed]
    window = shortest_window(ordered)
    assert window == sorted(set(window))
    assert all(set(window) & set(places) for places in ordered)
    assert width(window) == min(width(chosen) for chosen in product(*ordered))


@given(st.text(max_size=60))
def test_a_word_is_compared_in_the_same_form_wherever_it_stands(text: str):
    words = Words(text)
    assert words.folded == [fold(text[start:end]) for start, end in words.ranges]


def test_each_term_is_looked_for_on_its_own_in_some_transcripts(project):
    for title in ("One", "Two", "Three"):
        hear(project, "The pier.", "A budget for June.", "The pier and a", "budget.", title=title)
    firsts = list(Utterance.objects.filter(index=0).order_by("pk").values_list("pk", flat=True))
    runs = database_index().runs(firsts)
    bounds = bounds_of(runs.values())
    ranges = [bounds[runs[first]] for first in firsts[:2]]
    assert all(end - first == 3 for first, end in ranges)
    found = database_index().within(parse('pier budget "a budget" nowhere'), ranges, 100)
    places = [[pk - firsts[0] if pk < firsts[1] else pk - firsts[1] for pk in pks] for pks in found]
    assert places == [[0, 2, 0, 2], [1, 3, 1, 3], [1, 2, 1, 2], []]


def test_no_transcripts_have_no_bounds(db):
    assert bounds_of([]) == {}


@pytest.mark.parametrize("order", ["newest", "relevance"])
@pytest.mark.parametrize("listed", [2, 2000])
def test_a_phrase_is_not_looked_for_in_each_transcript(monkeypatch, ada, project, order, listed):
    """Of a phrase that is said in more places than are listed, it is."""
    monkeypatch.setattr("transcripts.search.RANKED", listed)
    apart = ["word", *["so"] * 9]
    found = {hear(project, *apart, "the lower road").pk for _ in range(3)}
    for _ in range(20):
        hear(project, *apart, "road the lower")
    with CaptureQueriesContext(connection) as queries:
        results = search(ada, 'word "lower road"', order=order)
    assert {hit.recording for hit in results.hits} == found
    assert (len(queries) > 23) == (listed == 2)


@pytest.mark.parametrize("gap", [0, 1, 9])
def test_words_apart_take_a_fixed_number_of_queries(ada, project, gap):
    for _ in range(30):
        hear(project, "one", *["and"] * gap, "two")
    counts = []
    for limit in (5, 25):
        with CaptureQueriesContext(connection) as queries:
            assert len(search(ada, "one two", limit=limit).hits) == limit
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_words_nearby_are_shown_with_all_between_them(project):
    hear(project, "The pier", "was", "old", "and the budget", "small", "pier")
    (hit,) = search_everything("budget pier").hits
    assert (hit.text, hit.index, hit.end) == ("and the budget small pier", 3, 59)
    assert [text for text, marked in hit.pieces if marked] == ["budget", "pier"]
