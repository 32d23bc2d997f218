"""Audio between the microphone and the disk: in order, exactly once, readable at once."""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.live.audio import AudioFile
from transcripts.live.intake import WAITING_BYTES, Intake, WrongOffset


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(AudioFile(tmp_path / "a.wav"))


async def test_repeated_audio_is_taken_once(intake):
    assert await intake.accept(0, b"aabb") == b"aabb"
    assert await intake.accept(0, b"aabb") == b""
    assert await intake.accept(2, b"bbcc") == b"cc"
    assert await intake.read(0, 100) == b"aabbcc"


async def test_missing_audio_is_noticed(intake):
    await intake.accept(0, b"aabb")
    with pytest.raises(WrongOffset) as missing:
        await intake.accept(6, b"dd")
    assert missing.value.received == 4


async def test_half_a_sample_waits_for_its_other_half(intake):
    assert await intake.accept(0, b"aab") == b"aa"
    assert await intake.accept(2, b"bb") == b"bb"


async def test_audio_is_stored_in_order_and_read_from_anywhere(intake, tmp_path):
    audio = random.Random(1).randbytes(64 * 1024)
    for start in range(0, len(audio), 4 * 1024):
        await intake.accept(start, audio[start : start + 4 * 1024])
        assert await intake.store() == intake.received
    assert (tmp_path / "a.wav").read_bytes()[44:] == audio
    assert await intake.read(0, 100) == audio[:100]
    assert await intake.read(len(audio) - 100, 500) == audio[-100:]


async def test_a_slow_disk_makes_the_sender_wait(intake):
    await intake.accept(0, bytes(WAITING_BYTES + 2))
    waiting = asyncio.create_task(intake.accept(WAITING_BYTES + 2, b"aa"))
    await asyncio.sleep(0)
    assert not waiting.done()
    await intake.store()
    assert await waiting == b"aa"


async def test_a_full_disk_loses_nothing_that_was_received(intake, monkeypatch):
    audio = random.Random(2).randbytes(1000)
    await intake.accept(0, audio)
    with monkeypatch.context() as broken:
        broken.setattr(intake._file, "write", full)
        with pytest.raises(OSError, match="full"):
            await intake.store()
    assert intake.stored == 0
    assert await intake.store() == 1000
    assert await intake.read(0, 1000) == audio


def full(start: int, audio: bytes) -> None:
    raise OSError(28, "the disk is full")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), max_size=30))
def test_whatever_is_sent_again_the_audio_is_what_was_spoken(tmp_path_factory, pieces):
    async def play() -> None:
        path = tmp_path_factory.mktemp("live") / "a.wav"
        spoken = random.Random(3).randbytes(100)
        intake = Intake(AudioFile(path))
        for start, length in pieces:
            with contextlib.suppress(WrongOffset):
                await intake.accept(2 * start, spoken[2 * start : 2 * (start + length)])
            assert await intake.read(0, 100) == spoken[: intake.received]
        await intake.store()
        assert path.read_bytes()[44:] == spoken[: intake.received]

    asyncio.run(play())
