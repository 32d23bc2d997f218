"""When a turn begins, probably ends and ends, given speech and what the models make of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from engine.speech.decode import RATE, Samples
from engine.speech.live import Decode
from engine.speech.turns import (
    Event,
    NoTurn,
    Score,
    Step,
    Trigger,
    Turn,
    TurnOptions,
    TurnSession,
)
from tests.engine.speech.test_live import FOX, SHELLS, say, words
from tests.speech import join

OPEN = "and then we went to"  # no mark at its end: the text gives no evidence of an end


@dataclass
class Partner:
    """A session with models that answer at once: ``text`` is heard, ``sound`` is scored."""

    options: TurnOptions = field(default_factory=TurnOptions)
    text: str = FOX
    sound: float = 0.9
    told: list[Turn | NoTurn] = field(default_factory=list)
    scored: list[Score] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = TurnSession(self.options)

    def push(self, *parts: Samples | float) -> Partner:
        samples = join(*parts)
        for at in range(0, len(samples), 1280):  # 80 ms, as Flux wants it
            self.follow(self.session.push(samples[at : at + 1280]))
        return self

    def follow(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Decode):
                seconds = len(step.samples) / RATE
                heard = words(self.text, seconds) if self.text else []
                self.follow(self.session.decoded(step.number, heard, 0.1))
            elif isinstance(step, Score):
                self.scored.append(step)
                self.follow(self.session.scored(step.number, self.sound))
            elif isinstance(step, Turn | NoTurn):
                self.told.append(step)

    @property
    def turns(self) -> list[Turn]:
        return [turn for turn in self.told if isinstance(turn, Turn)]

    def events(self, *, updates: bool = False) -> list[Event]:
        return [turn.event for turn in self.turns if updates or turn.event is not Event.UPDATE]

    def of(self, event: Event) -> list[Turn]:
        return [turn for turn in self.turns if turn.event is event]


def text(turn: Turn) -> str:
    return " ".join(word.text for word in turn.words)


def test_a_turn_starts_and_ends():
    partner = Partner().push(0.5, say(FOX), 2.0)
    assert partner.events() == [Event.START, Event.END]
    start, end = partner.of(Event.START)[0], partner.of(Event.END)[0]
    assert start.words
    assert end.trigger is Trigger.MODEL
    assert end.confidence >= 0.7


def test_updates_come_every_quarter_of_a_second_of_audio_in_silence_too():
    partner = Partner().push(4.0)
    assert 12 <= len(partner.turns) <= 16
    assert set(partner.events(updates=True)) == {Event.UPDATE}
    assert not any(turn.words for turn in partner.turns)


def test_the_next_turn_has_the_next_index_and_words_of_its_own():
    partner = Partner().push(0.5, say(FOX), 2.0)
    partner.text = SHELLS
    partner.push(say(SHELLS), 2.0)
    first, second = partner.of(Event.END)
    assert (first.index, second.index) == (0, 1)
    assert (text(first), text(second)) == (FOX, SHELLS)
    assert second.window_start == pytest.approx(first.window_end, abs=0.1)


def test_updates_between_turns_carry_the_new_index_and_no_words():
    partner = Partner().push(0.5, say(FOX), 4.0)
    place = partner.turns.index(partner.of(Event.END)[0])
    behind = partner.turns[place + 1 :]
    assert behind
    assert {(turn.event, turn.index, turn.words) for turn in behind} == {(Event.UPDATE, 1, ())}


def test_without_an_eager_threshold_there_are_no_eager_ends():
    partner = Partner(TurnOptions(eager_eot_threshold=None)).push(0.5, say(FOX), 2.0)
    assert Event.EAGER not in partner.events()


def test_an_eager_end_is_followed_by_an_end_with_the_same_words():
    partner = Partner(TurnOptions(0.9, 0.4), sound=0.6).push(0.5, say(FOX), 3.0)
    assert partner.events() == [Event.START, Event.EAGER, Event.END]
    eager, end = partner.of(Event.EAGER)[0], partner.of(Event.END)[0]
    assert eager.words == end.words
    assert eager.confidence < end.confidence


def test_speech_after_an_eager_end_resumes_the_turn():
    partner = Partner(TurnOptions(0.9, 0.4), sound=0.6).push(0.5, say(FOX), 0.7)
    partner.push(say(SHELLS), 0.7, say(FOX), 4.0)
    assert partner.events() == [
        *(Event.START, Event.EAGER, Event.RESUMED, Event.EAGER, Event.RESUMED),
        *(Event.EAGER, Event.END),
    ]
    words_of = [len(turn.words) for turn in partner.of(Event.EAGER)]
    assert words_of == sorted(words_of)
    assert words_of[0] < words_of[-1]


def test_a_sure_end_needs_no_eager_one():
    partner = Partner(TurnOptions(0.5, 0.5), sound=0.9).push(0.5, say(FOX), 2.0)
    assert partner.events() == [Event.START, Event.END]


def test_a_pause_without_other_evidence_does_not_end_the_turn():
    partner = Partner(text=OPEN, sound=0.02).push(0.5, say(FOX), 0.6, say(SHELLS), 0.6)
    assert partner.events() == [Event.START]


def test_confidence_grows_with_the_silence():
    partner = Partner(TurnOptions(eot_threshold=1.0), text=OPEN, sound=0.3)
    partner.push(0.5, say(FOX), 2.5)
    place = partner.turns.index(partner.of(Event.START)[0])
    heard = [turn.confidence for turn in partner.turns[place:]]
    rising = heard[heard.index(min(heard)) :]
    assert rising == sorted(rising)
    assert rising[-1] > 0.5


def test_a_threshold_of_one_leaves_the_end_to_the_timeout():
    options = TurnOptions(eot_threshold=1.0, eot_timeout_ms=2000)
    partner = Partner(options, sound=1.0).push(0.5, say(FOX), 3.5)
    (end,) = partner.of(Event.END)
    assert end.trigger is Trigger.TIMEOUT
    assert end.words


def test_a_turn_whose_words_were_taken_back_ends_at_the_timeout():
    partner = Partner(TurnOptions(eot_timeout_ms=1000)).push(0.5, say(FOX))
    partner.text = ""
    partner.push(3.0)
    assert partner.events() == [Event.START, Event.END]
    assert partner.of(Event.END)[0].trigger is Trigger.TIMEOUT


def test_noise_without_words_is_no_turn():
    partner = Partner(text="").push(0.5, say(FOX), 3.0)
    assert partner.events() == []


def test_a_turn_can_be_ended_by_hand():
    partner = Partner().push(0.5, say(FOX))
    partner.follow(partner.session.force_end())
    (end,) = partner.of(Event.END)
    assert end.trigger is Trigger.MANUAL
    assert end.words


def test_ending_by_hand_during_an_eager_end_does_not_resume():
    partner = Partner(TurnOptions(0.9, 0.4), sound=0.6).push(0.5, say(FOX), 0.7)
    partner.follow(partner.session.force_end())
    assert partner.events() == [Event.START, Event.EAGER, Event.END]
    assert partner.of(Event.EAGER)[0].words == partner.of(Event.END)[0].words


def test_ending_by_hand_between_turns_says_that_there_is_none():
    partner = Partner().push(1.0)
    partner.follow(partner.session.force_end())
    assert partner.told[-1] == NoTurn()


def test_the_end_of_the_stream_ends_an_open_turn():
    partner = Partner().push(0.5, say(FOX))
    partner.follow(partner.session.finish())
    (end,) = partner.of(Event.END)
    assert end.trigger is Trigger.TIMEOUT
    assert end.words


def test_new_thresholds_hold_from_then_on():
    partner = Partner(TurnOptions(eot_threshold=1.0), sound=0.9).push(0.5, say(FOX), 0.6)
    assert partner.of(Event.END) == []
    partner.session.options = TurnOptions(eot_threshold=0.5)
    partner.push(0.2)
    assert len(partner.of(Event.END)) == 1


def test_a_late_score_of_an_earlier_pause_counts_for_nothing():
    partner = Partner(text=OPEN, sound=0.0).push(0.5, say(FOX), 0.5, say(SHELLS), 0.3)
    assert partner.session.scored(partner.scored[0].number, 1.0) == []
    assert partner.of(Event.END) == []
