import pytest

from engine.text.redaction import redact
from engine.text.search import hotwords, parse_replacements, replace_words, search, searched
from engine.text.words import Word
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
    ((_, hits),) = searched(words(said), [query])
    assert [hit.snippet for hit in hits] == ["twenty five dollars"]


@pytest.mark.parametrize("query", ["ssn 1", "ssn", "is 1", "my number is"])
def test_nothing_is_found_in_what_was_redacted(query: str):
    said = redact(words("my ssn is 123-45-6789 you know"), {"ssn"})
    assert "[SSN_1]" in written(said)
    ((_, hits),) = searched(said, [query])
    assert all("[" not in hit.snippet for hit in hits)


def spoken(*texts: str) -> list[Word]:
    return [Word.of(text, index * 0.5, index * 0.5 + 0.4) for index, text in enumerate(texts)]


CHINESE = ("我们", "今", "天", "去", "北京。")


@pytest.mark.parametrize(
    ("said", "query", "snippet"),
    [
        (CHINESE, "今天去", "今天去"),
        (CHINESE, "天去北京", "天去北京"),
        (CHINESE, "今 天", "今天"),
        (("สวัส", "ดี", "ครับ"), "สวัสดีครับ", "สวัสดีครับ"),
        (("我", "用", "Python", "写"), "用Python", "用python"),
    ],
)
def test_a_script_without_blanks_is_found_and_shown_without_them(said, query, snippet):
    best, *_ = search(spoken(*said), query)
    assert (best.snippet, best.confidence) == (snippet, 1.0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("今天:明天", ["我们", "明天", "去", "北京。"]),
        ("北京:上海", ["我们", "今", "天", "去", "上海。"]),
        ("们今", ["我们", "今", "天", "去", "北京。"]),
    ],
)
def test_a_phrase_without_blanks_is_replaced_where_whole_words_are_it(rule, expected):
    found = replace_words(spoken(*CHINESE), parse_replacements([rule]))
    assert [word.punctuated_word for word in found] == expected
