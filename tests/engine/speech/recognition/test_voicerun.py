"""Length of the voice at the end of a stream, by the decision of the detector about each frame."""

from __future__ import annotations

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.vad import FRAME
from engine.speech.recognition.voicerun import END, VoiceRun


def sound(decibels: float) -> Samples:
    """A frame of this level, in dB of full scale."""
    return np.full(FRAME, 10 ** (decibels / 20), np.float32)


VOICE, SIBILANT, CLOSURE, SILENCE = sound(-15), sound(-35), sound(-50), sound(-80)
END_OF_VOICE, END_OF_SILENCE = VOICE[-END:], SILENCE[-END:]


def run(*frames: tuple[Samples, bool]) -> VoiceRun:
    """A run of frames with the decisions about them, after silence."""
    made = VoiceRun()
    for frame, is_voiced in [*[(SILENCE, False)] * 16, *frames]:
        made.add(frame, is_voiced=is_voiced)
    return made


def test_frames_and_the_samples_after_them_count_while_the_sound_goes_on():
    made = run(*[(VOICE, True)] * 4)
    assert made.seconds(0, END_OF_VOICE) == 4 * FRAME / RATE < 0.13
    assert made.seconds(64, END_OF_VOICE) > 0.13


def test_a_sound_that_has_faded_lasts_no_longer():
    # The detector takes the silence after it for voice.
    made = run(*[(VOICE, True)] * 3, (SILENCE, True))
    assert made.seconds(400, END_OF_SILENCE) == 0.0
    assert made.seconds(400, END_OF_VOICE) > 0.13


def test_a_sound_without_voice_is_its_beginning_and_counts_when_a_voice_follows():
    sibilant = [(SIBILANT, False)] * 3
    assert run(*sibilant).seconds(100, END_OF_VOICE) == 0.0
    spoken = run(*sibilant, (CLOSURE, False), *[(VOICE, True)] * 2)
    assert spoken.seconds(0, END_OF_VOICE) == 6 * FRAME / RATE


def test_no_more_than_four_frames_before_a_voice_belong_to_it():
    assert run(*[(SIBILANT, False)] * 9, *[(VOICE, True)] * 2).seconds(0, END_OF_VOICE) == (
        6 * FRAME / RATE
    )


def test_a_sound_before_a_long_silence_and_a_steady_noise_are_no_beginning():
    voice = [(VOICE, True)] * 2
    apart = run((SIBILANT, False), *[(CLOSURE, False)] * 2, *voice)
    assert apart.seconds(0, END_OF_VOICE) == 2 * FRAME / RATE
    in_noise = run(*[(SIBILANT, False)] * 20, *voice)
    assert in_noise.seconds(0, END_OF_VOICE) == 2 * FRAME / RATE


def test_one_frame_is_no_voice():
    assert run(*[(SIBILANT, False)] * 4, (VOICE, True)).seconds(500, END_OF_VOICE) == 0.0


def test_silence_ends_the_voice():
    voice = [(VOICE, True)] * 2
    assert run(*voice, (SILENCE, False)).seconds(500, END_OF_VOICE) == 0.0
    assert run(*voice, *[(SILENCE, False)] * 2, *voice).seconds(0, END_OF_VOICE) == (
        2 * FRAME / RATE
    )
    assert VoiceRun().seconds(0, VOICE[:0]) == 0.0
