"""Live streams without speech have no text, and the times of words follow their order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from tests.engine.engine import Engine
from tests.engine.sockets.conftest import Open, Stream
from tests.engine.speech.sound import no_speech
from tests.speech import Samples, join, say

RATE = 16_000


def sounds() -> list[Samples]:
    """Streams of 3 s to 6 s: no speech, and pieces of 50 ms to 250 ms of words."""
    speech = say("Thank you. Good evening.")
    start = int(np.flatnonzero(np.abs(speech) > 0.05)[0])
    piece = speech[start : start + RATE // 20]
    echoes = join(0.5, piece, 1.0, piece, 0.5, 0.5 * piece, 1.0)
    word = say("Understanding.")
    loudest = int(np.abs(word).argmax())
    broken = [word[loudest - milliseconds * 16 : loudest] for milliseconds in (150, 200, 250)]
    cut = join(0.5, *(part for piece in broken for part in (piece, 1.2)))
    return [*no_speech().values(), echoes, cut]


def read(open_stream: Open, sound: Samples, **query: object) -> Stream:
    with open_stream(**query) as stream:
        stream.send(sound)
        stream.close_stream()
    return stream


def test_sounds_that_are_no_speech_have_no_captions(open_stream: Open):
    query = {"interim_results": "true", "endpointing": 300}
    with ThreadPoolExecutor(4) as threads:
        streams = list(threads.map(lambda each: read(open_stream, each, **query), sounds()))
    assert [stream.transcript for stream in streams] == [""] * len(streams)


def test_sounds_that_are_no_speech_start_no_turn(open_stream: Open):
    query = {"path": "/v2/listen", "model": "flux-general-en"}
    with ThreadPoolExecutor(4) as threads:
        streams = list(threads.map(lambda each: read(open_stream, each, **query), sounds()))
    turns = [turn for stream in streams for turn in stream.of("TurnInfo")]
    assert {(turn["event"], turn["transcript"]) for turn in turns} == {("Update", "")}


def test_words_that_are_not_believed_are_a_warning(open_stream: Open, engine: Engine):
    speech = say("The quick brown fox jumps over the lazy dog.")
    start = int(np.flatnonzero(np.abs(speech) > 0.05)[0])
    sound = join(speech[start : start + 2_560], 0.5)  # 160 ms
    captions = read(open_stream, sound)
    turns = read(open_stream, sound, path="/v2/listen", model="flux-general-en")
    assert captions.transcript == ""
    log = (engine.data / "engine.log").read_text()
    assert f"request_id={captions.told[-1]['request_id']} Words for 1 sound were left out" in log
    assert [warning["code"] for warning in turns.of("Warning")] == ["LOW_CONFIDENCE"]


@pytest.mark.parametrize("endpointing", [10, 300])
def test_each_word_starts_after_the_one_before_it_ended(open_stream: Open, endpointing: int):
    fox = say("The quick brown fox jumps over the lazy dog.", speed=1.4)
    speech = join(*(fox, 0.3, say("No. No, no! Yes."), 0.6) * 2)
    stream = read(open_stream, speech, endpointing=endpointing)
    words = [
        word for final in stream.finals for word in final["channel"]["alternatives"][0]["words"]
    ]
    assert len(words) > 20
    assert all(word["start"] < word["end"] for word in words)
    assert all(word["end"] <= following["start"] for word, following in pairwise(words))
