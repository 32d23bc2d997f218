"""Protocols of language models: the body of a request, and the parts of a streamed response.

No I/O. A dialect reads one response: make a new one for each request. Sources: OpenAI, Chat
Completions; Anthropic, Messages; Google, Gemini API ``streamGenerateContent``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from engine.sessions.agent.thoughts import (
    Call,
    Custom,
    Done,
    Part,
    Reasoning,
    Text,
    Thought,
    Tokens,
)
from engine.wire.agent_messages import Function, FunctionCall, History
from network.jsontext import read_json

MOST_TOKENS = 1_024  # of a response: some minutes of speech
_ANY_OBJECT: Mapping[str, Any] = {"type": "object", "properties": {}}


class UnreadableResponse(Exception):
    """The response is not of the protocol, or is an error; the message says what it is."""


class Dialect(Protocol):
    """A protocol; ``read`` takes each event, ``finish`` the end of the response."""

    is_finished: bool  # the last message of the protocol has come

    def body(self, thought: Thought, model: str) -> dict[str, Any]: ...

    def read(self, event: Mapping[str, Any]) -> Iterator[Part]: ...

    def finish(self) -> Iterator[Part]: ...


class OpenAi:
    """Chat Completions, which Ollama, llama.cpp and vLLM also speak."""

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, str]] = {}
        self.is_finished = False
        self._tokens: Tokens | None = None

    def body(self, thought: Thought, model: str) -> dict[str, Any]:
        system = [{"role": "system", "content": thought.prompt}] if thought.prompt else []
        body: dict[str, Any] = {
            "model": model,
            "messages": [*system, *_messages(thought.conversation)],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if thought.think.functions:
            body["tools"] = [
                {"type": "function", "function": _declared(one)} for one in thought.think.functions
            ]
        _add(body, "temperature", thought.think.provider.temperature)
        _add(body, "reasoning_effort", thought.think.provider.reasoning_mode)
        _add(body, "custom", thought.custom)
        return body

    def read(self, event: Mapping[str, Any]) -> Iterator[Part]:
        _reject_error(event)
        if "custom" in event:
            yield Custom(event["custom"])
        if isinstance(usage := event.get("usage"), Mapping):
            self._tokens = _tokens(usage, "prompt_tokens", "completion_tokens")
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
                yield Reasoning(str(reasoning))
            if content := delta.get("content"):
                yield Text(str(content))
            for part in delta.get("tool_calls") or ():
                self._add_call(part)
            self.is_finished |= choice.get("finish_reason") is not None

    def finish(self) -> Iterator[Part]:
        for call in self._calls.values():
            yield Call(call["name"], call["arguments"] or "{}", call["id"])
        if self._tokens is not None:
            yield self._tokens
        yield Done()

    def _add_call(self, part: Mapping[str, Any]) -> None:
        index = int(part.get("index") or 0)
        call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        function = part.get("function") or {}
        call["id"] = call["id"] or str(part.get("id") or "")
        call["name"] += str(function.get("name") or "")
        call["arguments"] += str(function.get("arguments") or "")


class Anthropic:
    """Messages, as a stream of events."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, str]] = {}
        self._read = self._written = 0
        self.is_finished = False

    def body(self, thought: Thought, model: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": MOST_TOKENS,
            "messages": _alternating(_anthropic_messages(thought.conversation)),
            "stream": True,
        }
        _add(body, "system", thought.prompt or None)
        _add(body, "temperature", thought.think.provider.temperature)
        if thought.think.functions:
            body["tools"] = [
                {
                    "name": one.name,
                    "description": one.description,
                    "input_schema": one.parameters or _ANY_OBJECT,
                }
                for one in thought.think.functions
            ]
        return body

    def read(self, event: Mapping[str, Any]) -> Iterator[Part]:
        _reject_error(event)
        index = int(event.get("index") or 0)
        match event.get("type"):
            case "message_start":
                usage = (event.get("message") or {}).get("usage") or {}
                self._read = int(usage.get("input_tokens") or 0)
            case "content_block_start":
                block = event.get("content_block") or {}
                if block.get("type") == "tool_use":
                    started = {"id": str(block.get("id") or ""), "name": str(block.get("name"))}
                    self._blocks[index] = started | {"arguments": ""}
            case "content_block_delta":
                yield from self._read_delta(index, event.get("delta") or {})
            case "message_delta":
                self._written = int((event.get("usage") or {}).get("output_tokens") or 0)
            case "message_stop":
                self.is_finished = True

    def finish(self) -> Iterator[Part]:
        for block in self._blocks.values():
            yield Call(block["name"], block["arguments"] or "{}", block["id"])
        yield Tokens(self._read, self._written)
        yield Done()

    def _read_delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Part]:
        match delta.get("type"):
            case "text_delta":
                yield Text(str(delta.get("text") or ""))
            case "thinking_delta":
                yield Reasoning(str(delta.get("thinking") or ""))
            case "input_json_delta" if index in self._blocks:
                self._blocks[index]["arguments"] += str(delta.get("partial_json") or "")


class Google:
    """Gemini's ``streamGenerateContent`` with ``alt=sse``."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._tokens: Tokens | None = None
        self.is_finished = False

    def body(self, thought: Thought, model: str) -> dict[str, Any]:
        body: dict[str, Any] = {"contents": _alternating(_contents(thought.conversation), "parts")}
        if thought.prompt:
            body["systemInstruction"] = {"parts": [{"text": thought.prompt}]}
        if thought.think.functions:
            declared = [_declared(one) for one in thought.think.functions]
            body["tools"] = [{"functionDeclarations": declared}]
        if thought.think.provider.temperature is not None:
            body["generationConfig"] = {"temperature": thought.think.provider.temperature}
        return body

    def read(self, event: Mapping[str, Any]) -> Iterator[Part]:
        _reject_error(event)
        if isinstance(usage := event.get("usageMetadata"), Mapping):
            self._tokens = _tokens(usage, "promptTokenCount", "candidatesTokenCount")
        for candidate in event.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                yield from self._read_part(part)
            self.is_finished |= candidate.get("finishReason") is not None

    def finish(self) -> Iterator[Part]:
        yield from self._calls
        if self._tokens is not None:
            yield self._tokens
        yield Done()

    def _read_part(self, part: Mapping[str, Any]) -> Iterator[Part]:
        if function := part.get("functionCall"):
            arguments = json.dumps(function.get("args") or {})
            signature = str(part.get("thoughtSignature") or "")
            name, call_id = str(function.get("name")), str(function.get("id") or "")
            self._calls.append(Call(name, arguments, call_id, signature))
        elif text := part.get("text"):
            yield Reasoning(str(text)) if part.get("thought") else Text(str(text))


def read_event(data: str, dialect: Dialect) -> list[Part]:
    """Return the parts of one event. Raises ``UnreadableResponse``."""
    try:
        event = read_json(data)
        if not isinstance(event, dict):
            raise UnreadableResponse("an event is no JSON object")
        return list(dialect.read(event))
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise UnreadableResponse("an event is not of the protocol") from error


def _reject_error(event: Mapping[str, Any]) -> None:
    if error := event.get("error"):
        message = error.get("message") if isinstance(error, Mapping) else error
        raise UnreadableResponse(f"the endpoint reports: {str(message)[:200]}")


def _tokens(usage: Mapping[str, Any], read: str, written: str) -> Tokens:
    return Tokens(int(usage.get(read) or 0), int(usage.get(written) or 0))


def _add(body: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        body[name] = value


def _declared(function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters or dict(_ANY_OBJECT),
    }


def _calls(item: History) -> Sequence[FunctionCall]:
    return item.function_calls or ()


def _messages(conversation: Sequence[History]) -> Iterator[dict[str, Any]]:
    for item in conversation:
        if item.content:
            yield {"role": item.role or "user", "content": item.content}
        if calls := _calls(item):
            requested = [
                {
                    "id": one.id,
                    "type": "function",
                    "function": {"name": one.name, "arguments": one.arguments},
                }
                for one in calls
            ]
            yield {"role": "assistant", "content": None, "tool_calls": requested}
        for one in calls:
            yield {"role": "tool", "tool_call_id": one.id, "content": one.response}


def _arguments(call: FunctionCall) -> dict[str, Any]:
    try:
        value = read_json(call.arguments)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}


def _anthropic_messages(conversation: Sequence[History]) -> Iterator[dict[str, Any]]:
    for item in conversation:
        if item.content:
            text = {"type": "text", "text": item.content}
            yield {"role": item.role or "user", "content": [text]}
        if calls := _calls(item):
            used = [
                {"type": "tool_use", "id": one.id, "name": one.name, "input": _arguments(one)}
                for one in calls
            ]
            results = [
                {"type": "tool_result", "tool_use_id": one.id, "content": one.response}
                for one in calls
            ]
            yield {"role": "assistant", "content": used}
            yield {"role": "user", "content": results}


def _contents(conversation: Sequence[History]) -> Iterator[dict[str, Any]]:
    for item in conversation:
        if item.content:
            role = "model" if item.role == "assistant" else "user"
            yield {"role": role, "parts": [{"text": item.content}]}
        if calls := _calls(item):
            yield {"role": "model", "parts": [_requested_part(one) for one in calls]}
            responses = [
                {"functionResponse": {"name": one.name, "response": {"result": one.response}}}
                for one in calls
            ]
            yield {"role": "user", "parts": responses}


def _requested_part(call: FunctionCall) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": call.name, "args": _arguments(call)}}
    if call.thought_signature:
        part["thoughtSignature"] = call.thought_signature
    return part


def _alternating(
    messages: Iterator[dict[str, Any]], member: str = "content"
) -> list[dict[str, Any]]:
    """Join neighbours of one role, which these protocols reject; the first is the user's."""
    joined: list[dict[str, Any]] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1][member] += message[member]
        elif joined or message["role"] == "user":
            joined.append(message)
    return joined
