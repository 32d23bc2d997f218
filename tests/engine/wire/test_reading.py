"""JSON is read by its declaration, and an error names the place and the value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from engine.wire import flux_messages, flux_speak_messages, listen_messages, speak_messages
from engine.wire.reading import Invalid, Trimmed, WrittenNumber, read_message, read_shape
from engine.wire.shapes import UNSET, Omittable, Shape


class Inner(Shape, forbid_unknown_fields=True):
    on: Omittable[bool] = UNSET


class Outer(Shape):
    least: Annotated[int, Meta(ge=0)] = 0
    name: Annotated[Trimmed, Meta(min_length=1, max_length=5)]
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    share: Annotated[WrittenNumber, Meta(ge=0, le=1)] = 0.5
    when: datetime | None = None
    kind: Literal["a", "b"] = "a"
    labels: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    notes: dict[str, str] | None = None
    inner: Omittable[Inner] = UNSET
    value: Any = "nothing"


def test_members_are_read_as_declared():
    read = read_shape(
        Outer,
        {
            "name": " Ada ",
            "share": "0.25",
            "when": "2026-01-02T03:04:05Z",
            "labels": ["x"],
            "inner": {"on": True},
            "value": None,
            "count": None,
            "other": 1,
        },
    )
    assert (read.name, read.count, read.share, read.labels) == ("Ada", 1, 0.25, ("x",))
    assert read.when == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (read.inner, read.value, read.notes) == (Inner(on=True), None, None)


@pytest.mark.parametrize(
    ("member", "value", "problem"),
    [
        ("name", None, "missing field `name`"),
        ("name", 5, "name: invalid type: expected a string, got 5"),
        ("name", "  ", "name: the text is empty"),
        ("name", "longer", "name: 6 characters; at most 5"),
        ("least", -1, "least: -1 is not 0 or more"),
        ("count", True, "count: invalid type: expected a whole number, got True"),
        ("count", 1.5, "count: invalid type: expected a whole number, got 1.5"),
        ("share", 10**400, f"share: invalid type: expected a number, got {'1' + '0' * 59}"),
        ("count", 10, "count: 10 is not between 1 and 9"),
        ("share", "much", "share: invalid type: expected a number, got 'much'"),
        ("share", "inf", "share: invalid type: expected a number, got inf"),
        ("share", 2, "share: 2 is not between 0 and 1"),
        ("when", "2026-01-02", "when: '2026-01-02' is not a date and time with an offset"),
        ("when", "soon", "when: 'soon' is not a date and time"),
        ("kind", "c", "kind: 'c' is none of a, b"),
        ("labels", "x", "labels: invalid type: expected a list, got 'x'"),
        ("labels", ["x", 1], "labels[1]: invalid type: expected a string, got 1"),
        ("labels", ["x"] * 3, "labels: 3 entries; at most 2"),
        ("notes", {"a": 1}, "notes.a: invalid type: expected a string, got 1"),
        ("inner", [], "inner: invalid type: expected an object, got []"),
        ("inner", {"on": "yes"}, "inner.on: invalid type: expected true or false, got 'yes'"),
        ("inner", {"off": True}, "inner: 'off' is none of on"),
    ],
)
def test_an_error_names_the_place_and_the_value(member: str, value: Any, problem: str):
    with pytest.raises(Invalid) as invalid:
        read_shape(Outer, {"name": "Ada"} | {member: value})
    assert str(invalid.value) == problem


@pytest.mark.parametrize(
    ("kinds", "given", "message"),
    [
        (
            listen_messages.ClientMessage,
            {"type": "Finalize", "channel": 1},
            listen_messages.Finalize(channel=1),
        ),
        (listen_messages.ClientMessage, {"type": "Sing"}, None),
        (listen_messages.ClientMessage, {"type": ["Finalize"]}, None),
        (listen_messages.ClientMessage, {"type": "Results"}, None),
        (
            flux_messages.ClientMessage,
            {"type": "Configure", "thresholds": {"eot_threshold": "0.8"}, "keyterms": [" fox "]},
            flux_messages.Configure(
                thresholds=flux_messages.NewThresholds(eot_threshold=0.8), keyterms=["fox"]
            ),
        ),
        (
            speak_messages.ClientMessage,
            {"type": "Speak", "text": " Hello. "},
            speak_messages.Speak(text=" Hello. "),
        ),
        (
            flux_speak_messages.ClientMessage,
            {"type": "Interrupt", "playback_offset": {"type": "time_ms", "value": 5}},
            flux_speak_messages.Interrupt(
                playback_offset=flux_speak_messages.PlaybackOffset(value=5)
            ),
        ),
    ],
)
def test_messages_of_a_client_are_read_by_their_type(kinds: Any, given: dict, message: Any):
    assert read_message(kinds, given) == message


def test_a_tagged_member_of_another_kind_is_wrong():
    given = {"type": "Interrupt", "playback_offset": {"type": "bytes", "value": 5}}
    with pytest.raises(Invalid, match="playback_offset: type is not time_ms"):
        read_message(flux_speak_messages.ClientMessage, given)
