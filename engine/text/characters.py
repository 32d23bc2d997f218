"""Compatibility characters of Unicode as the plain ones that a reader says."""

from __future__ import annotations

import re
import unicodedata

ROMAN_SIGNS = "[\u2160-\u2188]+"
EXPONENT = "[⁺⁻]?[⁰¹²³⁴-⁹]+|ⁿ"
# Of a number, one or two letters or a bracket; superscript digits after a word are a note.
POWER = rf"(?P<base>[\d)\]]|(?<![^\W\d_])[^\W\d_]{{1,2}})(?P<power>{EXPONENT})"
# The rules of a language read Roman numerals and "№"; accents are no letters.
_WHOLE_CATEGORIES = ("Lm", "Nl", "Sk")
_WHOLE_SIGNS = "№"


def plain_letter(letter: str) -> str:
    """Return a compatibility character as plain ones: "ﬁ", "①", "㎏", "½", full-width letters.

    Exponents and Roman numerals stay as they are for the rules of the languages, as does every
    other character. Source: the decompositions of the Unicode character database.
    """
    kind, _, codes = unicodedata.decomposition(letter).partition(" ")
    if not kind.startswith("<") or kind in ("<super>", "<noBreak>"):
        return letter
    if letter in _WHOLE_SIGNS or unicodedata.category(letter) in _WHOLE_CATEGORIES:
        return letter
    plain = "".join(plain_letter(chr(int(code, 16))) for code in codes.split())
    match kind:
        case "<fraction>":
            return f" {plain}".replace("\u2044", "/")
        case "<circle>":
            return f" {plain} "
    return plain


def blank_before_word(match: re.Match[str]) -> str:
    """Return a blank where a letter or a digit follows the match, else nothing."""
    return " " if match.string[match.end() : match.end() + 1].isalnum() else ""


def exponent(signs: str) -> str:
    """Return superscript digits, signs and letters as plain ones: "⁻³" as "-3"."""
    return unicodedata.normalize("NFKC", signs).replace("\u2212", "-")


def roman_value(signs: str) -> int:
    """Return the number that Unicode's Roman numerals, such as "ⅩⅡ", stand for."""
    values = [int(unicodedata.numeric(sign)) for sign in signs]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )
