"""The messages of the sockets are those of docs/contract.md."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec import structs

from engine.wire import (
    agent_messages,
    flux_messages,
    flux_speak_messages,
    listen_messages,
    speak_messages,
)
from engine.wire.reading import Invalid, read_message
from tests.contract.messages import SOCKETS

DECLARED = {
    "/v1/listen": listen_messages,
    "/v2/listen": flux_messages,
    "/v1/speak": speak_messages,
    "/v2/speak": flux_speak_messages,
    "/v1/agent/converse": agent_messages,
}


def names(union: Any) -> set[str]:
    return {kind.__struct_config__.tag for kind in get_args(union)}


@pytest.mark.parametrize("path", SOCKETS)
def test_every_message_of_the_contract_is_declared(path: str):
    _, table = SOCKETS[path]
    assert names(DECLARED[path].ServerMessage) == table.keys()


@pytest.mark.parametrize("path", SOCKETS)
def test_a_declared_message_has_the_members_of_the_contract(path: str):
    _, table = SOCKETS[path]
    for kind in get_args(DECLARED[path].ServerMessage):
        declared = {field.name for field in structs.fields(kind)}
        shape = table[kind.__struct_config__.tag]
        always = {name for name in shape if not name.endswith("?")}
        assert always <= declared <= {name.removesuffix("?") for name in shape}, kind.__name__


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (listen_messages, {"KeepAlive", "Finalize", "CloseStream", "Configure"}),
        (flux_messages, {"CloseStream", "ForceEndTurn", "Configure"}),
        (speak_messages, {"Speak", "Flush", "Clear", "Close"}),
        (flux_speak_messages, {"Speak", "Flush", "Interrupt", "Configure", "Close"}),
        (
            agent_messages,
            {
                *("Settings", "UpdateListen", "UpdateThink", "UpdateSpeak", "UpdatePrompt"),
                *("InjectUserMessage", "InjectAgentMessage", "FunctionCallResponse"),
                *("ForceEndTurn", "KeepAlive", "UpdateThink_Live", "__customToThinkProvider"),
            },
        ),
    ],
)
def test_every_message_of_a_client_is_declared(module: Any, expected: set[str]):
    assert names(module.ClientMessage) == expected


def test_every_message_says_what_it_means():
    for module in DECLARED.values():
        for kind in (*get_args(module.ServerMessage), *get_args(module.ClientMessage)):
            assert kind.__doc__


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (listen_messages, {"type": "Finalize", "channel": -1}),
        (listen_messages, {"type": "Configure", "features": {"punctuate": 1}}),
        (flux_messages, {"type": "Configure", "thresholds": {"eot_threshold": "high"}}),
        (speak_messages, {"type": "Speak"}),
        (
            flux_speak_messages,
            {"type": "Interrupt", "playback_offset": {"type": "time_ms", "value": -1}},
        ),
    ],
)
def test_a_wrong_member_of_a_message_is_named(module: Any, message: dict[str, Any]):
    with pytest.raises(Invalid, match=next(name for name in [*message, "text"] if name != "type")):
        read_message(module.ClientMessage, message)
