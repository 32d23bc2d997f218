"""Compatibility characters of Unicode as the plain ones that a reader says."""

from __future__ import annotations

import re
import unicodedata

ROMAN_SIGNS = "[\u2160-\u2188]+"
EXPONENT = "[⁺⁻]?[⁰¹²³⁴-⁹]+|ⁿ"
# Of a number, one or two letters or a bracket; superscript digits after a word are a note.
POWER = rf"(?P<base>[\d)\]]|(?<![^\W\d_])[^\W\d_]{{1,2}})(?P<power>{EXPONENT})"
# A Greek letter between letters of other scripts is a sign; those of Greek words are not.
_GREEK = "\u0370-\u03ff\u1f00-\u1fff"
GREEK_SIGN = rf"(?<![{_GREEK}])[\u0391-\u03a9\u03b1-\u03c1\u03c3-\u03c9\u00b5](?![{_GREEK}])"
GREEK_NAMES = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψωµ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
        "sigma tau upsilon phi chi psi omega mu".split(),
        strict=True,
    )
)
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


def greek_name(match: re.Match[str]) -> str:
    """Return the name of a Greek letter as a word of its own; "micro" before a unit, as in "μF"."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    is_prefix = match[0] in "μµ" and after.isalpha() and not before.isalpha()
    name = "micro" if is_prefix else GREEK_NAMES[match[0].lower()]
    return f"{' ' if before.isalnum() else ''}{name}{' ' if after.isalnum() else ''}"


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
