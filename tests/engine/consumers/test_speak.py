"""Speak sockets in process: text in, sound and messages out, in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from engine.consumers import speak
from engine.models import Request
from engine.weights.errors import MissingWeights
from tests.contract.messages import misfits
from tests.engine.inprocess import WAIT_SECONDS, Inside
from tests.engine.voice import SECONDS_OF_A_WORD, FakeSynthesizer

AURA = "/v1/speak?model=aura-2-thalia-en&encoding=linear16&sample_rate=24000"
FLUX = "/v2/speak?model=flux-alexis-en&encoding=linear16&sample_rate=24000"
WORD_BYTES = round(SECONDS_OF_A_WORD * 24_000) * 2


class Listener:
    """A client of a speak socket: what it sends, and what it receives until a message."""

    def __init__(self, socket: WebsocketCommunicator, path: str) -> None:
        self._socket, self._path = socket, path

    async def send(self, kind: str, **members: Any) -> None:
        await self._socket.send_to(text_data=json.dumps({"type": kind, **members}))

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_to(bytes_data=data)

    async def receive(self) -> Any:
        """The next message, the bytes of a frame, or the code and reason of the close."""
        output = await self._socket.receive_output(WAIT_SECONDS)
        if output["type"] == "websocket.close":
            return output["code"], output.get("reason", "")
        if output.get("bytes") is not None:
            return output["bytes"]
        message = json.loads(output["text"])
        assert misfits(self._path, message) == []
        return message

    async def until(self, kind: str | None) -> list[Any]:
        """All that comes up to a message of this type, or up to the close."""
        outputs: list[Any] = []
        while True:
            output = await self.receive()
            outputs.append(output)
            is_close = isinstance(output, tuple)
            if is_close or (isinstance(output, dict) and output["type"] == kind):
                return outputs


OpenSpeak = Callable[[str], AbstractAsyncContextManager[Listener]]


@pytest.fixture
def synthesizer(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    made = FakeSynthesizer()
    monkeypatch.setattr(speak, "synthesizer", lambda: made)
    return made


@pytest.fixture
def open_speak(inside: Inside, synthesizer: FakeSynthesizer) -> OpenSpeak:
    @asynccontextmanager
    async def open_it(address: str) -> Any:
        token = f"Token {inside.ada.key}".encode()
        socket = WebsocketCommunicator(inside.gate, address, headers=[(b"authorization", token)])
        accepted, problem = await socket.connect(timeout=WAIT_SECONDS)
        assert accepted, problem
        yield Listener(socket, address.partition("?")[0])
        await socket.disconnect(timeout=WAIT_SECONDS)

    return open_it


def kinds(outputs: list[Any]) -> list[str]:
    """The type of each message, and one "sound" for frames that follow each other."""
    names: list[str] = []
    for output in outputs:
        name = output["type"] if isinstance(output, dict) else "sound"
        if name != "sound" or names[-1:] != ["sound"]:
            names.append(name)
    return names


def sound(outputs: list[Any]) -> bytes:
    return b"".join(output for output in outputs if isinstance(output, bytes))


async def test_a_flush_ends_the_sound_of_the_text(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="Good morning everyone.")
        await listener.send("Flush")
        outputs = await listener.until("Flushed")
    assert kinds(outputs) == ["Metadata", "sound", "Flushed"]
    assert outputs[0]["model_name"] == "aura-2-thalia-en"
    assert len(sound(outputs)) == 3 * WORD_BYTES


async def test_whole_sentences_are_spoken_without_a_flush(
    open_speak: OpenSpeak, synthesizer: FakeSynthesizer
):
    async with open_speak(AURA) as listener:
        await listener.receive()
        await listener.send("Speak", text="Good morning. How are")
        assert len(await listener.receive()) == 2 * WORD_BYTES
        await listener.send("Speak", text=" you?")
        await listener.send("Close")
        await listener.until(None)
    assert [text for text, _, _ in synthesizer.spoken] == ["Good morning.", "How are you?"]


async def test_a_close_comes_after_the_rest_of_the_sound(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="Good morning")
        await listener.send("Close")
        outputs = await listener.until(None)
    assert len(sound(outputs)) == 2 * WORD_BYTES
    assert outputs[-1][0] == 1000


async def test_a_cleared_text_is_not_spoken(open_speak: OpenSpeak, synthesizer: FakeSynthesizer):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="not whole")
        await listener.send("Clear")
        await listener.send("Flush")
        outputs = await listener.until("Flushed")
    assert kinds(outputs) == ["Metadata", "Cleared", "Flushed"]
    assert synthesizer.spoken == []


async def test_words_without_sound_are_reported_before_the_sound(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="Good 你好 morning.")
        await listener.send("Flush")
        outputs = await listener.until("Flushed")
    assert kinds(outputs) == ["Metadata", "Warning", "sound", "Flushed"]
    assert "你好" in outputs[1]["description"]


async def test_a_text_without_sound_is_reported(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="你好")
        await listener.send("Flush")
        outputs = await listener.until("Flushed")
    assert outputs[1]["code"] == "NO_AUDIO_GENERATED"


async def test_a_failure_of_the_voice_closes_the_socket(
    open_speak: OpenSpeak, synthesizer: FakeSynthesizer
):
    synthesizer.error = MissingWeights("the voice is not installed")
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="Hello.")
        await listener.send("Flush")
        outputs = await listener.until(None)
    assert outputs[-1] == (1011, "NET-0000")


async def test_a_binary_frame_is_no_message(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send_bytes(b"Hello.")
        outputs = await listener.until(None)
    assert outputs[-1] == (1003, "MESSAGE-0000")


async def test_the_characters_are_recorded(open_speak: OpenSpeak):
    async with open_speak(AURA) as listener:
        await listener.send("Speak", text="Hello.")
        await listener.send("Close")
        await listener.until(None)
    row = await Request.objects.aget()
    assert (row.method, row.details["characters"]) == ("streaming", 6)


async def test_a_turn_has_a_beginning_its_sound_and_an_end(open_speak: OpenSpeak):
    async with open_speak(FLUX) as listener:
        await listener.send("Speak", text="Good morning everyone.")
        await listener.send("Flush")
        outputs = await listener.until("SpeechMetadata")
    assert kinds(outputs)[0] == "Connected"
    assert "sound" in kinds(outputs)
    assert len(sound(outputs)) == 3 * WORD_BYTES
    assert outputs[-1]["input_character_count"] == 22
    assert outputs[-1]["audio_duration_ms"] == pytest.approx(300)


@pytest.mark.parametrize("address", [AURA, FLUX])
async def test_a_pause_in_the_text_ends_the_socket(open_speak: OpenSpeak, address: str):
    async with open_speak(address) as listener:
        await listener.send("Speak", text=r"One \{pause:500ms\} two.")
        outputs = await listener.until(None)
    assert "supported by REST requests only" in outputs[-2]["description"]
    assert outputs[-1] == (1008, "DATA-0002")


async def test_a_new_speed_is_that_of_the_next_turn(
    open_speak: OpenSpeak, synthesizer: FakeSynthesizer
):
    async with open_speak(FLUX) as listener:
        for speed in (0.8, 1.25):
            await listener.send("Configure", speed=speed)
            await listener.send("Speak", text="One.")
            await listener.send("Flush")
            await listener.until("SpeechMetadata")
    assert [speed for _, _, speed in synthesizer.spoken] == [0.8, 1.25]
