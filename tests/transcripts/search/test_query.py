"""Syntax of the search box."""
# ruff: noqa: RUF001 letters that look like others are what is tested

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.search.query import BadSearch, Query, Term, parse


def terms(text: str) -> list[tuple[str, bool]]:
    return [(" ".join(term.words), term.prefix) for term in parse(text).terms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("budget", [("budget", False)]),
        ("budget meeting", [("budget", False), ("meeting", False)]),
        ("budget  budget", [("budget", False)]),
        ('"budget meeting" may', [("budget meeting", False), ("may", False)]),
        ("“budget meeting”", [("budget meeting", False)]),
        ("meet*", [("meet", True)]),
        ('"budget meet*"', [("budget meet", True)]),
        ('"never closed', [("never closed", False)]),
        ("well-known", [("well known", False)]),
        ("don't", [("don t", False)]),
        ("NEAR(a b)", [("NEAR a", False), ("b", False)]),
        ("title:hello", [("title hello", False)]),
        ("a*", [("a", False)]),
        ("日*", [("日", True)]),
        ("*start", [("start", False)]),
        ("50% of €3.5", [("50", False), ("of", False), ("3 5", False)]),
        ("हिन्दी", [("हिन्दी", False)]),
    ],
)
def test_query_is_read_as(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize("text", ["", "   ", '"', '""', "*", "🙂 🙃", "!?-", "\0", "\ud800"])
def test_query_without_words_has_nothing_to_look_for(text):
    assert not parse(text)


@pytest.mark.parametrize(
    ("text", "limit"), [("word " * 10_000, "1,000"), (" ".join(map(str, range(65))), "64")]
)
def test_query_that_is_too_long_names_the_limit(text, limit):
    with pytest.raises(BadSearch, match=limit):
        parse(text)


@given(st.text(max_size=300))
def test_words_of_a_query_are_letters_marks_and_digits_alone(text):
    try:
        query = parse(text)
    except BadSearch:
        return
    for term in query.terms:
        assert term.words
        assert not set("".join(term.words)) & set("\"'*():&|!<>\\\0 ")


def marked(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in parse(query).marks(text)]


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("budget", "The Budget, the budget.", ["Budget", "budget"]),
        ("cafe", "A café and a CAFÉ.", ["café", "CAFÉ"]),
        ("cafe", "A cafe\u0301.", ["cafe\u0301"]),
        ("café", "A cafe.", ["cafe"]),
        ("meet*", "We meet at meetings.", ["meet", "meetings"]),
        ('"the budget"', "Is the  budget the plan?", ["the  budget"]),
        ('"a b" "b c"', "a b c", ["a b c"]),
        ("don't", "I don’t know.", ["don’t"]),
        ("get", "The budget.", []),
    ],
)
def test_marks_are_where_the_terms_occur(query, text, expected):
    assert marked(query, text) == expected


@given(st.text(max_size=100), st.sampled_from(["a", "b c", "x*", "é", '"a a"']))
def test_marks_are_in_order_and_inside_the_text(text, query):
    position = 0
    for start, end in parse(query).marks(text):
        assert position <= start < end <= len(text)
        position = end


def test_an_empty_query_is_false():
    assert not Query(())
    assert Query((Term(("a",)),))
