"""Queries as the two databases read them: what is typed is a value, never a part of a statement."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from transcripts.search import postgres, sqlite
from transcripts.search.query import Query, parse
from transcripts.text.tokens import word_ranges

SEAM = "\u01be"  # between words that stand on the seam of two utterances


def seamed(text: str) -> str:
    return text.replace("_", SEAM)


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("budget", 'text : ("budget")'),
        ("meet*", 'text : ("meet" *)'),
        # One filter for all single words.
        ("a meet* b", 'text : ("a" AND "meet" * AND "b")'),
        ("100%", 'text : ("100")'),
        # A phrase stands in an utterance, or passes from its end into the next ones.
        ('"budget meeting"', '(text : "budget meeting" OR (seam : ("budget_meeting")))'),
        ('"budget meet*"', '(text : "budget meet" * OR (seam : ("budget_meet" *)))'),
        ("don't", '(text : "don t" OR (seam : ("don_t")))'),
        (
            '"one two three"',
            '(text : "one two three" OR (seam : ("one_two" AND "_2_three"))'
            ' OR (seam : ("two_three") AND text : "one two"))',
        ),
        ('x" OR 1', 'text : ("x") AND (text : "OR 1" OR (seam : ("or_1")))'),
    ],
)
def test_sqlite_looks_for_words_in_the_text_and_for_phrases_over_the_seam_too(
    query: str, expression: str
):
    assert sqlite.spoken(parse(query)) == seamed(expression)


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("budget", 'vocabulary : ("budget")'),
        ('"budget meet*" café', 'vocabulary : ("budget" AND "meet" * AND "cafe")'),
        ('a "a b" b', 'vocabulary : ("a" AND "b")'),
    ],
)
def test_sqlite_looks_for_each_word_once_in_a_vocabulary(query: str, expression: str):
    assert sqlite.known(parse(query)) == expression


@pytest.mark.parametrize(
    ("query", "text", "count"),
    [
        ("budget", "budget, budgets and budget", 2),
        ("budget*", "budget, budgets and budget", 3),
        ('"the budget"', "the budget. the, budget; the best budget", 2),
        ("b", "a_b b", 2),
        ("3.14", "3.14 and 314", 1),
        ("café", "cafe and cafes", 1),
    ],
)
def test_how_often_a_term_is_said_is_counted_by_its_words(query: str, text: str, count: int):
    (term,) = parse(query).terms
    assert len(re.findall(sqlite.pattern(term), text)) == count


def test_what_says_a_word_often_and_briefly_is_the_best():
    rows = [(1, "budget " * 3), (2, "budget " + "word " * 60), (3, "the budget, the budget")]
    assert [pk for _, pk in sorted(sqlite.scored(parse("budget"), rows))] == [1, 3, 2]


FOLDED = "phraseto_tsquery('simple', transcripts_fold(%s))"


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("budget", ["budget"]),
        ("meet*", ["meet"]),
        ("a b", ["a", "b"]),
        ('"budget meeting"', ["budget meeting", "'budget_meeting'"]),
        ('"budget meet*"', ["budget", "meet", "'budget_meet':*"]),
        (
            '"one two three"',
            ["one two three", "'one_two' & '_2_three'", "'two_three'", "one two"],
        ),
    ],
)
def test_postgresql_folds_the_words_itself_and_gets_them_as_values(query: str, values: list[str]):
    expression, found = postgres.tsquery(parse(query))
    assert found == [seamed(value) for value in values]
    assert expression.count("%s") == len(values)


@pytest.mark.parametrize(
    ("query", "projects", "values"),
    [
        ("budget", None, ["'budget'"]),
        ('"budget meet*" café', [1, 2], ["'budget' & 'meet':* & 'cafe'", "'/1' | '/2'"]),
        ('a "a b"', [7], ["'a' & 'b'", "'/7'"]),
    ],
)
def test_postgresql_looks_for_each_word_once_in_a_vocabulary(
    query: str, projects: list[int] | None, values: list[str]
):
    where, found = postgres.knowing(parse(query), projects)
    assert found == values
    assert where.count("known @@ %s::tsquery") == len(values)


def test_postgresql_is_asked_twice_for_a_phrase_which_it_takes_for_frequent():
    for query, times in (("budget", 1), ('"the budget"', 2)):
        where, values = postgres.matching(parse(query), [1])
        assert where.startswith("searchable AND ")
        assert where.count(FOLDED) == times
        assert values[-1] == "'/1'"


HOSTILE = some.text(
    some.sampled_from("ab1é日本 \"'*%\\:()&|!<->;\0\n-_/#{}\u201c\u201dNEARORANDNOT"), max_size=40
)


def words_of(query: Query) -> set[str]:
    return {word for term in query.terms for word in term.words}


@given(HOSTILE)
def test_an_expression_of_sqlite_quotes_nothing_but_words(text: str):
    query = parse(text)
    if not query:
        return
    for expression in (sqlite.spoken(query), sqlite.known(query)):
        for words in re.findall(r'"([^"]*)"', expression):
            assert re.fullmatch(r"[\w\u01be ]+", words), expression
        bare = re.sub(r'"[^"]*"', "", expression)
        assert set(re.findall(r"\w+", bare)) <= {"text", "seam", "vocabulary", "AND", "OR"}


@given(HOSTILE)
def test_an_expression_of_postgresql_holds_no_word_that_was_typed(text: str):
    query = parse(text)
    if not query:
        return
    expression, values = postgres.tsquery(query)
    assert expression.count("%s") == len(values)
    names = set(re.findall(r"\w+", expression.replace("%s", "")))
    assert names <= {
        "phraseto_tsquery", "to_tsquery", "tsquery", "simple", "transcripts_fold", "coalesce",
        "quote_literal", "nullif", "btrim",
    }  # fmt: skip
    where, lexemes = postgres.knowing(query, [1])
    assert where.count("%s") == len(lexemes) == 2
    assert re.fullmatch(r"'\w+'(:\*)?( & '\w+'(:\*)?)*", lexemes[0]), lexemes


@given(HOSTILE)
def test_both_databases_look_for_the_same_words(text: str):
    query = parse(text)
    if not query:
        return
    _, lexemes = postgres.knowing(query, None)
    vocabulary = re.findall(r'"([^"]*)"', sqlite.known(query))
    assert set(re.findall(r"'(\w+)'", lexemes[0])) == set(vocabulary)
    assert len(words_of(query)) >= len(set(vocabulary))
    assert all(word_ranges(word) == [(0, len(word))] for word in words_of(query))


@pytest.mark.parametrize("projects", [[], [1], [3, 2, 1]])
def test_projects_are_numbers_with_a_slash(projects: list[Any]):
    assert postgres.members(projects) == " | ".join(f"'/{one}'" for one in projects)
