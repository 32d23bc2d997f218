"""``WS /v1/listen`` of a running engine, frame by frame."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from itertools import pairwise
from socket import SHUT_RDWR

import numpy as np
import pytest
import soxr
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from engine.speech.audio.encode import encode, read_format
from tests.contract.messages import misfits
from tests.engine.engine import Engine
from tests.engine.site import Site
from tests.engine.sockets.conftest import STREAMS, Open
from tests.engine.speech.audio.test_packets import opus_packets, speex_packets
from tests.media import Sound, written
from tests.speech import Samples, join, pcm_bytes, say, wav_bytes

FOX = "quick brown fox jumps over the lazy dog"
ASK = "Ask not what your country can do for you"
# A stream that ten seconds of silence do not end, unlike one of /v1/listen.
FLUX = {"path": "/v2/listen", "model": "flux-general-en"}


def test_a_stream_ends_with_metadata_and_1000(open_stream: Open, speech: Samples):
    with open_stream(model="nova-3") as stream:
        stream.send(speech)
        stream.close_stream()
    assert FOX in stream.transcript.lower()
    assert stream.code == 1000
    metadata = stream.told[-1]
    assert metadata["type"] == "Metadata"
    assert metadata["duration"] == pytest.approx(len(speech) / 16_000, abs=0.01)
    assert (metadata["sha256"], metadata["transaction_key"]) == ("incomplete", "deprecated")
    assert set(metadata["model_info"]) == set(metadata["models"])


def test_results_have_every_field_of_the_contract(open_stream: Open, speech: Samples):
    with open_stream(model="nova-3", punctuate="true") as stream:
        request_id = stream.socket.response.headers["dg-request-id"]
        stream.send(speech)
        stream.close_stream()
    final = next(result for result in stream.finals if result["speech_final"])
    assert set(final) == {
        *("type", "channel_index", "duration", "start", "is_final", "speech_final"),
        *("channel", "metadata", "from_finalize"),
    }
    assert final["channel_index"] == [0, 1]
    assert final["metadata"]["request_id"] == request_id
    assert set(final["metadata"]["model_info"]) == {"name", "version", "arch"}
    word = final["channel"]["alternatives"][0]["words"][0]
    assert set(word) == {"word", "start", "end", "confidence", "punctuated_word"}
    assert 0 <= word["confidence"] <= 1


def test_interim_results_and_events_come_in_order(open_stream: Open, speech: Samples):
    options = {
        "interim_results": "true",
        "vad_events": "true",
        "utterance_end_ms": 1000,
        "endpointing": 300,
    }
    with open_stream(**options) as stream:
        stream.send(speech[:32_000])
        stream.read_until(lambda message: message.get("is_final") is False)
        stream.send(join(speech[32_000:], 2.0))
        stream.close_stream()
    assert not any(r["speech_final"] for r in stream.of("Results") if not r["is_final"])
    assert stream.told[0]["type"] == "SpeechStarted"
    assert stream.told[0]["channel"] == [0, 1]
    (end,) = stream.of("UtteranceEnd")[-1:]
    words = (
        stream.finals[-1]["channel"]["alternatives"][0]["words"]
        or (stream.finals[-2]["channel"]["alternatives"][0]["words"])
    )
    assert end["last_word_end"] == words[-1]["end"]


def test_an_empty_frame_ends_the_stream(open_stream: Open, speech: Samples):
    with open_stream() as stream:
        stream.send(speech)
        stream.socket.send(b"")
        stream.read_all()
    assert stream.told[-1]["type"] == "Metadata"
    assert stream.code == 1000


def test_a_stream_without_audio_has_no_models(open_stream: Open):
    with open_stream() as stream:
        (metadata,) = stream.close_stream()
    assert "models" not in metadata
    assert metadata["duration"] == 0
    assert stream.code == 1000


def test_a_container_without_audio_ends_in_the_same_way(open_stream: Open):
    with open_stream(encoding=None, sample_rate=None) as stream:
        (metadata,) = stream.close_stream()
    assert metadata["type"] == "Metadata"
    assert stream.code == 1000


def test_finalize_has_a_result_at_once(open_stream: Open):
    with open_stream(endpointing=5000) as stream:
        stream.send(say("The quick brown fox jumps over the lazy dog."))
        stream.say("Finalize")
        result = stream.read_until(lambda message: message.get("from_finalize"))
        assert "quick brown fox" in result["channel"]["alternatives"][0]["transcript"].lower()
        assert result["is_final"]
        stream.close_stream()


def test_finalize_before_any_audio_has_an_empty_result(open_stream: Open):
    with open_stream(multichannel="true", channels=2) as stream:
        stream.say("Finalize")
        first = stream.read_until(lambda message: message["type"] == "Results")
        second = stream.read_until(lambda message: message["type"] == "Results")
        assert [first["channel_index"], second["channel_index"]] == [[0, 2], [1, 2]]
        assert first["from_finalize"]
        stream.close_stream()


def test_each_channel_has_results_of_its_own(open_stream: Open):
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    left = join(0.2, fox, 1.0, len(shells) / 16_000, 0.5)
    right = join(0.2, len(fox) / 16_000, 1.0, shells, 0.5)
    size = min(len(left), len(right))
    both = np.stack([left[:size], right[:size]], axis=1)
    with open_stream(multichannel="true", channels=2) as stream:
        stream.send_bytes(pcm_bytes(both), 6400)
        stream.close_stream()
    texts = {0: "", 1: ""}
    for final in stream.finals:
        texts[final["channel_index"][0]] += final["channel"]["alternatives"][0]["transcript"]
        assert final["channel_index"][1] == 2
    assert "fox" in texts[0].lower()
    assert "shells" in texts[1].lower()
    assert "fox" not in texts[1].lower()
    assert stream.told[-1]["channels"] == 2


def test_several_raw_channels_are_mixed_unless_told_apart(open_stream: Open):
    fox = say("The quick brown fox jumps over the lazy dog.")
    both = np.stack([fox, np.zeros_like(fox)], axis=1)
    with open_stream(channels=2) as stream:
        stream.send_bytes(pcm_bytes(both))
        stream.close_stream()
    assert "quick brown fox" in stream.transcript.lower()
    assert stream.told[-1]["channels"] == 1


def test_a_channel_that_is_the_inverse_of_the_other_is_heard(open_stream: Open):
    fox = join(0.5, say("The quick brown fox jumps over the lazy dog."))
    with open_stream(channels=2) as stream:
        stream.send_bytes(pcm_bytes(np.stack([fox, -fox], axis=1)))
        stream.close_stream()
    assert "fox jumps over" in stream.transcript.lower()


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_samples_come_at_any_rate(open_stream: Open, rate: int):
    fox = soxr.resample(say("The quick brown fox jumps over the lazy dog."), 16_000, rate)
    with open_stream(sample_rate=rate) as stream:
        stream.send(fox, rate=rate)
        stream.close_stream()
    assert "fox jumps over" in stream.transcript.lower()
    assert stream.told[-1]["duration"] == pytest.approx(len(fox) / rate, abs=0.05)


@pytest.mark.parametrize("encoding", ["linear32", "mulaw", "alaw"])
def test_samples_come_in_any_plain_encoding(open_stream: Open, encoding: str):
    fox = say("The quick brown fox jumps over the lazy dog.")
    if encoding == "linear32":
        data, rate = fox.astype("<f4").tobytes(), 16_000
    else:
        fox = soxr.resample(fox, 16_000, 8_000).astype(np.float32)
        data, rate = encode_g711(fox, encoding), 8_000
    with open_stream(encoding=encoding, sample_rate=rate) as stream:
        stream.send_bytes(data)
        stream.close_stream()
    assert "fox jumps over" in stream.transcript.lower()


def encode_g711(samples: Samples, encoding: str) -> bytes:
    """The nearest code of the decoder's own table for each sample."""
    from engine.speech.audio.rawaudio import RawAudio

    table = RawAudio(encoding, 16_000).feed(bytes(range(256)))[0]
    order = np.argsort(table)
    places = np.clip(np.searchsorted(table[order], samples), 0, 255)
    return order[places].astype(np.uint8).tobytes()


def test_a_container_says_itself_what_it_is(open_stream: Open, speech: Samples):
    with open_stream(encoding=None, sample_rate=None) as stream:
        stream.send_bytes(wav_bytes(speech))
        stream.close_stream()
    assert FOX in stream.transcript.lower()
    assert stream.code == 1000


@pytest.mark.parametrize(
    ("encoding", "announced"),
    [("opus", ""), ("opus", "opus"), ("opus", "ogg-opus"), ("flac", "flac"), ("mp3", "")],
)
def test_coded_audio_is_decoded_as_it_comes(
    open_stream: Open, encoding: str, announced: str | None
):
    rate = 48_000 if encoding == "opus" else 22_050
    talk = join(0.3, say("The quick brown fox jumps over the lazy dog."), 0.5)
    coded = encode(
        soxr.resample(talk, 16_000, rate).astype(np.float32), rate, read_format(encoding=encoding)
    )
    # A container may stand for itself; MP3 has some frames of its own before and after it.
    raw = {"encoding": announced or None, "sample_rate": rate if announced else None}
    with open_stream(**raw) as stream:
        stream.send_bytes(coded, 1000)
        stream.close_stream()
    assert "quick brown fox" in stream.transcript.lower()
    assert stream.told[-1]["duration"] == pytest.approx(len(talk) / 16_000, abs=0.3)
    assert stream.code == 1000


@pytest.mark.parametrize("voice", ["joe", "af_heart"])
def test_a_phrase_in_webm_is_written_once(open_stream: Open, voice: str):
    talk = join(0.3, say(f"{ASK}, {ASK.replace('not ', '')}.", voice=voice), 0.5)
    sound = Sound(soxr.resample(talk, 16_000, 48_000), "libopus", 48_000, options={"b": "32000"})
    with open_stream(encoding=None, sample_rate=None) as stream:
        stream.send_bytes(written("webm", sound), 1000)
        stream.close_stream()
    text = stream.transcript.lower()
    assert text.count("your country") == text.count("can do") == 2
    words = [
        word for final in stream.finals for word in final["channel"]["alternatives"][0]["words"]
    ]
    assert all(word["start"] < word["end"] for word in words)
    assert all(word["end"] <= following["start"] for word, following in pairwise(words))


def test_bare_packets_of_opus_come_one_a_frame(open_stream: Open):
    packets = opus_packets(join(0.3, say("The quick brown fox jumps over the lazy dog."), 0.5))
    with open_stream(encoding="opus", sample_rate=48_000) as stream:
        for packet in packets:
            stream.socket.send(packet)
        stream.close_stream()
    assert "quick brown fox" in stream.transcript.lower()
    assert stream.told[-1]["duration"] == pytest.approx(len(packets) * 0.02, abs=0.1)
    assert stream.code == 1000


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_bare_packets_of_speex_come_one_a_frame(open_stream: Open, rate: int):
    talk = join(0.3, say("The quick brown fox jumps over the lazy dog."), 0.5)
    packets = speex_packets(talk, rate)
    with open_stream(encoding="speex", sample_rate=rate) as stream:
        for packet in packets:
            stream.socket.send(packet)
        stream.close_stream()
    assert "fox jumps over" in stream.transcript.lower()
    assert stream.told[-1]["duration"] == pytest.approx(len(packets) * 0.02, abs=0.1)
    assert stream.code == 1000


def test_finalize_cuts_coded_audio_at_its_place_too(open_stream: Open):
    fox, shells = say("The quick brown fox jumps."), say("She sells sea shells.")
    before, after = opus_packets(join(0.3, fox)), opus_packets(join(shells, 0.5))
    with open_stream(encoding="opus", sample_rate=48_000, endpointing=5000) as stream:
        for packet in before:
            stream.socket.send(packet)
        stream.say("Finalize")
        for packet in after:
            stream.socket.send(packet)
        stream.close_stream()
    flushed, rest = [final for final in stream.finals if final["duration"]]
    assert flushed["from_finalize"]
    assert flushed["duration"] == pytest.approx(len(before) * 0.02, abs=0.03)
    assert "fox" in flushed["channel"]["alternatives"][0]["transcript"].lower()
    assert "shells" in rest["channel"]["alternatives"][0]["transcript"].lower()


def test_an_odd_number_of_bytes_waits_for_its_other_half(open_stream: Open):
    fox = pcm_bytes(say("The quick brown fox jumps over the lazy dog."))
    with open_stream() as stream:
        stream.send_bytes(fox, 3201)
        stream.close_stream()
    assert "quick brown fox" in stream.transcript.lower()
    assert stream.code == 1000


def test_redaction_covers_interim_results(open_stream: Open):
    card = join(0.3, say("My number is five five five, one two three four."), 1.0)
    with open_stream(interim_results="true", redact="numbers", endpointing=300) as stream:
        for at in range(0, len(card), 1600):
            stream.send(card[at : at + 1600])
            time.sleep(0.1)
        stream.close_stream()
    texts = [r["channel"]["alternatives"][0]["transcript"].lower() for r in stream.of("Results")]
    assert any("my number is" in text for text in texts)
    leaked = {"five", "one two", "three four", "555", "1234"}
    assert not [text for text in texts if any(value in text for value in leaked)]


def test_speakers_are_told_apart_in_the_stream(open_stream: Open):
    joe, heart = (
        say("The quick brown fox jumps over the lazy dog."),
        "She sells sea shells by the sea",
    )
    talk = join(0.2, joe, 1.0, say(heart, voice="af_heart"), 1.0, joe, 1.0)
    with open_stream(diarize="true", endpointing=300) as stream:
        stream.send(talk)
        stream.close_stream()
    words = [word for f in stream.finals for word in f["channel"]["alternatives"][0]["words"]]
    assert words
    assert all(isinstance(word["speaker"], int) for word in words)
    assert words[0]["speaker"] == words[-1]["speaker"]
    assert {final["metadata"]["diarize_info"]["arch"] for final in stream.finals} == {"v1"}
    assert len({word["speaker"] for word in words}) == 2


def test_text_is_written_as_the_options_say(open_stream: Open):
    said = say("I paid twenty five dollars for the quick brown fox.")
    options = {
        "smart_format": "true",
        "replace": "fox:dog",
        "search": ["twenty five dollars", "fox"],
        "detect_entities": "true",
        "keyterm": ["Earshot", "fox"],
    }
    with open_stream(**options) as stream:
        stream.send(said)
        stream.close_stream()
    final = next(
        result for result in stream.finals if result["channel"]["alternatives"][0]["words"]
    )
    assert "$25" in stream.transcript
    assert "dog" in stream.transcript
    dollars, fox = final["channel"]["search"]
    assert dollars["hits"][0]["snippet"] == "twenty five dollars"
    assert fox["hits"][0]["snippet"] == "fox"  # which is replaced
    assert isinstance(final["entities"], list)


def test_keyterms_can_be_changed_in_the_stream(open_stream: Open):
    with open_stream(model="nova-3") as stream:
        stream.say("Configure", keyterms=["Earshot"])
        response = stream.read_until(lambda message: True)
        assert (response["type"], response["keyterms"]) == ("ConfigureSuccess", ["Earshot"])
        stream.say("Configure", keyterms=["term"] * 101)
        response = stream.read_until(lambda message: True)
        assert response["type"] == "ConfigureFailure"
        assert response["code"] == "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
        stream.close_stream()


@pytest.mark.parametrize(
    ("model", "fields", "code"),
    [
        ("nova-2", {"keyterms": ["fox"]}, "CONFIGURE_KEYTERMS_NOT_SUPPORTED"),
        ("nova-3", {"keyterms": ["one two three four five six"] * 84}, "KEYTERM_LIMIT_EXCEEDED"),
        ("nova-3", {"keyterms": ["fox", " "]}, "INVALID"),
        ("nova-3", {"keyterms": "fox"}, "INVALID"),
        ("nova-3", {"features": {"diarize": True}}, "INVALID"),
        ("nova-3", {"features": {"numerals": "yes"}}, "INVALID"),
        ("nova-3", {"features": ["numerals"]}, "INVALID"),
    ],
)
def test_a_configure_that_cannot_be_applied_fails_once(open_stream: Open, model, fields, code):
    with open_stream(model=model) as stream:
        stream.say("Configure", **fields)
        stream.close_stream()
    failure, metadata = stream.told
    assert failure["type"] == "ConfigureFailure"
    assert code in failure["code"]
    assert metadata["type"] == "Metadata"


def test_formatting_can_be_changed_in_the_stream(open_stream: Open):
    with open_stream(model="nova-3") as stream:
        stream.say("Configure", features={"numerals": True, "punctuate": True})
        assert stream.read_until(lambda message: True)["type"] == "ConfigureSuccess"
        stream.send(say("I have twenty five apples."))
        stream.close_stream()
    assert "I have 25" in stream.transcript


def test_new_formatting_leaves_the_words_before_it_alone(open_stream: Open):
    apples, foxes = say("I have twenty five apples."), say("I see thirty six foxes.")
    with open_stream(model="nova-3", endpointing=300) as stream:
        stream.send(join(0.3, apples, 1.0))
        stream.say("Configure", features={"punctuate": True})
        stream.send(join(foxes, 1.0))
        stream.close_stream()
    place = stream.told.index(stream.of("ConfigureSuccess")[0])
    words = [
        (stream.told.index(final) > place, "punctuated_word" in word)
        for final in stream.finals
        for word in final["channel"]["alternatives"][0]["words"]
    ]
    assert set(words) == {(False, False), (True, True)}


@pytest.mark.parametrize("channel", [1, -1, True, "0", 0.5, [0]])
def test_finalize_of_a_channel_that_does_not_exist_is_an_error(open_stream: Open, channel):
    with open_stream() as stream:
        stream.say("Finalize", channel=channel)
        stream.say("Finalize", channel=0)
        stream.close_stream()
    error, result, _ = stream.told
    assert (error["type"], error["variant"]) == ("Error", "SchemaError")
    assert "channel" in error["description"]
    assert (result["type"], result["from_finalize"]) == ("Results", True)


def test_an_unknown_message_is_ignored_and_logged(open_stream: Open, engine: Engine):
    with open_stream() as stream:
        request_id = stream.socket.response.headers["dg-request-id"]
        stream.say("ForceEndTurn")
        stream.socket.send('{"no": "type"}')
        assert [message["type"] for message in stream.close_stream()] == ["Metadata"]
    assert stream.code == 1000
    log = (engine.data / "engine.log").read_text()
    assert f"request_id={request_id} ignored a message of type 'ForceEndTurn'" in log


@pytest.mark.parametrize("text", ["hello", "[1]", '{"type"', ""])
def test_text_that_is_no_message_ends_the_stream(open_stream: Open, text: str):
    with open_stream() as stream:
        stream.socket.send(text)
        stream.read_all()
    assert stream.code == 1008
    assert "data0000" in stream.reason
    assert stream.told[-1]["type"] == "Metadata"


@pytest.mark.parametrize("size", [4_000, 1_600_000])
def test_garbage_in_place_of_a_container_ends_the_stream(open_stream: Open, size: int):
    noise = np.random.default_rng(7).bytes(size)
    with open_stream(encoding=None, sample_rate=None) as stream:
        stream.send_bytes(noise)
        stream.read_all()
    assert stream.code == 1008
    assert "data0000" in stream.reason


def test_samples_of_another_rate_than_announced_harm_nobody(open_stream: Open, speech: Samples):
    with open_stream(sample_rate=8_000) as wrong:
        wrong.send(speech)
        wrong.close_stream()
    assert wrong.code == 1000
    assert wrong.told[-1]["duration"] == pytest.approx(2 * len(speech) / 16_000, abs=0.05)


def test_a_thousand_frames_a_second_are_read_in_order(open_stream: Open):
    fox = pcm_bytes(join(0.3, say("The quick brown fox jumps over the lazy dog."), 0.7))
    with open_stream() as stream:
        stream.send_bytes(fox, 32)  # a millisecond each, as fast as they go
        stream.close_stream()
    assert stream.code == 1000
    assert stream.told[-1]["duration"] == pytest.approx(len(fox) / 32_000, abs=0.01)
    assert "quick brown fox" in stream.transcript.lower()


def test_a_frame_of_more_than_two_megabytes_is_too_big(open_stream: Open):
    with open_stream() as stream:
        # Its head alone: unread data after it could reset the connection too early.
        stream.socket.socket.sendall(
            bytes([0x82, 0xFF]) + ((2 << 20) + 1).to_bytes(8, "big") + bytes(4)
        )
        stream.read_all()
    assert stream.code == 1009


def test_ten_seconds_of_nothing_end_the_stream(open_stream: Open):
    with open_stream() as stream:
        stream.read_all()
    assert stream.told[-1]["type"] == "Metadata"
    assert stream.code == 1011
    assert stream.reason.endswith("See https://dpgr.am/net0001")


def test_a_client_that_sends_everything_at_once_has_every_word(open_stream: Open):
    fox = say("The quick brown fox jumps over the lazy dog.")
    long = join(*[join(fox, 0.7)] * 6)
    with open_stream(endpointing=300) as stream:
        stream.socket.send(pcm_bytes(long))
        stream.close_stream()
    assert stream.transcript.lower().count("quick brown fox") == 6
    assert stream.code == 1000


def test_a_client_that_disappears_gives_its_place_back(open_stream: Open):
    for _ in range(STREAMS):
        with open_stream() as stream:
            stream.send(say("The quick brown fox."))
            stream.socket.socket.shutdown(SHUT_RDWR)
    with ExitStack() as streams:
        for _ in range(STREAMS):
            streams.enter_context(open_stream())


def test_a_client_that_does_not_read_is_cut_off_alone(open_stream: Open):
    speech = say("The quick brown fox jumps over the lazy dog.")
    with open_stream(channels=20, multichannel="true") as deaf, open_stream(**FLUX) as other:
        other.send(speech)
        with suppress(ConnectionClosed):
            for _ in range(1_500):
                # Each has a result for each channel.
                deaf.say("Finalize", note="longer than a frame that counts as a flood" * 2)
        deaf.read_all()
        other.say("ForceEndTurn")
        other.close_stream()
    (end,) = (turn for turn in other.of("TurnInfo") if turn["event"] == "EndOfTurn")
    assert "quick brown fox" in end["transcript"].lower()
    assert other.code == 1000
    assert len(deaf.of("Results")) < 1_500 * 20
    # Without a close where the client began to read more than ten seconds after the engine's.
    assert deaf.code in (1013, None)


def test_the_next_stream_beyond_the_limit_is_rejected(open_stream: Open, rejected):
    with ExitStack() as streams:
        opened = [streams.enter_context(open_stream(**FLUX)) for _ in range(STREAMS)]
        rejection = rejected()
        assert rejection.response.status_code == 429
        assert rejection.response.headers["dg-error"]
        opened[0].close_stream()
        with open_stream() as stream:
            stream.close_stream()
    assert stream.code == 1000


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"sample_rate": None}, "sample_rate"),
        ({"encoding": None}, "sample_rate"),
        ({"encoding": "mp9"}, "encoding"),
        ({"sample_rate": 100}, "sample_rate"),
        ({"channels": 21}, "channels"),
        ({"endpointing": "soon"}, "endpointing"),
        ({"utterance_end_ms": 10, "interim_results": "true"}, "utterance_end_ms"),
        ({"utterance_end_ms": 1000}, "interim_results"),
        ({"interim_results": "perhaps"}, "interim_results"),
        ({"redact": "secrets"}, "redact"),
        ({"diarize_model": "v2"}, "diarize_model"),
        ({"keyterm": ["term"] * 101}, "key"),
        ({"keyterm": ""}, "keyterm"),
        ({"model": "nova-3", "keywords": "fox"}, "keyterm"),
        ({"model": "whisper-tiny.en"}, "model"),
        ({"language_hint": "xx"}, "language_hint"),
        ({"diarize": "true", "diarize_model": "v1"}, "diarize_model"),
        ({"detect_language": "true"}, "detect_language"),
        ({"summarize": "v2"}, "summarize"),
        ({"callback": "wss://example.org"}, "callback"),
        ({"callback": "http://nowhere.invalid"}, "callback"),
    ],
)
def test_a_bad_parameter_rejects_the_handshake_and_is_named(rejected, query, named):
    response = rejected(**query).response
    assert response.status_code == 400
    assert named in response.headers["dg-error"].lower()
    assert response.headers["dg-request-id"]
    assert json.loads(response.body)["request_id"] == response.headers["dg-request-id"]


def test_a_wrong_key_rejects_the_handshake(engine: Engine):
    with pytest.raises(InvalidStatus) as raised:
        connect(f"{engine.socket_url}/v1/listen", additional_headers={"authorization": "Token no"})
    assert raised.value.response.status_code == 401


def test_a_browser_names_its_key_as_a_subprotocol(engine: Engine):
    url = f"{engine.socket_url}/v1/listen?encoding=linear16&sample_rate=16000"
    with connect(url, subprotocols=[Subprotocol("token"), Subprotocol(engine.key)]) as socket:
        assert socket.subprotocol == "token"
        socket.send('{"type": "CloseStream"}')
        assert json.loads(socket.recv(10))["type"] == "Metadata"


def test_unknown_parameters_are_ignored(open_stream: Open):
    with open_stream(
        colour="blue", no_delay="true", mip_opt_out="true", version="latest"
    ) as stream:
        stream.close_stream()
    assert stream.code == 1000


def test_results_go_to_the_callback_one_by_one_and_not_to_the_socket(
    open_stream: Open, engine: Engine, site: Site
):
    fox = say("The quick brown fox jumps over the lazy dog.")
    url = site.url.replace("://", "://ada:secret@") + "/results"
    with open_stream(callback=url, callback_method="PUT", interim_results="true") as stream:
        stream.send(fox)
        assert stream.close_stream() == []
    assert stream.code == 1000
    arrivals = [site.arrivals.get(timeout=5) for _ in range(site.arrivals.qsize())]
    assert {(arrival.method, arrival.path) for arrival in arrivals} == {("PUT", "/results")}
    messages = [json.loads(arrival.body) for arrival in arrivals]
    assert all(misfits("/v1/listen", message) == [] for message in messages)
    assert messages[-1]["type"] == "Metadata"
    text = " ".join(
        message["channel"]["alternatives"][0]["transcript"]
        for message in messages[:-1]
        if message["is_final"]
    )
    assert "quick brown fox" in text.lower()
    assert arrivals[0].headers["dg-request-id"] == messages[-1]["request_id"]
    assert arrivals[0].headers["authorization"].startswith("Basic ")
    assert "secret" not in (engine.data / "engine.log").read_text()


def test_a_callback_that_is_lost_ends_the_stream(open_stream: Open, site: Site):
    site.pages["/results"] = (500, {}, b"")
    with open_stream(callback=f"{site.url}/results") as stream:
        stream.say("Finalize")
        stream.read_all()
    assert stream.code == 1011
    assert site.arrivals.qsize() == 4  # tried again and again
