"""Voice is found at any level, and after any noise."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Samples
from engine.speech.audio.loudness import levels, raised
from engine.speech.recognition.vad import FRAME, VoiceDetector
from tests.speech import join, say

pytestmark = pytest.mark.full

SENTENCE = "The quick brown fox jumps over the lazy dog near the bank of the river."


def voiced(samples: Samples, block: int = 16_000) -> np.ndarray:
    detector = VoiceDetector()
    blocks = range(0, len(samples), block)
    return np.concatenate([detector.voiced(samples[at : at + block]) for at in blocks])


def noise(kind: str, seconds: float) -> Samples:
    """Noise at -20 dB of full scale."""
    made = np.random.default_rng(3).normal(0, 1, round(seconds * RATE))
    if kind != "white":
        spectrum = np.fft.rfft(made)
        frequencies = np.fft.rfftfreq(len(made), 1 / RATE)
        frequencies[0] = frequencies[1]
        spectrum /= frequencies ** (0.5 if kind == "pink" else 1.0)
        spectrum[frequencies < 20] = 0
        made = np.fft.irfft(spectrum, len(made))
    return (0.1 * made / np.sqrt(np.mean(made**2))).astype(np.float32)


@pytest.mark.parametrize("decibels", [-20, -40, -50, -55, -65])
def test_quiet_speech_is_voice_where_loud_speech_is(decibels):
    speech = join(0.5, say(SENTENCE), 0.5)
    loud = voiced(speech)
    quiet = voiced(speech * np.float32(10 ** (decibels / 20)))
    assert np.mean(quiet[loud]) > 0.95
    assert np.mean(quiet[~loud]) < 0.2


@pytest.mark.parametrize("kind", ["white", "pink", "brown"])
@pytest.mark.parametrize("pause", [0.0, 5.0])
def test_speech_after_a_minute_of_noise_is_heard_from_its_first_word(kind, pause):
    speech = say(SENTENCE)
    before = join(noise(kind, 60 - pause), pause)
    before = before[: len(before) // FRAME * FRAME]
    alone = voiced(speech)
    after = voiced(np.concatenate([before, speech]))
    place = len(before) // FRAME
    first = np.flatnonzero(alone)[0]
    assert np.mean(after[place:][alone]) > 0.9
    assert np.flatnonzero(after[place:])[0] == pytest.approx(first, abs=6)
    assert np.mean(after[:place]) < 0.02


def test_soft_speech_after_loud_speech_is_heard():
    loud, soft = say("That is all."), say(SENTENCE) * np.float32(0.01)
    before = join(loud, 2.0)
    before = before[: len(before) // FRAME * FRAME]
    found = voiced(np.concatenate([before, soft]))[len(before) // FRAME :]
    assert np.mean(found[voiced(say(SENTENCE))]) > 0.9


@pytest.mark.parametrize("block", [400, 5_000, 100_000])
def test_the_size_of_the_blocks_does_not_matter(block):
    samples = join(noise("pink", 10.0), say(SENTENCE), 6.0, say(SENTENCE))
    assert np.array_equal(voiced(samples, block), voiced(samples))


def test_silence_is_no_voice():
    assert not voiced(np.zeros(10 * RATE, np.float32)).any()
    rounding = np.random.default_rng(1).integers(-1, 2, 10 * RATE).astype(np.float32)
    assert np.mean(voiced(rounding / np.float32(32_768))) < 0.02


def test_speech_of_ordinary_loudness_stays_as_it_is():
    speech = say(SENTENCE)
    assert raised(speech) is speech


def test_quiet_speech_is_raised():
    quiet = say(SENTENCE) * np.float32(0.001)
    frames = raised(quiet)[: len(quiet) // FRAME * FRAME].reshape(-1, FRAME)
    assert np.quantile(levels(frames), 0.95) == pytest.approx(-30, abs=0.1)
