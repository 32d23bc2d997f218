"""Speakers in a stream: found in a thread, while the event loop serves others."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from engine.consumers import listen, recognition
from engine.speech.diarization.diarizer import Chunk, LiveDiarizer, Voice
from tests.engine.inprocess import WAIT_SECONDS, Inside
from tests.engine.live import FakeLiveRecognizer
from tests.speech import join, pcm_bytes, say

pytestmark = pytest.mark.full

ADDRESS = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000&diarize=true&vad_events=true"


@dataclass
class HeldDiarizer:
    """Diarizer that finds nobody until it is released, and knows who called it."""

    released: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    threads: set[int] = field(default_factory=set)

    def live(self) -> LiveDiarizer:
        return LiveDiarizer(self)  # type: ignore[arg-type]

    def voices(self, chunk: Chunk) -> Sequence[Voice]:
        self.threads.add(threading.get_ident())
        self.begun.set()
        assert self.released.wait(WAIT_SECONDS)
        return []


@pytest.fixture
def diarizer(monkeypatch: pytest.MonkeyPatch) -> HeldDiarizer:
    made, recognizer = HeldDiarizer(), FakeLiveRecognizer()
    monkeypatch.setattr(listen, "find_diarizer", lambda: made)
    monkeypatch.setattr(listen, "recognizer", lambda: recognizer)
    monkeypatch.setattr(recognition, "recognizer", lambda: recognizer)
    return made


async def test_what_follows_a_result_waits_for_its_speakers_and_the_loop_does_not(
    inside: Inside, diarizer: HeldDiarizer
):
    token = f"Token {inside.ada.key}".encode()
    socket = WebsocketCommunicator(inside.gate, ADDRESS, headers=[(b"authorization", token)])
    assert (await socket.connect(timeout=WAIT_SECONDS))[0]
    speech = join(0.3, say("The quick brown fox."), 1.0, say("She sells sea shells."), 1.0)
    await socket.send_to(bytes_data=pcm_bytes(speech))
    for message in ({"type": "Finalize"}, {"type": "Configure", "features": {"numerals": True}}):
        await socket.send_to(text_data=json.dumps(message))
    # A second computation would be begun only after this one: the loop is free meanwhile.
    assert await asyncio.to_thread(diarizer.begun.wait, WAIT_SECONDS)
    await socket.send_to(text_data=json.dumps({"type": "CloseStream"}))
    assert await socket.receive_nothing(0.05, 0.01) is False  # SpeechStarted is before the result
    diarizer.released.set()
    told: list[Any] = []
    while (output := await socket.receive_output(WAIT_SECONDS))["type"] != "websocket.close":
        told.append(json.loads(output["text"]))
    kinds = [message["type"] for message in told]
    first = kinds.index("Results")
    assert "SpeechStarted" in kinds[first:]
    assert kinds[-2:] == ["ConfigureSuccess", "Metadata"]
    finals = [message for message in told if message["type"] == "Results"]
    assert finals[-1]["from_finalize"]
    starts = [final["start"] for final in finals]
    assert starts == sorted(starts)
    words = [word for final in finals for word in final["channel"]["alternatives"][0]["words"]]
    assert {word["speaker"] for word in words} == {0}
    assert diarizer.threads
    assert threading.get_ident() not in diarizer.threads
