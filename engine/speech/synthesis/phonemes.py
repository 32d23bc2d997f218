"""Text of any spoken language to the phonemes of the voices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Container, Mapping
from typing import Protocol

from engine.runtime.modelcache import ModelCache
from engine.speech.synthesis import romance
from engine.speech.synthesis.english import English, to_espeak
from engine.text.characters import GREEK_SIGN, plain_letter
from engine.text.spoken import written_out

__all__ = ["Phonemizer", "from_ipa", "to_espeak"]

# What an author writes in IPA, in the alphabet of the voices. Longest first.
IPA = (
    ("tʃ", "ʧ"), ("t͡ʃ", "ʧ"), ("dʒ", "ʤ"), ("d͡ʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"),
    ("əʊ", "Q"), ("aʊ", "W"), ("ɔɪ", "Y"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("r", "ɹ"), ("g", "ɡ"),
    ("'", "ˈ"), ("ʰ", ""), ("̩", "ᵊ"), (".", ""), ("/", ""), ("‿", ""),
)  # fmt: skip
# A stress mark stands before the syllable in IPA and before its vowel in the voices' alphabet.
LATE_STRESS = re.compile(r"([ˈˌ])([^ˈˌ aeiouyæɑɐɒɔəɛɜɪʊʌᵻøœAIOQWY]+)")


def from_ipa(ipa: str) -> str:
    """A pronunciation in IPA as phonemes of the voices."""
    for theirs, ours in IPA:
        ipa = ipa.replace(theirs, ours)
    return LATE_STRESS.sub(r"\2\1", ipa)


# The letters other than a to z that the rules of a language know; others are read without accents.
ALPHABETS = {"en": "", "es": "áéíóúüñç", "fr": "àâäçéèêëîïôöùûüÿœæ", "it": "àèéìíòóùú"}
LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "þ": "th", "ð": "d", "ı": "i",
}  # fmt: skip
# In every language; a consonant alone may be silent.
ALWAYS_SAID = frozenset("aeiouAEIOU0123456789")
# Signs and marks that are read silently, or with the number before them.
SILENT_SIGNS = frozenset("\u2212\u00b0\u00ba\u00aa\u00a9\u00ae\u2122\u2120⁺⁻")


class Language(Protocol):
    def phonemes(self, text: str) -> str: ...


def has_sound(phonemes: str) -> bool:
    """Return whether there is more in ``phonemes`` than punctuation and stress."""
    return any(sound.isalpha() and sound not in "ˈˌ" for sound in phonemes)


def _has_name(letter: str) -> bool:
    """True for what a reader would say: letters, digits, emoji, currencies, private use."""
    category = unicodedata.category(letter)
    spoken = category in ("Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No", "So", "Sc", "Sm", "Co")
    return spoken and not letter.isascii() and letter not in SILENT_SIGNS


def _alphabet(language: str) -> str:
    return ALPHABETS.get(language.partition("-")[0], "")


def _familiar(text: str, alphabet: str) -> str:
    """Return ``text`` with Latin letters that ``alphabet`` does not have as plain ones."""
    return "".join(
        letter if letter.isascii() or letter.lower() in alphabet else _latin(letter)
        for letter in unicodedata.normalize("NFC", text)
    )


def _latin(letter: str) -> str:
    """Return a Latin letter without its accents, and anything else as it is."""
    if plain := LATIN.get(letter.lower()):
        return plain.capitalize() if letter.isupper() else plain
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base.isascii() else letter


class Phonemizer:
    """Loads each language when it is first spoken; ``resident`` ones stay in memory."""

    def __init__(self, *, resident: Collection[str] = ()) -> None:
        self._languages: ModelCache[str, Language] = ModelCache(self._load, pinned=resident)
        self._said: dict[tuple[str, str], bool] = {}  # by language and sign

    def unload_idle(self, seconds: float) -> list[str]:
        """Unload languages unused for ``seconds``; return their names."""
        return self._languages.unload_idle(seconds)

    def spoken(self, text: str, language: str) -> str:
        """``text`` with numbers, dates, money and abbreviations written out as words."""
        return written_out(text, language)

    def phonemes(
        self, text: str, language: str, pronunciations: Mapping[str, str] | None = None
    ) -> str:
        """Phonemes of spoken ``text``; each character that is a key of ``pronunciations`` is
        said as its IPA."""
        if not pronunciations:
            return self._of(text, language)
        marks = "".join(pronunciations)
        pieces = re.split(f"([{re.escape(marks)}])", text)
        return " ".join(
            from_ipa(pronunciations[piece]) if piece in pronunciations else sound
            for piece in pieces
            if (sound := piece if piece in pronunciations else self._of(piece, language))
        )

    def unsaid(self, text: str, language: str, marks: Container[str] = "") -> list[str]:
        """Return the words and signs of ``text`` that have no sound in ``language``, once each.

        Letters of another script, emoji, signs without a name. ``marks`` are the characters of
        pronunciations. Punctuation is not said in any case.
        """
        pieces = (self._unsaid_in(word, language, marks) for word in text.split())
        return list(dict.fromkeys(filter(None, pieces)))

    def can_say(self, text: str, language: str) -> bool:
        """Return whether anything of ``text`` has a sound in ``language``."""
        if any(letter in ALWAYS_SAID for letter in text):
            return True
        return has_sound(self._of(self.spoken(text, language), language))

    def _unsaid_in(self, word: str, language: str, marks: Container[str]) -> str:
        if word.isascii():
            return ""
        unsaid = [
            letter
            for letter in re.sub(GREEK_SIGN, "", unicodedata.normalize("NFC", word))
            if _has_name(letter) and letter not in marks and not self._says(letter, language)
        ]
        return "".join(unsaid)

    def _says(self, letter: str, language: str) -> bool:
        if (plain := plain_letter(letter)) != letter:
            return all(
                part.isascii() or part in SILENT_SIGNS or self._says(part, language)
                for part in plain
            )
        if letter.isalpha():
            return _latin(letter) != letter or letter.lower() in _alphabet(language)
        if letter.isdecimal():
            return True
        if unicodedata.category(letter) == "Co":
            return False
        key = language, letter
        if key not in self._said:
            number = self._sound("1", language)
            beside_number = self._sound(f"{letter} 1", language)  # as a currency is said
            self._said[key] = number != beside_number or has_sound(self._sound(letter, language))
        return self._said[key]

    def _sound(self, text: str, language: str) -> str:
        return self._of(self.spoken(text, language), language)

    def _of(self, text: str, language: str) -> str:
        if not text.isascii():
            text = _familiar(text, _alphabet(language))
        return self._languages.get(language).phonemes(text)

    def _load(self, language: str) -> Language:
        match language:
            case "en-GB":
                return English("gb")
            case "es-ES" | "es-419":
                return romance.Spanish(latin=language == "es-419")
            case "fr-FR":
                return romance.French()
            case "it-IT":
                return romance.Italian()
        return English("us")
