"""Waveforms and listening copies, out of samples: nothing is decoded."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from transcripts.media.drawing import RATE, STEP_SECONDS, Curve, Mix, Mp3, PacketSizes, Resampler

STEP = int(RATE * STEP_SECONDS)


def tone(seconds: float, level: float = 0.5, hertz: float = 440) -> np.ndarray:
    """One channel of 16 kHz, (1, samples)."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)[np.newaxis]


def peaks(*blocks: np.ndarray) -> list[float]:
    curve = Curve()
    for block in blocks:
        curve.add(block)
    return curve.finish().tolist()


@pytest.mark.parametrize(
    ("samples", "count"), [(0, 0), (1, 1), (STEP, 1), (STEP + 1, 2), (10 * STEP, 10), (RATE, 20)]
)
def test_each_step_has_one_peak_and_the_rest_its_own(samples: int, count: int):
    assert len(peaks(np.ones((1, samples), np.float32))) == count


def test_a_peak_is_the_loudest_sample_of_its_step_in_any_channel():
    block = np.zeros((2, 3 * STEP), np.float32)
    block[0, 5], block[1, STEP + 7], block[0, 2 * STEP] = 0.25, -0.75, 0.5
    assert peaks(block) == [0.25, 0.75, 0.5]


def test_what_is_no_number_is_silence():
    block = np.full((1, STEP), np.nan, np.float32)
    block[0, 3] = 0.5
    assert peaks(block) == [0.5]
    assert peaks(np.full((2, STEP), np.nan, np.float32)) == [0.0]


@given(
    some.lists(some.floats(-1, 1, width=32), max_size=3 * STEP).map(lambda it: it * 3),
    some.lists(some.integers(1, 3 * STEP), max_size=6),
)
def test_a_curve_does_not_depend_on_the_size_of_its_blocks(values: list[float], sizes: list[int]):
    whole = np.array([values], np.float32)
    cuts = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    blocks = np.split(whole, [cut for cut in cuts if cut < whole.shape[1]], axis=1)
    assert peaks(*blocks) == peaks(whole)


def test_the_length_is_counted_in_samples():
    curve = Curve()
    curve.add(tone(0.3))
    curve.add(tone(0.25))
    assert curve.samples / RATE == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("sizes", "constant"),
    [
        ([], True),
        ([417], True),
        ([417, 418, 417, 418], True),
        ([417, 418, 417, 12], True),  # the last packet is cut off
        ([12, 417, 418], False),
        ([417, 420, 417], False),
        ([100, 900, 300, 500], False),
    ],
)
def test_a_constant_rate_has_packets_of_one_size(sizes: list[int], constant: bool):
    seen = PacketSizes()
    for size in sizes:
        seen.add(size)
    # Without two packets there is nothing that differs.
    assert seen.are_constant is constant or len(sizes) < 2


def test_channels_are_mixed_to_their_mean():
    low, high = tone(0.1, 0.2), tone(0.1, 0.6)
    mixed = Mix().mix(np.concatenate([low, high]))
    assert mixed == pytest.approx(tone(0.1, 0.4)[0], abs=1e-6)


@pytest.mark.parametrize("level", [0.9, 1.0, 1.1])
def test_an_inverted_channel_does_not_cancel_the_sound(level: float):
    sound = tone(0.1)
    mixed = Mix().mix(np.concatenate([sound, -level * sound]))
    assert np.abs(mixed).max() > 0.4


def test_silence_and_what_is_no_number_are_mixed_to_silence():
    assert not Mix().mix(np.zeros((2, 100), np.float32)).any()
    assert not Mix().mix(np.full((2, 100), np.nan, np.float32)).any()


def frame(channels: int, rate: int, samples: int = 960) -> av.AudioFrame:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    sound = np.full((1, samples * channels), 8_000, np.int16)
    made = av.AudioFrame.from_ndarray(sound, format="s16", layout=layout)
    made.sample_rate, made.pts = rate, None
    return made


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (2, 2), (6, 2)])
def test_frames_of_any_shape_become_16_khz(channels: int, kept: int, rate: int):
    resampler = Resampler()
    blocks = [
        block for _ in range(20) for block in resampler.resample(frame(channels, rate, rate // 50))
    ]
    blocks += resampler.flush()
    assert {block.shape[0] for block in blocks} == {kept}
    assert sum(block.shape[1] for block in blocks) == pytest.approx(0.4 * RATE, abs=64)
    assert resampler.changes == 0


def test_a_change_of_the_shape_is_counted_and_loses_nothing():
    resampler = Resampler()
    blocks = [
        block
        for rate in (16_000, 48_000, 48_000, 16_000)
        for block in resampler.resample(frame(1, rate, rate // 10))
    ]
    blocks += resampler.flush()
    assert resampler.changes == 2
    assert sum(block.shape[1] for block in blocks) == pytest.approx(0.4 * RATE, abs=128)


def test_a_copy_plays_as_long_as_its_sound():
    file = io.BytesIO()
    encoder = Mp3(file)
    for _ in range(5):
        encoder.write(tone(0.31))
    encoder.close()
    file.seek(0)
    with av.open(file, "r") as copy:
        played = [each.samples / each.sample_rate for each in copy.decode(audio=0)]
        assert copy.streams.audio[0].codec_context.sample_rate == RATE
    assert sum(played) == pytest.approx(1.55, abs=0.2)  # with the padding of the format
