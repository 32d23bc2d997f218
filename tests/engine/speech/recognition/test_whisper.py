"""Tokens of the model as words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.speech.audio.decode import RATE
from engine.speech.recognition.transcript import Word
from engine.speech.recognition.whisper import (
    Hypothesis,
    Window,
    _timed_words,
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


def test_a_number_is_as_long_as_its_digits():
    words = [Word("555-123-4567,", 0.0, 4.0, 1.0), Word("end", 4.0, 4.9, 1.0)]
    assert _unread(window(5), words) == []


def test_speech_that_words_cover_is_read():
    words = [Word(str(n), n / 2, (n + 1) / 2, 1.0) for n in range(20)]
    assert _unread(window(10), words) == []


def test_what_was_read_later_takes_its_place():
    whole = Hypothesis("a z", (Word("a", 0, 1, 1.0), Word("z", 1, 9, 1.0)), -0.2, 0.1, 1.0)
    part = Hypothesis("m", (Word("m", 0.5, 1.0, 1.0),), -0.3, 0.1, 1.0)
    both = whole.with_part(part, 2.0, 8.0, " ")
    assert both.text == "a m z"
    assert [(word.start, word.end) for word in both.words] == [(0, 1), (2.5, 3.0), (8.0, 9)]


def hypothesis(words: str, *times: float) -> Hypothesis:
    """Words with the times at which they start, and that at which the last one ends."""
    texts = words.split()
    timed = [Word(text, *span, 0.9) for text, span in zip(texts, pairwise(times), strict=True)]
    return Hypothesis(words, tuple(timed), -0.2, 0.1, 1.0)


def test_a_word_that_reached_over_the_gap_moves_to_where_it_was_read():
    whole = hypothesis("a b g", 0, 1, 9, 10)
    part = hypothesis("b c d", 0, 1, 2, 3)
    assert whole.with_part(part, 1.5, 8.0, " ").text == "a b c d g"


def test_words_at_the_edges_of_the_gap_are_not_written_again():
    whole = hypothesis("now we see it clearly", 0, 1, 2, 7, 8, 9)
    part = hypothesis("we think that we see", 0, 1, 2, 3, 4, 5)
    assert whole.with_part(part, 2.0, 6.0, " ").text == "now we think that we see it clearly"


def test_a_passage_that_stands_in_the_text_is_not_written_again():
    whole = hypothesis("the quick brown fox jumps over it", 0, 1, 2, 3, 4, 9, 10, 11)
    part = hypothesis("brown fox jumped over", 0, 1, 2, 3, 4)
    assert whole.with_part(part, 5.0, 8.0, " ") is whole


def test_context_is_enough_and_no_more_than_30_seconds():
    assert sufficient_context(2) == 10
    assert sufficient_context(20) == 22
    assert sufficient_context(29) == 30


class Pieces:
    """A tokenizer whose tokens are these texts."""

    eot = -1

    def __init__(self, language: str, *texts: str) -> None:
        self.language_code = language
        self.texts = texts

    def split_to_word_tokens(self, tokens):
        return [*self.texts, ""], [[token] for token in tokens]


class Alignment:
    """A token every 0.2 s."""

    def __init__(self, tokens: int) -> None:
        self.alignments = [(token, 10 * token) for token in range(tokens + 1)]
        self.text_token_probs = [0.9] * tokens


@pytest.mark.parametrize(
    ("language", "pieces", "words"),
    [
        ("zh", ["我们", "在", "20", "24", "年", "。"], ["我们", "在", "2024", "年。"]),
        ("ja", ["コーヒ", "ー", "を", "飲", "み", "ます"], ["コーヒー", "を", "飲", "み", "ます"]),
        ("th", ["ก", "ำ", "ล", "ั", "ง"], ["กำ", "ลั", "ง"]),
        ("en", [" self", "-sub", "stantial", " ."], ["self-substantial"]),
        ("en", [" ...", " ♪"], []),
        ("en", [" 5", " %"], ["5", "%"]),
    ],
)
def test_pieces_of_tokens_are_joined_to_words(language, pieces, words):
    tokens = list(range(len(pieces)))
    timed = _timed_words(tokens, Alignment(len(pieces)), Pieces(language, *pieces))
    assert [word.text for word in timed] == words
    assert all(word.end <= following.start for word, following in pairwise(timed))
