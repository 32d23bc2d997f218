"""Finding a text in a transcript, wherever its utterances end."""

import pytest

from transcripts.text.finding import find, shown_texts

KENNEDY = ["And so, my fellow Americans, ask", "not", "what your country can do for you."]


def places(texts: list[str], typed: str) -> list[str]:
    """Return the text at each place, utterances separated by a bar."""
    found = []
    for place in find(texts, typed):
        said = [list(text) for text in texts[place.first : place.last + 1]]
        said[-1] = said[-1][: place.end]
        said[0] = said[0][place.start :]
        found.append("|".join("".join(text) for text in said))
    return found


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ask not what", ["ask|not|what"]),
        ('"ask not what"', ["ask|not|what"]),
        ("AMERICANS ask", ["Americans, ask"]),
        ("fellow", ["fellow"]),
        ("merican", ["merican"]),
        ("k not wh", ["k|not|wh"]),
        ("asknot", []),
        ("not ask", []),
        (" ", []),
        ("", []),
    ],
)
def test_a_text_is_found_across_utterances(typed, expected):
    assert places(KENNEDY, typed) == expected


@pytest.mark.parametrize(
    ("text", "typed", "expected"),
    [
        ("Die Überfahrt ins Café", "uberfahrt INS cafe", ["Überfahrt ins Café"]),
        ("A cafe\u0301s door", "cafés", ["cafe\u0301s"]),
        ("東京は晴れでした", "晴れ", ["晴れ"]),
        ("東 京 は 晴 れ でした", "東京は晴れ", ["東 京 は 晴 れ"]),
        ("ฉันกินข้าว", "กินข้าว", ["กินข้าว"]),
        ("我用iPhone写信", "用iphone写", ["用iPhone写"]),
        ("我用 iPhone 写信", "用iphone写", ["用 iPhone 写"]),
        ("학교에 갔다", "한국", []),
        ("학교에 갔다", "학교", ["학교"]),
        ("I don\u2019t know", "don't", ["don\u2019t"]),
        ("It is 3.14 now", "3.14", ["3.14"]),
        ("What?! No.", "?!", ["?!"]),
        ("a.b", "a*b", ["a.b"]),
    ],
)
def test_case_accents_blanks_and_punctuation_do_not_matter(text, typed, expected):
    assert places([text], typed) == expected


def test_places_are_counted_as_browsers_count():
    (place,) = find(["🙂 yes", "🙂🙂 no 🙂 yes"], "no")
    assert (place.first, place.start, place.last, place.end) == (1, 5, 1, 7)


def test_texts_are_those_that_the_page_shows():
    words = [["It", 0, 1, 1], ["costs", 1, 2, 1], ["five", 2, 3, 1], ["dollars", 3, 4, 1]]
    assert shown_texts([("It costs $5", words), ("Bare.", [])]) == [
        "It costs five dollars",
        "Bare.",
    ]


def test_a_text_made_to_be_slow_is_searched_once():
    # Every accent could belong to the letter or to what separates it from the next word.
    assert list(find(["a" + "\u0301" * 40_000] * 3, "a b")) == []
