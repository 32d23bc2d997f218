"""A conversation as exchanges: a turn of the caller, and everything until the next one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from network.jsontext import read_json
from transcripts.calls.record import AUDIO, DOWN, UP, Entry
from transcripts.text.folding import fold

LATENCIES = (
    "stt_latency",
    "ttt_token_latency",
    "ttt_text_latency",
    "ttt_tool_latency",
    "tts_latency",
    "total_latency",
)


@dataclass
class FunctionCall:
    """A function call with its result, as texts."""

    id: str
    name: str
    arguments: str
    response: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Name and arguments; equal however the JSON of the arguments is written."""
        return self.name, normal(self.arguments)


@dataclass
class Exchange:
    """A turn of the caller, empty for the greeting, and the reply of the agent.

    ``latencies`` are seconds as the server reports them; ``wait`` is the time from the text of
    the turn to the first audio of the reply, None without one.
    """

    caller: str = ""
    replies: list[str] = field(default_factory=list)
    calls: list[FunctionCall] = field(default_factory=list)
    latencies: dict[str, float] = field(default_factory=dict)
    wait: float | None = None
    at: float = 0.0

    @property
    def reply(self) -> str:
        return " ".join(self.replies)

    @property
    def seconds(self) -> float | None:
        """From the end of the turn to the first audio; without a report, from its text."""
        return self.latencies.get("total_latency", self.wait)


@dataclass(frozen=True)
class Pair:
    """The same exchange of the saved call and of the replay; None where one has fewer."""

    before: Exchange | None
    after: Exchange | None


def normal(arguments: str) -> str:
    """Return arguments as they are compared."""
    try:
        return json.dumps(read_json(arguments), sort_keys=True, ensure_ascii=False)
    except ValueError:
        return arguments


def exchanges(entries: Iterable[Entry]) -> list[Exchange]:
    """Return the exchanges of a conversation from its messages."""
    found = [Exchange()]
    asked: dict[str, FunctionCall] = {}
    for entry in entries:
        current, body = found[-1], entry.body
        match entry.kind, entry.direction:
            case "ConversationText", _ if body.get("role") == "user":
                found.append(Exchange(caller=str(body.get("content", "")), at=entry.at))
            case "ConversationText", _:
                current.replies.append(str(body.get("content", "")))
            case "FunctionCallRequest", _:
                for each in _listed(body.get("functions")):
                    call = FunctionCall(
                        str(each.get("id")), str(each.get("name")), str(each.get("arguments", ""))
                    )
                    asked[call.id] = call
                    current.calls.append(call)
            case "FunctionCallResponse", _ if str(body.get("id")) in asked:
                asked[str(body["id"])].response = str(body.get("content", ""))
            case "LatencyReport", _:
                for name in LATENCIES:
                    if isinstance(body.get(name), int | float):
                        current.latencies.setdefault(name, round(float(body[name]), 3))
            case kind, direction if kind == AUDIO and direction == DOWN:
                if current.wait is None:
                    current.wait = round(entry.at - current.at, 3)
    return [each for each in found if each.caller or each.replies or each.calls]


def _listed(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def pairs(before: Sequence[Exchange], after: Sequence[Exchange]) -> list[Pair]:
    """Return the exchanges side by side: greetings first, then turn by turn."""
    listed = []
    old, new = _from_greeting(before), _from_greeting(after)
    for place in range(max(len(old), len(new))):
        left = old[place] if place < len(old) else None
        right = new[place] if place < len(new) else None
        if left or right:
            listed.append(Pair(left, right))
    return listed


def _from_greeting(listed: Sequence[Exchange]) -> list[Exchange | None]:
    has_greeting = bool(listed) and not listed[0].caller
    return [*([] if has_greeting else [None]), *listed]


def problems(
    before: Sequence[Exchange], after: Sequence[Exchange], expected: Iterable[str]
) -> list[str]:
    """Return why a replay is worse than its call: lost function calls, missing words."""
    made = Counter(call.name for each in after for call in each.calls)
    due = Counter(call.name for each in before for call in each.calls)
    found = [_missing(name, made[name], due[name]) for name in sorted(due - made)]
    said = fold(" ".join(each.reply for each in after))
    found += [f"No reply has the words “{words}”." for words in expected if fold(words) not in said]
    turns = sum(bool(each.caller) for each in before), sum(bool(each.caller) for each in after)
    if turns[0] and not turns[1]:
        found.append("The agent recognised nothing of the caller.")
    if any(each.reply for each in before) and not any(each.reply for each in after):
        found.append("The agent said nothing.")
    return found


def _missing(function: str, made: int, due: int) -> str:
    times = f"called {made} of {due} times" if made else "not called"
    return f"The function {function} was {times}."


def results(entries: Iterable[Entry]) -> dict[tuple[str, str], list[str]]:
    """Return the recorded results of the client's function calls, by name and arguments."""
    listed = list(entries)
    sent = {
        str(each.body.get("id"))
        for each in listed
        if each.kind == "FunctionCallResponse" and each.direction == UP
    }
    recorded: dict[tuple[str, str], list[str]] = {}
    for each in exchanges(listed):
        for call in each.calls:
            if call.id in sent:
                recorded.setdefault(call.key, []).append(call.response)
    return recorded
