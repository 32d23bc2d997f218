"""Local language model of `make think`: speed, a table of cases, and recognition beside it.

The cases are turns of an agent whose prompt says what it needs; a response is right when it matches
an expression, or calls the function with the arguments of the question.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import websockets

from engine.env import Environment, Reach, read_environment
from engine.sessions.agent.thoughts import Call, Text, Thought, Tokens
from engine.thinking import localmodel, outbound, providers
from engine.thinking.dialects import OpenAi
from engine.wire.agent_messages import Function, FunctionCall, History, Role, Think, ThinkProvider
from tests.bench.agent import QUESTIONS
from tests.bench.live import Clip, captions, final_lags, interim_lags
from tests.bench.results import Result, at_least, at_most
from tests.engine.engine import Engine, start_engine
from tests.speech import say

PROMPT = (
    "You are the phone assistant of a restaurant called The Olive. It is open from 12 to 22 "
    "o'clock on Monday to Saturday and closed on Sunday. It is at 5 Harbour Street. Answer in one "
    "or two short sentences that can be spoken."
)
LOOKUP = Function(
    name="lookup_order",
    description="Find an order by its number",
    parameters={"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
)
BOOK = Function(
    name="book_table",
    description="Book a table",
    parameters={
        "type": "object",
        "properties": {"people": {"type": "integer"}, "time": {"type": "string"}},
        "required": ["people", "time"],
    },
)
FOUND = FunctionCall(
    id="a",
    name="lookup_order",
    client_side=True,
    arguments='{"id": "A17"}',
    response='{"status": "arrives on Tuesday"}',
)
STORY = "Tell me a very long story about a king, his castle and his three daughters."


@dataclass
class Response:
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    tokens: Tokens = field(default_factory=lambda: Tokens(0, 0))
    first_seconds: float = 0.0  # to the first text or call
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    """A conversation that ends with the user, and whether a response to it is right."""

    name: str
    said: tuple[str, ...]
    is_right: Callable[[Response], bool]
    functions: tuple[Function, ...] = ()
    calls: tuple[FunctionCall, ...] = ()

    @property
    def conversation(self) -> list[History]:
        roles: tuple[Role, Role] = ("user", "assistant")
        items = [History(role=roles[at % 2], content=text) for at, text in enumerate(self.said)]
        return [*items, *([History(function_calls=list(self.calls))] if self.calls else [])]


def matches(pattern: str) -> Callable[[Response], bool]:
    return lambda response: (
        not response.calls and re.search(pattern, response.text, re.IGNORECASE) is not None
    )


def calls(name: str, **arguments: object) -> Callable[[Response], bool]:
    def is_right(response: Response) -> bool:
        made = [(call.name, json.loads(call.arguments)) for call in response.calls]
        return made == [(name, arguments)]

    return is_right


BOTH = (LOOKUP, BOOK)
CASES = (
    Case("hours", ("Are you open on Sunday?",), matches(r"closed|not open|n't open|^no\b")),
    Case("address", ("Where are you?",), matches("harbour")),
    Case("until when", ("How late can I come on Friday?",), matches(r"22|10|ten")),
    Case("sum", ("What is 17 plus 26?",), matches(r"43|forty-three")),
    Case(
        "name",
        ("Hi, my name is Petra.", "Hello Petra, how can I help?", "Do you remember my name?"),
        matches("petra"),
    ),
    Case("unknown", ("What did I eat here last week?",), matches(r"n't|not|no record|sorry")),
    Case("Spanish", ("¿Está abierto el domingo? Responda en español.",), matches(r"cerrad|\bno\b")),
    Case("short", ("Tell me about the restaurant.",), matches(r"\A([^.!?]*[.!?]){1,3}\s*\Z")),
    Case("thanks", ("Thanks, goodbye!",), matches(r"\w"), BOTH),
    Case("no call", ("Are you open on Sunday?",), matches(r"closed|not open|^no\b"), BOTH),
    Case("call", ("Where is my order A17?",), calls("lookup_order", id="A17"), BOTH),
    Case(
        "call with numbers",
        ("Please book a table for two people at 19:30.",),
        calls("book_table", people=2, time="19:30"),
        BOTH,
    ),
    Case("missing argument", ("I would like to book a table.",), matches(r"\?"), BOTH),
    Case("result", ("Where is my order A17?",), matches("tuesday"), BOTH, (FOUND,)),
)


async def ask(environment: Environment, case: Case) -> Response:
    provider = ThinkProvider(type="open_ai", model=localmodel.MODEL, temperature=0)
    think = Think(provider=provider, functions=list(case.functions))
    response, started = Response(), time.monotonic()
    thought = Thought(1, think, PROMPT, case.conversation)
    running = await providers.LOCAL.start(environment)
    headers = {"authorization": f"Bearer {running.key}"}
    reach = Reach(private=True, any_port=True)
    url = f"{running.url}/v1/chat/completions"
    # Not as a provider, which offers it no functions.
    responses = outbound.think(thought, OpenAi(), url, headers, localmodel.MODEL, reach)
    async with aclosing(responses) as parts:
        async for part in parts:
            match part:
                case Text(text):
                    response.text += text
                case Call():
                    response.calls.append(part)
                case Tokens():
                    response.tokens = part
            if not response.first_seconds and isinstance(part, Text | Call):
                response.first_seconds = time.monotonic() - started
    response.seconds = time.monotonic() - started
    return response


async def try_cases(environment: Environment) -> list[Result]:
    started = time.monotonic()
    await providers.LOCAL.start(environment)
    load = time.monotonic() - started
    responses = [await ask(environment, case) for case in CASES]
    for case, response in zip(CASES, responses, strict=True):
        is_right = "right" if case.is_right(response) else "WRONG"
        print(f"{case.name}: {is_right}: {response.text!r} {response.calls}", file=sys.stderr)
    again = [await ask(environment, CASES[0]) for _ in range(2)][-1]
    written = [one for one in responses if one.tokens.written > 8 and one.text]
    speeds = [one.tokens.written / (one.seconds - one.first_seconds) for one in written]
    await providers.LOCAL.stop()
    right = [case.is_right(response) for case, response in zip(CASES, responses, strict=True)]
    without = [ok for case, ok in zip(CASES, right, strict=True) if not case.functions]
    with_calls = [ok for case, ok in zip(CASES, right, strict=True) if case.functions]
    return [
        Result("start of the local model", load, "s"),
        Result("first token of a new prompt", responses[0].first_seconds, "s"),
        Result("first token when the prompt is kept", again.first_seconds, "s"),
        Result("tokens written in a second", float(np.median(speeds)), ""),
        at_least("right responses without functions", share(without), 0.7, ""),
        Result("right responses with functions, which agents do not get", share(with_calls), ""),
    ]


def share(right: Sequence[bool]) -> float:
    return sum(right) / len(right)


async def talk(engine: Engine) -> None:
    """Keep the local model busy until cancelled."""
    think = {"provider": {"type": "open_ai", "model": localmodel.MODEL}}
    headers = {"authorization": f"Token {engine.key}"}
    url = f"{engine.socket_url}/v1/agent/converse"
    async with websockets.connect(url, additional_headers=headers, max_size=None) as socket:
        settings = {"type": "Settings", "audio": {}, "agent": {"think": think}}
        await socket.send(json.dumps(settings))
        while True:
            await socket.send(json.dumps({"type": "InjectUserMessage", "content": STORY}))
            async for frame in socket:
                if isinstance(frame, str) and json.loads(frame)["type"] == "AgentAudioDone":
                    break


async def lags(engine: Engine, clips: Sequence[Clip], *, beside: bool) -> tuple[float, float]:
    """The 95th percentiles of interim lag and of ``speech_final``, in seconds."""
    busy = asyncio.create_task(talk(engine)) if beside else None
    if busy is not None:
        await asyncio.sleep(5)
    heard = await captions(engine, clips)
    if busy is not None:
        busy.cancel()
    found = [float(np.percentile(one, 95)) for one in (interim_lags(heard), final_lags(heard))]
    return found[0], found[1]


def run() -> Iterator[Result]:
    if not localmodel.is_extra_installed():
        sys.exit("The local language model is not installed: run `make think`.")
    clips = [Clip(text, say(text, "af_heart"), text) for text in QUESTIONS]
    with tempfile.TemporaryDirectory() as folder:
        environment = read_environment({"EARSHOT_DATA": folder})
        yield from asyncio.run(try_cases(environment))
        engine = start_engine(Path(folder), ENGINE_WARM_VOICES="flux-kit-en")
        try:
            alone = asyncio.run(lags(engine, clips, beside=False))
            beside = asyncio.run(lags(engine, clips, beside=True))
        finally:
            engine.stop()
    yield Result("interim lag alone, p95", alone[0], "s")
    yield at_most("interim lag beside the model, p95", beside[0], 0.5, "s")
    yield Result("speech_final alone, p95", alone[1], "s")
    yield at_most("speech_final beside the model, p95", beside[1], 2.5, "s")
