"""``/v1/agent/converse`` in process, in writing and without a voice: messages and their errors."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
import websockets
from channels.testing import WebsocketCommunicator
from uvicorn.server import ServerState

from engine.consumers import agent as consumer
from engine.consumers import recognition, replyaudio, turns
from engine.consumers.protocol import HttpProtocol, Protocol
from engine.models import AgentConfiguration, Request, UsageDay
from engine.speech.errors import AudioError
from engine.thinking import localmodel, providers
from engine.thinking.localmodel import LocalModel
from engine.weights.errors import MissingWeights
from tests.contract.messages import misfits
from tests.engine.inprocess import WAIT_SECONDS, Inside
from tests.engine.languagemodel import LanguageModel, call
from tests.engine.languagemodel import say as write
from tests.engine.live import FakeEndOfTurn, FakeVoice, Prompter, voice
from tests.speech import join, pcm_bytes

AGENT = "/v1/agent/converse"
LIBRARIAN: dict[str, Any] = {
    "listen": {"provider": {"type": "deepgram", "version": "v2", "model": "flux-general-en"}},
    "think": {
        "provider": {"type": "deepgram", "model": "librarian"},
        "functions": [{"name": "search_library"}],
    },
    "speak": {"provider": {"type": "deepgram", "model": "flux-jack-en"}},
}


class Talk:
    """One session in process: what is sent is checked against the contract."""

    def __init__(self, inside: Inside) -> None:
        key = f"Token {inside.ada.key}".encode()
        headers = [(b"authorization", key)]
        self._socket = WebsocketCommunicator(inside.gate, AGENT, headers=headers)
        self.audio = b""

    async def __aenter__(self) -> Talk:
        assert (await self._socket.connect(timeout=30))[0]
        assert (await self.read())["type"] == "Welcome"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.disconnect(timeout=30)

    async def say(self, kind: str, **fields: Any) -> None:
        await self._socket.send_to(text_data=json.dumps({"type": kind, **fields}))

    async def send(self, frame: str | bytes) -> None:
        name = "text_data" if isinstance(frame, str) else "bytes_data"
        await self._socket.send_to(**{name: frame})

    async def read(self) -> Any:
        """The next message, or the code of the close; ``audio`` collects what comes before."""
        output = await self._socket.receive_output(timeout=30)
        if output["type"] == "websocket.close":
            return output["code"]
        if output.get("bytes") is not None:
            self.audio += output["bytes"]
            return await self.read()
        message = json.loads(output["text"])
        assert misfits(AGENT, message) == []
        return message

    async def read_to(self, kind: str) -> Any:
        """The next message of this type or code."""
        while (message := await self.read()).get("code", message["type"]) != kind:
            pass
        return message

    async def read_code(self) -> Any:
        message = await self.read()
        return message if isinstance(message, int) else message.get("code", message["type"])


async def test_messages_before_settings_are_ignored_with_an_error(inside: Inside):
    async with Talk(inside) as talk:
        await talk.send(b"\0\0" * 800)
        await talk.say("InjectUserMessage", content="Hello.")
        assert await talk.read_code() == "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS"
        await talk.send("no JSON")
        assert await talk.read_code() == "UNPARSABLE_CLIENT_MESSAGE"
        await talk.say("Settings", audio={}, agent=LIBRARIAN)
        assert await talk.read_code() == "SettingsApplied"
        await talk.say("Settings", audio={}, agent=LIBRARIAN)
        assert await talk.read_code() == "SETTINGS_ALREADY_APPLIED"
        await talk.say("Sing")
        assert await talk.read_code() == "UNPARSABLE_CLIENT_MESSAGE"


@pytest.mark.parametrize(
    "change",
    [
        {"listen": {"provider": {"version": "v2", "model": "flux-general-xx"}}},
        {"listen": {"provider": {"model": "nova-3", "language": "klingon"}}},
        {"speak": {"provider": {"model": "aura-9-nobody-xx"}}},
    ],
)
async def test_settings_that_no_model_serves_end_the_session(inside: Inside, change: Any):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN | change)
        assert await talk.read_code() == "INVALID_SETTINGS"
        assert await talk.read() == 1008


@pytest.mark.parametrize(
    ("output", "speak", "code"),
    [
        ({"encoding": "mp3"}, {"model": "flux-jack-en"}, "INVALID_SETTINGS"),
        ({"sample_rate": 12_345}, {"model": "flux-jack-en"}, "INVALID_SETTINGS"),
        ({}, {"model": "flux-jack-en", "speed": 9}, "FAILED_TO_SPEAK"),
    ],
)
async def test_a_voice_that_cannot_speak_so_ends_the_session(
    inside: Inside, output: Any, speak: Any, code: str
):
    async with Talk(inside) as talk:
        agent = LIBRARIAN | {"speak": {"provider": speak}}
        await talk.say("Settings", audio={"output": output}, agent=agent)
        assert [await talk.read_code(), await talk.read()] == [code, 1008]


async def test_every_provider_of_a_voice_is_served_by_a_local_one(inside: Inside):
    for provider in (
        {"type": "open_ai", "model": "tts-1", "voice": "onyx"},
        {"type": "eleven_labs", "model_id": "m", "language": "fr-FR"},
        {"type": "cartesia", "model_id": "m", "voice": {"mode": "id", "id": "x"}},
        {"type": "aws_polly", "voice": "Joanna", "language_code": "es-ES", "engine": "neural"},
    ):
        async with Talk(inside) as talk:
            speak = {"provider": provider, "endpoint": {"url": "https://example.com"}}
            await talk.say("Settings", audio={}, agent=LIBRARIAN | {"speak": speak})
            assert await talk.read_code() == "SettingsApplied"


async def test_a_local_model_that_is_not_installed_cannot_think(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(providers, "LOCAL", LocalModel(is_installed=lambda: False))
    think = {"provider": {"type": "open_ai", "model": localmodel.MODEL}}
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN | {"think": think})
        error = await talk.read()
        assert (error["code"], await talk.read()) == ("INVALID_SETTINGS", 1008)
        assert "make think" in error["description"]
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN)
        await talk.say("UpdateThink", think=think)
        assert [await talk.read_code() for _ in range(2)] == [
            *("SettingsApplied", "INVALID_SETTINGS"),
        ]


@pytest.mark.parametrize("agent_id", ["nonsense", "c0ffee00-1111-4222-8333-444455556666"])
async def test_an_unknown_configuration_is_an_error(inside: Inside, agent_id: str):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=agent_id)
        assert [await talk.read_code(), await talk.read()] == ["INVALID_AGENT_ID", 1008]


async def test_the_configuration_of_another_project_is_unknown(inside: Inside):
    agent = await AgentConfiguration.objects.acreate(project=inside.eve.project, config=LIBRARIAN)
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=str(agent.pk))
        assert await talk.read_code() == "INVALID_AGENT_ID"


async def test_the_librarian_asks_for_a_search(inside: Inside):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN)
        await talk.say("InjectUserMessage", content="What did Ada say about the budget?")
        assert await talk.read_code() == "SettingsApplied"
        assert [await talk.read_code() for _ in range(2)] == ["ConversationText", "History"]
        request = (await talk.read())["functions"][0]
        assert (request["name"], request["client_side"]) == ("search_library", True)
        assert json.loads(request["arguments"]) == {"query": "budget", "speaker": "Ada"}
        # The user continues: the search is no longer needed.
        await talk.say("InjectUserMessage", content="Who mentioned the garden?")
        assert await talk.read_code() == "FunctionCallCancelled"


async def test_a_private_address_is_not_asked(inside: Inside):
    think = {
        "provider": {"type": "open_ai", "model": "m"},
        "endpoint": {"url": "http://127.0.0.1:9/v1/chat/completions"},
    }
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN | {"think": think})
        assert await talk.read_code() == "SettingsApplied"
        await talk.say("InjectUserMessage", content="Hello.")
        sent = [await talk.read() for _ in range(3)]
        assert sent[-1]["code"] == "FAILED_TO_THINK"
        assert "not publicly routable" in sent[-1]["description"]


async def test_updates_are_applied_while_the_session_runs(inside: Inside):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio={}, agent=LIBRARIAN)
        await talk.say("UpdateListen", listen={"provider": {"keyterms": ["Earshot"]}})
        await talk.say("UpdateSpeak", speak={"provider": {"model": "flux-cole-en"}})
        await talk.say("UpdateSpeak", speak={"provider": {"model": "aura-9-nobody-xx"}})
        await talk.say("UpdateThink", think=LIBRARIAN["think"])
        await talk.say("UpdatePrompt", prompt="Be brief.")
        await talk.say("ForceEndTurn")
        await talk.say("KeepAlive")
        await talk.say("UpdateThink_Live", think_live={})
        assert [await talk.read_code() for _ in range(7)] == [
            *("SettingsApplied", "ListenUpdated", "SpeakUpdated", "INVALID_SETTINGS"),
            *("ThinkUpdated", "PromptUpdated", "ThinkLiveUpdated"),
        ]


@pytest.mark.full
async def test_audio_that_is_none_ends_the_session(inside: Inside):
    async with Talk(inside) as talk:
        audio = {"input": {"encoding": "flac", "sample_rate": 16_000}}
        await talk.say("Settings", audio=audio, agent=LIBRARIAN)
        assert await talk.read_code() == "SettingsApplied"
        for _ in range(40):
            await talk.send(b"this is no audio" * 512)
        assert [await talk.read_code(), await talk.read()] == ["USER_AUDIO_FORMAT", 1008]


@pytest.mark.full
async def test_a_server_that_stops_says_so(inside: Inside):
    config = uvicorn.Config(
        inside.gate, http=HttpProtocol, ws=Protocol, log_config=None, lifespan="off"
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: HttpProtocol(config, state, {}), "127.0.0.1", 0)
    address = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}{AGENT}"
    headers = {"authorization": f"Token {inside.ada.key}"}
    async with websockets.connect(address, additional_headers=headers) as socket:
        assert json.loads(await socket.recv())["type"] == "Welcome"
        for connection in state.connections:
            connection.shutdown()
        assert json.loads(await socket.recv())["code"] == "SERVER_GOING_AWAY"
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1012
    listening.close()
    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.gather(*state.tasks)  # the session has been recorded


@pytest.fixture
def model(
    full_lane: None, monkeypatch: pytest.MonkeyPatch, environment: Any, settings: Any
) -> Iterator[Any]:
    """A language model on this machine, which agents may use, and a voice without weights."""
    monkeypatch.setattr(replyaudio, "synthesizer", FakeVoice)
    settings.ENVIRONMENT = replace(environment, agent_hosts=("127.0.0.1",))
    running = LanguageModel()
    yield running
    running.close()


def thinking(model: LanguageModel, *functions: str) -> dict[str, Any]:
    think = {
        "provider": {"type": "open_ai", "model": "m"},
        "endpoint": {"url": model.url},
        "functions": [{"name": name} for name in functions],
    }
    return LIBRARIAN | {"think": think}


RAW = {"output": {"encoding": "linear16", "sample_rate": 16_000}}


async def test_a_written_question_is_answered_in_sound(inside: Inside, model: LanguageModel):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model), experimental=True)
        await talk.say("InjectUserMessage", content="Is it sunny?")
        await talk.read_to("AgentStartedSpeaking")
        assert (await talk.read())["total_latency"] >= 0
        await talk.read_to("AgentAudioDone")
        # "It is sunny." has ten characters without blanks, two thirds of a second.
        assert abs(len(talk.audio) / 32_000 - 10 / 15) < 0.05
        history = await talk.read_to("History")
        assert (history["role"], history["content"]) == ("assistant", "It is sunny.")


async def test_sound_that_is_held_is_sent_again_from_where_it_was(
    inside: Inside, model: LanguageModel
):
    text = "a" * 60 + "."
    model.respond = lambda body: write(text)
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        await talk.say("InjectUserMessage", content="Go on.")
        await talk.read_to("AgentAudioDone")
        first = len(talk.audio)
        await talk.say("InjectAgentMessage", message="b" * 30, behavior="queue")
        await talk.say("InjectAgentMessage", message="c" * 15, behavior="interrupt")
        await talk.read_to("UserStartedSpeaking")
        heard = await talk.read_to("History")
        assert text.startswith(heard["content"])
        await talk.read_to("AgentAudioDone")
        assert abs((len(talk.audio) - first) / 32_000 - 1.0) < 0.05


async def test_a_function_of_the_client_is_called(inside: Inside, model: LanguageModel):
    responses = iter([call("weather", {"city": "Rome"}, "a"), write("Sunny.")])
    model.respond = lambda body: next(responses)
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model, "weather"))
        await talk.say("InjectUserMessage", content="The weather in Rome?")
        request = await talk.read_to("FunctionCallRequest")
        assert request["functions"][0]["arguments"] == '{"city": "Rome"}'
        await talk.say("FunctionCallResponse", id="a", name="weather", content="sunny")
        await talk.read_to("AgentAudioDone")
    assert model.bodies[1]["messages"][-1]["content"] == "sunny"


async def test_a_voice_that_fails_is_replaced_or_ends_the_reply(
    inside: Inside, model: LanguageModel
):
    model.respond = lambda body: write("This will fail.")
    voices = [{"provider": {"model": name}} for name in ("flux-jack-en", "flux-cole-en")]
    async with Talk(inside) as talk:
        agent = thinking(model) | {"speak": voices}
        await talk.say("Settings", audio=RAW, agent=agent)
        await talk.say("InjectUserMessage", content="Go on.")
        await talk.read_to("SPEAK_REQUEST_FAILED")
        await talk.read_to("FAILED_TO_SPEAK")
        model.respond = lambda body: write("Fine.")
        await talk.say("InjectUserMessage", content="Again.")
        await talk.read_to("AgentAudioDone")


async def test_the_next_voice_says_what_the_first_one_could_not(
    inside: Inside, model: LanguageModel, monkeypatch: pytest.MonkeyPatch
):
    failures = iter([AudioError("no sound")])

    class Voices(FakeVoice):
        def speak(self, *args: Any, **options: Any) -> Iterator[Any]:
            if failure := next(failures, None):
                raise failure
            return super().speak(*args, **options)

    monkeypatch.setattr(replyaudio, "synthesizer", Voices)
    voices = [{"provider": {"model": name}} for name in ("flux-jack-en", "flux-cole-en")]
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model) | {"speak": voices})
        await talk.say("InjectUserMessage", content="Is it sunny?")
        await talk.read_to("SPEAK_REQUEST_FAILED")
        await talk.read_to("AgentAudioDone")
        assert abs(len(talk.audio) / 32_000 - 10 / 15) < 0.05


async def test_what_was_said_before_the_last_voice_failed_is_heard(
    inside: Inside, model: LanguageModel
):
    model.respond = lambda body: write("This is fine. This will fail.")
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        await talk.say("InjectUserMessage", content="Go on.")
        await talk.read_to("FAILED_TO_SPEAK")
        await talk.read_to("AgentAudioDone")
        assert abs(len(talk.audio) / 32_000 - 11 / 15) < 0.05
        assert (await talk.read_to("History"))["content"] == "This is fine."


async def test_an_interrupted_request_is_cancelled(inside: Inside, model: LanguageModel):
    waiting = threading.Event()
    model.respond = lambda body: [*write("One moment. "), waiting, *write("Too late.")]
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        await talk.say("InjectUserMessage", content="Go on.")
        await talk.read_to("LatencyReport")
        model.respond = lambda body: write("Fine.")
        await talk.say("InjectUserMessage", content="Stop.")
        await talk.read_to("AgentAudioDone")
    waiting.set()
    assert model.gone.wait(WAIT_SECONDS)


async def test_a_long_conversation_leaves_no_tasks_behind(inside: Inside, model: LanguageModel):
    running = []
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        for number in range(16):
            await talk.say("InjectUserMessage", content=f"Is it sunny on day {number}?")
            await talk.read_to("AgentAudioDone")
            running.append(len(asyncio.all_tasks()))
    # A task of a turn may still be ending when it is counted; one left by each turn would add up.
    assert min(running[8:]) <= max(running[:8])


async def test_the_open_minutes_and_the_tokens_are_recorded(inside: Inside, model: LanguageModel):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model), tags=["t"])
        await talk.say("InjectUserMessage", content="Is it sunny?")
        await talk.read_to("AgentAudioDone")
    row = await Request.objects.aget()
    assert (row.endpoint, row.code, row.details["tags"]) == ("agent", 101, ["t"])
    assert (row.details["tokens_in"], row.details["tokens_out"]) == (12, 7)
    day = await UsageDay.objects.select_related("kind").aget()
    assert day.agent_seconds > 0
    assert day.kind.line_item == "agent::m"


@pytest.fixture
def prompter(monkeypatch: pytest.MonkeyPatch) -> Prompter:
    """The recognizer of the session: what it hears is up to the test."""
    made = Prompter("Is it sunny in Rome?")
    for module in (consumer, recognition):
        monkeypatch.setattr(module, "recognizer", lambda: made)
    monkeypatch.setattr(turns, "end_of_turn", FakeEndOfTurn)
    return made


SPOKEN = {"input": {"encoding": "linear16", "sample_rate": 16_000}} | RAW
NOVA = {"type": "deepgram", "model": "nova-3", "smart_format": True}
TURN = pcm_bytes(join(0.5, voice(1.0), 2.0))


@pytest.mark.parametrize("provider", [LIBRARIAN["listen"]["provider"], NOVA], ids=["flux", "nova"])
async def test_a_spoken_question_is_answered_in_sound(
    inside: Inside, model: LanguageModel, prompter: Prompter, provider: Any
):
    async with Talk(inside) as talk:
        agent = thinking(model) | {"listen": {"provider": provider}}
        await talk.say("Settings", audio=SPOKEN, agent=agent)
        await talk.send(TURN)
        found = [await talk.read_code() for _ in range(3)]
        assert found == ["SettingsApplied", "UserStartedSpeaking", "ConversationText"]
        await talk.read_to("AgentAudioDone")
    assert model.bodies[-1]["messages"][-1] == {"role": "user", "content": "Is it sunny in Rome?"}
    assert len(talk.audio) / 32_000 > 0.5


class Failing(Prompter):
    """A recognizer whose model fails, or was never installed."""

    is_installed = True

    def check(self, name: str) -> None:
        if not self.is_installed:
            raise MissingWeights(name)

    def submit(self, samples: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        error = MissingWeights("the folder of the model has been deleted")
        asyncio.get_running_loop().call_soon(future.set_exception, error)
        return future


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, prompter: Prompter) -> Failing:
    made = Failing("")
    for module in (consumer, recognition):
        monkeypatch.setattr(module, "recognizer", lambda: made)
    return made


async def test_a_model_that_is_not_installed_cannot_listen(inside: Inside, failing: Failing):
    failing.is_installed = False
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=SPOKEN, agent=LIBRARIAN)
        assert [await talk.read_code(), await talk.read()] == ["FAILED_TO_START_LISTENING", 1011]


async def test_recognition_that_fails_ends_the_session(inside: Inside, failing: Failing):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=SPOKEN, agent=LIBRARIAN)
        await talk.send(TURN)
        assert await talk.read_code() == "SettingsApplied"
        assert [await talk.read_code(), await talk.read()] == ["ASR_CONNECTION_CLOSED", 1011]


@pytest.mark.parametrize(
    ("events", "status", "is_cut", "code"),
    [
        (["<html>"], 200, False, "FAILED_TO_THINK"),
        (["wrong key"], 401, False, "FAILED_TO_THINK"),
        ([{"error": {"message": "no credit"}}], 200, False, "FAILED_TO_THINK"),
        ([{"choices": [{"delta": "text"}]}], 200, False, "FAILED_TO_THINK"),
        ([], 200, True, "FAILED_TO_THINK"),
        (["x" * 1_200_000], 200, False, "FAILED_TO_THINK"),
        (write("It is"), 200, True, "GPT_4O_STREAM_END_ERROR"),
    ],
)
async def test_a_broken_endpoint_is_an_error_and_the_session_continues(
    inside: Inside, model: LanguageModel, events: Any, status: int, is_cut: bool, code: str
):
    model.respond, model.status, model.is_cut = lambda body: events, status, is_cut
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        await talk.say("InjectUserMessage", content="Is it sunny?")
        await talk.read_to(code)
        model.respond, model.status, model.is_cut = lambda body: write("Yes."), 200, False
        await talk.say("InjectUserMessage", content="Again: is it sunny?")
        while (await talk.read_to("ConversationText"))["content"] != "Yes.":
            pass


async def test_an_endless_endpoint_is_cut_off_while_the_session_runs(
    inside: Inside, model: LanguageModel
):
    def endless(body: Any) -> Iterator[Any]:
        while True:
            yield from write("And so on. " * 200)

    model.respond = endless
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=RAW, agent=thinking(model))
        await talk.say("InjectUserMessage", content="Tell me everything.")
        await talk.read_to("LatencyReport")
        assert await asyncio.to_thread(model.gone.wait, WAIT_SECONDS)
        model.respond = lambda body: write("Yes.")
        await talk.say("InjectUserMessage", content="Is it sunny?")
        while (await talk.read_to("ConversationText"))["content"] != "Yes.":
            pass


async def start_story(talk: Talk, model: LanguageModel, rest: str) -> None:
    """Have the agent say a short sentence, which is heard, and go on with ``rest``."""
    model.respond = lambda body: write(f"Well. {rest}")
    await talk.say("Settings", audio=SPOKEN, agent=thinking(model))
    await talk.say("InjectUserMessage", content="Tell me a story.")
    while (await talk.read_to("History")).get("content") != "Well.":
        pass


async def test_words_of_the_user_end_the_reply(
    inside: Inside, model: LanguageModel, prompter: Prompter
):
    story = "Once upon a time there was a king. " * 8
    async with Talk(inside) as talk:
        await start_story(talk, model, story)
        prompter.text = "Please wait for me."
        await talk.send(TURN)
        await talk.read_to("UserStartedSpeaking")
        heard = await talk.read_to("History")
        if heard["role"] == "assistant":  # some of the second sentence was played
            assert story.startswith(heard["content"])
        await talk.read_to("LatencyReport")
    assert model.bodies[-1]["messages"][-1]["content"] == "Please wait for me."
    said = [one["content"] for one in model.bodies[-1]["messages"] if one["role"] == "assistant"]
    assert len(" ".join(said)) < len(story) / 2


@pytest.mark.parametrize("text", ["Mhm.", ""], ids=["backchannel", "noise"])
async def test_a_sound_that_is_no_interruption_pauses_the_agent(
    inside: Inside, model: LanguageModel, prompter: Prompter, text: str
):
    rest = "Once upon a time there was a king"
    async with Talk(inside) as talk:
        await start_story(talk, model, rest)
        prompter.text = text
        await talk.send(TURN)
        await talk.read_to("UserStartedSpeaking")
        sent = len(talk.audio)
        await talk.read_to("AgentAudioDone")
        assert len(talk.audio) > sent  # the rest came again
        while (await talk.read_to("History")).get("content") != rest:
            pass
    assert len(model.bodies) == 1


async def test_a_turn_ends_when_the_client_says_so(
    inside: Inside, model: LanguageModel, prompter: Prompter
):
    async with Talk(inside) as talk:
        await talk.say("Settings", audio=SPOKEN, agent=thinking(model))
        await talk.send(pcm_bytes(join(0.5, voice(1.2))))
        await talk.say("ForceEndTurn")
        await talk.read_to("ConversationText")
        await talk.read_to("AgentAudioDone")


async def test_probable_ends_are_thought_about_before_the_end(
    inside: Inside, model: LanguageModel, prompter: Prompter
):
    provider = LIBRARIAN["listen"]["provider"] | {"eot_threshold": 1.0, "eot_timeout_ms": 3_000}
    async with Talk(inside) as talk:
        agent = thinking(model) | {"listen": {"provider": provider}}
        await talk.say("Settings", audio=SPOKEN, agent=agent)
        await talk.send(TURN)  # the end is certain after 3 s of silence only
        await talk.read_to("UserStartedSpeaking")
        assert await asyncio.to_thread(model.asked.wait, WAIT_SECONDS)
        assert talk.audio == b""
        await talk.send(pcm_bytes(join(1.5)))
        await talk.read_to("AgentAudioDone")
    assert len(model.bodies) == 1
