"""Recognised words and findings in them, the same in responses and in live messages.

Source: docs/contract.md, 5.3, 9.3 and 10.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any, Protocol

from engine.text import entities, search
from engine.text.words import Word, joined, transcript
from engine.wire.shapes import UNSET, Omittable, Shape


class LiveWord(Shape):
    """Times in seconds from the start of the audio, confidence from 0 to 1."""

    word: str
    start: float
    end: float
    confidence: float
    punctuated_word: Omittable[str] = UNSET
    speaker: Omittable[int] = UNSET
    language: Omittable[str] = UNSET


class RecordedWord(LiveWord):
    speaker_confidence: Omittable[float] = UNSET


class LiveAlternative(Shape):
    transcript: str
    confidence: float
    words: list[LiveWord]
    languages: Omittable[list[str]] = UNSET
    languages_hinted: Omittable[list[str]] = UNSET


class FluxWord(Shape):
    """A word of a turn, with its punctuation."""

    word: str
    confidence: float
    start: float
    end: float


class Entity(Shape):
    """``words[start_word:end_word]``: ``end_word`` is exclusive."""

    label: str
    value: str
    raw_value: str
    confidence: float
    start_word: int
    end_word: int


class SearchHit(Shape):
    confidence: float
    start: float
    end: float
    snippet: str


class SearchResult(Shape):
    query: str
    hits: list[SearchHit]


class Wording(Protocol):
    """The options that decide which members words and alternatives have."""

    @property
    def language(self) -> str: ...

    @property
    def language_hint(self) -> tuple[str, ...]: ...

    @property
    def is_punctuated(self) -> bool: ...


def live_alternative(
    words: Sequence[Word], options: Wording, languages: Sequence[str] = ()
) -> LiveAlternative:
    written = [LiveWord(**_word(word, options)) for word in words]
    return LiveAlternative(words=written, **alternative_members(words, options, languages))


def recorded_words(words: Iterable[Word], options: Wording) -> list[RecordedWord]:
    return [
        RecordedWord(speaker_confidence=_speaker_confidence(word), **_word(word, options))
        for word in words
    ]


def alternative_members(
    words: Sequence[Word], options: Wording, languages: Sequence[str]
) -> dict[str, Any]:
    """Return what an alternative has beside its words; ``languages`` are those of the speech."""
    members: dict[str, Any] = {
        "transcript": transcript(words, options.is_punctuated),
        "confidence": clamped(fmean(word.confidence for word in words)) if words else 0.0,
    }
    if options.language == "multi":
        members["languages"] = list(languages) if words else []
    if options.language_hint:
        members["languages_hinted"] = list(options.language_hint)
    return members


def flux_words(words: Iterable[Word]) -> list[FluxWord]:
    return [
        FluxWord(
            word=word.punctuated_word,
            confidence=clamped(word.confidence),
            start=seconds(word.start),
            end=seconds(word.end),
        )
        for word in words
    ]


def flux_transcript(words: Iterable[Word]) -> str:
    return joined(word.punctuated_word for word in words)


def found_entities(words: Sequence[Word]) -> list[Entity]:
    return [Entity(**vars(entity)) for entity in entities.detect_entities(words)]


def found_queries(words: Sequence[Word], queries: Iterable[str]) -> list[SearchResult]:
    """Return each query with the places that sound like it.

    ``words`` are those that were spoken: redacted, but neither formatted nor replaced.
    """
    return [
        SearchResult(query=query, hits=[SearchHit(**vars(hit)) for hit in hits])
        for query, hits in search.searched(words, queries)
    ]


def seconds(time: float) -> float:
    return round(time, 3)


def clamped(confidence: float) -> float:
    return round(min(1.0, max(0.0, confidence)), 4)


def _word(word: Word, options: Wording) -> dict[str, Any]:
    is_multilingual = options.language == "multi" and word.language is not None
    return {
        "word": word.word,
        "start": seconds(word.start),
        "end": seconds(word.end),
        "confidence": clamped(word.confidence),
        "punctuated_word": word.punctuated_word if options.is_punctuated else UNSET,
        "speaker": UNSET if word.speaker is None else word.speaker,
        "language": word.language if is_multilingual else UNSET,
    }


def _speaker_confidence(word: Word) -> Omittable[float]:
    if word.speaker is None or word.speaker_confidence is None:
        return UNSET
    return clamped(word.speaker_confidence)
