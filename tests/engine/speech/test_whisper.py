"""What is made of the model's tokens."""

from __future__ import annotations

import numpy as np

from engine.speech.decode import RATE
from engine.speech.transcript import Word
from engine.speech.whisper import (
    Hypothesis,
    Window,
    _unread,
    sufficient_context,
    without_echo,
    without_loops,
)


def test_a_phrase_said_over_and_over_is_kept_once():
    assert without_loops([1, 2, 3, 2, 3, 2, 3, 2, 3, 4]) == [1, 2, 3, 4]


def test_a_word_said_three_times_stays():
    assert without_loops([7, 7, 7, 8]) == [7, 7, 7, 8]


def test_a_short_sound_written_twice_is_kept_once():
    sentence = [1, 2, 3, 4, 5, 6, 7]
    assert without_echo(2 * sentence, 2.0) == sentence


def test_what_was_really_said_twice_stays():
    sentence = [1, 2, 3, 4, 5, 6, 7]
    assert without_echo(2 * sentence, 4.0) == 2 * sentence
    assert without_echo([1, 2, 1, 2], 0.5) == [1, 2, 1, 2]


def window(seconds: float) -> Window:
    frames = round(seconds * RATE / 512)
    return Window(np.zeros(frames * 512, np.float32), 20.0, np.ones(frames, np.bool_))


def test_voice_behind_the_last_word_is_unread():
    words = [Word("one", 0.0, 0.9, 1.0), Word("two", 0.9, 1.8, 1.0)]
    ((start, end),) = _unread(window(10), words)
    assert 1.5 < start * 0.032 < 1.9
    assert end == 312


def test_voice_under_a_word_of_many_seconds_is_unread():
    words = [Word("late", 0.0, 8.0, 1.0), Word("end", 8.0, 8.9, 1.0)]
    ((start, end),) = _unread(window(9), words)
    assert start == 0
    assert 6.9 < end * 0.032 < 7.5


def test_speech_that_words_cover_is_read():
    words = [Word(str(n), n / 2, (n + 1) / 2, 1.0) for n in range(20)]
    assert _unread(window(10), words) == []


def test_what_was_read_later_takes_its_place():
    whole = Hypothesis("a z", (Word("a", 0, 1, 1.0), Word("z", 1, 9, 1.0)), -0.2, 0.1, 1.0, 0.0)
    part = Hypothesis("m", (Word("m", 0.5, 1.0, 1.0),), -0.3, 0.1, 1.0, 0.0)
    both = whole.with_part(part, 2.0, 8.0, " ")
    assert both.text == "a m z"
    assert [(word.start, word.end) for word in both.words] == [(0, 1), (2.5, 3.0), (8.0, 9)]


def test_context_is_enough_and_no_more_than_30_seconds():
    assert sufficient_context(2) == 10
    assert sufficient_context(20) == 21.5
    assert sufficient_context(29) == 30
