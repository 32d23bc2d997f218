"""Live captions of one track: samples in, decodings and results out.

No I/O and no clock: time is the audio received. The owner of the socket feeds samples, hands
each ``Decode`` to the recognizer and gives back what it heard; the session says what to tell
the client, in order. Source: docs/contract.md, 9.3 to 9.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.speech.audio.decode import RATE
from engine.speech.recognition.track import (
    NATURAL_PAUSE,
    Decode,
    Drop,
    Frame,
    Mark,
    Moment,
    Segment,
    Settled,
    Track,
)
from engine.speech.recognition.transcript import Word
from engine.speech.recognition.vad import FRAME


@dataclass(frozen=True)
class LiveOptions:
    """Options of one live track. Times in milliseconds; None is off."""

    interim_results: bool = False
    endpointing_ms: int | None = 10
    utterance_end_ms: int | None = None
    vad_events: bool = False


@dataclass(frozen=True)
class Heard:
    """A ``Results`` message; times in seconds from the start of the stream."""

    start: float
    duration: float
    words: tuple[Word, ...]
    is_final: bool
    speech_final: bool = False
    from_finalize: bool = False
    moment: Moment = field(default=(0, 0), compare=False)

    @property
    def end(self) -> float:
        return self.start + self.duration


@dataclass(frozen=True)
class SpeechStarted:
    timestamp: float
    moment: Moment = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class UtteranceEnd:
    last_word_end: float
    moment: Moment = field(default=(0, 0), compare=False)


Message = Heard | SpeechStarted | UtteranceEnd
Told = Message | Mark
Step = Decode | Drop | Told


class ListenSession(Track):
    """One track of ``/v1/listen``."""

    def __init__(self, options: LiveOptions, keyterms: Sequence[str] = ()) -> None:
        super().__init__(options.endpointing_ms, guesses=options.interim_results, keyterms=keyterms)
        self._vad_events = options.vad_events
        self._gap = None if options.utterance_end_ms is None else options.utterance_end_ms / 1000
        self._has_voice = False  # since the last natural pause
        self._has_words = False  # since the last speech_final
        self._last_word_end: float | None = None  # of an utterance that has not ended
        self._spoken: Segment | None = None  # the open segment, once it is known to hold words

    def finalize(self) -> list[Step]:
        """Settle what is buffered now: exactly one result with ``from_finalize`` follows."""
        return self.settle(from_finalize=True)

    def finish(self) -> list[Step]:
        """No more audio comes: settle the rest, if there is any."""
        if self._received == self._settled_until:
            self.count_control()
            return []
        return self.settle(is_over=True)

    def on_frame(self, frame: Frame) -> list[Step]:
        steps: list[Step] = []
        if frame.silence >= NATURAL_PAUSE:
            self._has_voice = False
        elif not frame.silence and not self._has_voice:
            # A shorter pause is inside an utterance, whatever endpointing makes of it.
            self._has_voice = True
            if self._vad_events:
                started = round((frame.end - FRAME) / RATE, 3)
                steps.append(SpeechStarted(started, self.moment))
        if frame.segment is None and self._is_gap(frame.seconds):
            steps += self._end_utterance()
        return steps

    def needs_words(self, frame: Frame) -> bool:
        """Voice behind the gap may be noise, which must not hold the end of an utterance up."""
        return self._is_gap(frame.seconds) and frame.segment is not self._spoken

    def on_words(self, frame: Frame, words: list[Word]) -> list[Step]:
        if words and not self._is_gap(words[0].start):
            self._spoken = frame.segment
            return []
        return self._end_utterance()

    def on_settled(self, settled: Settled) -> list[Step]:
        words = settled.words
        steps: list[Step] = []
        if words:
            if self._is_gap(words[0].start):
                steps += self._end_utterance()
            self._has_words = True
            self._last_word_end = words[-1].end
        speech_final = settled.ends_speech and self._has_words
        if speech_final:
            self._has_words = False
        return [
            *steps,
            Heard(
                *_times(settled.start, settled.end),
                words,
                is_final=True,
                speech_final=speech_final,
                from_finalize=settled.from_finalize,
                moment=self.moment,
            ),
        ]

    def on_mark(self, mark: Mark) -> list[Step]:
        return [mark]

    def on_guess(self, words: tuple[Word, ...], start: int, end: int) -> list[Step]:
        moment = self._seen, self._controls
        return [Heard(*_times(start, end), words, is_final=False, moment=moment)]

    def _is_gap(self, seconds: float) -> bool:
        """Return whether the last word lies long enough before ``seconds``."""
        if self._gap is None or self._last_word_end is None:
            return False
        return seconds - self._last_word_end >= self._gap

    def _end_utterance(self) -> list[Step]:
        last, self._last_word_end = self._last_word_end, None
        return [] if last is None else [UtteranceEnd(last, self.moment)]


def _times(start: int, end: int) -> tuple[float, float]:
    """Return the start and the duration in seconds."""
    return round(start / RATE, 3), round((end - start) / RATE, 3)
