"""Length of the voice at the end of a stream, by what the detector says of each frame."""

from __future__ import annotations

import numpy as np

from engine.speech.audio.decode import RATE
from engine.speech.recognition.vad import FRAME
from engine.speech.recognition.voicerun import END, VoiceRun

LOUD, SOFT = np.full(FRAME, 0.2, np.float32), np.full(FRAME, 0.01, np.float32)


def run(*frames: tuple[float, bool]) -> VoiceRun:
    """A run of loud frames with these probabilities and decisions."""
    made = VoiceRun()
    for probability, is_voiced in frames:
        made.add(LOUD, probability, is_voiced=is_voiced)
    return made


def test_frames_and_the_samples_after_them_count_while_the_sound_goes_on():
    made = run(*[(0.9, True)] * 4)
    assert made.seconds(0, LOUD[-END:]) == 4 * FRAME / RATE < 0.13
    assert made.seconds(64, LOUD[-END:]) > 0.13


def test_a_sound_that_has_faded_lasts_no_longer():
    # The detector takes the silence after it for voice.
    made = run(*[(0.9, True)] * 3)
    made.add(SOFT, 0.5, is_voiced=True)
    assert made.seconds(400, SOFT[-END:]) == 0.0
    assert made.seconds(400, LOUD[-END:]) > 0.13


def test_a_soft_beginning_counts_when_a_voice_follows():
    sibilant = [(0.15, False)] * 6
    assert run(*sibilant).seconds(100, LOUD[-END:]) == 0.0
    assert run(*sibilant, (0.8, True)).seconds(0, LOUD[-END:]) == 5 * FRAME / RATE
    assert run((0.15, False), (0.05, False), (0.8, True)).seconds(0, LOUD) == FRAME / RATE


def test_silence_ends_the_voice():
    assert run((0.9, True), (0.9, True), (0.05, False)).seconds(500, LOUD[-END:]) == 0.0
    assert run((0.9, True), (0.05, False), (0.9, True)).seconds(0, LOUD) == FRAME / RATE
    assert VoiceRun().seconds(0, LOUD[:0]) == 0.0
