"""``WS /v1/agent/converse`` of a running engine, with a language model of the test's own."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deepgram.agent.v1.types import (
    AgentV1InjectUserMessage,
    AgentV1KeepAlive,
    AgentV1SendFunctionCallResponse,
    AgentV1Settings,
)
from deepgram.core.events import EventType

from tests.engine.engine import Engine
from tests.engine.languagemodel import LanguageModel, call
from tests.engine.languagemodel import say as write
from tests.engine.site import Site
from tests.engine.sockets.conftest import Open, Stream
from tests.speech import Samples, join, pcm_bytes, say

AGENT = "/v1/agent/converse"
FLUX = {"type": "deepgram", "version": "v2", "model": "flux-general-en"}
NOVA = {"type": "deepgram", "version": "v1", "model": "nova-3"}
QUESTION = "What is the weather like in London today?"
LOOKUP = {
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture
def model() -> Iterator[LanguageModel]:
    running = LanguageModel()
    yield running
    running.close()


def settings(model: LanguageModel, *functions: Any, **agent: Any) -> dict[str, Any]:
    think = {
        "provider": {"type": "open_ai", "model": "stub"},
        "endpoint": {"url": model.url, "headers": {"authorization": "Bearer secret"}},
        "prompt": "Be brief.",
        "functions": list(functions),
    }
    return {
        "audio": {
            "input": {"encoding": "linear16", "sample_rate": 16_000},
            "output": {"encoding": "linear16", "sample_rate": 16_000, "container": "none"},
        },
        "agent": {
            "listen": {"provider": FLUX},
            "think": think,
            "speak": {"provider": {"type": "deepgram", "model": "flux-jack-en"}},
        }
        | agent,
    }


def question() -> Samples:
    return join(0.3, say(QUESTION), 3.0)


def texts(stream: Stream, role: str) -> list[str]:
    return [one["content"] for one in stream.of("ConversationText") if one["role"] == role]


def kinds(stream: Stream) -> list[str]:
    """The types of messages without reports, neighbouring frames of audio as one."""
    told = [one["type"] for one in stream.told if one["type"] not in ("History", "LatencyReport")]
    return [kind for kind, _ in groupby(told)]


@pytest.mark.parametrize("listen", [FLUX, NOVA | {"smart_format": True}], ids=["flux", "nova"])
def test_a_spoken_question_gets_a_spoken_response(
    open_stream: Open, model: LanguageModel, listen: dict[str, Any]
):
    spoken = question()  # it may take longer than a session waits
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model, listen={"provider": listen}))
        stream.read_to("SettingsApplied")
        stream.send(spoken)
        stream.read_to("AgentAudioDone")
    heard = texts(stream, "user")[0].lower()
    assert "what is the weather" in heard
    assert "in london today" in heard
    assert texts(stream, "assistant") == ["It is sunny."]
    assert model.bodies[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert model.headers[-1]["authorization"] == "Bearer secret"
    assert kinds(stream) == [
        *("Welcome", "SettingsApplied", "UserStartedSpeaking", "ConversationText"),
        *("sound", "AgentAudioDone"),
    ]
    assert len(stream.sound) / 32_000 > 0.5
    report = stream.of("LatencyReport")[0]
    assert report["total_latency"] >= report["stt_latency"] >= 0


def test_speech_over_the_agent_stops_it_and_the_history_has_what_was_heard(
    open_stream: Open, model: LanguageModel
):
    long = [f"This is sentence number {number} of a long story. " for number in range(60)]
    model.respond = lambda body: write(*long)
    interruption = join(0.3, say("Wait, please stop, I have another question."), 3.0)
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model))
        stream.read_to("SettingsApplied")
        stream.say("InjectUserMessage", content="Tell me a story.")
        stream.read_to("LatencyReport")
        stream.send(interruption)
        started = len(stream.told)
        stream.read_to("UserStartedSpeaking")
        stream.read_until(lambda one: one.get("role") == "user" and "stop" in one["content"])
        stream.read_to("LatencyReport")
    heard = [one["content"] for one in stream.of("History") if one.get("role") == "assistant"]
    # The client played in real time: it cannot have heard the whole story.
    assert sum(map(len, heard)) < sum(map(len, long)) / 2
    assert started
    assert "stop" in model.bodies[-1]["messages"][-1]["content"].lower()


def test_a_noise_does_not_end_the_reply(open_stream: Open, model: LanguageModel):
    model.respond = lambda body: write("One two three four five six seven eight nine ten. " * 3)
    noise = np.random.default_rng(1).normal(0, 0.02, 8_000).astype(np.float32)
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model))
        stream.read_to("SettingsApplied")
        stream.say("InjectUserMessage", content="Count.")
        stream.read_to("LatencyReport")
        stream.send(join(0.1, noise, 2.0))
        stream.read_to("AgentAudioDone")
        stream.read_until(lambda one: one.get("role") == "assistant" and one["type"] == "History")
    assert len(model.bodies) == 1


def test_functions_of_the_client_and_of_the_server_are_called(
    open_stream: Open, model: LanguageModel, site: Site
):
    site.pages["/book"] = (200, {"content-type": "application/json"}, b'{"booked": true}')
    server_side = {"name": "book", "endpoint": {"url": f"{site.url}/book", "method": "POST"}}
    answers = iter(
        [
            call("weather", {"city": "London"}, "a"),
            call("book", {"city": "London"}, "b"),
            write("It is booked."),
        ]
    )
    model.respond = lambda body: next(answers)
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model, LOOKUP, server_side))
        stream.read_to("SettingsApplied")
        stream.say("InjectUserMessage", content="Book a trip if it is sunny.")
        request = stream.read_to("FunctionCallRequest")["functions"][0]
        assert request == {
            "id": "a",
            "name": "weather",
            "arguments": '{"city": "London"}',
            "client_side": True,
        }
        stream.say("FunctionCallResponse", id="a", name="weather", content="sunny")
        assert stream.read_to("FunctionCallRequest")["functions"][0]["client_side"] is False
        assert stream.read_to("FunctionCallResponse")["content"] == '{"booked": true}'
        stream.read_to("AgentAudioDone")
    assert json.loads(site.arrivals.get(timeout=10).body) == {"city": "London"}
    assert [one["role"] for one in model.bodies[-1]["messages"]] == [
        *("system", "user", "assistant", "tool", "assistant", "tool"),
    ]


def test_a_broken_endpoint_is_followed_by_the_next_and_the_session_goes_on(
    open_stream: Open, model: LanguageModel
):
    working = settings(model)["agent"]["think"]
    broken = working | {"endpoint": {"url": model.url.replace("http://", "http://127.0.0.1:1/")}}
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model, think=[broken, working]))
        stream.say("InjectUserMessage", content="Hello.")
        assert stream.read_to("Warning")["code"] == "THINK_REQUEST_FAILED"
        stream.read_to("AgentAudioDone")
        model.status = 500
        stream.say("InjectUserMessage", content="Hello again.")
        stream.read_until(lambda one: one["type"] == "Error")
        model.status = 200
        stream.say("InjectUserMessage", content="And again.")
        stream.read_to("AgentAudioDone")
    assert [one["code"] for one in stream.of("Error")] == ["FAILED_TO_THINK"]


def test_an_endless_response_is_cut_off_when_the_user_speaks(
    open_stream: Open, model: LanguageModel
):
    def endless(body: dict[str, Any]) -> Iterator[Any]:
        yield from write("Once upon a time there was a king. ")
        while not model.gone.wait(0.05):
            yield from write("And so on. ")

    model.respond = endless
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model))
        stream.say("InjectUserMessage", content="Tell me everything.")
        stream.read_to("LatencyReport")
        model.respond = lambda body: write("Fine.")
        stream.say("InjectUserMessage", content="Enough.")
        stream.read_until(lambda one: one.get("content") == "Fine.")
    assert model.gone.wait(30)


def test_the_librarian_searches_by_a_function_and_reads_back_what_it_finds(open_stream: Open):
    search = {"name": "search_library"}
    hits = [{"title": "Budget", "speaker": "Ada", "start": 65, "text": "The budget is tight."}]
    think = {"provider": {"type": "deepgram", "model": "librarian"}, "functions": [search]}
    agent = {
        "think": think,
        "speak": {"provider": {"type": "deepgram", "model": "flux-jack-en"}},
        "listen": {"provider": FLUX},
    }
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", audio={}, agent=agent)
        stream.say("InjectUserMessage", content="Who said something about the budget?")
        request = stream.read_to("FunctionCallRequest")["functions"][0]
        assert json.loads(request["arguments"]) == {"query": "budget"}
        stream.say(
            "FunctionCallResponse",
            id=request["id"],
            name="search_library",
            content=json.dumps(hits),
        )
        stream.read_to("AgentAudioDone")
    said = " ".join(texts(stream, "assistant"))
    assert "In Budget, at 1 minute and 5 seconds, Ada said: The budget is tight." in said


def test_a_stored_configuration_is_used_with_its_variables(
    engine: Engine, open_stream: Open, model: LanguageModel
):
    config = settings(model, greeting="Welcome to {{DG_SHOP}}.")["agent"]
    with engine.http() as http:
        project = f"/v1/projects/{engine.project_id}"
        variable = {"key": "DG_SHOP", "value": "the book shop"}
        http.post(f"{project}/agent-variables", json=variable).raise_for_status()
        made = http.post(f"{project}/agents", json={"config": json.dumps(config)})
        agent_id = made.json()["agent_id"]
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", audio=settings(model)["audio"], agent=agent_id)
        stream.read_to("AgentAudioDone")
    assert texts(stream, "assistant") == ["Welcome to the book shop."]


def test_the_minutes_of_an_agent_are_recorded(
    engine: Engine, open_stream: Open, model: LanguageModel
):
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model), tags=["agent-minutes"])
        stream.say("InjectUserMessage", content="Hello.")
        stream.read_to("AgentAudioDone")
        request_id = stream.of("Welcome")[0]["request_id"]
        stream.socket.close()
    with engine.http() as http:
        project = f"/v1/projects/{engine.project_id}"
        for _ in range(100):
            found = http.get(f"{project}/requests/{request_id}")
            if found.status_code == 200:
                break
        else:
            pytest.fail("the session was not recorded")
        params = {"grouping": "endpoint", "tag": "agent-minutes"}
        rows = http.get(f"{project}/usage/breakdown", params=params).json()["results"]
    (row,) = rows
    assert row["agent_hours"] > 0
    assert (row["tokens_in"], row["tokens_out"]) == (12, 7)


@pytest.mark.parametrize("encoding", ["mulaw", "mp3", "opus"])
def test_the_agent_speaks_in_the_requested_format(
    open_stream: Open, model: LanguageModel, encoding: str
):
    audio = {"output": {"encoding": encoding}}
    speak = {"provider": {"type": "deepgram", "model": "aura-2-arcas-en"}}
    with open_stream(AGENT, encoding=None, sample_rate=None) as stream:
        stream.say("Settings", **settings(model, speak=speak, greeting="Hello.") | {"audio": audio})
        stream.read_to("AgentAudioDone")
    assert stream.sound


def converse(engine: Engine, given: dict[str, Any]) -> list[Any]:
    """A session of the SDK that asks in writing and responds to function calls."""
    heard: list[Any] = []
    done = threading.Event()
    with engine.client().agent.v1.connect() as socket:

        def take(message: Any) -> None:
            heard.append(message)
            kind = getattr(message, "type", "")
            if kind == "SettingsApplied":
                socket.send_keep_alive(AgentV1KeepAlive())
                content = AgentV1InjectUserMessage(content="What is the weather?")
                socket.send_inject_user_message(content)
            elif kind == "FunctionCallRequest":
                one = message.functions[0]
                response = AgentV1SendFunctionCallResponse(
                    id=one.id, name=one.name, content="sunny"
                )
                socket.send_function_call_response(response)
            elif kind == "AgentAudioDone":
                done.set()

        socket.on(EventType.MESSAGE, take)
        threading.Thread(target=socket.start_listening, daemon=True).start()
        socket.send_settings(AgentV1Settings(**given))
        assert done.wait(60)
    return heard


def test_the_sdk_holds_a_conversation_with_a_function_call(engine: Engine, model: LanguageModel):
    answers = iter([call("weather", {"city": "London"}), write("It is sunny.")])
    model.respond = lambda body: next(answers)
    heard = converse(engine, settings(model, LOOKUP))
    kinds = [type(message).__name__ for message in heard if not isinstance(message, bytes)]
    assert kinds[:2] == ["AgentV1Welcome", "AgentV1SettingsApplied"]
    assert {"AgentV1FunctionCallRequest", "AgentV1ConversationText", "AgentV1AgentAudioDone"} <= {
        *kinds
    }
    assert any(isinstance(message, bytes) for message in heard)


def test_the_javascript_sdk_holds_a_spoken_conversation(
    engine: Engine, model: LanguageModel, node: str, tmp_path: Path
):
    answers = iter([call("weather", {"city": "London"}), write("It is sunny.")])
    model.respond = lambda body: next(answers)
    (tmp_path / "samples").write_bytes(pcm_bytes(question()))
    (tmp_path / "settings").write_text(json.dumps(settings(model, LOOKUP)))
    done = subprocess.run(
        [
            *(node, str(Path(__file__).parent / "agent.mjs"), engine.url, engine.key),
            *(str(tmp_path / "settings"), str(tmp_path / "samples")),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["kinds"][:2] == ["Welcome", "SettingsApplied"]
    assert {"UserStartedSpeaking", "FunctionCallRequest", "AgentAudioDone"} <= {*found["kinds"]}
    assert found["bytes"] > 10_000
