"""What recognition hands back: plain values, times in seconds from the first sample."""

from __future__ import annotations

from dataclasses import dataclass

from engine.speech.diarization import Diarization


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
    speech_seconds: float  # heard as speech, summed over the channels
    queued_seconds: float  # spent waiting for a worker, summed over the windows

    @property
    def is_diarized(self) -> bool:
        return all(channel.diarization is not None for channel in self.channels)
