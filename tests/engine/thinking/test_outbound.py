"""Requests of agents, to servers of the test's own: what is sent, and every way they can fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.env import Environment, read_environment
from engine.sessions.agent.thoughts import Call, Done, Part, Text, Thought, Tokens, Unfinished
from engine.thinking import outbound, providers
from engine.wire.agent_messages import (
    Endpoint,
    Function,
    FunctionEndpoint,
    History,
    Think,
    ThinkProvider,
)
from tests.engine.languagemodel import LanguageModel, call, say
from tests.engine.site import Site


@pytest.fixture
def model(full_lane: None) -> Iterator[LanguageModel]:
    running = LanguageModel()
    yield running
    running.close()


def environ(folder: Path, **variables: str) -> Environment:
    return read_environment({"EARSHOT_DATA": str(folder)} | variables)


@pytest.fixture
def allowed(tmp_path: Path) -> Environment:
    """An environment in which agents may use this machine."""
    return environ(tmp_path, ENGINE_AGENT_HOSTS="127.0.0.1")


def thought(url: str, kind: Any = "open_ai", **headers: str) -> Thought:
    think = Think(
        provider=ThinkProvider(type=kind, model="m"), endpoint=Endpoint(url=url, headers=headers)
    )
    return Thought(1, think, "Be brief.", [History(role="user", content="Hi.")])


async def respond(asked: Thought, environment: Environment) -> list[Part]:
    return [part async for part in providers.respond(asked, environment)]


async def failure(asked: Thought, environment: Environment) -> str:
    with pytest.raises(outbound.RequestFailed) as raised:
        await respond(asked, environment)
    return str(raised.value)


async def test_a_response_is_streamed_and_headers_are_sent(
    model: LanguageModel, allowed: Environment
):
    parts = await respond(thought(model.url, authorization="Bearer x"), allowed)
    assert (parts[0], parts[-1]) == (Text("It is sunny."), Done())
    assert model.headers[0]["authorization"] == "Bearer x"


async def test_anthropic_is_asked_in_its_own_protocol(model: LanguageModel, allowed: Environment):
    delta = {"type": "text_delta", "text": "Hello."}
    model.respond = lambda body: [{"type": "content_block_delta", "index": 0, "delta": delta}]
    parts = await respond(thought(model.url, "anthropic"), allowed)
    assert parts[0] == Text("Hello.")
    assert model.headers[0]["anthropic-version"]
    assert model.bodies[0]["system"] == "Be brief."


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        (["nonsense"], "not of the protocol"),
        ([{"error": {"message": "no credit"}}], "no credit"),
        (["x" * 1_200_000], "too long"),
    ],
)
async def test_a_broken_response_is_an_error(
    model: LanguageModel, allowed: Environment, events: list[Any], problem: str
):
    model.respond = lambda body: events
    assert problem in await failure(thought(model.url), allowed)


@pytest.mark.parametrize("kind", ["open_ai", "anthropic", "google"])
async def test_a_response_that_ends_before_its_first_word_is_an_error(
    model: LanguageModel, allowed: Environment, kind: str
):
    model.is_cut = True
    model.respond = lambda body: []
    assert "before its first word" in await failure(thought(model.url, kind), allowed)


async def test_a_response_that_is_cut_keeps_its_text_and_makes_no_calls(
    model: LanguageModel, allowed: Environment
):
    model.is_cut = True
    model.respond = lambda body: [*say("It is"), *call("weather", {"city": "Rome"})[:1]]
    parts = await respond(thought(model.url), allowed)
    assert [type(part) for part in parts] == [Text, Unfinished, Tokens, Done]


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("open_ai", {"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        ("anthropic", {"type": "message_stop"}),
        ("google", {"candidates": [{"finishReason": "STOP"}]}),
    ],
)
async def test_the_last_message_of_each_protocol_completes_a_response(
    model: LanguageModel, allowed: Environment, kind: str, last: Any
):
    model.is_cut = True
    model.respond = lambda body: [*say("It is sunny."), last] if kind == "open_ai" else [last]
    parts = await respond(thought(model.url, kind), allowed)
    assert not any(isinstance(part, Unfinished) for part in parts)


async def test_an_error_of_the_endpoint_is_told(model: LanguageModel, allowed: Environment):
    model.status = 401
    model.respond = lambda body: ["wrong key"]
    assert "401" in await failure(thought(model.url), allowed)


async def test_an_endless_response_ends(model: LanguageModel, allowed: Environment):
    def endless(body: Any) -> Iterator[Any]:
        while True:
            yield from say("And so on. " * 100)

    model.respond = endless
    parts = await respond(thought(model.url), allowed)
    assert parts[-1] == Done()
    assert model.gone.wait(30)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://[::1]:9/x", "http://169.254.169.254/latest"]
)
async def test_private_addresses_are_asked_only_where_the_operator_lists_them(
    url: str, tmp_path: Path
):
    assert "not publicly routable" in await failure(thought(url), environ(tmp_path))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com", "http://", "nonsense"])
async def test_other_addresses_are_never_asked(url: str, allowed: Environment):
    assert "URL" in await failure(thought(url), allowed)


async def test_a_listed_port_allows_no_other_port(model: LanguageModel, tmp_path: Path):
    port = model.url.split(":")[2].split("/")[0]
    await respond(thought(model.url), environ(tmp_path, ENGINE_AGENT_HOSTS=f"127.0.0.1:{port}"))
    other = environ(tmp_path, ENGINE_AGENT_HOSTS="127.0.0.1:1")
    assert "not publicly routable" in await failure(thought(model.url), other)


async def test_a_redirect_is_not_followed(site: Site, allowed: Environment):
    site.pages["/moved"] = (302, {"location": f"{site.url}/secret"}, b"")
    assert "302" in await failure(thought(f"{site.url}/moved"), allowed)
    assert site.arrivals.qsize() == 1


async def test_without_an_endpoint_the_operators_thinks(model: LanguageModel, tmp_path: Path):
    url = model.url.removesuffix("/chat/completions")
    own = environ(tmp_path, INTELLIGENCE_URL=url, INTELLIGENCE_MODEL="llama", INTELLIGENCE_KEY="k")
    think = Think(provider=ThinkProvider(type="open_ai", model="gpt-4o-mini"))
    asked = Thought(1, think, "", [History(role="user", content="Hi.")])
    assert Text("It is sunny.") in await respond(asked, own)
    assert model.bodies[0]["model"] == "llama"
    assert model.headers[0]["authorization"] == "Bearer k"
    assert [one.id for one in providers.offered_models(own)] == ["llama", "librarian"]


async def test_without_any_model_the_librarian_responds(tmp_path: Path):
    think = Think(
        provider=ThinkProvider(type="open_ai", model="gpt-4o-mini"),
        functions=[Function(name="search_library")],
    )
    asked = Thought(1, think, "", [History(role="user", content="Who mentioned tea?")])
    assert await respond(asked, environ(tmp_path)) == [
        *(Call("search_library", '{"query": "tea"}'), Done()),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/f", '{"a": 1}'), ("get", "/f?a=1", ""), ("PUT", "/f", '{"a": 1}')],
)
async def test_a_function_is_called_with_its_arguments(
    site: Site, allowed: Environment, method: str, path: str, body: str
):
    site.pages[path] = (200, {}, b"done")
    endpoint = FunctionEndpoint(url=f"{site.url}/f", method=method, headers={"x-key": "k"})
    function = Function(name="f", endpoint=endpoint)
    assert await outbound.call_function(function, json.dumps({"a": 1}), allowed) == "done"
    arrival = site.arrivals.get(timeout=10)
    assert (arrival.method, arrival.path, arrival.body.decode()) == (method.upper(), path, body)
    assert arrival.headers["x-key"] == "k"


@pytest.mark.parametrize(
    ("page", "method", "problem"),
    [
        ((500, {}, b"away"), "POST", "500"),
        ((302, {"location": "/g"}, b""), "POST", "302"),
        ((200, {}, b"x" * 300_000), "POST", "more than"),
        ((200, {}, b""), "BREW", "no method"),
    ],
)
async def test_a_function_that_fails_says_why(
    site: Site, allowed: Environment, page: Any, method: str, problem: str
):
    site.pages["/f"] = page
    function = Function(name="f", endpoint=FunctionEndpoint(url=f"{site.url}/f", method=method))
    with pytest.raises(outbound.RequestFailed, match=problem):
        await outbound.call_function(function, "{}", allowed)


async def test_a_function_inside_the_network_is_not_called(tmp_path: Path):
    function = Function(name="f", endpoint=FunctionEndpoint(url="http://10.0.0.1/f"))
    with pytest.raises(outbound.RequestFailed, match="not publicly routable"):
        await outbound.call_function(function, "{}", environ(tmp_path))
