"""Turns of a conversation: what a live Flux socket means. No I/O and no clock.

The words come from a ``ListenSession``; this adds when a turn begins and how sure we are that
it has ended. Contract, sections 10.3 and 10.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.speech import live
from engine.speech.decode import RATE, Samples
from engine.speech.endofturn import HEARD_SECONDS
from engine.speech.live import Decode, Drop, Heard, ListenSession, LiveOptions
from engine.speech.transcript import Word

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
    """A question to the end-of-turn model about the end of ``samples``, by its number."""

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


Step = Decode | Drop | Score | Turn | NoTurn


class TurnSession:
    """One live stream of turns. Every method returns what follows, in the order of sending."""

    def __init__(self, options: TurnOptions) -> None:
        self.options = options
        self._listen = ListenSession(LiveOptions(interim_results=True, endpointing_ms=_PAUSE_MS))
        self._heard = np.zeros(0, np.float32)  # the last seconds, for the end-of-turn model
        self._index = 0
        self._window_start = 0.0
        self._settled: list[Word] = []
        self._interim: tuple[Word, ...] = ()
        self._started = False
        self._eager = False
        self._eager_until = 0.0  # the end of the words that an eager end was about
        self._forced: Trigger | None = None
        self._updated = 0  # samples at the last update
        self._asked = 0  # questions to the end-of-turn model so far
        self._looks = 0  # of them in this pause
        self._sound = 0.0  # the model's newest answer in this pause
        self._first_look = 1  # the number of this pause's first question
        self._confidence = 0.0

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of the present turn so far."""
        return (*self._settled, *self._interim)

    def push(self, samples: Samples) -> list[Step]:
        """Take samples (float32, 16 kHz) that followed those before."""
        self._heard = np.concatenate((self._heard, samples))[-HEARD_SECONDS * RATE :]
        steps = self._follow(self._listen.push(samples))
        steps += self._look()
        steps += self._judge()
        received = round(self._listen.received_seconds * RATE)
        if received - self._updated >= _UPDATE:
            self._updated = received
            steps.append(self._turn(Event.UPDATE))
        return steps

    def decoded(self, number: int, words: Sequence[Word], seconds: float) -> list[Step]:
        """The recognizer's answer to a ``Decode``; see ``ListenSession.decoded``."""
        return [*self._follow(self._listen.decoded(number, words, seconds)), *self._judge()]

    def scored(self, number: int, probability: float) -> list[Step]:
        """The end-of-turn model's answer to a ``Score``; a late one counts for nothing."""
        if number < self._first_look:
            return []
        self._sound = probability
        return self._judge()

    def force_end(self) -> list[Step]:
        """End the present turn now."""
        if not (self.words or self._listen.is_in_speech or not self._listen.is_settled):
            return [NoTurn()]
        self._forced = Trigger.MANUAL
        return [*self._follow(self._listen.finalize()), *self._judge()]

    def finish(self) -> list[Step]:
        """No more audio comes: an open turn with words ends."""
        self._forced = Trigger.TIMEOUT  # the contract's section 16, choice 12
        return [*self._follow(self._listen.finish()), *self._judge()]

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for the recognizer."""
        return self._listen.is_settled

    def _follow(self, steps: list[live.Step]) -> list[Step]:
        """Take the words out of what listening says; pass its questions on."""
        passed: list[Step] = []
        for step in steps:
            if isinstance(step, Decode | Drop):
                passed.append(step)
            elif isinstance(step, Heard):
                passed += self._take(step)
        return passed

    def _take(self, heard: Heard) -> list[Step]:
        if heard.is_final:
            self._settled += heard.words
            self._interim = ()
        else:
            self._interim = heard.words
        if not heard.words:
            return []
        if not self._started:
            self._started = True
            return [self._turn(Event.START)]
        if self._eager and heard.words[-1].end > self._eager_until:
            self._eager = False
            return [self._turn(Event.RESUMED)]
        return []

    def _look(self) -> list[Step]:
        """Ask the end-of-turn model again as the silence grows; forget it when it is over."""
        silence = self._listen.silence_seconds
        if silence == 0.0:
            self._looks, self._sound, self._confidence = 0, 0.0, 0.0
            self._first_look = self._asked + 1
            return []
        if not self._started or self._looks == len(_LOOKS) or silence < _LOOKS[self._looks]:
            return []
        self._looks += 1
        self._asked += 1
        return [Score(self._asked, self._heard)]

    def _judge(self) -> list[Step]:
        """End the turn, or say that it probably has ended."""
        if not self._listen.is_settled or self._listen.is_in_speech:
            return []
        silence = self._listen.silence_seconds
        if not self._started:
            self._forced = None
            return []
        if self._settled:
            self._confidence = max(self._confidence, self._evidence(silence))
        if self._forced is Trigger.MANUAL:
            return self._end(Trigger.MANUAL)
        if self._confidence >= self.options.eot_threshold:
            return self._end(Trigger.MODEL)
        if self._forced is not None or silence * 1000 >= self.options.eot_timeout_ms:
            return self._end(Trigger.TIMEOUT)
        eager = self.options.eager_eot_threshold
        if eager is None or self._eager or not self._settled:
            return []
        if self._confidence >= eager:
            self._eager = True
            self._eager_until = self._settled[-1].end
            return [self._turn(Event.EAGER)]
        return []

    def _evidence(self, silence: float) -> float:
        ends = self._settled[-1].text.rstrip("\"'”’)").endswith((".", "?", "!"))
        confidence = _SOUND * min(self._sound / _SURE, 1.0) + (_SENTENCE if ends else 0.0)
        confidence += _SILENCE_SECOND * silence - _DOUBT
        return min(max(confidence, 0.0), _CERTAIN)

    def _end(self, trigger: Trigger) -> list[Step]:
        steps: list[Step] = [self._turn(Event.END, trigger)]
        self._index += 1
        self._window_start = self._listen.received_seconds
        self._settled, self._interim = [], ()
        self._started = self._eager = False
        self._forced = None
        self._confidence = 0.0
        return steps

    def _turn(self, event: Event, trigger: Trigger | None = None) -> Turn:
        return Turn(
            event,
            self._index,
            round(self._window_start, 3),
            round(self._listen.received_seconds, 3),
            self.words,
            round(self._confidence, 4),
            trigger,
        )
