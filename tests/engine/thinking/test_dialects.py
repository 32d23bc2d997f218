"""Protocols of language models: what is asked, and what is read from a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.agent.thoughts import Call, Done, Part, Reasoning, Text, Thought, Tokens
from engine.thinking.dialects import (
    Anthropic,
    Dialect,
    Google,
    OpenAi,
    UnreadableResponse,
    read_event,
)
from engine.wire.agent_messages import Function, FunctionCall, History, Think, ThinkProvider
from tests.engine.languagemodel import call, say

WEATHER = Function(name="weather", description="The weather", parameters={"type": "object"})
MADE = FunctionCall(
    id="a", name="weather", client_side=True, arguments='{"city": "Rome"}', response="sunny"
)
CONVERSATION = [
    History(role="user", content="Hi."),
    History(role="assistant", content="Hello."),
    History(role="user", content="The weather?"),
    History(function_calls=[MADE]),
]


def block(index: int, kind: str, **delta: Any) -> dict[str, Any]:
    """An event of Anthropic's with more of a block."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind} | delta}


ANTHROPIC_CALL = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 9}}},
    block(0, "thinking_delta", thinking="Hm"),
    block(1, "text_delta", text="One moment."),
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "a", "name": "weather"},
    },
    block(2, "input_json_delta", partial_json='{"city": '),
    block(2, "input_json_delta", partial_json='"Rome"}'),
    {"type": "message_delta", "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]
CALLED = {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "s"}
GOOGLE_CALL = [
    {"candidates": [{"content": {"parts": [{"text": "Hm", "thought": True}]}}]},
    {"candidates": [{"content": {"parts": [{"text": "One moment."}]}}]},
    {
        "candidates": [{"content": {"parts": [CALLED]}}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5},
    },
]


def thought(*conversation: History) -> Thought:
    provider = ThinkProvider(type="open_ai", model="m", temperature=0.5)
    return Thought(1, Think(provider=provider, functions=[WEATHER]), "Be brief.", conversation)


def parts(dialect: Dialect, events: list[Any]) -> list[Part]:
    read = [part for event in events for part in read_event(json.dumps(event), dialect)]
    return [*read, *dialect.finish()]


def test_chat_completions_are_asked_with_tools_and_their_results():
    body = OpenAi().body(thought(*CONVERSATION), "gpt")
    assert (body["model"], body["stream"], body["temperature"]) == ("gpt", True, 0.5)
    assert [one["role"] for one in body["messages"]] == [
        *("system", "user", "assistant", "user", "assistant", "tool"),
    ]
    assert body["messages"][-1] == {"role": "tool", "tool_call_id": "a", "content": "sunny"}
    assert body["tools"][0]["function"]["name"] == "weather"


def test_anthropic_is_asked_in_turns_that_alternate():
    body = Anthropic().body(thought(*CONVERSATION), "claude")
    assert body["system"] == "Be brief."
    assert [one["role"] for one in body["messages"]] == [
        *("user", "assistant", "user", "assistant", "user"),
    ]
    assert body["messages"][3]["content"][0]["input"] == {"city": "Rome"}
    assert body["messages"][4]["content"][0]["tool_use_id"] == "a"


def test_google_is_asked_with_function_responses():
    body = Google().body(thought(*CONVERSATION), "gemini")
    assert [one["role"] for one in body["contents"]] == ["user", "model", "user", "model", "user"]
    assert body["contents"][3]["parts"][0]["functionCall"]["args"] == {"city": "Rome"}
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_a_reply_that_was_cut_off_before_the_user_spoke_begins_no_conversation():
    greeting = History(role="assistant", content="Welcome.")
    asked = History(role="user", content="Hi.")
    body = Anthropic().body(thought(greeting, asked, asked), "claude")
    assert [one["role"] for one in body["messages"]] == ["user"]
    assert len(body["messages"][0]["content"]) == 2


def test_texts_and_tokens_are_read_from_chat_completions():
    assert parts(OpenAi(), say("It is ", "sunny.")) == [
        *(Text("It is "), Text("sunny."), Tokens(12, 7), Done()),
    ]
    reasoned = {"choices": [{"delta": {"reasoning_content": "Hm"}}]}
    assert parts(OpenAi(), [reasoned]) == [Reasoning("Hm"), Done()]


def test_a_function_call_is_read_from_its_parts():
    assert parts(OpenAi(), call("weather", {"city": "Rome"}, "a")) == [
        *(Call("weather", '{"city": "Rome"}', "a"), Done()),
    ]


@pytest.mark.parametrize(
    ("dialect", "events", "called"),
    [
        (Anthropic(), ANTHROPIC_CALL, Call("weather", '{"city": "Rome"}', "a")),
        (Google(), GOOGLE_CALL, Call("weather", '{"city": "Rome"}', "", "s")),
    ],
)
def test_other_protocols_give_the_same_parts(dialect: Dialect, events: list[Any], called: Call):
    assert parts(dialect, events) == [
        *(Reasoning("Hm"), Text("One moment."), called, Tokens(9, 5), Done()),
    ]


@pytest.mark.parametrize(
    "event", ['{"error": {"message": "no credit"}}', "nonsense", "[]", '{"choices": [7]}']
)
def test_an_event_that_cannot_be_read_is_an_error(event: str):
    with pytest.raises(UnreadableResponse):
        read_event(event, OpenAi())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["choices", "delta", "content", "tool_calls", "function", "index", "usage", "type",
             "candidates", "parts", "functionCall", "args", "content_block", "message"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from([OpenAi, Anthropic, Google]), st.lists(JSON, max_size=3))
def test_any_response_is_read_or_is_an_error(kind: type, events: list[Any]):
    dialect: Dialect = kind()
    try:
        read = parts(dialect, events)
    except UnreadableResponse:
        return
    assert isinstance(read[-1], Done)
