"""``WS /v2/listen`` of a running engine, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.sockets.conftest import Open, Stream
from tests.engine.speech.audio.test_packets import opus_packets
from tests.speech import Samples, join, pcm_bytes, say

FLUX = {"path": "/v2/listen", "model": "flux-general-en"}
# Events of a turn, but for the updates.
TURN = ["StartOfTurn", "EndOfTurn"]


def turns(stream: Stream) -> list[dict]:
    return [turn for turn in stream.of("TurnInfo") if turn["event"] != "Update"]


def test_a_turn_is_told_from_start_to_end(open_stream: Open):
    talk = join(0.5, say("The quick brown fox jumps over the lazy dog."), 3.0)
    with open_stream(**FLUX) as stream:
        stream.send(talk, chunk_ms=80)
        stream.close_stream()
    assert stream.told[0]["type"] == "Connected"
    assert [turn["event"] for turn in turns(stream)] == TURN
    end = turns(stream)[-1]
    assert "quick brown fox" in end["transcript"].lower()
    assert end["trigger"] == "model"
    assert end["turn_index"] == 0
    assert [word["word"] for word in end["words"]] == end["transcript"].split()
    assert stream.code == 1000


def test_messages_are_numbered_from_zero_without_gaps(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.say("Configure", keyterms=["Earshot"])
        stream.send(join(0.5, say("The quick brown fox."), 2.0))
        stream.close_stream()
    assert [message["sequence_id"] for message in stream.told] == list(range(len(stream.told)))


def test_updates_come_in_silence_too(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.send(np.zeros(32_000, np.float32))
        stream.close_stream()
    updates = stream.of("TurnInfo")
    assert 6 <= len(updates) <= 9
    assert {(update["event"], update["transcript"]) for update in updates} == {("Update", "")}


def test_each_turn_has_words_of_its_own(open_stream: Open):
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    with open_stream(**FLUX) as stream:
        stream.send(join(0.3, fox, 3.0, shells, 3.0))
        stream.close_stream()
    ends = [turn for turn in turns(stream) if turn["event"] == "EndOfTurn"]
    assert [end["turn_index"] for end in ends] == [0, 1]
    assert "shells" not in ends[0]["transcript"].lower()
    assert "fox" not in ends[1]["transcript"].lower()


def test_an_eager_end_says_what_the_end_says(open_stream: Open):
    talk = join(0.5, say("The quick brown fox jumps over the lazy dog."), 4.0)
    with open_stream(**FLUX, eot_threshold=0.9, eager_eot_threshold=0.3) as stream:
        stream.send(talk)
        stream.close_stream()
    events = [turn["event"] for turn in turns(stream)]
    assert events == ["StartOfTurn", "EagerEndOfTurn", "EndOfTurn"]
    assert turns(stream)[1]["transcript"] == turns(stream)[2]["transcript"]


def test_a_turn_can_be_ended_by_hand(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.send(say("The quick brown fox jumps over the lazy dog."))
        stream.say("ForceEndTurn")
        end = stream.read_until(lambda message: message.get("event") == "EndOfTurn")
        stream.close_stream()
    assert end["trigger"] == "manual"
    assert end["transcript"]


def test_ending_no_turn_is_a_warning(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.say("ForceEndTurn")
        warning = stream.read_until(lambda message: message["type"] == "Warning")
        stream.close_stream()
    assert warning["code"] == "FORCE_END_TURN_NO_ACTIVE_TURN"


def test_the_end_of_the_stream_tells_the_last_words_and_ends_no_turn(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.send(say("The quick brown fox jumps over the lazy dog."))
        stream.close_stream()
    assert [turn["event"] for turn in turns(stream)] == ["StartOfTurn"]
    last = stream.told[-1]
    assert last["event"] == "Update"
    assert "lazy dog" in last["transcript"].lower()
    assert stream.code == 1000


def test_an_end_by_hand_comes_before_the_end_of_the_stream(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.send(say("The quick brown fox jumps over the lazy dog."))
        stream.say("ForceEndTurn")
        stream.close_stream()
    assert [(turn["event"], turn.get("trigger")) for turn in turns(stream)] == [
        ("StartOfTurn", None),
        ("EndOfTurn", "manual"),
    ]


def test_an_end_by_hand_has_the_words_before_it_and_the_next_turn_the_rest(open_stream: Open):
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    with open_stream(**FLUX) as stream:
        stream.send(join(0.3, fox))
        stream.say("ForceEndTurn")
        stream.send(join(shells, 3.0))
        stream.close_stream()
    first, second = [turn for turn in turns(stream) if turn["event"] == "EndOfTurn"]
    assert (first["trigger"], second["trigger"]) == ("manual", "model")
    assert "fox" in first["transcript"].lower()
    assert "shells" not in first["transcript"].lower()
    assert "shells" in second["transcript"].lower()
    assert first["audio_window_end"] == pytest.approx(0.3 + len(fox) / 16_000, abs=0.001)


def test_bare_packets_of_opus_are_cut_at_an_end_by_hand(open_stream: Open):
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    with open_stream(**FLUX, encoding="opus", sample_rate=48_000) as stream:
        for packet in opus_packets(join(0.3, fox)):
            stream.socket.send(packet)
        stream.say("ForceEndTurn")
        for packet in opus_packets(join(shells, 3.0)):
            stream.socket.send(packet)
        stream.close_stream()
    first, second = [turn for turn in turns(stream) if turn["event"] == "EndOfTurn"]
    assert "fox" in first["transcript"].lower()
    assert "shells" not in first["transcript"].lower()
    assert "shells" in second["transcript"].lower()


def test_a_new_configuration_leaves_the_words_before_it_alone(open_stream: Open):
    number, fox = say("I have twenty five dogs."), say("I see thirty six foxes.")
    with open_stream(**FLUX) as stream:
        stream.send(join(0.3, number, 2.0))
        stream.say("Configure", numerals=True)
        stream.send(join(fox, 3.0))
        stream.close_stream()
    before, after = [turn for turn in turns(stream) if turn["event"] == "EndOfTurn"]
    assert "36" in after["transcript"]
    place = stream.told.index(stream.of("ConfigureSuccess")[0])
    assert stream.told.index(before) < place < stream.told.index(after)


def test_thresholds_may_be_numbers_or_strings(open_stream: Open):
    with open_stream(**FLUX, eot_threshold=0.8) as stream:
        stream.say("Configure", thresholds={"eager_eot_threshold": "0.5", "eot_timeout_ms": 3000})
        response = stream.read_until(lambda message: message["type"].startswith("Configure"))
        stream.close_stream()
    assert response["type"] == "ConfigureSuccess"
    assert response["thresholds"] == {
        "eot_threshold": 0.8,
        "eager_eot_threshold": 0.5,
        "eot_timeout_ms": 3000,
    }


def test_keyterms_are_replaced_kept_or_cleared(open_stream: Open):
    with open_stream(**FLUX, keyterm=["Earshot"]) as stream:
        responses = []
        changes: list[dict[str, list[str] | None]] = [{}]
        changes += [{"keyterms": terms} for terms in (["fox"], None, [])]
        for fields in changes:
            stream.say("Configure", **fields)
            found = stream.read_until(lambda message: message["type"] == "ConfigureSuccess")
            responses.append(found["keyterms"])
        stream.close_stream()
    assert responses == [["Earshot"], ["fox"], ["fox"], []]


@pytest.mark.parametrize(
    "fields",
    [
        {"thresholds": {"eot_threshold": 0.2}},
        {"thresholds": {"eot_threshold": "high"}},
        {"thresholds": {"eager_eot_threshold": 0.9, "eot_threshold": 0.6}},
        {"thresholds": {"eager_eot_threshold": 0.95, "eot_threshold": 1.0}},
        {"thresholds": {"eot_timeout_ms": True}},
        {"keyterms": ["fox", ""]},
        {"language_hints": ["es"]},
        {"thresholds": []},
        {"keyterms": "fox"},
        {"keyterms": ["fox"] * 101},
        {"numerals": "yes"},
    ],
)
def test_a_failed_configure_changes_nothing(open_stream: Open, fields: dict):
    with open_stream(**FLUX, keyterm=["Earshot"]) as stream:
        stream.say("Configure", **fields)
        failure = stream.read_until(lambda message: message["type"].startswith("Configure"))
        stream.say("Configure")
        after = stream.read_until(lambda message: message["type"] == "ConfigureSuccess")
        stream.close_stream()
    assert failure["type"] == "ConfigureFailure"
    assert failure["code"].startswith("INVALID_")
    assert after["thresholds"]["eot_threshold"] == 0.7
    assert after["keyterms"] == ["Earshot"]


def test_unknown_messages_are_ignored(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.say("KeepAlive")
        stream.say("Finalize")
        stream.close_stream()
    assert [message["type"] for message in stream.told] == ["Connected"]
    assert stream.code == 1000


def test_text_that_is_no_message_is_a_fatal_error(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.socket.send("hello")
        stream.read_all()
    assert stream.told[-1]["type"] == "Error"
    assert stream.code == 1008


def test_garbage_is_a_fatal_error(open_stream: Open):
    with open_stream(**FLUX, encoding=None, sample_rate=None) as stream:
        stream.send_bytes(np.random.default_rng(7).bytes(1_600_000))
        stream.read_all()
    assert stream.told[-1]["type"] == "Error"
    assert stream.code == 1008


def test_numbers_are_redacted_in_updates_too(open_stream: Open):
    card: Samples = join(0.3, say("My number is five five five, one two three four."), 2.0)
    with open_stream(**FLUX, redact="numbers") as stream:
        stream.send_bytes(pcm_bytes(card))
        stream.close_stream()
    said = " ".join(turn["transcript"].lower() for turn in stream.of("TurnInfo"))
    assert "my number is" in said
    assert not any(value in said for value in ("five", "555", "1234", "three four"))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"model": None}, "model"),
        ({"model": "flux"}, "model"),
        ({"language": "en"}, "language"),
        ({"smart_format": "true"}, "smart_format"),
        ({"eot_threshold": 0.2}, "eot_threshold"),
        ({"eager_eot_threshold": 0.9}, "eager_eot_threshold"),
        ({"eot_timeout_ms": 100}, "eot_timeout_ms"),
        ({"language_hint": "es"}, "language_hint"),
        ({"model": "flux-general-multi", "language_hint": "xx"}, "language_hint"),
        ({"model": "flux-general-multi", "language_hint": ""}, "language_hint"),
        ({"eot_threshold": 1, "eager_eot_threshold": 0.95}, "eager_eot_threshold"),
        ({"redact": "pci"}, "redact"),
        ({"sample_rate": None}, "sample_rate"),
        ({"keyterm": ["term"] * 101}, "key"),
    ],
)
def test_a_bad_parameter_rejects_the_handshake_and_is_named(rejected, query, named):
    response = rejected(**(FLUX | query)).response
    assert response.status_code == 400
    assert named in response.headers["dg-error"].lower()
