"""Channels mixed to one."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Samples
from engine.speech.audio.mixing import Mixer
from tests.speech import say

pytestmark = pytest.mark.full

SENTENCE = "Tomorrow it will rain in the morning."


def mix(channels: Samples, block: int = 10_000) -> Samples:
    mixer = Mixer()
    blocks = range(0, channels.shape[1], block)
    return np.concatenate([mixer.mix(channels[:, at : at + block]) for at in blocks], axis=1)[0]


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def noise(length: int, seed: int) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.01, length).astype(np.float32)


def test_equal_channels_are_their_mean():
    speech = say(SENTENCE)
    assert np.allclose(mix(np.stack([speech, speech])), speech, atol=1e-6)


@pytest.mark.parametrize("level", [1.0, 0.01, 0.001])
@pytest.mark.parametrize("signs", [(1, -1), (-1, 1), (1, 1, -1), (1, -1, -1, 1)])
def test_an_inverted_channel_cancels_nothing(signs, level):
    speech = say(SENTENCE) * np.float32(level)
    mixed = mix(np.outer(signs, speech).astype(np.float32))
    assert loudness(mixed) == pytest.approx(loudness(speech), rel=0.05)


def test_inverted_speech_in_noise_of_each_channel_is_kept():
    speech = say(SENTENCE)
    length = len(speech)
    channels = np.stack([speech + noise(length, 1), noise(length, 2) - speech])
    assert loudness(mix(channels)) == pytest.approx(loudness(speech), rel=0.1)


def test_an_equal_hum_does_not_hide_that_speech_is_inverted():
    speech = say(SENTENCE)
    hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(speech)) / RATE).astype(np.float32)
    mixed = mix(np.stack([speech + hum, hum - speech]))
    assert abs(mixed @ speech) / (speech @ speech) > 0.85


def test_unrelated_channels_are_both_kept():
    left, right = say(SENTENCE), say("Is it the second of May, or the third?")
    length = min(len(left), len(right))
    left, right = left[:length], right[:length]
    assert np.corrcoef(mix(np.stack([left, right])), left + right)[0, 1] > 0.99


def test_a_channel_that_is_inverted_later_is_followed():
    speech = say(SENTENCE)
    mixed = mix(np.stack([np.tile(speech, 3), np.concatenate([speech, -speech, speech])]))
    for part in np.split(mixed, 3):
        assert loudness(part) == pytest.approx(loudness(speech), rel=0.05)


@pytest.mark.parametrize("block", [1, 511, 700, 4_000])
def test_the_size_of_the_blocks_does_not_matter(block):
    speech = say(SENTENCE)[:20_000]
    channels = np.stack([np.tile(speech, 2), np.concatenate([speech, -speech])])
    assert np.allclose(mix(channels, block), mix(channels), atol=1e-6)
