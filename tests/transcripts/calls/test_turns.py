"""Turns of a call out of its messages."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

from speechclient import read_listen_response
from transcripts.calls.record import DOWN, UP, Entry
from transcripts.calls.turns import AGENT, CALLER, response_body, turns
from transcripts.text.responses import stretches

_numbers = itertools.count(1)


def entry(at: float, kind: str, direction: str = DOWN, **body: Any) -> Entry:
    return Entry(next(_numbers), at, direction, kind, body)


def text(at: float, role: str, content: str) -> Entry:
    return entry(at, "ConversationText", role=role, content=content)


def audio(start: float, end: float, seconds: float | None = None) -> Entry:
    return entry(start, "Audio", start=start, end=end, seconds=seconds or end - start)


def said(entries: list[Entry]) -> list[tuple[int, float, float, str]]:
    return [(each.channel, each.start, each.end, each.text) for each in turns(entries)]


def test_both_sides_have_their_turns():
    found = said(
        [
            text(0.1, "assistant", "Hello there."),
            audio(0.2, 1.4),
            entry(2.0, "UserStartedSpeaking"),
            text(4.0, "user", "What is new?"),
            text(4.5, "assistant", "Nothing."),
            entry(4.6, "LatencyReport", stt_latency=0.4),
            audio(4.7, 5.5),
        ]
    )
    assert found == [
        (AGENT, 0.2, 1.4, "Hello there."),
        (CALLER, 2.0, 3.6, "What is new?"),
        (AGENT, 4.7, 5.5, "Nothing."),
    ]


def test_only_what_was_heard_of_a_reply_is_kept():
    found = said(
        [
            text(0.0, "assistant", "One two three four."),
            text(0.1, "assistant", "Five six seven eight."),
            audio(0.0, 2.5, seconds=8.0),
            entry(2.5, "UserStartedSpeaking"),
            text(4.0, "user", "Stop."),
        ]
    )
    assert [each[3] for each in found] == ["One two three", "Stop."]


def test_a_reply_that_was_resumed_is_heard_around_the_pause():
    (reply,) = turns(
        [
            text(0.0, "assistant", "aaaa bbbb cccc dddd"),
            audio(0.0, 1.0, seconds=2.0),
            entry(1.0, "UserStartedSpeaking"),
            audio(3.0, 4.0),
        ]
    )
    assert reply.text == "aaaa bbbb cccc dddd"
    starts = [start for _, start, _ in reply.words]
    assert starts[:2] == [0.0, 0.526]
    assert all(start > 3.0 for start in starts[2:])


def test_a_written_turn_has_no_duration():
    found = said(
        [
            entry(1.0, "InjectUserMessage", UP, content="Hello?"),
            text(1.1, "user", "Hello?"),
            text(1.2, "assistant", "Yes."),
        ]
    )
    assert found == [(CALLER, 1.1, 1.1, "Hello?"), (AGENT, 1.2, 1.2, "Yes.")]


def test_a_turn_without_a_beginning_takes_the_usual_time():
    ((channel, start, end, _),) = said([text(4.0, "user", "x" * 14)])
    assert (channel, end) == (CALLER, 3.5)
    assert round(end - start, 3) == 1.0


def test_nothing_said_is_no_turn():
    assert turns([]) == []
    assert turns([text(1.0, "assistant", " "), audio(1.0, 2.0)]) == []


def test_turns_are_a_response_with_two_channels():
    found = turns([text(2.0, "user", "What is new?"), text(2.5, "assistant", "Nothing.")])
    body = response_body(
        found, duration=3.0, created=datetime(2026, 1, 1, tzinfo=UTC), request_id="r-1", model="m"
    )
    response = read_listen_response(body)
    assert (response.request_id, response.duration, len(response.channels)) == ("r-1", 3.0, 2)
    assert [(each["channel"], each["text"]) for each in stretches(response)] == [
        (CALLER, "What is new?"),
        (AGENT, "Nothing."),
    ]
    assert json.loads(body)["metadata"]["models"] == ["m"]
