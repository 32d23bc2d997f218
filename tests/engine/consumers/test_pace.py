"""Reports of a stream: independent of its pace, its frames and the speed of the models.

The words of the recognizer are a function of the samples that it gets, so that equal
reports mean equal requests.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.env import Environment, read_environment
from tests.engine.consumers.conftest import Message, OpenLive
from tests.engine.live import FakeLiveRecognizer
from tests.media import Sound, written
from tests.speech import Samples, join, pcm_bytes, say

pytestmark = pytest.mark.full

# Pace in times of real time, None for at once, and seconds of a frame.
RUNS = [(None, 0.02), (None, 1.0), (1.25, 0.02), (1.0, 0.333)]
ALL = {"interim_results": "true", "utterance_end_ms": 1000, "vad_events": "true"}
MULAW = {"encoding": "mulaw", "sample_rate": 8000}
CONTAINER = {"encoding": None, "sample_rate": None}
FLUX = {"path": "/v2/listen", "model": "flux-general-en", "eager_eot_threshold": 0.4}


@pytest.fixture
def environment(settings: Any, tmp_path: Path) -> Environment:
    """Environment with room for every run at once."""
    limits = {f"ENGINE_{name}": "99" for name in ("LIVE_LIMIT", "LIVE_LIMIT_TOTAL", "STREAM_LIMIT")}
    settings.ENVIRONMENT = made = read_environment({"EARSHOT_DATA": str(tmp_path)} | limits)
    return made


@cache
def conversation() -> Samples:
    """Some 6 s: two voices, a short pause, one that ends an utterance, and noise."""
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.", "af_heart")
    noise = np.random.default_rng(3).normal(0, 0.003, 9 * 16_000).astype(np.float32)
    speech = join(0.3, fox, 0.2, shells, 1.3, shells, 0.9)
    return speech + noise[: len(speech)]


@cache
def noise() -> Samples:
    """Noise with a word in it."""
    sound = np.random.default_rng(5).normal(0, 0.03, 6 * 16_000).astype(np.float32)
    word = say("Hello there.")
    sound[32_000 : 32_000 + len(word)] += word
    return sound


@cache
def stereo() -> Samples:
    """Two speakers who talk at the same time now and then, (samples, channels)."""
    one = conversation()
    return np.stack([one, np.roll(one, 20_000) * 0.7], axis=1)


def mulaw(samples: Samples) -> bytes:
    return written("mulaw", Sound(samples[::2].copy(), "pcm_mulaw", rate=8000))


def opus(container: str) -> bytes:
    return written(container, Sound(np.repeat(conversation(), 3), "libopus", rate=48_000))


STREAMS = {
    "diarize": (ALL | {"diarize": "true"}, lambda: pcm_bytes(conversation())),
    "endpointing-10": (ALL | {"endpointing": 10}, lambda: pcm_bytes(conversation())),
    "noise": (ALL | {"endpointing": "false"}, lambda: pcm_bytes(noise())),
    "multichannel": (
        ALL | {"multichannel": "true", "channels": 2, "endpointing": 300},
        lambda: pcm_bytes(stereo()),
    ),
    "mixed": (ALL | {"channels": 2}, lambda: pcm_bytes(stereo())),
    "spanish": (ALL | {"language": "es"}, lambda: pcm_bytes(conversation())),
    "mulaw": (ALL | MULAW, lambda: mulaw(conversation())),
    "webm": (ALL | CONTAINER, lambda: opus("webm")),
    "flux-webm": (FLUX | CONTAINER, lambda: opus("webm")),
    "flux-ogg": (FLUX | CONTAINER, lambda: opus("ogg")),
    "flux-mulaw": (FLUX | MULAW, lambda: mulaw(conversation())),
}


async def report(
    open_live: OpenLive,
    query: dict[str, Any],
    audio: bytes,
    pace: float | None,
    frame_seconds: float,
) -> list[Message]:
    """The messages of one stream, without those that are guesses."""
    size = max(1, round(len(audio) * frame_seconds * 16_000 / len(conversation())))
    async with open_live(**{"model": "nova-3"} | query) as stream:
        started = time.monotonic()
        for place in range(0, len(audio), size):
            if pace is not None:
                due = started + place / size * frame_seconds / pace
                await asyncio.sleep(due - time.monotonic())
            await stream.hear(audio[place : place + size])
        await stream.close_stream()
    assert stream.code == 1000
    return [settled(message) for message in stream.told if message.get("is_final", True)]


def settled(message: Message) -> Message:
    """``message`` without what differs from one request to another."""
    parts = {"request_id", "metadata", "created", "sequence_id"}
    if message.get("event") == "Update":
        parts |= {"transcript", "words"}
    return {name: value for name, value in message.items() if name not in parts}


async def test_reports_depend_on_neither_pace_nor_frames_nor_delay(
    open_live: OpenLive, recognizer: FakeLiveRecognizer
):
    recognizer.set_delays(0.0, 0.3, 0.02, 0.1, 0.7)
    streams = {name: (query, make()) for name, (query, make) in STREAMS.items()}
    runs = [(name, *run) for name in streams for run in RUNS]
    found = await asyncio.gather(
        *(report(open_live, *streams[name], pace, seconds) for name, pace, seconds in runs)
    )
    reports = dict(zip(runs, found, strict=True))
    for name, pace, seconds in runs:
        assert reports[name, pace, seconds] == reports[name, *RUNS[0]], (name, pace, seconds)
    for name in streams:
        kinds = [message.get("event", message["type"]) for message in reports[name, *RUNS[0]]]
        assert {"Results", "EndOfTurn"} & set(kinds), name
