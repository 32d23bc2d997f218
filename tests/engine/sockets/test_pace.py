"""Pace of a client's audio, and reports that do not depend on it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.consumers.audio import Pace, steps
from tests.engine.sockets.conftest import Message, Open
from tests.speech import join, pcm_bytes, say

PACES = (1.0, 1.25, None)  # times real time; None is at once
LISTEN = {
    "model": "nova-3",
    "interim_results": "true",
    "utterance_end_ms": 1000,
    "vad_events": "true",
    "endpointing": 300,
}
FLUX = {"path": "/v2/listen", "model": "flux-general-en", "eager_eot_threshold": 0.4}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_real_time_never_waits():
    clock = Clock()
    pace = Pace(clock)
    clock.now += 60
    assert pace.wait_seconds(60) == 0


def test_the_first_ten_seconds_are_free():
    assert Pace(Clock()).wait_seconds(10) == 0


def test_more_is_held_to_one_and_a_quarter_times_real_time():
    clock = Clock()
    pace = Pace(clock)
    assert pace.wait_seconds(60) == pytest.approx(40)
    clock.now += 40
    assert pace.wait_seconds(60) == 0


def test_a_long_frame_is_taken_in_short_steps():
    pieces = steps(np.zeros((2, 16_000), np.float32))
    assert [piece.shape for piece in pieces] == [(2, 4000)] * 4


@pytest.fixture(scope="module")
def two_utterances() -> bytes:
    """Some 6 s: two utterances, each with a pause after it that ends it."""
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    return pcm_bytes(join(0.3, fox, 1.4, shells, 1.4))


def report(open_stream: Open, query: dict[str, Any], audio: bytes, pace: float | None) -> list:
    """The messages of a stream whose bytes are sent in frames of 20 ms at ``pace``.

    Interim results and the words of updates are guesses, which depend on the pace.
    """
    with open_stream(**query) as stream:
        started = time.monotonic()
        for at in range(0, len(audio), 640):
            if pace is not None:  # what is tried here: a microphone is no faster
                time.sleep(max(0.0, started + at / 32_000 / pace - time.monotonic()))
            stream.socket.send(audio[at : at + 640])
        stream.close_stream()
    assert stream.code == 1000
    return [settled(message) for message in stream.told if message.get("is_final", True)]


def settled(message: Message) -> Message:
    """``message`` without what differs from one request to another."""
    parts = {"request_id", "metadata", "created", "sequence_id"}
    if message.get("event") == "Update":
        parts |= {"transcript", "words"}
    return {name: value for name, value in message.items() if name not in parts}


def test_reports_are_the_same_at_real_time_faster_and_at_once(
    open_stream: Open, two_utterances: bytes
):
    streams = [(query, pace) for query in (LISTEN, FLUX) for pace in PACES]
    with ThreadPoolExecutor(len(streams)) as threads:
        reports = list(
            threads.map(lambda each: report(open_stream, each[0], two_utterances, each[1]), streams)
        )
    captions, turns = reports[:3], reports[3:]
    assert captions[1] == captions[0] == captions[2]
    assert turns[1] == turns[0] == turns[2]
    kinds = [message["type"] for message in captions[0]]
    assert kinds.count("SpeechStarted") == kinds.count("UtteranceEnd") == 2
    events = [message.get("event") for message in turns[0]]
    assert events.count("StartOfTurn") == events.count("EndOfTurn") == 2
