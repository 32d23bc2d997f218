"""Text to sound, with the real voices."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from onnxruntime import InferenceSession

from engine.speech.synthesis.kokoro import MELODY, Kokoro
from engine.speech.synthesis.markup import read_markup
from engine.speech.synthesis.phonemes import Phonemizer
from engine.speech.synthesis.synthesizer import Synthesizer, trimmed
from engine.speech.synthesis.voices import find_voice
from engine.weights.convert.__main__ import read_source
from engine.weights.converted import KOKORO
from tests.product import until
from tests.speech import CACHE, synthesizer

pytestmark = pytest.mark.full

JOE = find_voice("joe")
TEXT = "We meet at the station, and then we walk to the river. It is not far."


@pytest.fixture(scope="module")
def speaking() -> Synthesizer:
    return synthesizer()


def seconds(sound: list[np.ndarray]) -> float:
    return sum(map(len, sound)) / JOE.sample_rate


def test_sound_comes_clause_by_clause(speaking):
    pieces = list(speaking.speak(TEXT, JOE))
    assert [piece.any() for piece in pieces] == [True, False, True, False]  # a pause after each
    for piece in pieces:
        assert piece.dtype == np.float32
        assert len(piece)
        assert np.abs(piece).max() < 1.5
    assert 3 < seconds(pieces) < 7


def test_clauses_end_with_the_pause_of_their_mark(speaking):
    said, pause = speaking.speak("Hello.", JOE)
    assert np.abs(said).max() > 0.05
    assert not pause.any()
    assert len(pause) == round(0.36 * JOE.sample_rate)


def test_speed_changes_the_length(speaking):
    lengths = [seconds(list(speaking.speak(TEXT, JOE, speed=speed))) for speed in (0.7, 1, 1.5)]
    assert lengths[0] > 1.25 * lengths[1] > 1.25 * 1.25 * lengths[2]


def test_pauses_are_silence_of_their_length(speaking):
    script = read_markup(r"One. \{pause:1200ms\} Two.")
    pieces = list(speaking.speak(script, JOE))
    silent = [len(piece) / JOE.sample_rate for piece in pieces if not piece.any()]
    assert silent == pytest.approx([0.36, 1.2, 0.36], abs=0.001)


def test_nothing_to_say_makes_no_sound(speaking):
    assert list(speaking.speak("👋", JOE)) == []


def test_a_cancelled_voice_stops_at_the_next_clause(speaking):
    asked = iter([False, True])
    assert len(list(speaking.speak(TEXT * 5, JOE, cancelled=lambda: next(asked)))) == 1


def test_a_very_long_word_is_said(speaking):
    said, _ = speaking.speak("a" * 400, JOE)
    assert len(said)


def test_a_blended_voice_has_the_melody_of_one():
    kokoro = Kokoro(CACHE, threads=1)
    michel, siwis, nicola = (
        kokoro._style(find_voice(name)) for name in ("fm_michel", "ff_siwis", "im_nicola")
    )
    assert np.array_equal(michel[:, MELODY], nicola[:, MELODY])
    assert np.allclose(michel[:, :128], (siwis[:, :128] + nicola[:, :128]) / 2)


def test_sounding_sooner_leaves_the_sound_as_it_was():
    """Compared with the published model, which makes the silence around a clause as well."""
    heart = find_voice("af_heart")
    kokoro = Kokoro(CACHE, threads=2)
    published = InferenceSession(read_source(KOKORO), providers=["CPUExecutionProvider"])
    phonemes = Phonemizer().phonemes("Please hold the line,", heart.language)
    tokens = [0, *(kokoro._ids[sound] for sound in phonemes), 0]
    (whole,) = published.run(
        None,
        {
            "tokens": np.array([tokens], np.int64),
            "style": kokoro._style(heart)[len(tokens) - 3 : len(tokens) - 2],
            "speed": np.ones(1, np.float32),
        },
    )
    made = kokoro._whole(kokoro._plan(phonemes, heart, 1.0))[0]
    assert len(made) < 0.75 * whole.size

    expected, found = (
        levels(next(trimmed([sound.reshape(-1)], 24_000))) for sound in (whole, made)
    )
    assert abs(len(found) - len(expected)) <= 2
    short = min(len(found), len(expected))
    assert np.abs(found[:short] - expected[:short]).mean() < 3


@pytest.fixture(scope="module")
def calibrated() -> Kokoro:
    kokoro = Kokoro(CACHE, threads=2)
    for name in ("af_heart", "ff_siwis"):
        if not kokoro.is_calibrated(find_voice(name)):
            list(kokoro.calibrate(find_voice(name)))
    return kokoro


def test_a_voice_that_is_not_calibrated_makes_short_pieces_for_the_memory_they_take(
    tmp_path, monkeypatch
):
    kokoro, made = Kokoro(tmp_path, 1), []
    monkeypatch.setattr(kokoro, "_plan", lambda sounds, *_: made.append(len(sounds)))
    monkeypatch.setattr(kokoro, "_whole", lambda plan: (np.zeros(1, np.float32), None))
    list(kokoro.render("jˈɛs, ʃˈʊɹ. " * 30, find_voice("af_heart"), 1.0))
    assert sum(made) > 300
    assert max(made) <= Kokoro.LONGEST_WHOLE


def test_chunks_with_the_norms_of_the_whole_are_the_whole(calibrated):
    phonemes = Phonemizer().phonemes("Please hold the line, it will not take long.", "en-US")
    plan = calibrated._plan(phonemes, find_voice("af_heart"), 1.0)
    whole, norms = calibrated._whole(plan)
    ends = [0, 50, 90, 160, len(whole) // 300]
    made = [calibrated._make(plan, norms, 0.0, *chunk)[0] for chunk in pairwise(ends)]
    assert len(made[0]) == 50 * 300
    assert np.abs(np.concatenate(made) - whole).max() < 0.001 * np.abs(whole).max()


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("af_heart", "Thank you for calling, how can I help?"),
        ("ff_siwis", "Merci de votre appel, je vous écoute."),
    ],
)
def test_a_calibrated_voice_sounds_the_same_in_chunks(calibrated, voice, text):
    voice = find_voice(voice)
    phonemes = Phonemizer().phonemes(text, voice.language)
    whole = calibrated._whole(calibrated._plan(phonemes, voice, 1.0))[0]
    chunks = list(calibrated.render(phonemes, voice, 1.0))
    assert len(chunks) > 2
    assert len(chunks[0]) < 0.7 * 24_000  # half a second and the silence before it

    expected, found = levels(whole), levels(np.concatenate(chunks))
    loud = expected > expected.max() - 30
    assert abs((found - expected)[loud].mean()) < 1.5
    assert np.abs(found - expected)[loud].mean() < 2.5


def test_a_voice_is_calibrated_once_it_has_spoken(tmp_path):
    speaking = Synthesizer(tmp_path)
    heart = find_voice("af_heart")
    assert len(list(speaking.speak("Please hold the line.", heart))) == 2  # the clause, a pause
    learned = tmp_path / "kokoro-norms-1" / "af_heart.npy"
    until(learned.is_file, 60, "the calibration of the voice")
    assert len(list(speaking.speak("Please hold the line.", heart))) > 2
    assert len(list(Synthesizer(tmp_path).speak("Please hold the line.", heart))) > 2


def levels(sound: np.ndarray) -> np.ndarray:
    """Decibels of each 25 ms."""
    frames = sound[: len(sound) // 600 * 600].reshape(-1, 600)
    return 10 * np.log10(np.square(frames).mean(axis=1) + 1e-7)


def test_resident_voices_stay_in_memory_and_others_are_unloaded():
    synthesizer = Synthesizer(CACHE, resident=[JOE])
    for voice in (JOE, find_voice("af_heart")):
        assert sum(map(len, synthesizer.speak("Yes.", voice)))
    assert synthesizer.unload_idle(0) == ["kokoro"]
    assert sum(map(len, synthesizer.speak("Yes.", find_voice("af_heart"))))


def test_resident_languages_stay_in_memory_and_others_are_unloaded():
    phonemizer = Phonemizer(resident=["en-US"])
    american, british = (phonemizer.phonemes("car", accent) for accent in ("en-US", "en-GB"))
    assert phonemizer.unload_idle(0) == ["en-GB"]
    assert [phonemizer.phonemes("car", a) for a in ("en-US", "en-GB")] == [american, british]
