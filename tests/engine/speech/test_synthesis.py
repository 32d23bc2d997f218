"""Text to sound, with the real voices."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech.graphs import open_session
from engine.speech.kokoro import MELODY, Kokoro
from engine.speech.markup import read_markup
from engine.speech.phonemes import Phonemizer
from engine.speech.synthesis import Synthesizer, trimmed
from engine.speech.voicefiles import kokoro_model
from engine.speech.voices import find_voice
from tests.speech import CACHE, synthesizer

JOE = find_voice("joe")
TEXT = "We meet at the station, and then we walk to the river. It is not far."


@pytest.fixture(scope="module")
def speaking() -> Synthesizer:
    return synthesizer()


def seconds(sound: list[np.ndarray]) -> float:
    return sum(map(len, sound)) / JOE.sample_rate


def test_sound_comes_clause_by_clause(speaking):
    pieces = list(speaking.speak(TEXT, JOE))
    assert len(pieces) == 2
    for piece in pieces:
        assert piece.dtype == np.float32
        assert len(piece)
        assert np.abs(piece).max() < 1.5
    assert 3 < seconds(pieces) < 7


def test_clauses_end_with_the_pause_of_their_mark(speaking):
    (said,) = speaking.speak("Hello.", JOE)
    quiet = said[-round(0.3 * JOE.sample_rate) :]
    assert np.abs(quiet).max() == 0
    assert np.abs(said[: -len(quiet)]).max() > 0.05


def test_speed_changes_the_length(speaking):
    lengths = [seconds(list(speaking.speak(TEXT, JOE, speed=speed))) for speed in (0.7, 1, 1.5)]
    assert lengths[0] > 1.25 * lengths[1] > 1.25 * 1.25 * lengths[2]


def test_pauses_are_silence_of_their_length(speaking):
    script = read_markup(r"One. \{pause:1200ms\} Two.")
    pieces = list(speaking.speak(script, JOE))
    (silent,) = [piece for piece in pieces if not piece.any()]
    assert len(silent) == round(1.2 * JOE.sample_rate)


def test_nothing_to_say_makes_no_sound(speaking):
    assert list(speaking.speak("👋", JOE)) == []


def test_a_cancelled_voice_stops_at_the_next_clause(speaking):
    asked = iter([False, True])
    assert len(list(speaking.speak(TEXT * 5, JOE, cancelled=lambda: next(asked)))) == 1


def test_a_very_long_word_is_said(speaking):
    (said,) = speaking.speak("a" * 400, JOE)
    assert len(said)


def test_a_blended_voice_has_the_melody_of_one():
    kokoro = Kokoro(CACHE, threads=1)
    michel, siwis, nicola = (
        kokoro._style(find_voice(name)) for name in ("fm_michel", "ff_siwis", "im_nicola")
    )
    assert np.array_equal(michel[:, MELODY], nicola[:, MELODY])
    assert np.allclose(michel[:, :128], (siwis[:, :128] + nicola[:, :128]) / 2)


def test_sounding_sooner_leaves_the_sound_as_it_was():
    """Beside the published model, which makes the silence around a clause as well."""
    heart = find_voice("af_heart")
    kokoro = Kokoro(CACHE, threads=2)
    published = open_session(kokoro_model(CACHE), 2)
    phonemes = Phonemizer(CACHE).phonemes("Please hold the line,", heart.language)
    tokens = [0, *(kokoro._ids[sound] for sound in phonemes), 0]
    (whole,) = published.run(
        None,
        {
            "tokens": np.array([tokens], np.int64),
            "style": kokoro._style(heart)[len(tokens) - 3 : len(tokens) - 2],
            "speed": np.ones(1, np.float32),
        },
    )
    made = kokoro.render(phonemes, heart, 1.0)
    assert len(made) < 0.75 * whole.size

    expected, found = (levels(trimmed(sound.reshape(-1), 24_000)) for sound in (whole, made))
    assert abs(len(found) - len(expected)) <= 2
    short = min(len(found), len(expected))
    assert np.abs(found[:short] - expected[:short]).mean() < 3


def levels(sound: np.ndarray) -> np.ndarray:
    """Decibels of each 25 ms."""
    frames = sound[: len(sound) // 600 * 600].reshape(-1, 600)
    return 10 * np.log10(np.square(frames).mean(axis=1) + 1e-7)
