import pytest

from engine.text.redaction import redact
from engine.text.search import hotwords, parse_replacements, replace_words, search, searched
from tests.engine.text.says import words, written

SAID = "We moved the data base to Postgres. The quick brown fox, Mr. Smyth, saw the database."


def test_search_finds_what_is_spelled_alike():
    hits = search(words(SAID), "Postgress")
    assert [(hit.snippet, hit.start, hit.end) for hit in hits] == [("postgres", 3.0, 3.4)]
    assert 0.9 < hits[0].confidence < 1


def test_search_finds_what_sounds_alike():
    assert search(words(SAID), "smith")[0].snippet == "smyth"


def test_search_finds_a_word_in_two_and_ranks_exact_hits_first():
    hits = search(words(SAID), "database")
    assert {hit.snippet for hit in hits} == {"database", "data base"}
    assert hits[0].confidence == 1.0


def test_search_without_a_match_has_no_hits():
    assert search(words(SAID), "xylophone") == []
    assert search(words(SAID), "...") == []
    assert search([], "word") == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("quick:slow", "The slow brown fox, ran."),
        ("QUICK BROWN:red", "The red fox, ran."),
        ("fox:", "The quick brown, ran."),
        ("brown fox", "The quick, ran."),
        ("ran:went away", "The quick brown fox, went away."),
        ("cat:dog", "The quick brown fox, ran."),
    ],
)
def test_replace(rule, expected):
    found = replace_words(words("The quick brown fox, ran."), parse_replacements([rule]))
    assert written(found) == expected


def test_replaced_phrase_keeps_its_time():
    found = replace_words(words("a data base"), [("data base", "DB")])
    assert (found[1].word, found[1].punctuated_word) == ("db", "DB")
    assert (found[1].start, found[1].end) == (0.5, 1.4)


def test_keyterms_and_boosted_keywords_become_hot_words():
    assert hotwords(["Earshot"], ["quiet:-3", "plain", "snuffle:2"]) == "Earshot, snuffle, plain"
    assert hotwords([]) is None


@pytest.mark.parametrize("query", ["twenty five dollars", "$25", "25 dollars"])
@pytest.mark.parametrize("said", ["it costs $25 today", "it costs twenty five dollars today"])
def test_numbers_are_found_however_they_are_written(said: str, query: str):
    (result,) = searched(words(said), [query])
    assert [hit["snippet"] for hit in result["hits"]] == ["twenty five dollars"]


@pytest.mark.parametrize("query", ["ssn 1", "ssn", "is 1", "my number is"])
def test_nothing_is_found_in_what_was_redacted(query: str):
    said = redact(words("my ssn is 123-45-6789 you know"), {"ssn"})
    assert "[SSN_1]" in written(said)
    (result,) = searched(said, [query])
    assert all("[" not in hit["snippet"] for hit in result["hits"])
