from __future__ import annotations

import json
from datetime import UTC, datetime

from engine.text.words import Word
from engine.wire.options import ListenOptions
from engine.wire.query import read_options
from engine.wire.responses import Channel, ModelInfo, Result, listen_response
from engine.wire.shapes import encode


def spoken(text: str, start: float, speaker: int | None = None) -> list[Word]:
    """A word each half second."""
    return [
        Word(word, word, start + index / 2, start + index / 2 + 0.4, 0.9, speaker)
        for index, word in enumerate(text.split())
    ]


def response_of(*channels: list[Word], query: str = "utterances=true") -> dict:
    result = Result(
        request_id="1",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        sha256="",
        duration=10,
        channels=tuple(Channel(tuple(words), "en", 1.0) for words in channels),
        models={"2": ModelInfo(name="nova-3-general", version="1", arch="whisper")},
    )
    response = listen_response(result, read_options(ListenOptions, query))
    return json.loads(encode(response))


def test_an_utterance_has_its_part_of_the_words_of_its_channel():
    left = spoken("good morning", 0, 0) + spoken("and you", 1, 1) + spoken("fine", 5, 1)
    right = spoken("hello there", 2) + spoken("bye", 7)
    results = response_of(left, right)["results"]
    found = [
        (
            utterance["channel"],
            utterance["transcript"],
            [word["word"] for word in utterance["words"]],
        )
        for utterance in results["utterances"]
    ]
    assert found == [
        (0, "good morning", ["good", "morning"]),
        (0, "and you", ["and", "you"]),
        (1, "hello there", ["hello", "there"]),
        (0, "fine", ["fine"]),
        (1, "bye", ["bye"]),
    ]
    for index, channel in enumerate(results["channels"]):
        of_channel = [one for one in results["utterances"] if one["channel"] == index]
        words = [word for utterance in of_channel for word in utterance["words"]]
        assert words == channel["alternatives"][0]["words"]
