"""Pieces of words are told from words by their abrupt edges."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.belief import is_said
from engine.speech.recognition.edges import UNBROKEN, Edges, edges_of
from engine.speech.recognition.transcript import Word
from tests.speech import join, say

NOISE = np.random.default_rng(1).normal(0, 0.001, 4 * RATE).astype(np.float32)


def hum(seconds: float, rise: float, fall: float) -> Samples:
    """A sound that takes ``rise`` and ``fall`` seconds to begin and to end."""
    times = np.arange(round(seconds * RATE)) / RATE
    level = np.minimum(1, np.minimum(times / max(rise, 1e-9), times[::-1] / max(fall, 1e-9)))
    return (0.3 * level * np.sin(2 * np.pi * 150 * times)).astype(np.float32)


@pytest.mark.parametrize("silence", [0.0, 0.3])
@pytest.mark.parametrize(
    ("rise", "fall", "edges"),
    [
        (0.05, 0.05, UNBROKEN),
        (0.0, 0.05, Edges(starts_abruptly=True)),
        (0.05, 0.0, Edges(ends_abruptly=True)),
        (0.0, 0.0, Edges(True, True)),
    ],
)
def test_edges_are_abrupt_where_a_sound_does_not_fade(
    rise: float, fall: float, edges: Edges, silence: float
):
    sound = join(silence, hum(0.2, rise, fall), silence)
    assert edges_of(sound + NOISE[: len(sound)] * 0.1) == edges


def test_silence_and_nothing_have_no_edges():
    assert edges_of(np.zeros(0, np.float32)) == edges_of(np.zeros(RATE, np.float32)) == UNBROKEN


@pytest.mark.full
@pytest.mark.parametrize("voice", ["joe", "af_heart"])
def test_a_word_that_breaks_off_is_known(voice: str):
    for text in ("Yes.", "No.", "Stop.", "Right.", "What?", "Good.", "Back.", "Eight.", "Hello."):
        word = say(text, voice)
        padded = join(0.3, word, 0.3)
        assert not edges_of(padded + NOISE[: len(padded)]).ends_abruptly, text
        cut = join(0.3, word[: int(np.abs(word).argmax())], 0.3)
        assert edges_of(cut + NOISE[: len(cut)]).ends_abruptly, text


@pytest.mark.parametrize(
    ("edges", "voiced_seconds", "confidence", "said"),
    [
        (UNBROKEN, 0.3, 0.3, True),
        (UNBROKEN, 0.3, 0.1, False),
        (Edges(ends_abruptly=True), 0.3, 0.7, False),
        (Edges(ends_abruptly=True), 0.3, 0.8, True),
        (Edges(ends_abruptly=True), 0.4, 0.3, True),
        (Edges(starts_abruptly=True), 0.3, 0.4, False),
        (Edges(starts_abruptly=True), 0.3, 0.5, True),
    ],
)
def test_a_piece_of_a_word_is_believed_if_the_model_is_sure(
    edges: Edges, voiced_seconds: float, confidence: float, said: bool
):
    words = [Word("stand", 0.0, 0.25, confidence)]
    assert is_said(words, voiced_seconds, [0.8] * 9, is_doubtful=False, edges=edges) == said
