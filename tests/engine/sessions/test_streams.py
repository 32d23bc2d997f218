"""The same bytes, options and control messages give the same reports, in a simulated time.

Frames come at a pace and words after a delay; the recognizer's words are a function of the
samples that it was asked about, so that another cut would give other words.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sessions.live_listen import Heard, ListenSession, LiveOptions
from engine.sessions.turns import Event, Score, Turn, TurnOptions, TurnSession
from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.track import Decode, Drop, Mark
from tests.engine.live import probability, words_in
from tests.speech import join, say

pytestmark = pytest.mark.full

AT_ONCE = float("inf")
PROMPT = (0.0,)


@cache
def conversation() -> Samples:
    """Speech with short and long pauses, then speech that the recognizer takes for noise."""
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    noise = np.random.default_rng(3).normal(0, 0.001, RATE * 20).astype(np.float32)
    speech = join(0.3, fox, 0.2, shells, 1.6, shells, 0.45, fox, 1.3, noise[:RATE] * 40, 2.4)
    return speech + noise[: len(speech)]


@dataclass
class Clock:
    """Simulated clock: events by their second, in order of scheduling."""

    now: float = 0.0
    waiting: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def at(self, moment: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.waiting, (moment, next(self.numbers), action))

    def run(self) -> None:
        while self.waiting:
            self.now, _, action = heapq.heappop(self.waiting)
            action()


@dataclass
class Run:
    """One stream over ``session``: ``controls`` are (second of the audio, what to do)."""

    session: ListenSession | TurnSession
    frame_ms: float = 20
    pace: float = 1.0
    delays: tuple[float, ...] = PROMPT  # of one result after the other, in seconds
    controls: tuple[tuple[float, str], ...] = ()

    def told(self) -> list[Any]:
        self.clock = Clock()
        self.messages: list[Any] = []
        self.delay = itertools.cycle(self.delays)
        audio = conversation()
        cuts = sorted((round(seconds * RATE), control) for seconds, control in self.controls)
        at = 0
        for place, control in [*cuts, (len(audio), "finish")]:
            size = round(self.frame_ms * RATE / 1000)
            for start in range(at, place, size):
                end = min(start + size, place)
                self.send(end, partial(self.session.push, audio[start:end]))
            at = max(at, place)
            self.send(place, partial(self.control, control))
        self.clock.run()
        assert self.session.is_settled
        return self.messages

    def send(self, place: int, action: Callable[[], list[Any]]) -> None:
        self.clock.at(place / RATE / self.pace, lambda: self.follow(action()))

    def control(self, name: str) -> list[Any]:
        match name:
            case "mark":
                return self.session.mark(name)
            case "finish":
                return self.session.finish()
            case "settle":
                return self.settle()
        raise ValueError(name)

    def settle(self) -> list[Any]:
        if isinstance(self.session, TurnSession):
            return self.session.force_end()
        return self.session.finalize()

    def scored(self, score: Score) -> list[Any]:
        assert isinstance(self.session, TurnSession)
        return self.session.scored(score.number, probability(score.samples))

    def follow(self, steps: list[Any]) -> None:
        for step in steps:
            match step:
                case Decode():
                    self.deliver(partial(self.decoded, step))
                case Score():
                    self.deliver(partial(self.scored, step))
                case Heard(is_final=False) | Drop():
                    pass  # a guess depends on the pace, and on nothing else
                case Turn(event=Event.UPDATE):
                    self.messages.append(replace(step, words=()))
                case _:
                    self.messages.append(step)

    def decoded(self, decode: Decode) -> list[Any]:
        delay = next(self.delay)
        return self.session.decoded(decode.number, words_in(decode.samples), delay)

    def deliver(self, action: Callable[[], list[Any]]) -> None:
        self.clock.at(self.clock.now + next(self.delay), lambda: self.follow(action()))


paces = st.sampled_from([1.0, 1.25, AT_ONCE])
frames = st.sampled_from([10, 20, 33.3, 80, 250, 4000])
delays = st.lists(st.sampled_from([0.0, 0.05, 0.3, 1.2, 4.0]), min_size=1, max_size=7).map(tuple)
controls = st.lists(
    st.tuples(st.floats(0.5, 12).map(lambda at: round(at, 2)), st.sampled_from(["mark", "settle"])),
    max_size=3,
).map(tuple)


@settings(deadline=None, max_examples=25)
@given(
    options=st.builds(
        LiveOptions,
        interim_results=st.just(True),
        endpointing_ms=st.sampled_from([None, 10, 300, 1000]),
        utterance_end_ms=st.sampled_from([None, 1000, 1500]),
        vad_events=st.booleans(),
    ),
    pace=paces,
    frame_ms=frames,
    delays=delays,
    controls=controls,
)
def test_captions_depend_on_neither_pace_nor_frames_nor_delay(
    options: LiveOptions,
    pace: float,
    frame_ms: float,
    delays: tuple[float, ...],
    controls: tuple[tuple[float, str], ...],
):
    expected = Run(ListenSession(options), controls=controls).told()
    told = Run(ListenSession(options), frame_ms, pace, delays, controls).told()
    assert told == expected
    assert any(isinstance(message, Heard) and message.words for message in told)


@settings(deadline=None, max_examples=15)
@given(
    options=st.builds(
        TurnOptions,
        eot_threshold=st.sampled_from([0.5, 0.7, 1.0]),
        eager_eot_threshold=st.sampled_from([None, 0.3, 0.5]),
        eot_timeout_ms=st.sampled_from([1000, 5000]),
    ),
    pace=paces,
    frame_ms=frames,
    delays=delays,
    controls=controls,
)
def test_turns_depend_on_neither_pace_nor_frames_nor_delay(
    options: TurnOptions,
    pace: float,
    frame_ms: float,
    delays: tuple[float, ...],
    controls: tuple[tuple[float, str], ...],
):
    expected = Run(TurnSession(options), controls=controls).told()
    told = Run(TurnSession(options), frame_ms, pace, delays, controls).told()
    assert told == expected
    assert any(isinstance(message, Turn) and message.event is Event.START for message in told)


@settings(deadline=None, max_examples=8)
@given(
    endpointing_ms=st.sampled_from([None, 10, 300, 1000]),
    interim_results=st.booleans(),
    utterance_end_ms=st.sampled_from([None, 1000]),
)
def test_the_start_of_speech_depends_on_the_audio_alone(
    endpointing_ms: int | None, interim_results: bool, utterance_end_ms: int | None
):
    plain = LiveOptions(vad_events=True)
    options = LiveOptions(interim_results, endpointing_ms, utterance_end_ms, vad_events=True)

    def starts(options: LiveOptions) -> list[Any]:
        messages = Run(ListenSession(options)).told()
        return [message for message in messages if not isinstance(message, Heard | Mark)]

    wanted = starts(plain)
    assert wanted
    assert [message for message in starts(options) if type(message) is type(wanted[0])] == wanted
