"""Choice of the language model behind a think provider of the settings.

A provider with an endpoint is asked there. One without uses the operator's endpoint
(``INTELLIGENCE_URL``), and without that the librarian.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from engine.env import Environment, Reach
from engine.sessions.agent.settings import LIBRARIAN
from engine.sessions.agent.thoughts import Part, Thought
from engine.thinking import librarian, requests
from engine.thinking.dialects import Anthropic, Dialect, Google, OpenAi
from engine.wire.account import ThinkModel
from engine.wire.agent_messages import Think

_DIALECTS: dict[str, type[OpenAi] | type[Anthropic] | type[Google]] = {
    "anthropic": Anthropic,
    "google": Google,
}


def offered_models(environment: Environment) -> list[ThinkModel]:
    """Return the models that settings can name without an endpoint.

    All have the provider `open_ai`: the SDK drops a model of a provider that is not published.
    """
    models = {LIBRARIAN: "Librarian: searches your transcripts"}
    if environment.intelligence_url:
        name = environment.intelligence_model
        models = {name: name} | models
    return [ThinkModel(id=key, name=name, provider="open_ai") for key, name in models.items()]


def model_of(think: Think, environment: Environment) -> str:
    """Return the name of the model that is asked."""
    if think.endpoint is not None:
        return think.provider.model
    if think.provider.model == LIBRARIAN or not environment.intelligence_url:
        return LIBRARIAN
    return environment.intelligence_model


async def respond(thought: Thought, environment: Environment) -> AsyncGenerator[Part, None]:
    """Yield the parts of the response of the model. Raises ``requests.RequestFailed``."""
    think = thought.think
    if think.endpoint is None and model_of(think, environment) == LIBRARIAN:
        for part in librarian.respond(thought):
            yield part
        return
    if think.endpoint is not None:
        dialect: Dialect = _DIALECTS.get(think.provider.type, OpenAi)()
        url, headers = think.endpoint.url, dict(think.endpoint.headers)
        reach = requests.reach_of(url, environment)
        if isinstance(dialect, Anthropic):
            headers = {"anthropic-version": "2023-06-01"} | headers
    else:
        dialect = OpenAi()
        url = environment.intelligence_url.rstrip("/") + "/chat/completions"
        key = environment.intelligence_key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        reach = Reach(private=True, any_port=True)  # the operator names it
    model = model_of(think, environment)
    async for part in requests.think(thought, dialect, url, headers, model, reach):
        yield part
