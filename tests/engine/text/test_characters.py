"""Compatibility characters of Unicode as plain ones."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.text.characters import (
    GREEK_NAMES,
    GREEK_SIGN,
    POWER,
    exponent,
    greek_name,
    plain_letter,
    roman_value,
)


@pytest.mark.parametrize(
    ("letter", "plain"),
    [
        ("ﬁ", "fi"),
        ("ﬃ", "ffi"),
        ("Ａ", "A"),
        ("５", "5"),
        ("㎏", "kg"),
        ("℃", "°C"),
        ("𝐁", "B"),
        ("₂", "2"),
        # A fraction is a word of its own, and so is a number in a circle.
        ("½", " 1/2"),
        ("⅞", " 7/8"),
        ("①", " 1 "),
        ("⑳", " 20 "),
        # Left for the rules of a language.
        ("²", "²"),
        ("ⁿ", "ⁿ"),
        ("Ⅻ", "Ⅻ"),
        ("№", "№"),
        ("ª", "ª"),
        ("´", "´"),
        # No compatibility characters.
        ("é", "é"),
        ("中", "中"),
        ("a", "a"),
        ("\u00a0", "\u00a0"),
    ],
)
def test_a_compatibility_character_is_written_plainly(letter: str, plain: str):
    assert plain_letter(letter) == plain


@given(some.characters())
def test_a_plain_letter_stays_plain(letter: str):
    plain = plain_letter(letter)
    assert "".join(map(plain_letter, plain)) == plain


@given(some.characters())
def test_no_other_character_is_changed_than_one_with_a_decomposition(letter: str):
    if not unicodedata.decomposition(letter).startswith("<"):
        assert plain_letter(letter) == letter


@pytest.mark.parametrize(
    ("signs", "value"),
    [
        ("Ⅰ", 1),
        ("Ⅳ", 4),
        ("Ⅸ", 9),
        ("ⅩⅡ", 12),
        ("ⅩⅣ", 14),
        ("ⅯⅭⅯⅬⅩⅩⅩⅣ", 1984),
        ("Ⅻ", 12),
        ("ↀ", 1000),
    ],
)
def test_roman_numerals_have_a_value(signs: str, value: int):
    assert roman_value(signs) == value


@pytest.mark.parametrize(
    ("signs", "plain"), [("²", "2"), ("⁻³", "-3"), ("¹⁰", "10"), ("⁺¹", "+1"), ("ⁿ", "n")]
)
def test_an_exponent_is_written_with_plain_signs(signs: str, plain: str):
    assert exponent(signs) == plain


@pytest.mark.parametrize(
    ("text", "base", "power"),
    [
        ("x²", "x", "²"),
        ("10⁻³", "0", "⁻³"),
        ("(a + b)³", ")", "³"),
        ("km²", "km", "²"),
        # After a longer word it is the number of a note.
        ("Lovelace¹", None, None),
        ("²", None, None),
    ],
)
def test_a_power_has_a_base(text: str, base: str | None, power: str | None):
    match = re.search(POWER, text)
    assert (match["base"] if match else None, match["power"] if match else None) == (base, power)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("α", "alpha"),
        ("2π r", "2 pi r"),
        ("πr", "pi r"),
        ("Δt", "delta t"),
        ("Ω", "omega"),
        ("μF", "micro F"),
        ("5 µm", "5 micro m"),
        ("μ = 3", "mu = 3"),
        # Words in Greek are no signs, nor is a final sigma.
        ("λόγος", "λόγος"),
        ("ς", "ς"),
    ],
)
def test_a_greek_letter_alone_has_its_name(text: str, named: str):
    assert re.sub(GREEK_SIGN, greek_name, text) == named


def test_every_greek_sign_has_a_name():
    letters = [chr(code) for code in (*range(0x391, 0x3CA), 0xB5)]
    signs = [letter for letter in letters if re.fullmatch(GREEK_SIGN, letter)]
    assert len(signs) > 45
    assert all(sign.lower() in GREEK_NAMES for sign in signs if unicodedata.category(sign) != "Cn")
