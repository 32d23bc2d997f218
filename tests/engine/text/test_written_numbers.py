"""Rules of formatting, one table each: words as they are said, and as they are written."""

from __future__ import annotations

import pytest

from engine.text.formatting import Formatting, format_words
from tests.engine.text.says import words, written


def smart(said: str) -> str:
    return written(format_words(words(said), Formatting(smart_format=True)))


def numerals(said: str) -> str:
    return written(format_words(words(said), Formatting(numerals=True)))


ADDRESSES = {
    "mail anna underscore b dash c at my dash site dot io please": (
        "mail anna_b-c@my-site.io please"
    ),
    "write to info at example dot com, or call": "write to info@example.com, or call",
    "send it to a.b@example.com now": "send it to a.b@example.com now",
    "we met at noon at example": "we met at noon at example",
    "visit example dot com slash a dash b slash c": "visit example.com/a-b/c",
    "go to docs dot example dot org": "go to docs.example.org",
    # A full stop ends an address, and what follows is a sentence.
    "we are example dot com. slash it": "we are example.com. slash it",
    "the dot com bubble": "the dot com bubble",
    "a dot net framework": "a dot net framework",
}
PHONES = {
    "call five five five one two three four": "call 555-1234",
    "call 1-800-555-1234": "call 1-800-555-1234",
    "dial one four one five five five five one two three four": "dial 1-415-555-1234",
    "call triple eight five five five one two three four": "call 888-555-1234",
    "call four one five double five five one two three four": "call 415-555-1234",
    # No phone numbers: one digit too many, and what other words name.
    "two five five five one two three four": "25551234",
    "my order number is 4155551234": "my order number is 4155551234",
    "tracking number four one five five five five one two three four": (
        "tracking number 4155551234"
    ),
}
DATES = {
    "on the thirty first of december nineteen ninety nine": "on December 31, 1999",
    "on june 5th, 2020.": "on June 5, 2020.",
    "5 May 2024": "May 5, 2024",
    "the 3rd of april": "April 3",
    "We leave May 3": "We leave May 3",
    "Jan. 5th": "January 5",
    "september eleventh two thousand one": "September 11, 2001",
    "January 5 2024 10:30": "January 5, 2024 10:30",
    # No dates: a verb, and a number without a capital after it.
    "may 3 of them come": "may 3 of them come",
    "5 may 2024": "5 may 2024",
    "in may": "in may",
    "january 32": "january 32",
}
TIMES = {
    "at 10 30 am": "at 10:30 AM",
    "at ten thirty in the morning": "at 10:30 in the morning",
    "by five fifteen": "by 5:15",
    "at 9:05 a.m.": "at 9:05 AM.",
    "quarter past three pm": "quarter past 3 PM",
    "three p m": "3 PM",
    "three a m. Then": "3 AM. Then",
    "12 am": "12 AM",
    "0:30 am": "0:30 AM",
    "13:45": "13:45",
    "7 o'clock": "7 o'clock",
    # No times of day.
    "24:10": "24:10",
    "at 99:99": "at 99:99",
    "ten thirty": "10 30",
}
MONEY = {
    "one dollar": "$1",
    "one dollar and one cent": "$1.01",
    "a hundred dollars": "$100",
    "a million dollars": "$1 million",
    "two point five million euros": "€2.5 million",
    "ten pounds fifty pence": "£10.50",
    "five quid": "£5",
    "three bucks": "$3",
    "1000 yen": "¥1,000",
    "500 rupees": "₹500",
    "five thousand three hundred dollars": "$5,300",
    "minus five dollars": "minus $5",
    "$20.5": "$20.50",
    "$1,234.5": "$1,234.50",
    "$1234567": "$1,234,567",
    # What is no amount, and what is none of the amount.
    "a dollar": "a dollar",
    "fifty cents": "50 cents",
    "ten pounds of sugar": "10 pounds of sugar",
    "twenty dollars and five people": "$20 and five people",
    "five dollars and 100 cents": "$5 and 100 cents",
}
SHARES = {
    "fifty per cent of": "50% of",
    "one hundred percent": "100%",
    "0.5 percent": "0.5%",
    "twenty-five percent": "25%",
    "half a percent": "half a percent",
}
NUMBERS = {
    "the nineteen nineties": "the 1990s",
    "the eighties": "the eighties",
    "version two point oh point one": "version 2.0.1",
    "one point two point three point four": "1.2.3.4",
    "room one oh one": "room 101",
    "flight eleven": "flight 11",
    "highway one oh one": "highway 101",
    "suite two twelve": "suite 212",
    "twenty twenty": "2020",
    "two thousand and twenty four": "2024",
    "nineteen oh one": "1901",
    "ten thousand": "10,000",
    "one hundred and fifty thousand": "150,000",
    "three million two hundred thousand and five": "3,200,005",
    "one trillion": "1 trillion",
    "zero zero seven": "007",
    "one thousand one": "1,001",
    "a thousand thanks": "1,000 thanks",
    "twenty third": "23rd",
    "one hundredth": "100th",
    "0042": "0042",
    "0012345": "0012345",
    "25000": "25,000",
    "12345678": "12345678",
    "one two three four five": "12345",
    "twenty four seven support": "24/7 support",
    "nine one one": "911",
    "ten to twenty": "10 to 20",
    "three hundred and": "300 and",
    "three point one four one five nine": "3.14159",
    "three point twenty five": "3.25",
    "three point ten": "3.10",
    # Words, not numbers.
    "hundred people": "hundred people",
    "point taken": "point taken",
    "one and only": "one and only",
    "double oh seven": "double oh seven",
    "4x4": "4x4",
    "a4 paper": "a4 paper",
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        row
        for table in (ADDRESSES, PHONES, DATES, TIMES, MONEY, SHARES, NUMBERS)
        for row in table.items()
    ],
)
def test_a_rule_writes_its_words_and_no_others(said: str, expected: str):
    assert smart(said) == expected


@pytest.mark.parametrize("said", [*ADDRESSES, *PHONES, *DATES, *TIMES, *MONEY, *SHARES])
def test_what_is_written_stays_when_it_is_formatted_again(said: str):
    once = smart(said)
    assert smart(once) == once


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # Only digits: units, months and addresses stay words.
        ("five dollars", "5 dollars"),
        ("twenty-five percent", "25 percent"),
        ("on the first of may", "on the first of may"),
        ("september eleventh two thousand one", "september 11th 2001"),
        ("at ten thirty", "at 10 30"),
        ("call five five five one two three four", "call 5551234"),
        ("anna at example dot com", "anna at example dot com"),
        # Digits without commas, small ones too.
        ("ten thousand", "10000"),
        ("two of us", "2 of us"),
        ("zero", "0"),
        ("four five six", "4 5 6"),
        ("fifty fifty", "50 50"),
        ("minus three", "minus 3"),
        ("a million dollars", "1 million dollars"),
        # "One" is mostly a pronoun.
        ("one of us has one", "one of us has one"),
    ],
)
def test_numerals_write_numbers_and_nothing_else(said: str, expected: str):
    assert numerals(said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("1999", "nineteen ninety nine"),
        ("2024", "twenty twenty four"),
        ("2100", "two thousand one hundred"),
        ("007", "zero zero seven"),
        ("1234567", "one two three four five six seven"),
        ("10,000", "ten thousand"),
        ("1,234.5", "one thousand two hundred thirty four point five"),
        ("103rd", "one hundred third"),
        ("$1", "one dollar"),
        ("$0.50", "fifty cents"),
        ("£1.01", "one pound and one penny"),
        ("€5.10", "five euros and ten cents"),
        ("¥100", "one hundred yen"),
        ("0.5%", "zero point five percent"),
        # Marks around a number stay around its words.
        ("(5)", "(five)"),
        ('"25"', '"twenty five"'),
        ("100%.", "one hundred percent."),
        ("Room 5. 6 came", "Room five. Six came"),
        # No plain numbers.
        ("90s", "90s"),
        ("12:30", "12:30"),
        ("555-1234", "555-1234"),
        ("3pm", "3pm"),
        ("1/2", "1/2"),
        ("1,2", "1,2"),
    ],
)
def test_digits_are_spelled_out_where_none_are_wanted(said: str, expected: str):
    assert written(format_words(words(said), Formatting())) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("hello period how are you", "hello. How are you"),
        ("open parenthesis aside close parenthesis done", "(aside) done"),
        ("he said open quote go close quote period", "he said “go”."),
        ("wait ellipsis what", "wait… what"),
        ("is it full stop", "is it."),
        ("Hello, comma world", "Hello, world"),
        ("Stop. period", "Stop."),
        ("no period period", "no."),
        ("end of the period comma we left", "end of the period, we left"),
        ("then new line second", "then\n Second"),
        ("number one new line two", "number one new line two"),
        # Without a word before it a mark is a word, and no part of it is lost.
        ("new line first", "new line first"),
        ("new paragraph", "new paragraph"),
        ("question mark", "question mark"),
        ("exclamation point wow exclamation mark", "exclamation point wow!"),
        ("period", "period"),
        ("comma hello", "comma hello"),
    ],
)
def test_dictated_marks_are_written_after_a_word(said: str, expected: str):
    assert written(format_words(words(said), Formatting(dictation=True))) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("two meters per second", "2 m/s"),
        ("one hundred kilometers an hour", "100 km/h"),
        ("ten megabits per second", "10 Mbps"),
        ("twenty degrees centigrade", "20 °C"),
        ("minus five degrees fahrenheit", "minus 5 °F"),
        ("forty five degree angle", "45° angle"),
        ("five kilos", "5 kg"),
        ("2.5 litres", "2.5 l"),
        ("1000 grams", "1,000 g"),
        ("one inch", "1 in"),
        # Nothing is measured.
        ("give me a second", "give me a second"),
        ("first foot", "first foot"),
        ("half a liter", "half a liter"),
        ("ten per second", "ten per second"),
    ],
)
def test_units_are_abbreviated_after_a_number(said: str, expected: str):
    assert written(format_words(words(said), Formatting(measurements=True))) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Shit!", "S***!"),
        ("shitty", "s*****"),
        ("bitches'", "b*******"),
        ("motherfucker's", "m*************"),
        # Words that only contain one, and names.
        ("assess the class", "assess the class"),
        ("Dickens", "Dickens"),
        ("cockpit", "cockpit"),
        ("peacock", "peacock"),
        ("pussycat", "pussycat"),
    ],
)
def test_profanity_is_a_whole_word(said: str, expected: str):
    assert written(format_words(words(said), Formatting(profanity_filter=True))) == expected


@pytest.mark.parametrize("language", ["de", "ja", "xx", None])
def test_words_of_other_languages_stay_as_they_are(language: str | None):
    every = Formatting(True, True, True, True, False, True)
    said = words("uh 5 fuck period")
    assert format_words(said, every, language) == said
