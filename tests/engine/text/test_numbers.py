import pytest

from engine.text.numbers import find_numbers, ordinal_digits, with_commas


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty five cows", ["25"]),
        ("two hundred and five", ["205"]),
        ("7.30 hundred first", ["7.30", "1"]),
        ("five million two hundred thousand", ["5200000"]),
        ("a hundred and one", ["101"]),
        ("nineteen hundred", ["1900"]),
        ("nineteen eighty four", ["1984"]),
        ("nineteen oh five", ["1905"]),
        ("twenty twenty four was", ["2024"]),
        ("three point one four", ["3.14"]),
        ("zero point five", ["0.5"]),
        ("three point twenty five", ["3.25"]),
        ("three point twenty", ["3.20"]),
        ("three point five twenty", ["3.5", "20"]),
        ("three point", ["3"]),
        ("twenty-first century", ["21"]),
        ("one hundred twenty third", ["123"]),
        ("four one five five five five one two three four", ["4155551234"]),
        ("double seven one two", ["7712"]),
        ("two oh six", ["206"]),
        ("one two three", ["1", "2", "3"]),
        ("one two hundred", ["1", "200"]),
        ("forty-two", ["42"]),
        ("1,500 and 3.5", ["1500", "3.5"]),
        ("0042", ["0042"]),
        ("a cow and an ox", []),
        ("three hundred and", ["300"]),
    ],
)
def test_spoken_numbers_are_found(text, expected):
    assert [number.digits for number in find_numbers(text.split())] == expected


def test_number_does_not_reach_over_punctuation():
    found = find_numbers(["twenty", "five"], stops=[True, False])
    assert [(number.first, number.digits) for number in found] == [(0, "20"), (1, "5")]


def test_round_millions_stay_readable():
    (number,) = find_numbers(["five", "million"])
    assert (number.digits, number.scale, number.value) == ("5", "million", 5e6)


def test_ordinals_and_commas():
    assert [ordinal_digits(n) for n in (1, 2, 3, 11, 21, 112)] == [
        "1st", "2nd", "3rd", "11th", "21st", "112th",
    ]  # fmt: skip
    assert [with_commas(n) for n in ("999", "1500", "1234567.5", "0042")] == [
        "999", "1,500", "1,234,567.5", "0042",
    ]  # fmt: skip
