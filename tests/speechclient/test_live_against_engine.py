"""Live streams against the real engine, which is killed and started again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from speechclient.live import LiveListen, LiveTurns
from speechclient.options import FluxOptions, ListenStreamOptions
from speechclient.streams.live_events import Gap, NewVoice, Segment, Turn
from tests.engine.engine import start_engine
from tests.speech import join, pcm_bytes, say

RATE = 16_000
FIRST = "The quick brown fox jumps over the lazy dog."
SECOND = "My mother bought seven yellow apples in the market."
THIRD = "Please open the large window in the kitchen."


class Restarted:
    """An engine that can be killed and started again at the same address."""

    def __init__(self, data: Path) -> None:
        # The engine ends with the thread that has started it, so that is no thread of a test.
        self._starter = ThreadPoolExecutor(1)
        self.running = self._starter.submit(start_engine, data).result()

    async def kill_and_restart(self) -> None:
        self.running.process.kill()
        self.running.process.wait()
        loop = asyncio.get_running_loop()
        start = partial(start_engine, self.running.data, self.running.port)
        self.running = await loop.run_in_executor(self._starter, start)

    def stop(self) -> None:
        self.running.stop()
        self._starter.shutdown()


@pytest.fixture(scope="module")
def engine(full_lane, tmp_path_factory) -> Iterator[Restarted]:
    engine = Restarted(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def audio(full_lane) -> bytes:
    """Two voices; the first speaks again at the end."""
    first, second = "am_michael", "af_heart"
    parts = say(FIRST, first), 0.8, say(SECOND, second), 0.8, say(THIRD, first), 0.5
    return pcm_bytes(join(0.3, *parts))


def plain(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower().replace("seven", "7"))


async def send_with_a_cut(stream, audio: bytes, cut_at: int, cut) -> list:
    """Send ``audio``; await ``cut`` after byte ``cut_at`` was sent to the server."""

    async def read() -> list:
        return [event async for event in stream]

    reading = asyncio.create_task(read())
    for start in range(0, cut_at, 3_200):
        await stream.send(audio[start : min(start + 3_200, cut_at)])
    async with asyncio.timeout(60):
        while stream.sent_seconds < cut_at / 2 / RATE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await cut()
    for start in range(cut_at, len(audio), 3_200):
        await stream.send(audio[start : start + 3_200])
    await stream.finish()
    return await reading


async def test_no_word_is_lost_or_doubled_when_the_engine_is_killed_in_a_sentence(engine, audio):
    options = ListenStreamOptions(encoding="linear16", sample_rate=RATE, diarize=True)
    in_third = len(audio) - RATE * 3
    async with LiveListen(engine.running.url, engine.running.key, options) as stream:
        events = await send_with_a_cut(stream, audio, in_third, engine.kill_and_restart)
    finals = [event for event in events if isinstance(event, Segment) and event.is_final]
    words = [word for segment in finals for word in segment.words]
    assert [word.word.replace("seven", "7") for word in words] == plain(FIRST + SECOND + THIRD)
    assert {segment.connection for segment in finals} == {1, 2}
    assert not [event for event in events if isinstance(event, Gap | NewVoice)]

    sentences = [words[: len(plain(FIRST))], words[-len(plain(THIRD)) :]]
    assert {word.speaker for word in sentences[0]} == {word.speaker for word in sentences[1]}
    assert {word.speaker for word in words} == {0, 1}
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert stream.final_seconds == pytest.approx(len(audio) / 2 / RATE)


async def test_a_turn_continues_after_the_connection_was_lost(engine, audio):
    options = FluxOptions(encoding="linear16", sample_rate=RATE)

    async with LiveTurns(engine.running.url, engine.running.key, options) as stream:

        async def cut() -> None:
            stream._connection.abort()

        events = await send_with_a_cut(stream, audio, RATE * 4, cut)
    turns = [event for event in events if isinstance(event, Turn) and event.event == "EndOfTurn"]
    assert plain(" ".join(turn.transcript for turn in turns)) == plain(FIRST + SECOND + THIRD)
    assert [turn.turn_index for turn in turns] == list(range(len(turns)))
    started = [event.turn_index for event in events if getattr(event, "event", "") == "StartOfTurn"]
    assert started == sorted(set(started))
    assert {turn.connection for turn in turns} <= {1, 2}
