"""Choice of the language model behind a think provider of the settings.

A provider with an endpoint is asked there. One without uses the operator's endpoint
(``INTELLIGENCE_URL``), without that the local model where it is installed, and else the librarian.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from msgspec import structs

from engine.env import Environment, Reach
from engine.sessions.agent.settings import LIBRARIAN
from engine.sessions.agent.thoughts import Part, Thought
from engine.thinking import librarian, localmodel, outbound
from engine.thinking.dialects import Anthropic, Dialect, Google, OpenAi
from engine.thinking.localmodel import CannotStart, LocalModel
from engine.wire.account import ThinkModel
from engine.wire.agent_messages import History, Think

LOCAL = LocalModel()  # of this process
_DIALECTS: dict[str, type[OpenAi] | type[Anthropic] | type[Google]] = {
    "anthropic": Anthropic,
    "google": Google,
}


def offered_models(environment: Environment) -> list[ThinkModel]:
    """Return the models that settings can name without an endpoint.

    All have the provider `open_ai`: the SDK drops a model of a provider that is not published.
    """
    models = {LIBRARIAN: "Librarian: searches your transcripts"}
    if LOCAL.is_installed():
        models = {localmodel.MODEL: localmodel.NAME} | models
    if environment.intelligence_url:
        name = environment.intelligence_model
        models = {name: name} | models
    return [ThinkModel(id=key, name=name, provider="open_ai") for key, name in models.items()]


def model_of(think: Think, environment: Environment) -> str:
    """Return the name of the model that is asked."""
    if think.endpoint is not None:
        return think.provider.model
    named = think.provider.model
    if named in (LIBRARIAN, localmodel.MODEL):
        return named
    if environment.intelligence_url:
        return environment.intelligence_model
    # The librarian can call a function.
    return localmodel.MODEL if LOCAL.is_installed() and not think.functions else LIBRARIAN


def problem_of(think: Think) -> str:
    """Return why a provider cannot think; "" when it may."""
    is_named = think.endpoint is None and think.provider.model == localmodel.MODEL
    return localmodel.NOT_INSTALLED if is_named and not LOCAL.is_installed() else ""


def warning_of(think: Think) -> str:
    """Return what a provider does not do with its settings; "" when it does everything."""
    is_named = think.endpoint is None and think.provider.model == localmodel.MODEL
    if not is_named or not think.functions:
        return ""
    return f"{localmodel.MODEL} does not call functions reliably: they are not offered to it."


def is_local(think: Think, environment: Environment) -> bool:
    """Return whether the local model thinks."""
    return think.endpoint is None and model_of(think, environment) == localmodel.MODEL


async def prepare(think: Think, environment: Environment) -> None:
    """Have the local model read the prompt where it thinks, so that the first turn does not wait.

    It keeps what it has read for the requests of the conversation, which have to wait: at the same
    time they would read the prompt once more.
    """
    if not is_local(think, environment):
        return
    greeting = History(role="user", content="Hello.")
    thought = Thought(0, think, think.prompt, [greeting])
    with suppress(outbound.RequestFailed):  # the first request of the conversation says so
        async with aclosing(respond(thought, environment)) as parts:
            await anext(parts, None)


async def respond(thought: Thought, environment: Environment) -> AsyncGenerator[Part, None]:
    """Yield the parts of the response of the model. Raises ``requests.RequestFailed``."""
    think = thought.think
    model = model_of(think, environment)
    if think.endpoint is None and model == LIBRARIAN:
        for part in librarian.respond(thought):
            yield part
        return
    if is_local(think, environment):
        thought = replace(thought, think=structs.replace(think, functions=[]))
    dialect, url, headers, reach = await _endpoint(think, model, environment)
    async for part in outbound.think(thought, dialect, url, headers, model, reach):
        yield part


async def _endpoint(
    think: Think, model: str, environment: Environment
) -> tuple[Dialect, str, dict[str, str], Reach]:
    """Return how and where ``model`` is asked. Raises ``requests.RequestFailed``."""
    if think.endpoint is not None:
        dialect: Dialect = _DIALECTS.get(think.provider.type, OpenAi)()
        url, headers = think.endpoint.url, dict(think.endpoint.headers)
        if isinstance(dialect, Anthropic):
            headers = {"anthropic-version": "2023-06-01"} | headers
        return dialect, url, headers, outbound.reach_of(url, environment)
    if model == localmodel.MODEL:
        try:
            running = await LOCAL.start(environment)
        except CannotStart as error:
            raise outbound.RequestFailed(str(error)) from error
        base, key = f"{running.url}/v1", running.key
    else:
        base, key = environment.intelligence_url.rstrip("/"), environment.intelligence_key
    headers = {"authorization": f"Bearer {key}"} if key else {}
    # The operator names the address.
    return OpenAi(), f"{base}/chat/completions", headers, Reach(private=True, any_port=True)
