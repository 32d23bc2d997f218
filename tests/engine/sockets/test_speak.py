"""``WS /v1/speak`` and ``/v2/speak`` of a running engine, frame by frame."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from socket import SHUT_RDWR
from typing import Any

import numpy as np
import pytest

from tests.engine.engine import Engine
from tests.engine.sockets.conftest import STREAMS, Message, Open, Stream

AURA = {"path": "/v1/speak", "model": "aura-2-arcas-en"}  # piper, the fastest
FLUX = {"path": "/v2/speak", "model": "flux-jack-en"}  # the same voice
FOX = "The quick brown fox jumps over the lazy dog."
LONG = " ".join([FOX] * 20)  # about a minute


def kinds(stream: Stream) -> list[str]:
    """Return the kinds of messages, each run of audio as one."""
    told = [message["type"] for message in stream.told]
    return [kind for at, kind in enumerate(told) if kind != "sound" or told[at - 1] != "sound"]


def seconds(stream: Stream, rate: int = 16_000, width: int = 2) -> float:
    return len(stream.sound) / rate / width


def close(stream: Stream) -> list[Message]:
    stream.say("Close")
    return stream.read_all()


def test_a_text_is_spoken_and_flushed(open_stream: Open):
    with open_stream(**AURA) as stream:
        request_id = stream.socket.response.headers["dg-request-id"]
        stream.say("Speak", text=FOX)
        stream.say("Flush")
        flushed = stream.read_to("Flushed")
        close(stream)
    assert kinds(stream) == ["Metadata", "sound", "Flushed"]
    assert flushed["sequence_id"] == 0
    assert stream.told[0]["request_id"] == request_id
    assert stream.told[0]["model_name"] == "aura-2-arcas-en"
    assert 2 < seconds(stream) < 5
    assert np.abs(np.frombuffer(stream.sound, "<i2")).max() > 3_000
    assert stream.code == 1000


@pytest.mark.parametrize("options", [AURA, FLUX], ids=["v1", "v2"])
def test_what_the_voice_cannot_say_is_a_warning(open_stream: Open, options: dict[str, str]):
    with open_stream(**options) as stream:
        stream.say("Speak", text="Good morning мир.")
        stream.say("Flush")
        first = stream.read_to("Warning")
        stream.say("Speak", text="\U0001f600")
        stream.say("Flush")
        stream.read_until(lambda message: message.get("code") == "NO_AUDIO_GENERATED")
        stream.say("Speak", text=FOX)
        close(stream)
    assert first["code"] == "TEXT_LEFT_OUT"
    assert "мир" in first["description"]
    assert "sound" in kinds(stream)[kinds(stream).index("Warning") :]
    assert stream.told[-1]["type"] in ("sound", "SessionMetadata")
    assert stream.code == 1000


def test_speech_begins_with_the_first_clause(open_stream: Open):
    with open_stream(**AURA) as stream:
        for piece in ("Good mor", "ning", ",", " I h", "ave"):
            stream.say("Speak", text=piece)
        stream.read_to("sound")  # before anything was flushed
        stream.say("Speak", text=" a table and a chair.")
        close(stream)
    assert kinds(stream) == ["Metadata", "sound"]
    assert 1.5 < seconds(stream) < 5
    assert stream.code == 1000


@pytest.mark.parametrize(
    ("encoding", "rate", "width"),
    [("linear16", 8_000, 2), ("linear16", 48_000, 2), ("mulaw", 8_000, 1), ("alaw", 16_000, 1)],
)
def test_sound_comes_raw_in_any_encoding_and_rate(
    open_stream: Open, encoding: str, rate: int, width: int
):
    with open_stream(**AURA, encoding=encoding, sample_rate=rate) as stream:
        stream.say("Speak", text=FOX)
        close(stream)
    assert 2 < seconds(stream, rate, width) < 5
    assert not stream.sound.startswith(b"RIFF")


def test_the_defaults_are_samples_at_24_000_hz(open_stream: Open):
    bare = {"encoding": None, "sample_rate": None, "container": "none"}
    with open_stream(**AURA, **bare) as stream:
        stream.say("Speak", text=FOX)
        close(stream)
    assert 2 < seconds(stream, 24_000) < 5


def test_frames_are_small_enough_for_any_client(open_stream: Open):
    with open_stream(**AURA, sample_rate=48_000) as stream:
        stream.say("Speak", text=FOX)
        close(stream)
    assert max(len(message["data"]) for message in stream.of("sound")) <= 16_384


def test_clear_stops_the_sound_at_once(open_stream: Open):
    with open_stream(**AURA) as stream:
        stream.say("Speak", text=LONG)
        stream.say("Flush")
        stream.read_to("sound")
        stream.say("Clear")
        cleared = stream.read_to("Cleared")
        begun = seconds(stream)
        stream.say("Speak", text=FOX)
        stream.say("Flush")
        flushed = stream.read_to("Flushed")
        close(stream)
    assert (cleared["sequence_id"], flushed["sequence_id"]) == (0, 1)
    assert begun < 30
    assert 2 < seconds(stream) - begun < 5


def test_many_flushes_are_ignored_with_a_warning(open_stream: Open):
    with open_stream(**AURA) as stream:
        for _ in range(22):
            stream.say("Flush")
        close(stream)
    assert [message["sequence_id"] for message in stream.of("Flushed")] == list(range(20))
    assert [message["code"] for message in stream.of("Warning")] == ["EXCESSIVE_FLUSH"] * 2


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("hello", 1003, "MESSAGE-0000"),
        ("[1]", 1003, "MESSAGE-0000"),
        (b"\x00" * 100, 1003, "MESSAGE-0000"),
        ('{"type": "Sing"}', 1008, "DATA-0000"),
        ('{"type": "Speak", "text": ""}', 1008, "DATA-0000"),
        (json.dumps({"type": "Speak", "text": "a" * 2001}), 1009, "BIG-000"),
    ],
    ids=["text", "list", "bytes", "unknown", "empty", "long"],
)
@pytest.mark.parametrize("socket", [AURA, FLUX], ids=["v1", "v2"])
def test_a_wrong_frame_closes_with_its_code(
    open_stream: Open, socket: dict, frame: Any, code: int, reason: str
):
    with open_stream(**socket) as stream:
        stream.socket.send(frame)
        stream.read_all()
    assert stream.code == code
    assert stream.reason.startswith(reason)
    assert ("Error" in kinds(stream)) == (socket is FLUX)


def test_a_frame_of_more_than_two_megabytes_is_too_big(open_stream: Open):
    with open_stream(**AURA) as stream:
        # Its head alone: unread data after it could reset the connection too early.
        stream.socket.socket.sendall(
            bytes([0x81, 0xFF]) + ((2 << 20) + 1).to_bytes(8, "big") + bytes(4)
        )
        stream.read_all()
    assert stream.code == 1009


def test_odd_text_is_spoken_or_left_out(open_stream: Open):
    with open_stream(**AURA) as stream:
        for odd in ("\x7f", "🙂", "<b>&amp;</b>", "…", "漢字"):
            stream.socket.send(json.dumps({"type": "Speak", "text": odd}))
            stream.say("Flush")
            stream.read_to("Flushed")
        close(stream)
    assert stream.code == 1000


@pytest.mark.parametrize("text", ["\ud800", "\x00"])
def test_text_that_is_no_unicode_is_no_message(open_stream: Open, text: str):
    with open_stream(**AURA) as stream:
        stream.socket.send(json.dumps({"type": "Speak", "text": text}))
        stream.read_all()
    assert stream.code == 1003


def test_a_client_that_does_not_read_holds_up_nobody(open_stream: Open):
    with open_stream(**AURA, sample_rate=48_000) as deaf:
        deaf.say("Speak", text=LONG)
        deaf.say("Close")
        with open_stream(**AURA) as other:
            other.say("Speak", text=FOX)
            close(other)
        assert other.code == 1000
        # What it did not read was kept for it.
        deaf.read_all()
    assert seconds(deaf, 48_000) > 40
    assert deaf.code == 1000


def test_a_client_that_disappears_is_counted_and_gone(open_stream: Open, engine: Engine):
    with open_stream(**AURA, tag="vanished") as stream:
        stream.say("Speak", text=LONG)
        stream.read_to("sound")
        stream.socket.socket.shutdown(SHUT_RDWR)
    with engine.http() as http:
        deadline = time.monotonic() + 20
        while not (rows := usage(http, "vanished")) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert rows[0]["tts_characters"] == len(LONG)


def test_the_next_socket_beyond_the_limit_is_rejected(open_stream: Open, rejected):
    with ExitStack() as sockets:
        for _ in range(STREAMS):
            sockets.enter_context(open_stream(**AURA))
        response = rejected(**AURA).response
    assert response.status_code == 429
    assert response.headers["dg-error"] == "Please try again later."


def usage(http: Any, tag: str) -> list[dict]:
    project = http.get("/v1/projects").json()["projects"][0]["project_id"]
    response = http.get(f"/v1/projects/{project}/usage/breakdown", params={"tag": tag})
    return [row for row in response.json()["results"] if row["requests"]]


def test_a_turn_is_told_from_start_to_metadata(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.say("Speak", text=FOX)
        stream.say("Flush")
        metadata = stream.read_to("SpeechMetadata")
        close(stream)
    assert kinds(stream)[:2] == ["Connected", "SpeechStarted"]
    assert kinds(stream)[-3:] == ["sound", "SpeechMetadata", "SessionMetadata"]
    assert metadata["speech_id"] == stream.told[1]["speech_id"]
    assert metadata["speech_id"].startswith("dg_sp_")
    assert metadata["audio_duration_ms"] == pytest.approx(1000 * seconds(stream), abs=20)
    total = stream.told[-1]["total_audio_duration_ms"]
    assert total == metadata["audio_duration_ms"]
    assert stream.code == 1000


def test_an_interrupted_turn_is_silent_and_the_next_one_speaks(open_stream: Open):
    with open_stream(**FLUX) as stream:
        stream.say("Speak", text=LONG)
        stream.read_to("sound")
        stream.say("Interrupt", playback_offset={"type": "time_ms", "value": 900})
        interrupted = stream.read_to("SpeechInterrupted")
        begun = seconds(stream)
        stream.say("Speak", text=FOX)
        close(stream)
    assert interrupted["audio_played_ms"] == 900
    assert interrupted["text_spoken"] + interrupted["text_remaining"] == LONG
    assert LONG.startswith(interrupted["text_spoken"])
    assert 2 < seconds(stream) - begun < 5
    assert kinds(stream)[-4:] == ["SpeechStarted", "sound", "SpeechMetadata", "SessionMetadata"]


def test_speed_can_be_changed_between_turns(open_stream: Open):
    with open_stream(**FLUX) as stream:
        lengths = []
        for speed in (1.5, 0.5):
            stream.say("Configure", speed=speed)
            assert stream.read_to("ConfigureSuccess")["applied"] == {"speed": speed}
            stream.say("Speak", text=FOX)
            stream.say("Flush")
            lengths.append(stream.read_to("SpeechMetadata")["audio_duration_ms"])
        stream.say("Configure", speed=9)
        assert stream.read_to("ConfigureFailure")["code"] == "SPEED_OUT_OF_RANGE"
        close(stream)
    assert 2 < lengths[1] / lengths[0] < 4


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (AURA | {"model": "aura-9-nobody"}, "model"),
        (AURA | {"model": "flux-jack-en"}, "model"),
        (AURA | {"model": "aura-2-viktoria-de"}, "model"),
        (AURA | {"encoding": "mp3"}, "encoding"),
        (AURA | {"container": "wav"}, "container"),
        (AURA | {"sample_rate": 22_050}, "sample_rate"),
        (AURA | {"encoding": "mulaw", "sample_rate": 48_000}, "sample_rate"),
        (AURA | {"speed": 3}, "speed"),
        (FLUX | {"model": None}, "model"),
        (FLUX | {"model": "aura-2-thalia-en"}, "model"),
        (FLUX | {"container": "none"}, "container"),
        (FLUX | {"bit_rate": 48_000}, "bit_rate"),
        (FLUX | {"callback": "https://example.org"}, "callback"),
        (FLUX | {"speed": 1.02}, "speed"),
        (FLUX | {"expressivity": 3}, "expressivity"),
        (FLUX | {"expressivity": 0.5}, "expressivity"),
    ],
)
def test_a_bad_parameter_rejects_the_handshake_and_is_named(rejected, query: dict, named: str):
    response = rejected(**query).response
    assert response.status_code == 400
    assert named in response.headers["dg-error"].lower()
    assert json.loads(response.body)["request_id"] == response.headers["dg-request-id"]
