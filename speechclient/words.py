"""Words and their times, brought into the bounds of a recording."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from speechclient.fields import Fields

MAX_WORDS = 1_000_000
MAX_DURATION_SECONDS = 30 * 86_400.0  # a month: a longer time is a mistake
MAX_WORD_LENGTH = 1_000
MAX_SPEAKER = 10_000

# Bounds of what is decoded from JSON; values that are given to a class are not checked.
Seconds = Annotated[float, Meta(ge=0.0, le=MAX_DURATION_SECONDS)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
WordText = Annotated[str, Meta(max_length=MAX_WORD_LENGTH)]
NonEmpty = Annotated[str, Meta(min_length=1)]


class Word(Struct, frozen=True):
    """``word`` is bare and lower case; ``punctuated_word`` equals it when none was asked for.

    ``confidence`` is 0 to 1. ``speaker`` counts from 0 within one response.
    """

    word: WordText
    start: Seconds
    end: Seconds
    confidence: Share
    punctuated_word: Annotated[WordText, Meta(min_length=1)]
    speaker: Annotated[int, Meta(ge=0, le=MAX_SPEAKER)] | None = None
    speaker_confidence: Share | None = None
    language: NonEmpty | None = None

    def moved(self, start: float, end: float) -> Word:
        """Return the word at another time."""
        return Word(
            self.word, start, end, self.confidence, self.punctuated_word, self.speaker,
            self.speaker_confidence, self.language,
        )  # fmt: skip


class Timeline:
    """Brings times into the recording and counts what it had to change."""

    def __init__(self, duration: float = 0.0, max_words: int = MAX_WORDS) -> None:
        self.duration = min(max(duration, 0.0), MAX_DURATION_SECONDS)
        # Without a duration the words' own times are all there is.
        self._end = self.duration or MAX_DURATION_SECONDS
        self.repairs = 0
        self.words_left = max_words
        self.speakers: set[int] = set()

    def speaker(self, fields: Fields) -> int | None:
        """The speaker's number, which is counted; None where there is none."""
        speaker = read_speaker(fields)
        if speaker is not None:
            self.speakers.add(speaker)
        return speaker

    def span(self, fields: Fields) -> tuple[float, float]:
        """``start`` and ``end`` with 0 <= start <= end <= duration."""
        start, end = fields.number("start"), fields.number("end")
        clamped_start = min(max(start, 0.0), self._end)
        clamped_end = min(max(end, clamped_start), self._end)
        if (clamped_start, clamped_end) != (start, end):
            self.repairs += 1
        return clamped_start, clamped_end

    def words(self, fields: Fields) -> Iterator[Word]:
        for word in fields.objects("words", self.words_left + 1):
            if self.words_left == 0:
                self.repairs += 1
                return
            self.words_left -= 1
            start, end = self.span(word)
            text = word.text("word", limit=MAX_WORD_LENGTH)
            yield Word(
                word=text,
                start=start,
                end=end,
                confidence=word.share("confidence"),
                punctuated_word=word.text("punctuated_word", limit=MAX_WORD_LENGTH) or text,
                speaker=self.speaker(word),
                speaker_confidence=word.optional_share("speaker_confidence"),
                language=word.optional_text("language"),
            )


def read_speaker(fields: Fields) -> int | None:
    speaker = fields.optional_integer("speaker")
    return speaker if speaker is not None and 0 <= speaker <= MAX_SPEAKER else None
