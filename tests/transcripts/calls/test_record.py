"""The record of the messages of a call."""

import json

from transcripts.calls.record import DOWN, UP, Record


def record() -> tuple[Record, list[dict]]:
    told: list[dict] = []
    return Record(lambda entry: told.append(json.loads(json.dumps(entry.shown())))), told


def test_every_message_has_its_place_time_and_direction():
    made, told = record()
    made.note(DOWN, '{"type": "Welcome", "request_id": "r-1"}', 0.12345)
    made.note(UP, '{"type": "KeepAlive"}', 1.0)
    assert told == [
        {
            "sequence": 1,
            "at": 0.123,
            "direction": "down",
            "kind": "Welcome",
            "body": {"request_id": "r-1"},
        },
        {"sequence": 2, "at": 1.0, "direction": "up", "kind": "KeepAlive", "body": {}},
    ]


def test_secrets_are_removed_and_their_names_stay():
    made, _ = record()
    think = {
        "endpoint": {"url": "https://a.test/v1?key=hush", "headers": {"Authorization": "hush"}},
        "provider": {"type": "aws_bedrock", "credentials": {"secret_access_key": "hush"}},
    }
    settings = {"type": "Settings", "agent": {"think": [think]}, "api_key": "hush"}
    body = made.note(UP, json.dumps(settings), 0.0).body
    assert "hush" not in json.dumps(body)
    kept = body["agent"]["think"][0]
    assert kept["endpoint"]["headers"] == {"Authorization": "removed"}
    assert kept["endpoint"]["url"] == "https://a.test/v1?removed"
    assert kept["provider"]["type"] == "aws_bedrock"


def test_a_message_that_is_too_long_is_cut():
    made, _ = record()
    entry = made.note(DOWN, json.dumps({"type": "AgentThinking", "content": "x" * 40_000}), 0.0)
    assert entry.kind == "AgentThinking"
    assert len(entry.body["beginning"]) == 1_000
    assert entry.body["cut"] > 40_000


def test_frames_of_audio_are_counted_in_stretches():
    made, told = record()
    made.hear(b"1234", 1.0, (1.0, 1.5))
    made.hear(b"12", 1.1, (1.5, 2.0))
    assert made.complete() == []
    made.end_audio()
    made.hear(b"12", 5.0, (5.0, 5.5))
    (entry,) = made.complete()
    assert entry.body == {"frames": 2, "bytes": 6, "start": 1.0, "end": 2.0, "seconds": 1.0}
    assert [each["sequence"] for each in told] == [1, 1, 2]
    assert (made.down.frames, made.down.size_bytes) == (3, 8)


def test_an_interruption_cuts_what_was_sent_and_not_played():
    made, told = record()
    made.hear(b"12", 1.0, (1.0, 2.0))
    made.end_audio()
    made.hear(b"12", 1.1, (2.0, 4.0))
    made.stored(made.complete())
    made.cut_audio(1.5)
    ends = {each.sequence: each.body["end"] for each in made.complete()}
    assert ends == {1: 1.5, 2: 2.0}
    assert told[-1]["body"]["seconds"] == 2.0


def test_what_is_stored_does_not_wait():
    made, _ = record()
    made.note(DOWN, '{"type": "Welcome"}', 0.0)
    entries = made.complete()
    made.note(DOWN, '{"type": "SettingsApplied"}', 0.0)
    made.stored(entries)
    assert [each.kind for each in made.complete()] == ["SettingsApplied"]


def test_a_stretch_that_is_cut_while_it_is_written_is_written_again():
    made, _ = record()
    made.hear(b"12", 1.0, (1.0, 3.0))
    made.end_audio()
    (writing,) = made.complete()
    made.cut_audio(1.5)
    made.stored([writing])
    assert writing.body["end"] == 3.0
    (changed,) = made.complete()
    assert changed.body["end"] == 1.5
    made.stored([changed])
    assert made.complete() == []


def test_a_pause_in_the_sound_begins_a_new_stretch():
    # Each sentence of a busy server comes after the one before it was played.
    made, _ = record()
    made.hear(b"12", 1.0, (1.0, 2.0))
    made.hear(b"12", 4.0, (4.0, 5.0))
    made.hear(b"12", 4.1, (5.0, 6.0))
    made.cut_audio(4.5)
    stretches = [each.body for each in made.complete()]
    assert [(one["start"], one["end"], one["seconds"]) for one in stretches] == [
        (1.0, 2.0, 1.0),
        (4.0, 4.5, 2.0),
    ]
