"""When a turn begins, probably ends and ends, given speech and what the models make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from engine.sessions.turns import (
    Event,
    NoTurn,
    Score,
    Step,
    Trigger,
    Turn,
    TurnOptions,
    TurnSession,
)
from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.track import Decode, Mark
from engine.speech.recognition.vad import FRAME
from tests.engine.sessions.test_live_listen import FOX, SHELLS, say, words
from tests.speech import join

pytestmark = pytest.mark.full

OPEN = "and then we went to"  # no mark at its end: the text gives no evidence of an end


@dataclass
class Partner:
    """A session with models that respond at once: ``text`` is heard, ``sound`` is scored."""

    options: TurnOptions = field(default_factory=TurnOptions)
    text: str = FOX
    sound: float = 0.9
    is_prompt: bool = True  # or when ``respond_all`` is called
    told: list[Turn | NoTurn | Mark] = field(default_factory=list)
    asked: list[Decode] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)

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
                self.asked.append(step)
            elif isinstance(step, Score):
                self.scores.append(step)
            elif isinstance(step, Turn | NoTurn | Mark):
                self.told.append(step)
        if self.is_prompt:
            self.respond_all()

    def respond_all(self, scores: Callable[[Score], float] | None = None) -> None:
        """Respond to every request, the last one first, until none is left."""
        while self.asked or self.scores:
            if self.scores:
                score = self.scores.pop()
                probability = scores(score) if scores else self.sound
                self.follow(self.session.scored(score.number, probability))
            else:
                decode = self.asked.pop()
                heard = words(self.text, len(decode.samples) / RATE) if self.text else []
                self.follow(self.session.decoded(decode.number, heard, 0.1))

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


def test_an_end_by_hand_has_the_words_up_to_its_place():
    partner = Partner(is_prompt=False).push(0.5, say(FOX))
    place = partner.session.received_seconds
    partner.follow(partner.session.force_end())
    partner.push(say(SHELLS), 2.0)
    partner.respond_all()
    first, second = partner.of(Event.END)
    assert (first.trigger, second.trigger) == (Trigger.MANUAL, Trigger.MODEL)
    assert first.window_end == pytest.approx(place, abs=0.001)
    assert first.words[-1].end <= place
    assert second.window_start == first.window_end
    assert second.words[0].start == pytest.approx(place, abs=0.001)


@pytest.mark.parametrize("samples", range(RATE // 2, RATE // 2 + FRAME, 64))
def test_speech_after_an_end_by_hand_is_read_when_there_is_some(samples: int):
    partner = Partner(is_prompt=False)
    fox = say(FOX)
    partner.follow(partner.session.push(fox[:samples]))
    partner.follow(partner.session.force_end())
    partner.respond_all()
    partner.push(fox[samples:])
    guesses = [each for each in partner.asked if not each.final]
    assert guesses
    assert min(len(each.samples) for each in guesses) > RATE // 2


def test_the_end_of_the_stream_does_not_take_the_place_of_an_end_by_hand():
    partner = Partner(is_prompt=False).push(0.5, say(FOX))
    partner.follow(partner.session.force_end())
    partner.follow(partner.session.finish())
    partner.respond_all()
    (end,) = partner.of(Event.END)
    assert end.trigger is Trigger.MANUAL
    assert partner.told[-1] == end


def test_ending_by_hand_twice_ends_one_turn():
    partner = Partner(is_prompt=False).push(0.5, say(FOX))
    partner.follow(partner.session.force_end())
    partner.follow(partner.session.force_end())
    partner.respond_all()
    assert [type(message) for message in partner.told[-2:]] == [Turn, NoTurn]
    assert len(partner.of(Event.END)) == 1


def test_ending_noise_by_hand_says_that_there_is_no_turn():
    partner = Partner(text="").push(0.5, say(FOX))
    partner.follow(partner.session.force_end())
    assert partner.told[-1] == NoTurn()
    assert partner.events() == []


def test_the_end_of_the_stream_tells_the_last_words_and_leaves_the_turn_open():
    partner = Partner().push(0.5, say(FOX))
    partner.follow(partner.session.finish())
    assert partner.events() == [Event.START]
    last = partner.turns[-1]
    assert (last.event, text(last)) == (Event.UPDATE, FOX)


def test_a_turn_that_is_over_ends_although_the_stream_ends_before_it_is_known():
    partner = Partner(is_prompt=False).push(0.5, say(FOX), 2.0)
    partner.follow(partner.session.finish())
    partner.respond_all()
    assert partner.events() == [Event.START, Event.END]


def test_new_thresholds_hold_from_then_on():
    partner = Partner(TurnOptions(eot_threshold=1.0), sound=0.9).push(0.5, say(FOX), 0.6)
    assert partner.of(Event.END) == []
    partner.follow(partner.session.configure(TurnOptions(eot_threshold=0.5), "new"))
    assert partner.told[-1] == Mark("new", round(partner.session.received_seconds * RATE))
    partner.push(0.2)
    assert len(partner.of(Event.END)) == 1


def test_new_thresholds_leave_what_was_said_before_them_alone():
    options = TurnOptions(eot_threshold=1.0, eot_timeout_ms=60_000)
    partner = Partner(options, is_prompt=False).push(0.5, say(FOX), 2.0)
    place = partner.session.received_seconds
    partner.follow(partner.session.configure(TurnOptions(eot_threshold=0.5), "new"))
    partner.push(0.5)
    partner.respond_all()
    (end,) = partner.of(Event.END)
    assert end.window_end > place
    assert partner.told.index(Mark("new", round(place * RATE))) < partner.told.index(end)


def test_a_score_counts_for_its_own_pause_however_late_it_is():
    partner = Partner(text=OPEN, sound=0.0, is_prompt=False)
    partner.push(0.5, say(FOX), 0.5, say(SHELLS), 0.3)
    first = partner.scores[0]
    partner.respond_all(scores=lambda score: 1.0 if score is first else 0.0)
    assert partner.of(Event.END) == []
