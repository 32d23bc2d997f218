"""Round trips: smart formatting writes the words of a voice as the text that was spoken."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.text.formatting import MONTHS, Formatting, format_words
from engine.text.numbers import find_numbers, ordinal_digits
from engine.text.spoken import cardinal, digits, ordinal, written_out, year
from tests.engine.text.says import words, written


def said(text: str) -> str:
    """The words of ``text`` as a recogniser hears them: without hyphens."""
    return written_out(text, "en-US").replace("-", " ")


def heard(text: str) -> str:
    return written(format_words(words(said(text)), Formatting(smart_format=True)))


def found(spoken: str) -> list[str]:
    """Digits of the numbers in spoken words."""
    return [
        f"{number.digits} {number.scale}" if number.scale else number.digits
        for number in find_numbers(spoken.replace("-", " ").split())
    ]


@given(some.integers(0, 10**15 - 1))
def test_a_number_is_found_with_its_value(number: int):
    (one,) = find_numbers(cardinal(number).replace("-", " ").split())
    assert one.value == number


@given(some.integers(1, 10**6))
def test_an_ordinal_is_found_as_one(number: int):
    (one,) = find_numbers(ordinal(number).replace("-", " ").split())
    assert (one.digits, one.ordinal) == (str(number), True)


@given(some.integers(1100, 2099))
def test_a_year_is_found_as_four_digits(number: int):
    assert found(year(number)) == [str(number)]


@given(some.text("0123456789", min_size=5, max_size=12))
def test_digits_are_found_one_by_one(number: str):
    assert found(digits(number)) == [number]


cents = some.builds("{:,}.{:02}".format, some.integers(1, 99_999), some.integers(1, 99))


@given(cents)
def test_an_amount_of_money_is_written_as_it_was(amount: str):
    assert heard(f"It costs ${amount} today.") == f"It costs ${amount} today."


@given(some.integers(2, 999_999))
def test_whole_dollars_are_written_as_they_were(dollars: int):
    assert heard(f"It costs ${dollars:,} today.") == f"It costs ${dollars:,} today."


@given(some.integers(0, 100), some.integers(1, 9))
def test_a_share_is_written_as_it_was(whole: int, tenth: int):
    for share in (f"{whole}%", f"{whole}.{tenth}%"):
        assert heard(f"We have {share} of it.") == f"We have {share} of it."


@given(some.integers(1, 12), some.integers(1, 59), some.sampled_from(["AM", "PM"]))
def test_a_time_is_written_as_it_was(hour: int, minute: int, half: str):
    assert heard(f"Meet at {hour}:{minute:02} {half}") == f"Meet at {hour}:{minute:02} {half}"


@given(some.dates(date(1100, 1, 1), date(2099, 12, 31)))
def test_a_date_is_written_as_it_was(day: date):
    month = [*MONTHS.values()][day.month - 1]
    # The year 2001 is "two thousand one": a number like any other.
    text = f"On {month} {day.day}, {day.year}."
    assert heard(text) == text


@given(some.integers(200, 999), some.integers(200, 999), some.integers(0, 9999))
def test_a_telephone_number_is_written_as_it_was(area: int, exchange: int, line: int):
    number = f"{area}-{exchange}-{line:04}"
    assert heard(f"Call {number} now.") == f"Call {number} now."


@pytest.mark.parametrize(
    "text",
    [
        "Mail ada@example.com today.",
        "Mail bob.lee@mail.example.org today.",
        "Go to www.example.com today.",
        "Version 3.11.2 is out.",
        "That was the 21st of them.",
        "We counted 1,234,567 words.",
        "It is open 24/7.",
        "He sold $2.5 million of it.",
    ],
)
def test_a_sentence_is_written_as_it_was(text: str):
    assert heard(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("75,911 people", "seventy-five thousand nine hundred eleven people"),
        ("1.911", "one point nine one one"),
        ("$911", "nine hundred eleven dollars"),
        ("911%", "nine hundred eleven percent"),
        ("call 911.", "call nine one one."),
        ("911, please", "nine one one, please"),
    ],
)
def test_the_emergency_number_is_no_part_of_another(text: str, expected: str):
    assert written_out(text, "en-US") == expected


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("on june ninth nineteen hundred", "on June 9, 1900"),
        ("on june ninth, nineteen hundred.", "on June 9, 1900."),
        ("on june ninth nineteen hundred people came", "on June 9 1900 people came"),
    ],
)
def test_the_year_of_a_century_counts_nothing(spoken: str, expected: str):
    text = written(format_words(words(spoken), Formatting(smart_format=True)))
    assert text.replace("1,900", "1900") == expected


@given(some.integers(1, 10_000))
def test_the_ending_of_an_ordinal_is_that_of_its_words(number: int):
    ending = ordinal_digits(number)[-2:]
    last = ordinal(number)[-2:]
    assert ending == {"st": "st", "nd": "nd", "rd": "rd"}.get(last, "th")
