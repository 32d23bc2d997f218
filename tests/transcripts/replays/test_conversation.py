"""The conversation of a replay, with an agent that responds as told and a clock of its own."""

import asyncio
import json
from typing import Any

import pytest

from speechclient.errors import BadRequest
from tests.transcripts.calls.agent import FakeStream
from transcripts.calls.record import AUDIO as SOUND
from transcripts.calls.record import UP
from transcripts.replays.conversation import FRAME_BYTES, Conversation, NoResponse
from transcripts.replays.plan import RATE, SAMPLE_BYTES, Spoken, Written

SETTINGS = {"type": "Settings", "agent": {}}
SECOND = bytes(RATE * SAMPLE_BYTES)
TONE = b"\1\0" * RATE


class FakeClock:
    """A clock that is moved by the waits for it."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += max(0.0, seconds)
        await asyncio.sleep(0)


class Agent(FakeStream):
    """Takes its turn when speech is followed by silence, or a turn is written."""

    def __init__(self, calls: bool = False) -> None:
        super().__init__()
        self.calls_function = calls
        self._spoke = False

    async def send(self, frame: str) -> None:
        await super().send(frame)
        message = json.loads(frame)
        match message["type"]:
            case "Settings":
                self.begins()
            case "InjectUserMessage":
                self.replies(message["content"])
            case "FunctionCallResponse":
                self.speaks(f"It is {message['content']}.")

    async def send_audio(self, audio: bytes) -> None:
        await super().send_audio(audio)
        is_speech = any(audio)
        if self._spoke and not is_speech:
            self.replies("Spoken.")
        self._spoke = is_speech

    def replies(self, text: str) -> None:
        self.says("user", text)
        if self.calls_function:
            self.calls("f-1", "lookup", '{"id": 7}')
        else:
            self.speaks(f"You said: {text}")

    def speaks(self, text: str) -> None:
        self.says("assistant", text)
        self.plays(SECOND)
        self.tells("AgentAudioDone")


async def hold(stream: Any, *steps: Any, greeting: bool = False, **named: Any) -> list[Any]:
    async def respond(name: str, arguments: str) -> str:
        return f"{name} {arguments}"

    facts: dict[str, Any] = {
        "read": lambda start, end: TONE,
        "respond": respond,
        "clock": FakeClock(),
    } | named
    return await Conversation(stream, SETTINGS, **facts).hold(steps, greeting)


def texts(entries: list[Any]) -> list[str]:
    return [each.body["content"] for each in entries if each.kind == "ConversationText"]


async def test_each_turn_waits_for_the_reply_to_the_one_before():
    entries = await hold(Agent(), Spoken(0, 1, "one"), Written("two"), Spoken(2, 3, "three"))
    assert texts(entries) == [
        "Spoken.", "You said: Spoken.", "two", "You said: two", "Spoken.", "You said: Spoken.",
    ]  # fmt: skip
    ends = [each.body["end"] for each in entries if each.kind == SOUND]
    begun = [each.at for each in entries if each.body.get("role") == "user"]
    assert all(end < start for end, start in zip(ends, begun[1:], strict=False))


async def test_the_audio_of_the_caller_is_sent_whole_and_silence_around_it():
    stream = Agent()
    await hold(stream, Spoken(0, 1, "one"))
    assert len(stream.audio) % FRAME_BYTES == 0
    assert stream.audio.strip(b"\0").replace(b"\0", b"").count(b"\1") == RATE


async def test_the_first_turn_waits_for_the_greeting():
    class Greets(Agent):
        def begins(self) -> None:
            super().begins()
            self.speaks("Hello.")

    entries = await hold(Greets(), Written("two"), greeting=True)
    assert texts(entries) == ["Hello.", "two", "You said: two"]


async def test_function_calls_get_results_before_the_next_turn():
    entries = await hold(Agent(calls=True), Spoken(0, 1, "one"), Written("two"))
    sent = [each.body for each in entries if each.kind == "FunctionCallResponse"]
    assert sent[0] == {"id": "f-1", "name": "lookup", "content": 'lookup {"id": 7}'}
    assert [each.direction for each in entries if each.kind == "FunctionCallResponse"] == [UP, UP]


async def test_speech_that_nobody_recognises_does_not_end_the_replay():
    class Deaf(Agent):
        async def send_audio(self, audio: bytes) -> None:
            self.audio += audio

    entries = await hold(Deaf(), Spoken(0, 1, "one"), Written("two"))
    assert texts(entries) == ["two", "You said: two"]


async def test_faster_audio_takes_less_time():
    slow, fast = FakeClock(), FakeClock()
    await hold(Agent(), Spoken(0, 1, "one"), clock=slow)
    await hold(Agent(), Spoken(0, 1, "one"), clock=fast, speed=4)
    assert fast.time < slow.time


@pytest.mark.slow
async def test_faster_audio_does_not_run_away_from_a_server_that_hears_in_its_own_time():
    clock = FakeClock()

    class Paced(Agent):
        """Hears 1.25 times faster than real time after the first ten seconds, as the engine."""

        def __init__(self) -> None:
            super().__init__()
            self.waiting: list[bytes] = []

        async def send_audio(self, audio: bytes) -> None:
            self.waiting.append(audio)
            allowed = (10 + 1.25 * clock.time) * len(SECOND)
            while self.waiting and len(self.audio) + len(self.waiting[0]) <= allowed:
                await super().send_audio(self.waiting.pop(0))

        def speaks(self, text: str) -> None:
            self.says("assistant", text)
            self.plays(SECOND * 12)
            self.tells("AgentAudioDone")

    stream = Paced()
    planned = [Spoken(0, 4, str(number)) for number in range(8)]
    entries = await hold(stream, *planned, clock=clock, speed=4, read=lambda start, end: TONE * 4)
    assert texts(entries) == ["Spoken.", "You said: Spoken."] * 8
    ends = [each.body["end"] for each in entries if each.kind == SOUND]
    begun = [each.at for each in entries if each.body.get("role") == "user"]
    assert all(end < start for end, start in zip(ends, begun[1:], strict=False))


async def test_a_server_that_does_not_apply_the_settings_is_given_up():
    with pytest.raises(NoResponse, match="within 20 s"):
        await hold(FakeStream(), Written("two"))


async def test_an_error_of_the_server_is_raised():
    stream = Agent()
    stream.fails(BadRequest("invalid settings"))
    with pytest.raises(BadRequest, match="invalid settings"):
        await hold(stream, Written("two"))


async def test_a_replay_ends_when_it_is_stopped():
    def stop() -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        await hold(Agent(), Spoken(0, 1, "one"), check=stop)


async def test_progress_is_told_turn_by_turn():
    told: list[float] = []
    await hold(Agent(), Written("one"), Written("two"), tell=told.append)
    assert told == [0.5, 1.0]
