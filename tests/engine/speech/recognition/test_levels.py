"""Speech is written whatever its level and its phase, and whatever was heard before it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, RawFormat, Samples
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.recognition.transcript import Transcript
from tests.speech import join, say

pytestmark = pytest.mark.full

SENTENCE = "The quick brown fox jumps over the lazy dog near the bank of the river."


@pytest.fixture(scope="module")
def recognizer() -> Iterator[Recognizer]:
    recognizer = Recognizer(RecognitionSettings())
    yield recognizer
    recognizer.close()


def read(recognizer: Recognizer, samples: Samples) -> Transcript:
    """The transcript of ``samples`` (samples,) or (channels, samples), without any rounding."""
    channels = 1 if samples.ndim == 1 else len(samples)
    data = np.ascontiguousarray(samples.T, "<f4").tobytes()
    return recognizer.recognize(io.BytesIO(data), raw=RawFormat("linear32", RATE, channels))


def plain(transcript: Transcript) -> list[str]:
    text = " ".join(word.text for word in transcript.channels[0].words)
    return re.findall(r"[a-z]+", text.lower())


@pytest.fixture(scope="module")
def spoken(recognizer) -> list[str]:
    """Transcript of the sentence at its ordinary level."""
    words = plain(read(recognizer, join(0.5, say(SENTENCE), 0.5)))
    assert words[:4] == ["the", "quick", "brown", "fox"]
    return words


@pytest.mark.parametrize("decibels", [-50, -55, -65])
def test_quiet_speech_has_the_words_of_loud_speech(recognizer, spoken, decibels):
    quiet = join(0.5, say(SENTENCE), 0.5) * np.float32(10 ** (decibels / 20))
    transcript = read(recognizer, quiet)
    assert plain(transcript) == spoken
    assert transcript.channels[0].words[0].start == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize("decibels", [0, -50])
def test_stereo_with_an_inverted_channel_has_its_words(recognizer, spoken, decibels):
    speech = join(0.5, say(SENTENCE), 0.5) * np.float32(10 ** (decibels / 20))
    assert plain(read(recognizer, np.stack([speech, -speech]))) == spoken


def test_speech_after_a_minute_of_noise_keeps_its_first_words(recognizer, spoken):
    noise = np.random.default_rng(3).normal(0, 0.1, 60 * RATE).astype(np.float32)
    transcript = read(recognizer, join(noise, 5.0, say(SENTENCE), 0.5))
    assert plain(transcript) == spoken
    assert transcript.channels[0].words[1].start == pytest.approx(65.2, abs=0.4)


def test_a_soft_speaker_is_written_after_a_loud_one(recognizer, spoken):
    soft = say(SENTENCE) * np.float32(0.01)
    words = plain(read(recognizer, join(say("That is all."), 2.0, soft, 0.5)))
    assert words == ["that", "is", "all", *spoken]
