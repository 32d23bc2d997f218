"""Speakers in a stream: found in a thread, while the event loop serves others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from engine.consumers import listen
from engine.speech.diarization.diarizer import Chunk, LiveDiarizer, Voice
from tests.engine.consumers.conftest import OpenLive
from tests.engine.inprocess import WAIT_SECONDS
from tests.speech import join, pcm_bytes, say

pytestmark = pytest.mark.full


@dataclass
class HeldDiarizer:
    """Diarizer that finds nobody until it is released, and knows the threads that called it."""

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
    made = HeldDiarizer()
    monkeypatch.setattr(listen, "find_diarizer", lambda: made)
    return made


async def test_what_follows_a_result_waits_for_its_speakers_and_the_loop_does_not(
    diarizer: HeldDiarizer, open_live: OpenLive
):
    speech = join(0.3, say("The quick brown fox."), 1.0, say("She sells sea shells."), 1.0)
    async with open_live(model="nova-3", diarize="true", vad_events="true") as stream:
        await stream.hear(pcm_bytes(speech))
        await stream.say("Finalize")
        await stream.say("Configure", features={"numerals": True})
        assert await asyncio.to_thread(diarizer.begun.wait, WAIT_SECONDS)
        await stream.read()  # the loop serves while voices are told apart
        assert stream.told[0]["type"] == "SpeechStarted"
        diarizer.released.set()
        await stream.close_stream()
    kinds = [message["type"] for message in stream.told]
    assert "SpeechStarted" in kinds[kinds.index("Results") :]
    assert kinds[-2:] == ["ConfigureSuccess", "Metadata"]
    finals = [message for message in stream.told if message["type"] == "Results"]
    assert [final["from_finalize"] for final in finals].index(True) == len(finals) - 1
    assert [final["start"] for final in finals] == sorted(final["start"] for final in finals)
    words = [word for final in finals for word in final["channel"]["alternatives"][0]["words"]]
    assert {word["speaker"] for word in words} == {0}
    assert diarizer.threads
    assert threading.get_ident() not in diarizer.threads
