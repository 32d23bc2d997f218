"""Windows of speech, and the times of their words in the recording."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.transcript import Word, paced
from engine.speech.recognition.vad import FRAME, FRAME_SECONDS, VoiceDetector
from engine.speech.recognition.windows import Piece, SpeechWindow, WindowCutter, _Frame
from tests.speech import join, say

pytestmark = pytest.mark.full

FOX = "The quick brown fox jumps over the lazy dog near the bank of the river."


def cut(samples: Samples, block: int = 16_000, **lengths: float) -> list[SpeechWindow]:
    cutter = WindowCutter(**lengths)
    windows = []
    for start in range(0, len(samples), block):
        windows += cutter.feed(samples[start : start + block])
    return windows + cutter.finish()


def piece(first: int, voiced: npt.NDArray[np.bool_]) -> Piece:
    return Piece(first, voiced, voiced.astype(np.float32))


def spans(windows: list[SpeechWindow]) -> list[tuple[float, float]]:
    return [
        (piece.first * FRAME_SECONDS, piece.end * FRAME_SECONDS)
        for window in windows
        for piece in window.pieces
    ]


def test_silence_makes_no_window():
    assert cut(np.zeros(60 * RATE, np.float32)) == []


def test_noise_makes_no_window():
    noise = np.random.default_rng(1).normal(0, 0.01, 20 * RATE).astype(np.float32)
    assert cut(noise) == []


def test_silence_between_speech_is_left_out():
    speech = say(FOX)
    windows = cut(join(3.0, speech, 10.0, speech, 3.0))
    assert len(windows) == 1
    (first, last) = spans(windows)
    assert first[0] == pytest.approx(3.0, abs=0.5)
    assert last[0] == pytest.approx(13.0 + len(speech) / RATE, abs=0.5)
    assert windows[0].seconds < 2 * len(speech) / RATE + 1.0


def test_a_window_holds_the_samples_of_its_pieces():
    samples = join(1.0, say(FOX), 4.0, say(FOX), 1.0)
    for window in cut(samples):
        pieces = [samples[piece.first * FRAME : piece.end * FRAME] for piece in window.pieces]
        assert np.array_equal(np.concatenate(pieces), window.samples)


def test_long_speech_is_cut_within_the_bounds():
    samples = np.concatenate([say(FOX)] * 12)
    windows = cut(samples, shortest_seconds=8, longest_seconds=12)
    assert all(8 <= window.seconds <= 12 for window in windows[:-1])
    assert sum(window.voiced.sum() for window in windows) > 0.5 * len(samples) / FRAME


def test_speech_without_a_pause_is_cut_at_its_quietest():
    rng = np.random.default_rng(2)
    cutter = WindowCutter(shortest_seconds=2, longest_seconds=4)
    quiet = 80  # the frame, 2.56 s in
    for number in range(125):
        level = 0.001 if abs(number - quiet) < 3 else 0.2
        cutter._add(_Frame(rng.normal(0, level, FRAME).astype(np.float32), True, 0.9, number))
    assert cutter._best_cut() == pytest.approx(quiet, abs=3)


@pytest.mark.parametrize("block", [100, 511, 16_000, 100_000])
def test_the_size_of_the_blocks_does_not_matter(block):
    samples = join(1.0, say(FOX), 2.0, say(FOX))
    assert spans(cut(samples, block)) == spans(cut(samples, 7_777))


def test_voice_is_heard_where_it_is():
    speech = say(FOX)
    flags = VoiceDetector().voiced(join(2.0, speech, 2.0))
    (heard,) = np.nonzero(flags)
    assert heard[0] * FRAME_SECONDS == pytest.approx(2.0, abs=0.4)
    assert heard[-1] * FRAME_SECONDS == pytest.approx(2.0 + len(speech) / RATE, abs=0.5)


def window_of(*pieces: Piece) -> SpeechWindow:
    count = sum(len(piece.voiced) for piece in pieces)
    return SpeechWindow(np.zeros(count * FRAME, np.float32), pieces)


def test_words_return_to_the_time_of_the_recording():
    frames = np.zeros(50, np.bool_)  # 1.6 s each
    frames[5:20] = True
    window = window_of(piece(100, frames), piece(400, frames))
    first, second = window.segments((Word("one", 0.16, 0.64, 1.0), Word("two", 1.76, 2.24, 1.0)))
    assert (first.start, first.end) == (3.36, 3.84)
    assert (second.start, second.end) == (12.96, 13.44)


def test_words_do_not_reach_into_silence():
    voiced = np.zeros(100, np.bool_)
    voiced[50:60] = True
    (segment,) = window_of(piece(0, voiced)).segments((Word("late", 0.0, 3.0, 1.0),))
    assert (segment.start, segment.end) == (1.6, 1.92)


def lasts(words) -> list[float]:
    return [round(word.end - word.start, 3) for word in words]


def test_words_without_time_get_as_much_as_it_takes_to_say_them():
    words = [Word(text, 1.0, 1.0, 1.0) for text in ("I", "said", "nothing", "straightforward.")]
    found = paced([*words, Word("now", 1.0, 2.0, 1.0)], 0.0, 3.0)
    assert lasts(found) == [0.06, 0.08, 0.14, 0.2, 0.52]
    assert (found[0].start, found[-1].end) == (1.0, 2.0)


def test_words_at_the_end_move_back_into_their_stretch():
    words = [Word("so", 1.0, 1.5, 1.0), Word("this", 1.98, 1.98, 1.0), Word("ends", 2.2, 2.2, 1.0)]
    found = paced(words, 0.0, 2.0)
    assert [(word.start, word.end) for word in found] == [(1.0, 1.5), (1.84, 1.92), (1.92, 2.0)]


def test_too_many_words_share_what_time_there_is():
    found = paced([Word("word", 0.5, 0.5, 1.0)] * 10, 0.4, 0.8)
    assert lasts(found) == [0.04] * 10
    assert (found[0].start, found[-1].end) == (0.4, 0.8)


seconds = st.floats(0, 30, allow_nan=False)


@given(st.lists(st.tuples(seconds, seconds, st.text("abc", max_size=20)), max_size=40), seconds)
def test_words_are_in_order_and_within_their_stretch_whatever_the_model_says(found, end):
    words = [Word(text, min(a, b), max(a, b), 0.5) for a, b, text in found]
    placed = paced(words, 0.0, end)
    assert [word.text for word in placed] == [word.text for word in words]
    edges = [edge for word in placed for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert not edges or (edges[0] >= 0 and edges[-1] <= round(end, 3))
    if len(words) * 0.2 < end:
        assert all(last >= 0.059 for last in lasts(placed))


def test_a_word_in_silence_moves_to_the_nearest_voice():
    voiced = np.zeros(100, np.bool_)
    voiced[20:40] = True  # 0.64 to 1.28 s
    words = (Word("said", 0.64, 1.1, 1.0), Word("so.", 1.4, 1.5, 1.0))
    (segment,) = window_of(piece(0, voiced)).segments(words)
    assert [(word.start, word.end) for word in segment.words] == [(0.64, 1.1), (1.1, 1.28)]


def test_a_word_begins_and_ends_with_its_voice():
    voiced = np.zeros(100, np.bool_)
    voiced[20:40] = True  # 0.64 to 1.28 s
    words = (Word("late", 0.8, 0.9, 1.0), Word("early", 0.95, 1.2, 1.0))
    (segment,) = window_of(piece(0, voiced)).segments(words)
    assert [(word.start, word.end) for word in segment.words] == [(0.64, 0.9), (0.9, 1.28)]


def test_voice_that_is_far_from_a_word_stays_without_one():
    (segment,) = window_of(piece(0, np.ones(100, np.bool_))).segments((Word("a", 1.6, 2.0, 1.0),))
    assert (segment.start, segment.end) == (1.216, 2.4)


def test_words_keep_their_order_over_the_pieces():
    frames = np.ones(50, np.bool_)  # 1.6 s each
    window = window_of(piece(0, frames), piece(100, frames))
    words = (Word("late", 1.7, 2.0, 1.0), Word("early", 0.4, 0.6, 1.0))
    found = [word for segment in window.segments(words) for word in segment.words]
    assert [word.text for word in found] == ["late", "early"]
    assert found[0].end <= found[1].start


@pytest.mark.parametrize(
    ("voice", "frames", "confidence", "is_said"),
    [
        (0.4, 20, 0.3, False),
        (0.4, 20, 0.8, True),
        (0.9, 20, 0.3, True),
        (0.9, 5, 0.3, False),
    ],
)
def test_words_are_believed_by_their_confidence_or_their_voice(voice, frames, confidence, is_said):
    heard = np.ones(frames, np.bool_)
    window = window_of(Piece(0, heard, np.full(frames, voice, np.float32)))
    (segment,) = window.segments((Word("so", 0.0, frames * FRAME_SECONDS, confidence),))
    assert window.is_said(segment) is is_said
