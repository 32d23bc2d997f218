"""Properties of both speak sessions that hold for any messages and any pace of the voice."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import to_builtins

from engine.sessions.live_flux_speak import FluxSession, speed_problem, word_end
from engine.sessions.live_speak import MINUTE, Allowance, AuraSession
from engine.sessions.speak_steps import (
    Close,
    Identity,
    Say,
    Stop,
    Tell,
    plain_text,
    script_of,
    settled,
    whole_words,
)

WHO = Identity("r-1", "aura-2-thalia-en", "2026", "u-1")
PIECES = some.sampled_from(
    ["Good morning. ", "Hello, ", "how are you? ", "Dr. ", "one two", " three.", "\n", "", " ",
     "<speak>", "</speak>", "<break", " time='1s'/>", "\\{pause:500ms\\}", "\\{", "你好", "1.5 m. "]
)  # fmt: skip
MESSAGES = some.one_of(
    some.builds(lambda text: {"type": "Speak", "text": text}, PIECES),
    some.sampled_from([{"type": kind} for kind in ("Flush", "Clear", "Interrupt", "Close")]),
    some.builds(
        lambda offset: {
            "type": "Interrupt",
            "playback_offset": {"type": "time_ms", "value": offset},
        },
        some.integers(-5, 20_000),
    ),
    some.builds(
        lambda speed: {"type": "Configure", "speed": speed}, some.sampled_from([0.5, 1, 9])
    ),
    some.sampled_from([{"type": "Sing"}, {"type": "Speak"}, {}, {"type": 5}]),
)
# What comes next: a message, or the voice that has made what it was given.
EVENTS = some.lists(some.one_of(MESSAGES, some.floats(0, 3)), max_size=30)


def sessions() -> list[Any]:
    return [AuraSession(WHO), FluxSession(WHO, map(str, itertools.count()))]


def played(session: Any, events: list[Any]) -> list[Any]:
    """All steps of a session, with the voice at work on one ``Say`` at a time."""
    steps: list[Any] = list(session.start())
    is_speaking = False
    for event in events:
        if isinstance(event, float):
            if not is_speaking:
                continue
            is_speaking = False
            session.sent(event)
            made = session.made()
        else:
            made = session.read(event, 0.0)
        for step in made:
            if isinstance(step, Say):
                assert not is_speaking, "two texts are spoken at once"
                is_speaking = True
            elif isinstance(step, Stop):
                assert is_speaking, "nothing is spoken that could be stopped"
                is_speaking = False
        steps += made
    return steps


def told(steps: list[Any], kind: str) -> list[dict[str, Any]]:
    messages = [to_builtins(step.message) for step in steps if isinstance(step, Tell)]
    return [message for message in messages if message["type"] == kind]


@given(EVENTS)
def test_texts_are_spoken_one_at_a_time_and_nothing_follows_the_close(events: list[Any]):
    for session in sessions():
        steps = played(session, events)
        closes = [place for place, step in enumerate(steps) if isinstance(step, Close)]
        assert len(closes) <= 1
        if closes:
            assert closes[0] == len(steps) - 1
            assert session.read({"type": "Speak", "text": "More."}, 0.0) == []
            assert session.fail() == session.expire() == session.fall_silent() == []


@given(EVENTS)
def test_every_json_message_of_a_session_has_a_type_and_a_close_a_code(events: list[Any]):
    for session in sessions():
        for step in played(session, events):
            if isinstance(step, Tell):
                assert to_builtins(step.message)["type"]
            elif isinstance(step, Close):
                assert step.code in (1000, 1003, 1008, 1009, 1011)
                assert len(step.reason.encode()) <= 123


@given(EVENTS)
def test_responses_of_version_1_are_numbered_without_a_gap(events: list[Any]):
    steps = played(AuraSession(WHO), events)
    messages = [to_builtins(step.message) for step in steps if isinstance(step, Tell)]
    numbers = [one["sequence_id"] for one in messages if one["type"] in ("Flushed", "Cleared")]
    assert numbers == list(range(len(numbers)))


@given(EVENTS)
def test_a_turn_starts_before_it_is_flushed_and_ends_once(events: list[Any]):
    steps = played(FluxSession(WHO, map(str, itertools.count())), events)
    seen: list[tuple[str, str]] = []
    for step in steps:
        message = to_builtins(step.message) if isinstance(step, Tell) else {}
        if "speech_id" in message:
            seen.append((message["type"], message["speech_id"]))
    assert len(seen) == len(set(seen))
    for kind, turn in seen:
        if kind != "SpeechStarted":
            assert seen.index(("SpeechStarted", turn)) < seen.index((kind, turn))
        ended = {("SpeechMetadata", turn), ("SpeechInterrupted", turn)} & set(seen)
        assert len(ended) <= 1


@given(EVENTS)
def test_an_interrupted_turn_says_its_whole_text(events: list[Any]):
    session = FluxSession(WHO, map(str, itertools.count()))
    for message in told(played(session, events), "SpeechInterrupted"):
        text = message["text_spoken"] + message["text_remaining"]
        assert len(text) <= session.characters
        assert 0 <= message["audio_played_ms"] <= message["metadata"]["audio_duration_ms"]


@given(EVENTS)
def test_the_summary_of_a_session_counts_all_that_was_sent(events: list[Any]):
    session = FluxSession(WHO, map(str, itertools.count()))
    for message in told(played(session, events), "SessionMetadata"):
        assert message["total_input_character_count"] == session.characters
        billable = message["total_billable_character_count"]
        assert 0 <= billable <= message["total_input_character_count"]


@given(some.lists(PIECES, max_size=12))
def test_no_character_of_a_text_is_lost_or_said_twice(pieces: list[str]):
    # Markup is no text, and an empty text ends a session (docs/contract.md, choice 8).
    plain = [piece for piece in pieces if piece and not set("<\\") & set(piece)]
    session = AuraSession(WHO)
    events = [{"type": "Speak", "text": piece} for piece in plain]
    steps: list[Any] = []
    for event in [*events, {"type": "Flush"}]:
        made = session.read(event, 0.0)
        while made:
            steps += made
            made = session.made() if any(isinstance(step, Say) for step in made) else []
    said = "".join(plain_text(step.script) for step in steps if isinstance(step, Say))
    assert "".join(said.split()) == "".join("".join(plain).split())


@given(some.lists(some.tuples(some.floats(0, 30), some.integers(0, 60)), max_size=40))
def test_an_allowance_is_never_passed_within_a_minute(events: list[tuple[float, int]]):
    allowance, now = Allowance(100), 0.0
    taken: list[tuple[float, int]] = []
    for pause, count in events:
        now += pause
        before = sum(size for at, size in taken if now - at < MINUTE)
        assert allowance.take(count, now) is (before + count <= 100)
        if before + count <= 100:
            taken.append((now, count))


@pytest.mark.parametrize(
    ("text", "soon", "taken"),
    [
        ("Hello there. How", False, "Hello there."),
        ("Hello there", False, ""),
        ("Hello there, my", False, ""),
        ("Hello there, my", True, "Hello there,"),
        ("One. Two. Thr", True, "One. Two."),
        ("A <b. c", False, "A <b."),
        ("A <break time='1. c", False, "A"),
        ("Say \\{pause:1. x", False, "Say"),
        ("", True, ""),
    ],
)
def test_whole_sentences_are_taken_and_the_first_clause_soon(text: str, soon: bool, taken: str):
    assert text[: settled(text, soon=soon)].strip() == taken


@pytest.mark.parametrize(
    ("text", "kept"),
    [("one tw", "one "), ("one two ", "one two "), ("on", ""), ("", ""), ("one \\{a b", "one ")],
)
def test_a_word_that_may_grow_is_not_taken(text: str, kept: str):
    assert text[: whole_words(text)] == kept


@pytest.mark.parametrize(
    ("text", "has_markup", "parts", "has_ssml"),
    [
        ("Hello.", True, "Hello.", False),
        ("<speak>Hello.</speak>", True, "Hello.", True),
        ("<speak>Hello.</speak>", False, "<speak>Hello.</speak>", False),
        ("2 < 3 and 5 > 4.", True, "2 < 3 and 5 > 4.", False),
    ],
)
def test_tags_are_removed_where_a_voice_knows_markup(
    text: str, has_markup: bool, parts: str, has_ssml: bool
):
    script, found = script_of(text, has_markup, 1.0)
    assert (plain_text(script), found) == (parts, has_ssml)
    assert script.characters == len(text)


@pytest.mark.parametrize(
    ("share", "heard"),
    [
        (0.0, ""),
        (0.01, ""),
        (0.2, "One"),
        (0.5, "One two"),
        (0.9, "One two three"),
        (7.0, "One two three"),
    ],
)
def test_what_was_heard_ends_with_a_word(share: float, heard: str):
    text = "One two three"
    assert text[: word_end(text, share)] == heard


@pytest.mark.parametrize("speed", [0.5, 0.55, 1, 1.0, 1.05, 1.45, 1.5])
def test_a_speed_is_a_multiple_of_a_twentieth(speed: float):
    assert speed_problem(speed) is None


@pytest.mark.parametrize(
    ("speed", "code"),
    [
        (0.49, "SPEED_OUT_OF_RANGE"),
        (1.51, "SPEED_OUT_OF_RANGE"),
        (float("nan"), "SPEED_OUT_OF_RANGE"),
        (float("inf"), "SPEED_OUT_OF_RANGE"),
        (1.01, "SPEED_INCREMENT_INVALID"),
        (0.999, "SPEED_INCREMENT_INVALID"),
    ],
)
def test_any_other_speed_has_a_code_and_a_sentence(speed: float, code: str):
    problem = speed_problem(speed)
    assert problem is not None
    assert problem[0] == code
    assert f"{speed:g}" in problem[1]
