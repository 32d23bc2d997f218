"""Results of recognition: plain values, times in seconds from the first sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.speech.audio.decode import Track
from engine.speech.diarization.diarizer import Diarization

# Seconds, for `paced`: no letter or word is spoken faster.
_LETTER = 0.02
_SHORTEST_WORD = 0.06
_LONG_ENOUGH = 0.2  # for any word


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the model wrote it, punctuation and capitals included, no spaces around it."""

    text: str
    start: float
    end: float
    confidence: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech between two pauses or cuts; never empty."""

    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class ChannelTranscript:
    """One audio track, or the mix of all of them."""

    segments: tuple[Segment, ...]
    language: str  # ISO 639-1, what the model was told or found
    language_confidence: float  # 1.0 when the caller named the language
    model: str  # the local model that was used
    diarization: Diarization | None = None  # who spoke when, if it was asked for
    heard_language: str | None = None  # the one that is spoken, where it is another one

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole recording."""

    channels: tuple[ChannelTranscript, ...]  # one, or one a track with multichannel
    duration: float  # seconds that were decoded
    samples: int  # at 16 kHz, a channel
    source_channels: int
    source_sample_rate: int  # Hz
    truncated: bool  # the data broke off: this is what could be decoded
    damaged: int  # places that could not be decoded
    tracks: tuple[Track, ...]  # the audio tracks of the file
    unsaid: int  # stretches of sound for which the model wrote words that were not spoken
    speech_seconds: float  # heard as speech, summed over the channels
    queued_seconds: float  # spent waiting for a worker, summed over the windows

    @property
    def is_diarized(self) -> bool:
        return all(channel.diarization is not None for channel in self.channels)


def paced(words: Sequence[Word], start: float, end: float) -> list[Word]:
    """``words`` one after the other between ``start`` and ``end``, each long enough to be said.

    The attention of the model gives some words no time at all, and theirs to the next one.
    If there is no room for all of the words, they share the time that is left.
    """
    lengths = [_long_enough(word) for word in words]
    scale = min(1.0, (end - start) / sum(lengths)) if lengths else 1.0
    spans: list[list[float]] = []
    for word, length in zip(words, lengths, strict=True):
        first = max(word.start, start)
        start = max(word.end, first + scale * length)
        spans.append([first, start])
    # What was pushed over the end goes back, and pushes those before it.
    for span, length in zip(reversed(spans), reversed(lengths), strict=True):
        span[1] = min(span[1], end)
        end = span[0] = min(span[0], span[1] - scale * length)
    return [
        Word(word.text, round(max(first, 0.0), 3), round(last, 3), word.confidence)
        for word, (first, last) in zip(words, spans, strict=True)
    ]


def shortest_seconds(words: Sequence[Word]) -> float:
    """The time below which nobody says ``words``."""
    return sum(map(_long_enough, words))


def _long_enough(word: Word) -> float:
    letters = sum(letter.isalnum() for letter in word.text)
    return min(max(_SHORTEST_WORD, _LETTER * letters), _LONG_ENOUGH)
