"""Results of a live track, given speech and the words that a model hears in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engine.sessions.live_listen import (
    Heard,
    ListenSession,
    LiveOptions,
    Message,
    SpeechStarted,
    UtteranceEnd,
)
from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.track import Decode, Drop, Mark
from engine.speech.recognition.transcript import Word
from tests.speech import join
from tests.speech import say as say_with_pauses

pytestmark = pytest.mark.full

FOX = "The quick brown fox jumps over the lazy dog."
SHELLS = "She sells sea shells by the sea shore."


def say(text: str) -> Samples:
    """``text`` without the silence before and behind it."""
    samples = say_with_pauses(text)
    (loud,) = np.nonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1]]


def words(text: str, seconds: float, start: float = 0.0) -> list[Word]:
    """The words of ``text``, spread evenly over ``seconds``."""
    found = text.split()
    step = seconds / max(1, len(found))
    return [
        Word(word, start + index * step, start + (index + 1) * step, 0.9)
        for index, word in enumerate(found)
    ]


@dataclass
class Listener:
    """A session with a model that responds at once, or when ``respond`` is called."""

    options: LiveOptions
    hears: Callable[[Decode], list[Word]] = field(default=lambda decode: speech_of(decode))
    is_prompt: bool = True
    told: list[Message] = field(default_factory=list)
    asked: list[Decode] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = ListenSession(self.options)

    def push(self, samples: Samples) -> Listener:
        """In frames of 20 ms, as a microphone sends them."""
        for at in range(0, len(samples), 320):
            self.follow(self.session.push(samples[at : at + 320]))
        return self

    def follow(self, steps: list) -> None:
        for step in steps:
            if isinstance(step, Decode):
                self.asked.append(step)
                if self.is_prompt:
                    self.respond(step)
            elif isinstance(step, Drop):
                self.dropped.append(step.number)
            else:
                self.told.append(step)

    def respond(self, decode: Decode) -> None:
        self.follow(self.session.decoded(decode.number, self.hears(decode), 0.1))

    def heard(self, *, final: bool) -> list[Heard]:
        return [m for m in self.told if isinstance(m, Heard) and m.is_final is final]

    def of(self, kind: type) -> list:
        return [message for message in self.told if isinstance(message, kind)]


def speech_of(decode: Decode) -> list[Word]:
    """Three words a second over what was asked about."""
    seconds = len(decode.samples) / RATE
    text = " ".join(f"word{index}" for index in range(max(1, round(3 * seconds))))
    return words(text, seconds)


def listen(*parts: Samples | float, **options: Any) -> Listener:
    listener = Listener(LiveOptions(**options))
    return listener.push(join(*parts))


def test_a_pause_ends_speech_with_one_final_result():
    listener = listen(0.5, say(FOX), 1.0, endpointing_ms=300)
    (final,) = listener.heard(final=True)
    assert final.speech_final
    assert not final.from_finalize
    assert final.words


def test_without_interim_results_only_finals_are_told():
    listener = listen(0.5, say(FOX), 1.0, say(SHELLS), 1.0, endpointing_ms=300)
    assert not listener.heard(final=False)
    assert len(listener.heard(final=True)) == 2


def test_results_of_a_track_touch_each_other():
    listener = listen(0.5, say(FOX), 7.0, say(SHELLS), 1.0, endpointing_ms=300)
    finals = listener.heard(final=True)
    ends = [round(result.start + result.duration, 3) for result in finals]
    assert [result.start for result in finals] == pytest.approx([0.0, *ends[:-1]])


def test_words_stay_within_their_result_and_count_from_the_start_of_the_stream():
    listener = listen(2.0, say(FOX), 1.0, endpointing_ms=300)
    (final,) = listener.heard(final=True)
    assert 1.5 < final.words[0].start < 2.5
    assert final.words[-1].end <= final.start + final.duration
    starts = [word.start for word in final.words]
    assert starts == sorted(starts)


def test_interim_results_come_while_somebody_speaks_and_are_never_speech_final():
    listener = listen(0.3, say(FOX), 1.0, interim_results=True, endpointing_ms=300)
    interims = listener.heard(final=False)
    assert interims
    assert not any(result.speech_final for result in interims)
    first = listener.told.index(interims[0])
    assert all(isinstance(m, Heard) and not m.is_final for m in listener.told[first:-1])
    assert listener.heard(final=True)[-1] is listener.told[-1]


def test_endpointing_switched_off_never_says_that_speech_ended():
    listener = listen(0.3, say(FOX), 1.5, say(SHELLS), 1.5, endpointing_ms=None)
    listener.follow(listener.session.finalize())
    listener.follow(listener.session.finish())
    finals = listener.heard(final=True)
    assert len(finals) >= 2
    assert not any(result.speech_final for result in finals)


def test_a_short_pause_inside_a_longer_endpointing_goes_on():
    listener = listen(0.3, say(FOX), 0.5, say(SHELLS), 2.0, endpointing_ms=1000)
    finals = listener.heard(final=True)
    assert [result.speech_final for result in finals] == [True]


def test_a_pause_starts_the_final_decoding_early_and_voice_takes_it_back():
    listener = Listener(LiveOptions(endpointing_ms=1000), is_prompt=False)
    listener.push(join(0.3, say(FOX), 0.4))
    (early,) = listener.asked
    assert early.final
    listener.push(say(SHELLS))
    assert early.number in listener.dropped
    assert not listener.heard(final=True)
    # A late result of a decoding that was dropped is ignored.
    assert listener.session.decoded(early.number, speech_of(early), 0.1) == []


def test_the_early_result_is_the_final_one_when_the_pause_holds():
    listener = listen(0.3, say(FOX), 1.5, endpointing_ms=1000)
    assert len([decode for decode in listener.asked if decode.final]) == 1
    assert len(listener.heard(final=True)) == 1


def test_silence_moves_the_clock_on_with_empty_finals():
    listener = listen(16.0, endpointing_ms=300)
    finals = listener.heard(final=True)
    assert len(finals) == 3
    assert not any(result.words or result.speech_final for result in finals)
    assert not listener.asked


def test_long_speech_is_cut_and_goes_on():
    speech = join(*(say(FOX), 0.05) * 12)
    assert len(speech) > 30 * RATE
    listener = listen(0.2, speech, 1.5, endpointing_ms=1000)
    finals = listener.heard(final=True)
    assert len(finals) >= 2
    assert [result.speech_final for result in finals[:-1]] == [False] * (len(finals) - 1)
    assert finals[-1].speech_final
    assert all(len(decode.samples) <= 30 * RATE for decode in listener.asked)


def test_finalize_gives_one_result_with_what_is_buffered():
    listener = listen(0.3, say(FOX), endpointing_ms=300)
    listener.follow(listener.session.finalize())
    (final,) = listener.heard(final=True)
    assert final.from_finalize
    assert final.words
    assert final.start + final.duration == pytest.approx(
        listener.session.received_seconds, abs=0.001
    )


def test_finalize_within_speech_does_not_say_that_it_ended():
    listener = listen(0.3, say(FOX), endpointing_ms=300)
    listener.follow(listener.session.finalize())
    listener.push(join(say(SHELLS), 1.0))
    assert [final.speech_final for final in listener.heard(final=True)] == [False, True]


def test_finalize_in_a_pause_that_endpointing_waits_for_ends_speech():
    listener = listen(0.3, say(FOX), 0.9, endpointing_ms=5000)
    listener.follow(listener.session.finalize())
    (final,) = listener.heard(final=True)
    assert final.speech_final


def test_speech_final_follows_when_the_pause_comes_after_finalize():
    listener = listen(0.3, say(FOX), endpointing_ms=300)
    listener.follow(listener.session.finalize())
    listener.push(join(1.0))
    flushed, ended = listener.heard(final=True)
    assert (bool(flushed.words), flushed.speech_final) == (True, False)
    assert (ended.speech_final, ended.from_finalize) == (True, False)


def test_finalize_cuts_at_its_place_although_words_follow_before_its_result():
    listener = Listener(LiveOptions(endpointing_ms=300), is_prompt=False)
    listener.push(join(0.3, say(FOX)))
    place = listener.session.received_seconds
    listener.follow(listener.session.finalize())
    listener.push(join(say(SHELLS), 1.0))
    first, second = [decode for decode in listener.asked if decode.final]
    assert first.number not in listener.dropped
    listener.respond(second)
    listener.respond(first)
    flushed, rest = listener.heard(final=True)
    assert (flushed.from_finalize, rest.from_finalize) == (True, False)
    assert flushed.end == pytest.approx(place, abs=0.001)
    assert rest.start == pytest.approx(place, abs=0.001)


def test_each_of_two_finalizes_in_a_row_has_its_result():
    listener = Listener(LiveOptions(endpointing_ms=300), is_prompt=False)
    listener.push(join(0.3, say(FOX)))
    listener.follow(listener.session.finalize())
    listener.follow(listener.session.finalize())
    listener.follow(listener.session.finish())
    listener.respond(listener.asked[-1])
    assert [bool(result.words) for result in listener.heard(final=True)] == [True, False]
    assert all(result.from_finalize for result in listener.heard(final=True))


def test_a_mark_is_told_behind_the_words_before_it():
    listener = Listener(LiveOptions(endpointing_ms=300), is_prompt=False)
    listener.push(join(0.3, say(FOX), 1.0))
    listener.follow(listener.session.mark("configured"))
    assert listener.told == []
    listener.respond(listener.asked[-1])
    assert [type(message) for message in listener.told] == [Heard, Mark]


def test_key_terms_hold_from_their_place_on():
    listener = Listener(LiveOptions(endpointing_ms=300))
    listener.push(join(0.3, say(FOX), 1.0, say(SHELLS)))
    listener.session.set_keyterms(["Earshot"])
    listener.push(join(1.0, say(FOX), 1.0))
    before, around, after = [decode.keyterms for decode in listener.asked]
    assert (before, around, after) == ((), ("Earshot",), ("Earshot",))


def test_speech_on_both_sides_of_new_key_terms_is_read_with_both():
    listener = Listener(LiveOptions(endpointing_ms=300))
    listener.session.set_keyterms(["fox"])
    listener.push(join(0.3, say(FOX)))
    listener.session.set_keyterms(["shells"])
    listener.push(join(say(SHELLS), 1.0))
    assert listener.asked[-1].keyterms == ("shells", "fox")


def test_finalize_with_nothing_buffered_has_an_empty_result():
    listener = Listener(LiveOptions())
    listener.follow(listener.session.finalize())
    (final,) = listener.heard(final=True)
    assert final.from_finalize
    assert final.words == ()
    assert not final.speech_final


def test_finalize_does_not_reset_the_clock():
    listener = listen(0.3, say(FOX), endpointing_ms=300)
    listener.follow(listener.session.finalize())
    listener.push(join(say(SHELLS), 1.0))
    first, second = listener.heard(final=True)
    assert second.start == pytest.approx(first.start + first.duration)
    assert not second.from_finalize


def test_the_end_of_a_stream_settles_the_rest():
    listener = listen(0.3, say(FOX), endpointing_ms=300)
    listener.follow(listener.session.finish())
    (final,) = listener.heard(final=True)
    assert final.words
    assert listener.session.is_settled


def test_the_end_of_a_stream_without_audio_says_nothing():
    listener = Listener(LiveOptions())
    listener.follow(listener.session.finish())
    assert listener.told == []


def test_speech_started_comes_before_the_words_with_the_onset():
    listener = listen(2.0, say(FOX), 1.0, vad_events=True, interim_results=True, endpointing_ms=300)
    (started,) = listener.of(SpeechStarted)
    assert listener.told[0] == started
    assert 1.9 < started.timestamp < 2.5


def test_speech_started_comes_again_after_speech_final():
    listener = listen(0.3, say(FOX), 1.0, say(SHELLS), 1.0, vad_events=True, endpointing_ms=300)
    kinds = [type(message).__name__ for message in listener.told]
    assert kinds == ["SpeechStarted", "Heard", "SpeechStarted", "Heard"]


@pytest.mark.parametrize("endpointing_ms", [None, 10, 300, 2000])
@pytest.mark.parametrize("utterance_end_ms", [None, 1000])
def test_speech_started_comes_once_an_utterance_whatever_the_options_are(
    endpointing_ms: int | None, utterance_end_ms: int | None
):
    speech = join(*(say(FOX), 0.3, say(SHELLS), 0.95) * 3)
    listener = listen(
        *(0.3, speech),
        vad_events=True,
        endpointing_ms=endpointing_ms,
        utterance_end_ms=utterance_end_ms,
    )
    assert len(listener.of(SpeechStarted)) == 3


def test_utterance_end_comes_once_when_the_gap_behind_the_last_word_is_long_enough():
    listener = listen(
        0.3, say(FOX), 4.0, interim_results=True, utterance_end_ms=1000, endpointing_ms=300
    )
    (end,) = listener.of(UtteranceEnd)
    final = next(result for result in listener.heard(final=True) if result.words)
    assert end.last_word_end == final.words[-1].end
    assert listener.told.index(end) > listener.told.index(final)


@pytest.mark.parametrize("endpointing_ms", [None, 10, 300, 2000])
def test_utterance_end_comes_after_each_utterance(endpointing_ms: int | None):
    listener = listen(
        *(0.3, *(say(FOX), 2.5) * 3),
        interim_results=True,
        utterance_end_ms=1000,
        endpointing_ms=endpointing_ms,
    )
    ends = [end.last_word_end for end in listener.of(UtteranceEnd)]
    assert len(ends) == 3
    assert ends == sorted(set(ends))


def test_utterance_end_comes_although_the_result_is_later_than_the_next_speech():
    listener = Listener(
        LiveOptions(interim_results=True, utterance_end_ms=1000, endpointing_ms=300),
        is_prompt=False,
    )
    listener.push(join(0.3, say(FOX), 2.0, say(SHELLS), 2.0))
    while waiting := [decode for decode in listener.asked if decode.awaited]:
        listener.asked.clear()
        for decode in waiting:
            listener.respond(decode)
    kinds = [
        type(message).__name__
        for message in listener.told
        if not isinstance(message, Heard) or message.is_final
    ]
    assert kinds == ["Heard", "UtteranceEnd", "Heard", "UtteranceEnd"]


def test_utterance_end_waits_while_words_follow():
    listener = listen(
        *(0.3, say(FOX), 0.6, say(SHELLS), 4.0),
        interim_results=True,
        utterance_end_ms=1000,
        endpointing_ms=300,
    )
    assert len(listener.of(UtteranceEnd)) == 1


def test_utterance_end_comes_in_noise_that_never_pauses():
    # A far voice: speech to the detector, no words to the model.
    listener = listen(
        *(0.3, say(FOX)), interim_results=True, utterance_end_ms=1000, endpointing_ms=300
    )
    listener.follow(listener.session.finalize())
    listener.hears = lambda decode: []
    listener.push(join(say(SHELLS), say(FOX)))
    assert len(listener.of(UtteranceEnd)) == 1


def test_a_final_result_waits_for_its_words_and_keeps_the_order():
    listener = Listener(LiveOptions(endpointing_ms=300, vad_events=True), is_prompt=False)
    listener.push(join(0.3, say(FOX), 1.0, say(SHELLS), 1.0))
    first, second = [decode for decode in listener.asked if decode.final]
    assert len(listener.told) == 1  # SpeechStarted; the next one waits for the words
    listener.respond(second)
    assert len(listener.told) == 1
    assert not listener.session.is_settled
    listener.respond(first)
    kinds = [type(message).__name__ for message in listener.told]
    assert kinds == ["SpeechStarted", "Heard", "SpeechStarted", "Heard"]
    starts = [result.start for result in listener.heard(final=True)]
    assert starts == sorted(starts)
    assert listener.session.is_settled


def test_no_second_guess_is_asked_while_one_is_on_its_way():
    listener = Listener(LiveOptions(interim_results=True, endpointing_ms=300), is_prompt=False)
    listener.push(join(0.3, say(FOX)))
    assert len([decode for decode in listener.asked if not decode.final]) == 1


def test_slow_results_make_the_guesses_rarer():
    speech = join(0.2, say(FOX), 0.05, say(SHELLS))
    asked = {}
    for seconds in (0.1, 1.0):
        listener = Listener(LiveOptions(interim_results=True, endpointing_ms=1000), is_prompt=False)
        for at in range(0, len(speech), 320):
            for step in listener.session.push(speech[at : at + 320]):
                if isinstance(step, Decode):
                    listener.asked.append(step)
                    listener.session.decoded(step.number, speech_of(step), seconds)
        asked[seconds] = len([decode for decode in listener.asked if not decode.final])
    assert asked[0.1] > asked[1.0] >= 1


def test_words_that_two_guesses_share_do_not_flicker_back():
    guesses = iter(
        [
            "the quick brown",
            "the quick brown fox jumps",
            "a thick brown fox jumps over",
            "the thick crown fox jumps over the",
        ]
    )

    def hears(decode: Decode) -> list[Word]:
        text = next(guesses, None) if not decode.final else FOX
        return words(text, 0.18 * len(text.split())) if text else []

    listener = Listener(LiveOptions(interim_results=True, endpointing_ms=300), hears)
    listener.push(join(0.3, say(FOX), 0.1, say(SHELLS), 0.1))
    texts = [" ".join(word.text for word in result.words) for result in listener.heard(final=False)]
    assert texts[0] == "the quick brown"
    assert all(text.startswith("the quick brown") for text in texts)
