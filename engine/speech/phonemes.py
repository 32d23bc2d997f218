"""Text of any spoken language to the phonemes of the voices."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from engine.speech import romance
from engine.speech.english import English, to_espeak
from engine.speech.modelcache import ModelCache
from engine.speech.spoken import written_out

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


class Language(Protocol):
    def phonemes(self, text: str) -> str: ...


class Phonemizer:
    """Loads each language when it is first spoken; ``resident`` ones stay in memory.

    ``cache`` is a folder for unpacked models.
    """

    def __init__(self, cache: Path, *, resident: Collection[str] = ()) -> None:
        self._cache = cache
        self._languages: ModelCache[str, Language] = ModelCache(self._load, pinned=resident)

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

    def _of(self, text: str, language: str) -> str:
        return self._languages.get(language).phonemes(text)

    def _load(self, language: str) -> Language:
        match language:
            case "en-GB":
                return English("gb")
            case "es-ES" | "es-419":
                return romance.Spanish(latin=language == "es-419")
            case "fr-FR":
                return romance.French(self._cache)
            case "it-IT":
                return romance.Italian()
        return English("us")
