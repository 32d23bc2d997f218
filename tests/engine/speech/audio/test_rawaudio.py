"""Raw samples of every plain encoding, rate and cut, to 16 kHz."""

from __future__ import annotations

import numpy as np
import pytest

from engine.speech.audio.rawaudio import RawAudio


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype("f4")


def linear16(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def test_linear16_is_what_it_was():
    samples = tone(16_000)
    (heard,) = RawAudio("linear16", 16_000).feed(linear16(samples))
    assert heard == pytest.approx(samples, abs=1e-4)


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
def test_pieces_of_any_length_give_the_same_samples(cut: int):
    data = linear16(tone(16_000, 0.1))
    raw = RawAudio("linear16", 16_000)
    pieces = [raw.feed(data[at : at + cut]) for at in range(0, len(data), cut)]
    (whole,) = RawAudio("linear16", 16_000).feed(data)
    assert np.concatenate(pieces, axis=1)[0] == pytest.approx(whole)


def test_half_a_sample_at_the_end_is_left_out():
    raw = RawAudio("linear16", 16_000)
    assert raw.feed(b"\0\0\0").shape == (1, 1)
    assert raw.finish().shape == (1, 0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_other_rates_become_16_khz(rate: int):
    raw = RawAudio("linear16", rate)
    data = linear16(tone(rate))
    pieces = [raw.feed(data[at : at + 999]) for at in range(0, len(data), 999)]
    heard = np.concatenate([*pieces, raw.finish()], axis=1)[0]
    assert len(heard) == pytest.approx(16_000, abs=16)
    middle = heard[4000:12_000]
    peak = np.argmax(np.abs(np.fft.rfft(middle))) * 16_000 / len(middle)
    assert peak == pytest.approx(440, abs=4)


def test_channels_are_told_apart():
    left, right = tone(16_000), tone(16_000, hertz=880)
    data = linear16(np.stack([left, right], axis=1))
    heard = RawAudio("linear16", 16_000, channels=2).feed(data)
    assert heard.shape == (2, 16_000)
    assert heard[1] == pytest.approx(right, abs=1e-4)


def test_linear32_is_clipped_and_never_infinite():
    data = np.array([0.5, 2.0, -np.inf, np.nan], "<f4").tobytes()
    (heard,) = RawAudio("linear32", 16_000).feed(data)
    assert heard.tolist() == [0.5, 1.0, -1.0, 0.0]


@pytest.mark.parametrize(
    ("encoding", "code", "level"),
    # ITU-T G.711, tables 1 and 2: the loudest codes of both signs, and the quietest.
    [
        ("mulaw", 0x80, 32_124),
        ("mulaw", 0x00, -32_124),
        ("mulaw", 0xFF, 0),
        ("alaw", 0xAA, 32_256),
        ("alaw", 0x2A, -32_256),
        ("alaw", 0xD5, 8),
        ("alaw", 0x55, -8),
    ],
)
def test_companded_codes_have_the_levels_of_the_standard(encoding: str, code: int, level: int):
    (heard,) = RawAudio(encoding, 16_000).feed(bytes([code]))
    assert heard[0] * 32_768 == level
