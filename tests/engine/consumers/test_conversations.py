"""Sockets without audio: each message of a client has the response that the contract names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from tests.contract.messages import misfits
from tests.engine.inprocess import Inside

LISTEN = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
FLUX = "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000"
SPEAK = "/v1/speak?encoding=linear16"
FLUX_SPEAK = "/v2/speak?model=flux-alexis-en"


async def converse(inside: Inside, address: str, *messages: dict[str, Any]) -> list[Any]:
    """Return what the engine sends until it closes: its messages, at last the close code."""
    authorization = f"Token {inside.ada.key}".encode()
    socket = WebsocketCommunicator(
        inside.gate, address, headers=[(b"authorization", authorization)]
    )
    assert (await socket.connect(timeout=30))[0]
    for message in messages:
        await socket.send_to(text_data=json.dumps(message))
    sent: list[Any] = []
    while (output := await socket.receive_output(timeout=30))["type"] != "websocket.close":
        message = json.loads(output["text"])
        assert misfits(address.partition("?")[0], message) == []
        sent.append(message)
    return [*sent, output["code"]]


def outline(sent: list[Any]) -> list[Any]:
    """The code of each message, or its type."""
    return [one if isinstance(one, int) else one.get("code", one["type"]) for one in sent]


async def test_a_stream_is_configured_and_closed(inside: Inside):
    sent = await converse(
        inside,
        LISTEN,
        {"type": "Configure", "keyterms": [" Earshot "], "features": {"numerals": True}},
        {"type": "Finalize", "channel": 5},
        {"type": "Finalize", "channel": -1},
        {"type": "Configure", "features": {"diarize": True}},
        {"type": "Configure", "keyterms": "Earshot"},
        {"type": "Sing"},
        {"type": "CloseStream"},
    )
    failure = "CONFIGURE_INVALID_MESSAGE"
    assert outline(sent)[:5] == ["ConfigureSuccess", "Error", "Error", failure, failure]
    assert outline(sent)[-2:] == ["Metadata", 1000]
    assert sent[0]["keyterms"] == ["Earshot"]
    assert sent[2]["description"] == "channel: -1 is not 0 or more"


async def test_turns_are_configured_all_or_nothing(inside: Inside):
    sent = await converse(
        inside,
        FLUX,
        {"type": "Configure", "thresholds": {"eot_threshold": "0.9"}, "keyterms": ["Earshot"]},
        {"type": "ForceEndTurn"},
        {"type": "Configure", "thresholds": {"eot_threshold": 0.6, "eot_timeout_ms": 1}},
        {"type": "Configure", "thresholds": {"eager_eot_threshold": 0.9, "eot_threshold": 0.6}},
        {"type": "Configure", "numerals": "yes"},
        {"type": "Configure", "numerals": True, "language_hints": ["es"]},
        {"type": "Configure"},
        {"type": "CloseStream"},
    )
    assert outline(sent) == [
        *("Connected", "ConfigureSuccess", "FORCE_END_TURN_NO_ACTIVE_TURN"),
        *("INVALID_THRESHOLD", "INVALID_THRESHOLD", "INVALID_NUMERALS", "INVALID_LANGUAGE_HINTS"),
        *("ConfigureSuccess", 1000),
    ]
    assert sent[3]["description"] == "thresholds.eot_timeout_ms: 1 is not between 500 and 60000"
    assert sent[7]["thresholds"] == sent[1]["thresholds"]
    assert (sent[7]["thresholds"]["eot_threshold"], sent[7]["keyterms"]) == (0.9, ["Earshot"])


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"type": "Flush"}, {"type": "Clear"}, {"type": "Close"}], ["Flushed", "Cleared", 1000]),
        ([{"type": "Speak", "text": ""}], ["DATA-0000", 1008]),
        ([{"type": "Sing"}], ["DATA-0000", 1008]),
    ],
)
async def test_a_voice_responds_to_each_message(inside: Inside, messages: Any, expected: Any):
    assert outline(await converse(inside, SPEAK, *messages)) == ["Metadata", *expected]


async def test_a_flux_voice_keeps_its_speed_when_a_new_one_is_wrong(inside: Inside):
    sent = await converse(
        inside,
        FLUX_SPEAK,
        {"type": "Configure", "speed": 9},
        {"type": "Configure", "speed": "fast"},
        {"type": "Configure", "speed": 1.2},
        {"type": "Interrupt"},
        {"type": "Close"},
    )
    assert outline(sent) == [
        *("Connected", "SPEED_OUT_OF_RANGE", "SPEED_OUT_OF_RANGE", "ConfigureSuccess"),
        *("NO_ACTIVE_SPEECH", "SessionMetadata", 1000),
    ]
    assert (sent[1]["value"], sent[3]["applied"]) == (9, {"speed": 1.2})
    assert "value" not in sent[2]
