"""Audio of a socket: its pace, its steps, and what a handshake may announce."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.consumers.audio import Pace, PlainAudio, open_audio, steps
from engine.wire.errors import ApiError


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("after", "received", "wait"),
    [
        (0.0, 0.0, 0.0),
        (0.0, 10.0, 0.0),  # the head start
        (0.0, 12.5, 2.0),
        (8.0, 20.0, 0.0),
        (8.0, 22.5, 2.0),
        (3600.0, 4510.0, 0.0),
        (3600.0, 4510.5, 0.4),
        (3600.0, 10.0, 0.0),
    ],
)
def test_audio_may_come_at_a_quarter_more_than_its_speed(
    after: float, received: float, wait: float
):
    """Ten seconds at once, then 1.25 times real time (docs/contract.md, 4)."""
    clock = Clock()
    pace = Pace(clock)
    clock.seconds += after
    assert pace.wait_seconds(received) == pytest.approx(wait)


@given(some.integers(0, 60_000), some.integers(1, 4))
def test_steps_hold_every_sample_once_and_a_quarter_of_a_second_at_most(length: int, channels: int):
    samples = np.arange(channels * length, dtype=np.float32).reshape(channels, length)
    parts = steps(samples)
    assert all(0 < part.shape[1] <= 4_000 for part in parts)
    joined = np.concatenate(parts, axis=1) if parts else np.zeros((channels, 0), np.float32)
    assert np.array_equal(joined, samples)


async def test_raw_audio_is_dealt_with_before_more_is_taken():
    audio = PlainAudio("linear16", 16_000, 1)
    dealt: list[int] = []
    blocks = audio.blocks()

    async def take() -> None:
        async for block in blocks:
            await asyncio.sleep(0)
            dealt.append(block.shape[1])

    taking = asyncio.create_task(take())
    for size in (320, 640):
        await audio.feed(bytes(size))
        assert sum(dealt) == (160 if size == 320 else 480)
    await audio.finish()
    await taking
    assert sum(dealt) == 480
    assert audio.is_understood


async def test_half_a_sample_waits_for_its_other_half():
    audio = PlainAudio("linear16", 16_000, 1)
    shapes: list[int] = []

    async def take() -> None:
        async for block in audio.blocks():
            shapes.append(block.shape[1])

    taking = asyncio.create_task(take())
    await audio.feed(b"\1")
    await audio.feed(b"\2\3\4")
    await audio.finish()
    await taking
    assert sum(shapes) == 2


@pytest.mark.parametrize("encoding", ["linear16", "linear32", "mulaw", "alaw"])
def test_raw_audio_needs_its_sample_rate(encoding: str):
    with pytest.raises(ApiError, match=f"sample_rate is needed with encoding={encoding}"):
        open_audio(encoding, None, 1)
    assert isinstance(open_audio(encoding, 8_000, 2), PlainAudio)


def test_a_container_says_its_own_sample_rate():
    with pytest.raises(ApiError, match="sample_rate is only for raw audio") as raised:
        open_audio(None, 16_000, 1)
    assert raised.value.status == 400
