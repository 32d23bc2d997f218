"""Control messages in a row, sent in the middle of speech: each takes effect at its place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.engine.sockets.conftest import Message, Open, Stream
from tests.speech import Samples, join, say

FLUX = {"path": "/v2/listen", "model": "flux-general-en"}
RATE = 16_000
Send = Callable[[Stream], None]


@pytest.fixture(scope="module")
def halves() -> tuple[Samples, Samples]:
    """Three sentences, cut inside the second one."""
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells by the sea shore.")
    middle = len(shells) // 2
    house = say("Their house is very big.")
    return join(0.3, fox, 0.2, shells[:middle]), join(shells[middle:], 0.2, house, 0.3)


def message(kind: str, **fields: Any) -> Send:
    return lambda stream: stream.say(kind, **fields)


def unreadable_type(stream: Stream) -> None:
    stream.socket.send('{"kind": "Finalize"}')


def ends(stream: Stream) -> list[tuple[float, bool]]:
    """Return the end of each result with audio, in seconds, and whether Finalize ended it."""
    return [
        (round(final["start"] + final["duration"], 3), final["from_finalize"])
        for final in stream.finals
        if final["duration"]
    ]


def words(results: list[Message]) -> list[Message]:
    return [word for final in results for word in final["channel"]["alternatives"][0]["words"]]


@pytest.mark.parametrize(
    "row",
    [
        [message("Finalize"), message("KeepAlive"), message("Unknown")],
        [message("KeepAlive"), unreadable_type, message("Finalize")],
        [
            message("Unknown"),
            message("Finalize"),
            message("Configure", features={"punctuate": True}),
            message("KeepAlive"),
        ],
    ],
    ids=["finalize-first", "finalize-last", "with-configure"],
)
def test_finalize_cuts_at_its_place_among_other_messages(
    open_stream: Open, halves: tuple[Samples, Samples], row: list[Send]
):
    first, second = halves
    with open_stream(model="nova-3", endpointing=5000) as stream:
        stream.send(first)
        for send in row:
            send(stream)
        stream.send(second)
        stream.close_stream()
    cut, end = len(first) / RATE, len(join(first, second)) / RATE
    assert [is_flushed for _, is_flushed in ends(stream)] == [True, False]
    assert [moment for moment, _ in ends(stream)] == pytest.approx([cut, end], abs=0.002)
    before, after = (words([final]) for final in stream.finals)
    assert before[-1]["end"] <= round(cut, 3) <= after[0]["start"]
    assert "fox" in [word["word"] for word in before]
    assert "house" in [word["word"] for word in after]
    assert [message["type"] for message in stream.told].count("ConfigureSuccess") == (len(row) > 3)


def test_each_of_several_finalizes_in_a_row_has_its_result(
    open_stream: Open, halves: tuple[Samples, Samples]
):
    first, second = halves
    with open_stream(model="nova-3", endpointing=5000) as stream:
        stream.send(first)
        stream.say("Finalize")
        stream.say("Configure", features={"punctuate": True})
        stream.say("Finalize")
        stream.send(second)
        stream.say("Finalize")
        stream.close_stream()
    kinds = [message["type"] for message in stream.told]
    assert kinds == ["Results", "ConfigureSuccess", "Results", "Results", "Metadata"]
    assert [final["from_finalize"] for final in stream.finals] == [True] * 3
    assert [bool(words([final])) for final in stream.finals] == [True, False, True]
    punctuated = ["punctuated_word" in word for word in words(stream.finals)]
    assert punctuated == sorted(punctuated)
    assert len(set(punctuated)) == 2


@pytest.mark.parametrize("is_finalized", [True, False])
def test_nothing_has_an_effect_after_close_stream(
    open_stream: Open, halves: tuple[Samples, Samples], is_finalized: bool
):
    first, second = halves
    with open_stream(model="nova-3", endpointing=5000) as stream:
        stream.send(first)
        if is_finalized:
            stream.say("Finalize")
        stream.say("CloseStream")
        with suppress(ConnectionClosed):  # the engine may be done before all of it is sent
            for kind in ("KeepAlive", "Finalize", "Configure", "Unknown"):
                stream.say(kind)
            stream.send(second)
        stream.read_all()
    assert ends(stream) == [(round(len(first) / RATE, 3), is_finalized)]
    assert "fox" in stream.transcript.lower()
    assert [message["type"] for message in stream.told] == ["Results", "Metadata"]
    assert stream.told[-1]["duration"] == pytest.approx(len(first) / RATE, abs=0.001)
    assert stream.code == 1000


def outline(stream: Stream) -> list[str | tuple[str, str | None]]:
    """The types of the messages, with event and trigger of turns; updates are left out."""
    return [
        (message["event"], message.get("trigger")) if message["type"] == "TurnInfo" else kind
        for message in stream.told
        if (kind := message.get("code") or message["type"]) and message.get("event") != "Update"
    ]


def test_force_end_turn_configure_and_close_stream_in_a_row(
    open_stream: Open, halves: tuple[Samples, Samples]
):
    first, second = halves
    with open_stream(**FLUX) as stream:
        stream.send(first)
        stream.say("ForceEndTurn")
        stream.say("Configure", thresholds={"eot_threshold": 0.9}, keyterms=["Earshot"])
        stream.say("CloseStream")
        with suppress(ConnectionClosed):  # the engine may be done before all of it is sent
            stream.say("ForceEndTurn")
            stream.send(second)
        stream.read_all()
    assert outline(stream) == [
        "Connected",
        ("StartOfTurn", None),
        ("EndOfTurn", "manual"),
        "ConfigureSuccess",
    ]
    end = next(turn for turn in stream.of("TurnInfo") if turn["event"] == "EndOfTurn")
    assert "fox" in end["transcript"].lower()
    assert end["audio_window_end"] == pytest.approx(len(first) / RATE, abs=0.001)
    (success,) = stream.of("ConfigureSuccess")
    assert (success["thresholds"]["eot_threshold"], success["keyterms"]) == (0.9, ["Earshot"])
    assert stream.code == 1000


@pytest.mark.parametrize(
    ("kind", "options"), [("Finalize", {"model": "nova-3"}), ("ForceEndTurn", FLUX)]
)
def test_speech_may_be_cut_at_any_sample(
    open_stream: Open, halves: tuple[Samples, Samples], kind: str, options: dict[str, Any]
):
    first, second = halves
    with open_stream(**options) as stream:
        # No divisor of a frame of the detector: cuts are at all distances from its end.
        for start in range(0, len(first), 1_001):
            stream.send(first[start : start + 1_001])
            stream.say(kind)
            stream.say(kind)
        stream.send(second)
        stream.say("CloseStream")
        stream.read_all()
    assert stream.code == 1000
    turns = [turn["transcript"] for turn in stream.of("TurnInfo")]
    assert "house" in f"{stream.transcript} {turns}".lower()


def test_each_message_of_a_row_between_two_turns_takes_effect(
    open_stream: Open, halves: tuple[Samples, Samples]
):
    first, second = halves
    with open_stream(**FLUX) as stream:
        stream.send(first)
        stream.say("ForceEndTurn")
        stream.say("Configure", thresholds={"eot_timeout_ms": 4000})
        stream.say("ForceEndTurn")
        stream.say("Configure", thresholds={"eot_timeout_ms": 60})
        stream.say("KeepAlive")
        stream.say("Configure", keyterms=["Earshot"])
        stream.send(second)
        stream.say("ForceEndTurn")
        stream.say("CloseStream")
        stream.read_all()
    assert outline(stream) == [
        "Connected",
        ("StartOfTurn", None),
        ("EndOfTurn", "manual"),
        "ConfigureSuccess",
        "FORCE_END_TURN_NO_ACTIVE_TURN",
        "INVALID_THRESHOLD",
        "ConfigureSuccess",
        ("StartOfTurn", None),
        ("EndOfTurn", "manual"),
    ]
    before, after = (
        turn["transcript"].lower() for turn in stream.of("TurnInfo") if turn["event"] == "EndOfTurn"
    )
    assert "fox" in before
    assert "house" in after
    assert stream.of("ConfigureSuccess")[1]["thresholds"]["eot_timeout_ms"] == 4000
