"""The caller's part of a saved call."""

import pytest

from tests.transcripts.replays.test_exchanges import entries, said
from transcripts.calls.record import DOWN, UP
from transcripts.replays.plan import CallerAudio, NoAudio, Spoken, Written, seconds_of, steps


def started(at: float) -> tuple:
    return at, DOWN, "UserStartedSpeaking", {}


def test_a_spoken_turn_begins_before_it_is_noticed_and_ends_with_its_text():
    events = entries(started(2.0), said(3.5, "user", "One"), said(4, "assistant", "Yes"))
    assert steps(events) == [Spoken(1.0, 3.5, "One")]
    assert seconds_of(steps(events)) == 2.5


def test_a_turn_that_was_noticed_late_has_time_for_its_words():
    events = entries(started(9.9), said(10, "user", "x" * 40))
    assert steps(events) == [Spoken(4.0, 10.0, "x" * 40)]


def test_a_turn_does_not_begin_before_the_end_of_the_one_before():
    events = entries(
        started(0.4), said(2, "user", "One"), started(2.5), said(4, "user", "Two"),
    )  # fmt: skip
    assert steps(events) == [Spoken(0.0, 2.0, "One"), Spoken(2.0, 4.0, "Two")]


def test_a_written_turn_is_not_spoken_too():
    events = entries((1.0, UP, "InjectUserMessage", {"content": "One"}), said(1.1, "user", "One"))
    assert steps(events) == [Written("One")]


@pytest.mark.django_db
def test_the_audio_is_the_channel_of_the_caller(ended_call):
    audio = CallerAudio(ended_call).read(1.0, 1.5)
    assert audio == b"\1\0" * 12_000
    assert len(CallerAudio(ended_call).read(5.5, 9.0)) == 24_000  # to the end


@pytest.mark.django_db
def test_a_call_without_its_recording_has_no_audio(ended_call):
    ended_call.recording.delete()
    ended_call.refresh_from_db()
    with pytest.raises(NoAudio):
        CallerAudio(ended_call)
