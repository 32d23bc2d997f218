"""Deepgram's own Python SDK, sync and async, as the client of the sockets."""

from __future__ import annotations

import asyncio
import threading

import pytest
from deepgram.core.events import EventType
from deepgram.listen.v1.types import (
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from deepgram.speak.v1.types import (
    SpeakV1Close,
    SpeakV1Flush,
    SpeakV1Flushed,
    SpeakV1Metadata,
    SpeakV1Text,
)
from deepgram.speak.v2.types import SpeakV2Configure, SpeakV2Flush, SpeakV2Speak
from websockets.exceptions import InvalidStatus

from tests.engine.engine import Engine
from tests.speech import Samples, join, pcm_bytes, say

NOVA = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
FLUX = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": 16_000}
ARCAS = {"model": "aura-2-arcas-en", "encoding": "linear16", "sample_rate": 24_000}
TURN = [
    *("Connected", "ConfigureSuccess", "SpeechStarted", "Flushed", "SpeechMetadata"),
    "SessionMetadata",
]


def frames(samples: Samples) -> list[bytes]:
    data = pcm_bytes(samples)
    return [data[at : at + 3200] for at in range(0, len(data), 3200)]


def final_words(messages: list) -> str:
    finals = [m for m in messages if isinstance(m, ListenV1Results) and m.is_final]
    return " ".join(final.channel.alternatives[0].transcript for final in finals).lower()


def test_the_sync_client_hears_every_message(engine: Engine, speech: Samples):
    heard: list = []
    events: list[str] = []
    options = {"interim_results": True, "vad_events": True, "utterance_end_ms": 1000}
    with engine.client().listen.v1.connect(**NOVA, **options, endpointing=300) as socket:
        socket.on(EventType.OPEN, lambda _: events.append("open"))
        socket.on(EventType.MESSAGE, heard.append)
        socket.on(EventType.ERROR, lambda error: events.append(f"error {error}"))
        socket.on(EventType.CLOSE, lambda _: events.append("close"))
        listening = threading.Thread(target=socket.start_listening)
        listening.start()
        for frame in frames(speech):
            socket.send_media(frame)
        socket.send_keep_alive()
        socket.send_finalize()
        socket.send_close_stream()
        listening.join(60)
    assert events == ["open", "close"]
    assert "quick brown fox" in final_words(heard)
    kinds = {type(message) for message in heard}
    assert {ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd} <= kinds
    assert isinstance(heard[-1], ListenV1Metadata)
    assert any(isinstance(m, ListenV1Results) and m.from_finalize for m in heard)


async def test_the_async_client_hears_every_message(engine: Engine, speech: Samples):
    heard: list = []
    async with engine.async_client().listen.v1.connect(**NOVA, endpointing=300) as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = asyncio.create_task(socket.start_listening())
        for frame in frames(speech):
            await socket.send_media(frame)
        await socket.send_close_stream()
        await asyncio.wait_for(listening, 60)
    assert "quick brown fox" in final_words(heard)
    assert isinstance(heard[-1], ListenV1Metadata)


async def test_the_async_client_follows_turns(engine: Engine):
    heard: list = []
    talk = join(0.3, say("The quick brown fox jumps over the lazy dog."), 3.0)
    async with engine.async_client().listen.v2.connect(**FLUX) as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = asyncio.create_task(socket.start_listening())
        for frame in frames(talk):
            await socket.send_media(frame)
        await socket.send_close_stream()
        await asyncio.wait_for(listening, 60)
    assert heard[0].type == "Connected"
    events = [m.event for m in heard if m.type == "TurnInfo" and m.event != "Update"]
    assert events == ["StartOfTurn", "EndOfTurn"]


def test_the_sync_client_follows_turns(engine: Engine):
    heard: list = []
    talk = join(0.3, say("The quick brown fox jumps over the lazy dog."), 3.0)
    with engine.client().listen.v2.connect(**FLUX, eager_eot_threshold=0.4) as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = threading.Thread(target=socket.start_listening)
        listening.start()
        for frame in frames(talk):
            socket.send_media(frame)
        socket.send_close_stream()
        listening.join(60)
    events = [m.event for m in heard if m.type == "TurnInfo" and m.event != "Update"]
    assert events[0] == "StartOfTurn"
    assert events[-1] == "EndOfTurn"


def test_the_sync_client_is_spoken_to(engine: Engine):
    heard: list = []
    with engine.client().speak.v1.connect(**ARCAS) as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = threading.Thread(target=socket.start_listening)
        listening.start()
        socket.send_text(SpeakV1Text(type="Speak", text="The quick brown fox jumps."))
        socket.send_flush(SpeakV1Flush(type="Flush"))
        socket.send_clear()
        socket.send_close(SpeakV1Close(type="Close"))
        listening.join(60)
    assert isinstance(heard[0], SpeakV1Metadata)
    assert heard[-1].type == "Cleared"
    assert not listening.is_alive()


async def test_the_async_client_is_spoken_to(engine: Engine):
    heard: list = []
    async with engine.async_client().speak.v1.connect(**ARCAS) as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = asyncio.create_task(socket.start_listening())
        await socket.send_text(SpeakV1Text(type="Speak", text="The quick brown fox jumps."))
        await socket.send_flush()
        await socket.send_close()
        await asyncio.wait_for(listening, 60)
    assert isinstance(heard[0], SpeakV1Metadata)
    assert isinstance(heard[-1], SpeakV1Flushed)
    assert len(b"".join(heard[1:-1])) / 48_000 > 1


async def test_the_async_client_is_spoken_to_in_turns(engine: Engine):
    heard: list = []
    async with engine.async_client().speak.v2.connect(model="flux-jack-en") as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = asyncio.create_task(socket.start_listening())
        await socket.send_configure(SpeakV2Configure(type="Configure", speed=1.2))
        await socket.send_speak(SpeakV2Speak(type="Speak", text="The quick brown fox jumps."))
        await socket.send_flush()
        await socket.send_close()
        await asyncio.wait_for(listening, 60)
    kinds = [message.type for message in heard if not isinstance(message, bytes)]
    assert kinds == TURN
    assert heard[-1].total_input_character_count == 26


def test_the_sync_client_is_spoken_to_in_turns(engine: Engine):
    heard: list = []
    with engine.client().speak.v2.connect(model="flux-jack-en") as socket:
        socket.on(EventType.MESSAGE, heard.append)
        listening = threading.Thread(target=socket.start_listening)
        listening.start()
        socket.send_configure(SpeakV2Configure(type="Configure", speed=1.2))
        socket.send_speak(SpeakV2Speak(type="Speak", text="The quick brown fox jumps."))
        socket.send_flush(SpeakV2Flush(type="Flush"))
        socket.send_close()
        listening.join(60)
    kinds = [message.type for message in heard if not isinstance(message, bytes)]
    assert kinds == TURN
    assert any(isinstance(message, bytes) for message in heard)


def test_a_rejection_keeps_its_status_and_headers(engine: Engine):
    with (
        pytest.raises(InvalidStatus) as raised,
        engine.client().listen.v1.connect(model="nova-3", encoding="linear16"),
    ):
        pass
    assert raised.value.response.status_code == 400
    assert "sample_rate" in raised.value.response.headers["dg-error"]


@pytest.mark.parametrize(
    ("path", "options", "named"),
    [
        ("v1", {"model": "whisper-tiny"}, "No such model"),
        ("v1", {"model": "nova-3-medical", "language": "es"}, "No such model"),
        ("v1", {"language": "xx"}, "No such model"),
        ("v1", {"model": "enhanced", "language": "multi"}, "No such model"),
        ("v1", {"language": "multi", "language_hint": ["en", ""]}, "language_hint"),
        ("v1", {"language": "multi", "language_hint": ["en", "xx"]}, "language_hint"),
        ("v1", {"keywords": "fox:2"}, "keyterm"),
        ("v1", {"keyterm": ["Earshot", " "]}, "keyterm"),
        ("v1", {"diarize": True, "diarize_model": "v1"}, "diarize_model"),
        ("v2", {"language_hint": "es"}, "language_hint"),
        ("v2", {"model": "flux-general-multi", "language_hint": ["es", "xx"]}, "language_hint"),
        ("v2", {"eot_threshold": 1.0, "eager_eot_threshold": 0.95}, "eager_eot_threshold"),
        ("v2", {"redact": "ssn"}, "redact"),
        ("v2", {"sample_rate": 11_025}, "sample_rate"),
    ],
)
def test_what_cannot_be_is_rejected_and_named(engine: Engine, path: str, options: dict, named: str):
    listen = engine.client().listen
    connect, base = (listen.v1.connect, NOVA) if path == "v1" else (listen.v2.connect, FLUX)
    with pytest.raises(InvalidStatus) as raised, connect(**base | options):
        pass
    assert raised.value.response.status_code == 400
    assert named in raised.value.response.headers["dg-error"]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("v1", {"language": "multi", "language_hint": ["en", "es-419"]}),
        ("v1", {"model": "nova-2", "keywords": ["fox:2", "dog:-1"]}),
        ("v1", {"keyterm": ["Earshot"] * 100, "diarize_model": "latest"}),
        ("v2", {"model": "flux-general-multi", "language_hint": ["es", "en"]}),
        ("v2", {"eot_threshold": 1.0, "eager_eot_threshold": 0.9, "keyterm": ["Earshot"]}),
    ],
)
def test_what_can_be_is_accepted(engine: Engine, path: str, options: dict):
    listen = engine.client().listen
    connect, base = (listen.v1.connect, NOVA) if path == "v1" else (listen.v2.connect, FLUX)
    with connect(**base | options) as socket:
        socket.send_close_stream()
