"""Turns of a conversation: what a live Flux socket means. No I/O and no clock.

``Track`` says which words there are and where; this adds when a turn begins and how sure we are
that it has ended. Source: docs/contract.md, 10.3 to 10.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.endofturn import HEARD_SECONDS
from engine.speech.recognition.track import Decode, Drop, Frame, Mark, Settled, Track
from engine.speech.recognition.transcript import Word, paced
from engine.speech.recognition.vad import FRAME

_UPDATE = RATE // 4  # samples between two updates
_PAUSE_MS = 300  # settles the words of the turn so far; the end of the turn is another matter
# Seconds of silence at which the end-of-turn model is asked: it hears more the longer it lasts.
_LOOKS = (0.2, 0.4, 0.6, 0.8, 1.2)
# Confidence is a sum of evidence: the model's probability, a mark at the end of the words, each
# second of silence. At the usual threshold of 0.7 a turn that sounds finished ends after 0.65 s of
# silence, one that does not after 1.15 s, or 1.35 s when the words are no sentence either. (On read
# speech the model gives pauses of up to 0.6 s inside a turn 0.9, and one end in four 0.1 or less;
# pauses that it calls none last up to 1.1 s. From 0.85 on a higher one tells no more.)
_SURE = 0.85
_SOUND, _SENTENCE, _SILENCE_SECOND, _DOUBT = 0.312, 0.12, 0.6, 0.11
_CERTAIN = 0.99  # a threshold of 1 leaves the end to the time-out


class Event(StrEnum):
    UPDATE = "Update"
    START = "StartOfTurn"
    EAGER = "EagerEndOfTurn"
    RESUMED = "TurnResumed"
    END = "EndOfTurn"


class Trigger(StrEnum):
    MODEL = "model"
    MANUAL = "manual"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class TurnOptions:
    """Thresholds are confidences, 0 to 1; without ``eager_eot_threshold`` no eager ends."""

    eot_threshold: float = 0.7
    eager_eot_threshold: float | None = None
    eot_timeout_ms: int = 5000


@dataclass(frozen=True)
class Score:
    """A request to the end-of-turn model about the end of ``samples``, with its number."""

    number: int
    samples: Samples


@dataclass(frozen=True)
class Turn:
    """A ``TurnInfo`` message; the window in seconds from the start of the stream."""

    event: Event
    index: int
    window_start: float
    window_end: float
    words: tuple[Word, ...]
    confidence: float
    trigger: Trigger | None = None


@dataclass(frozen=True)
class NoTurn:
    """``ForceEndTurn`` came while nobody was speaking."""


Step = Decode | Drop | Score | Turn | NoTurn | Mark


@dataclass
class _Look:
    """A request to the end-of-turn model at ``place``, in samples."""

    place: int
    probability: float | None = None


@dataclass(frozen=True)
class _ForcedEnd:
    """The mark of a ``ForceEndTurn``."""


@dataclass(frozen=True)
class _StreamEnd:
    """The mark of a ``CloseStream``."""


class TurnSession(Track):
    """One live stream of turns. Every method returns what follows, in the order of sending."""

    def __init__(self, options: TurnOptions, keyterms: Sequence[str] = ()) -> None:
        super().__init__(_PAUSE_MS, guesses=True, keyterms=keyterms)
        self.options = options
        # The last seconds, for the end-of-turn model.
        self._sound: deque[Samples] = deque(maxlen=HEARD_SECONDS * RATE // FRAME)
        self._pause_looks = 0  # requests to it in this pause
        self._score_count = 0
        self._unscored: dict[int, _Look] = {}
        self._looks: deque[_Look] = deque()  # that have not been taken into account
        self._place = 0  # of what is being told, in samples
        self._index = 0
        self._window_start = 0
        self._words: list[Word] = []  # of this turn, final
        self._guessed: tuple[Word, ...] = ()
        self._started = False
        self._eager = False
        self._probability = 0.0  # the model's newest score in this pause
        self._confidence = 0.0

    def configure(self, options: TurnOptions, value: Any) -> list[Step]:
        """Use ``options`` from here on; a ``Mark`` of ``value`` is told at this place."""
        return self.mark((options, value))

    def scored(self, number: int, probability: float) -> list[Step]:
        """Receive the end-of-turn model's probability for a ``Score``."""
        self._unscored.pop(number).probability = probability
        return self._tell()

    def force_end(self) -> list[Step]:
        """End the present turn here; what is spoken afterwards belongs to the next one."""
        return [*self.settle(), *self.mark(_ForcedEnd())]

    def finish(self) -> list[Step]:
        """No more audio comes: tell the rest of the words. An open turn stays open."""
        return [*self.settle(is_over=True), *self.mark(_StreamEnd())]

    def on_heard(self, frame: Frame) -> list[Step]:
        """Ask the end-of-turn model as the silence grows, before it is known whether it matters.

        It matters where a turn has started, which may be known only later.
        """
        start = frame.end - FRAME - self._origin
        self._sound.append(self._audio[start : start + FRAME])
        if not frame.silence:
            self._pause_looks = 0
            return []
        looks = self._pause_looks
        if looks == len(_LOOKS) or frame.silence < _LOOKS[looks] * RATE:
            return []
        if not (self._started or self._untold):
            return []
        self._pause_looks += 1
        self._score_count += 1
        self._unscored[self._score_count] = look = _Look(frame.end)
        self._looks.append(look)
        return [Score(self._score_count, np.concatenate(self._sound))]

    def is_ready(self, frame: Frame) -> bool:
        if not self._can_end(frame):
            return True
        return all(look.probability is not None for look in self._looks if look.place <= frame.end)

    def needs_words(self, frame: Frame) -> bool:
        """The first words start a turn, and resume one that had probably ended."""
        return self._eager or not self._started

    def on_words(self, frame: Frame, words: list[Word]) -> list[Step]:
        if not words:
            return []
        self._place = frame.end
        start = (frame.segment.first if frame.segment else 0) / RATE
        self._guessed = tuple(paced(words, start, frame.seconds))
        return self._begin()

    def on_guess(self, words: tuple[Word, ...], start: int, end: int) -> list[Step]:
        self._guessed = words
        return []

    def on_settled(self, settled: Settled) -> list[Step]:
        self._place = max(self._place, settled.end)
        self._words += settled.words
        self._guessed = ()
        return self._begin() if settled.words else []

    def on_frame(self, frame: Frame) -> list[Step]:
        self._place = frame.end
        if not frame.silence:
            self._probability = self._confidence = 0.0
        self._take_looks(frame)
        steps = self._judge(frame) if self._can_end(frame) else []
        if frame.crosses(_UPDATE):
            steps.append(self._turn(Event.UPDATE))
        return steps

    def on_mark(self, mark: Mark) -> list[Step]:
        self._place = mark.end
        match mark.value:
            case _ForcedEnd():
                return self._end(Trigger.MANUAL) if self._started else [NoTurn()]
            case _StreamEnd():
                return [self._turn(Event.UPDATE)] if self._words else []
            case (TurnOptions() as options, value):
                self.options = options
                return [Mark(value, mark.end)]
        return [mark]

    def _can_end(self, frame: Frame) -> bool:
        return self._started and frame.segment is None

    def _take_looks(self, frame: Frame) -> None:
        """Use the scores of this pause up to here; those of earlier pauses are late."""
        while self._looks and self._looks[0].place <= frame.end:
            if self._looks[0].probability is None and frame.silence:
                return
            probability = self._looks.popleft().probability
            if frame.silence and probability is not None:
                self._probability = probability

    def _begin(self) -> list[Step]:
        """There are words: the turn has started, or goes on."""
        if self._started and not self._eager:
            return []
        event = Event.RESUMED if self._eager else Event.START
        self._started, self._eager = True, False
        return [self._turn(event)]

    def _judge(self, frame: Frame) -> list[Step]:
        """End the turn, or say that it probably has ended."""
        silence = frame.silence / RATE
        if self._words:
            self._confidence = max(self._confidence, self._evidence(silence))
        if self._confidence >= self.options.eot_threshold:
            return self._end(Trigger.MODEL)
        if silence * 1000 >= self.options.eot_timeout_ms:
            return self._end(Trigger.TIMEOUT)
        eager = self.options.eager_eot_threshold
        if eager is None or self._eager or not self._words or self._confidence < eager:
            return []
        self._eager = True
        return [self._turn(Event.EAGER)]

    def _evidence(self, silence: float) -> float:
        ends = self._words[-1].text.rstrip("\"'”’)").endswith((".", "?", "!"))
        confidence = _SOUND * min(self._probability / _SURE, 1.0) + (_SENTENCE if ends else 0.0)
        confidence += _SILENCE_SECOND * silence - _DOUBT
        return min(max(confidence, 0.0), _CERTAIN)

    def _end(self, trigger: Trigger) -> list[Step]:
        steps: list[Step] = [self._turn(Event.END, trigger)]
        self._index += 1
        self._window_start = self._place
        self._words, self._guessed = [], ()
        self._started = self._eager = False
        self._confidence = 0.0
        return steps

    def _turn(self, event: Event, trigger: Trigger | None = None) -> Turn:
        return Turn(
            event,
            self._index,
            round(self._window_start / RATE, 3),
            round(self._place / RATE, 3),
            (*self._words, *self._guessed),
            round(self._confidence, 4),
            trigger,
        )
