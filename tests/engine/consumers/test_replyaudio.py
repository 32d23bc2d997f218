"""Audio of an agent's reply: made in order, sent while released, from any position."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engine.consumers import replyaudio
from engine.consumers.replyaudio import ReplyAudio
from engine.inference.agent_models import AgentVoice, voice_of
from engine.weights.errors import MissingWeights
from engine.wire.agent_messages import Output, Speak, SpeakProvider
from tests.engine.voice import LEVEL, SECONDS_OF_A_WORD, FakeSynthesizer

RATE = 16_000
WORD_BYTES = round(SECONDS_OF_A_WORD * RATE) * 2
WAIT_SECONDS = 60


@dataclass
class FakeSocket:
    """Takes sound at once; drops what it took when asked."""

    sound: bytearray = field(default_factory=bytearray)
    drops: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        self.tasks.append(asyncio.create_task(work))
        return self.tasks[-1]

    async def tell_bytes(self, data: bytes, is_unwanted: Callable[[], bool]) -> None:
        await asyncio.sleep(0)
        if not is_unwanted():
            self.sound += data

    def drop_bytes(self) -> None:
        self.drops += 1


@dataclass
class Listener:
    made: list[tuple[int, float]] = field(default_factory=list)  # number and seconds
    whole: list[int] = field(default_factory=list)  # sentences that are made
    sent_seconds: float = 0.0
    failed: list[int] = field(default_factory=list)
    all_sent: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_made(self, number: int, seconds: float, *, is_last: bool) -> None:
        if is_last:
            self.whole.append(number)
        else:
            self.made.append((number, seconds))
        self.changed.set()

    def on_sent(self, seconds: float) -> None:
        self.sent_seconds += seconds
        self.changed.set()

    def on_all_sent(self) -> None:
        self.all_sent.set()

    def on_speak_failed(self, number: int) -> None:
        self.failed.append(number)
        self.changed.set()

    async def until(self, is_reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not is_reached():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Scene:
    audio: ReplyAudio
    socket: FakeSocket
    listener: Listener
    voice: AgentVoice

    async def all_sent(self) -> bytes:
        await asyncio.wait_for(self.listener.all_sent.wait(), WAIT_SECONDS)
        return bytes(self.socket.sound)


@pytest.fixture
def synthesizer(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    made = FakeSynthesizer()
    monkeypatch.setattr(replyaudio, "synthesizer", lambda: made)
    return made


@pytest.fixture
async def scene(environment: Any, synthesizer: FakeSynthesizer) -> AsyncIterator[Scene]:
    provider = SpeakProvider(type="deepgram", model="aura-2-thalia-en")
    voice = voice_of(Speak(provider=provider), Output(encoding="linear16", sample_rate=RATE))
    socket, listener = FakeSocket(), Listener()
    audio = ReplyAudio(socket, voice, listener)  # type: ignore[arg-type]
    yield Scene(audio, socket, listener, voice)
    audio.stop()
    for task in socket.tasks:
        task.cancel()
    await asyncio.gather(*socket.tasks, return_exceptions=True)


async def test_sentences_are_made_in_order_and_nothing_is_sent_before_the_release(
    scene: Scene, synthesizer: FakeSynthesizer
):
    scene.audio.say(1, "One two.")
    scene.audio.say(2, "Three.")
    await scene.listener.until(lambda: scene.listener.whole == [1, 2])
    assert [text for text, _, _ in synthesizer.spoken] == ["One two.", "Three."]
    assert [number for number, _ in scene.listener.made] == [1, 2]
    assert scene.socket.sound == b""


async def test_a_released_reply_is_sent_whole_in_the_requested_format(scene: Scene):
    scene.audio.say(1, "One two three.")
    scene.audio.release(0.0)
    scene.audio.finish()
    sound = await scene.all_sent()
    samples = np.frombuffer(sound, "<i2")
    assert len(sound) == pytest.approx(3 * WORD_BYTES, abs=64)  # resampled to 16 kHz
    assert int(np.median(samples)) == pytest.approx(LEVEL * 32_767, rel=0.01)
    assert scene.listener.sent_seconds == pytest.approx(3 * SECONDS_OF_A_WORD, abs=0.01)


async def test_what_is_made_after_the_release_is_sent_as_it_comes(scene: Scene):
    scene.audio.release(0.0)
    scene.audio.say(1, "One.")
    await scene.listener.until(lambda: scene.listener.sent_seconds > 0.09)
    scene.audio.say(2, "Two.")
    scene.audio.finish()
    assert len(await scene.all_sent()) == pytest.approx(2 * WORD_BYTES, abs=64)


async def test_a_reply_resumes_at_any_position(scene: Scene):
    scene.audio.say(1, "One two three four.")
    scene.audio.finish()
    await scene.listener.until(lambda: scene.listener.whole == [1])
    scene.audio.release(0.3)
    assert len(await scene.all_sent()) == pytest.approx(WORD_BYTES, abs=64)


@pytest.mark.parametrize("position", [0.4, 9.0])
async def test_after_its_end_nothing_is_left_to_send(scene: Scene, position: float):
    scene.audio.say(1, "One two three four.")
    scene.audio.finish()
    await scene.listener.until(lambda: scene.listener.whole == [1])
    scene.audio.release(position)
    assert len(await scene.all_sent()) <= 64


async def test_a_reply_that_is_held_sends_nothing_more(scene: Scene):
    scene.audio.release(0.0)
    scene.audio.hold()
    scene.audio.say(1, "One two.")
    await scene.listener.until(lambda: scene.listener.whole == [1])
    assert (bytes(scene.socket.sound), scene.socket.drops) == (b"", 1)
    scene.audio.finish()
    scene.audio.release(0.0)
    assert len(await scene.all_sent()) == pytest.approx(2 * WORD_BYTES, abs=64)


async def test_a_sentence_that_cannot_be_spoken_is_reported_once(
    scene: Scene, synthesizer: FakeSynthesizer
):
    synthesizer.error = MissingWeights("the voice is not installed")
    scene.audio.say(1, "One.")
    scene.audio.say(2, "Two.")
    await scene.listener.until(lambda: scene.listener.failed == [1])
    # Another voice says what it is given from now on.
    synthesizer.error = None
    scene.audio.use(scene.voice)
    assert scene.audio.is_restarted
    scene.audio.say(3, "Three.")
    await scene.listener.until(lambda: scene.listener.whole == [3])
    assert scene.listener.failed == [1]
    assert [text for text, _, _ in synthesizer.spoken] == ["Three."]


async def test_a_stopped_reply_makes_and_sends_nothing(scene: Scene, synthesizer: FakeSynthesizer):
    scene.audio.release(0.0)
    scene.audio.stop()
    scene.audio.say(1, "One.")
    await asyncio.gather(*scene.socket.tasks, return_exceptions=True)
    assert (bytes(scene.socket.sound), synthesizer.spoken) == (b"", [])
