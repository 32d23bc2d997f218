"""Rules about the settings of an agent that its message declarations do not express.

Source: docs/contract.md, 13.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from engine.wire import agent_messages as wire
from engine.wire.options import keyterm_problem
from engine.wire.reading import read_shape

MOST_PROMPT = 25_000  # characters
# The librarian needs no endpoint and no model.
LIBRARIAN = "librarian"
DEFAULT_THINK = wire.Think(provider=wire.ThinkProvider(type="deepgram", model=LIBRARIAN))
DEFAULT_LISTEN = "nova-3"
DEFAULT_SPEAK = wire.Speak(provider=wire.SpeakProvider(version="v2", model="flux-kit-en"))
_NOVA_ALONE = ("language", "smart_format")
_FLUX_ALONE = ("language_hints", "eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
_FILLERS = ("initial_agent_filler", "agent_filler_max_count", "agent_filler_interval_ms")
_FILLER_MS = range(1_000, 60_001)


def _nothing(think: wire.Think) -> str:
    return ""


@dataclass(frozen=True)
class ThinkRules:
    """Rules about think providers that depend on the models of this engine.

    ``problem_of`` returns why a provider cannot be used, ``warning_of`` what it does not do, or "".
    """

    problem_of: Callable[[wire.Think], str] = _nothing
    warning_of: Callable[[wire.Think], str] = _nothing


class InvalidSettings(ValueError):
    """Settings that do not go together; ``code`` is that of the Error message."""

    def __init__(self, description: str, code: wire.ErrorCode = "INVALID_SETTINGS") -> None:
        super().__init__(description)
        self.code: wire.ErrorCode = code


def read_agent(config: Mapping[str, Any]) -> wire.Agent:
    """Return the agent of a stored configuration. Raises ``reading.Invalid``."""
    block = config.get("agent", config)
    return read_shape(wire.Agent, block if isinstance(block, dict) else {}, "agent")


def check_agent(agent: wire.Agent) -> None:
    """Raise ``InvalidSettings`` for a listen provider that cannot be used."""
    check_listen(agent.listen.provider)


def check_listen(provider: wire.ListenProvider) -> None:
    """Raise ``InvalidSettings``."""
    place = "agent.listen.provider"
    if provider.is_flux and not provider.model:
        raise InvalidSettings(f"{place}: version v2 needs a model")
    for name in _NOVA_ALONE if provider.is_flux else _FLUX_ALONE:
        if getattr(provider, name) is not None:
            version = "v1" if provider.is_flux else "v2"
            raise InvalidSettings(f"{place}.{name} is available with version {version} only")
    eager, certain = provider.eager_eot_threshold, provider.eot_threshold
    if eager is not None and eager > (0.7 if certain is None else certain):
        raise InvalidSettings(f"{place}.eager_eot_threshold {eager:g} exceeds eot_threshold")
    if problem := keyterm_problem(provider.keyterms or ()):
        raise InvalidSettings(f"{place}.keyterms: {problem}")


def check_thinks(
    think: wire.Think | Sequence[wire.Think] | None, agent: wire.Agent
) -> tuple[wire.Think, ...]:
    """Return the providers in the order in which they are tried. Raises ``InvalidSettings``."""
    thinks = _listed(think, DEFAULT_THINK, "agent.think")
    for one in thinks:
        if one.context_length is not None and one.endpoint is None:
            raise InvalidSettings("agent.think.context_length is available with an endpoint only")
        names = [function.name for function in one.functions]
        if len(set(names)) < len(names):
            raise InvalidSettings("agent.think.functions: two functions have the same name")
        for function in one.functions:
            _check_fillers(function, agent.think_live)
    return thinks


def check_voices(speak: wire.Speak | Sequence[wire.Speak] | None) -> tuple[wire.Speak, ...]:
    """Return the voices in the order in which they are tried. Raises ``InvalidSettings``."""
    voices = _listed(speak, DEFAULT_SPEAK, "agent.speak")
    for one in voices:
        provider = one.provider
        if provider.type == "deepgram" and (provider.language or provider.language_code):
            problem = "agent.speak.provider.language: a voice of Deepgram has one language"
            raise InvalidSettings(problem, "UNPARSABLE_CLIENT_MESSAGE")
    return voices


def with_listen(agent: wire.Agent, listen: wire.Listen) -> wire.Agent:
    """Return ``agent`` with a part of its listen provider changed. Raises ``InvalidSettings``.

    The provider itself stays the same, and ``language_hints`` that are left out are cleared.
    """
    new, old = listen.provider, agent.listen.provider
    if new.version is not None and new.is_flux is not old.is_flux:
        raise InvalidSettings("listen.provider.version cannot change in a session")
    if new.model not in (None, old.model or DEFAULT_LISTEN):
        raise InvalidSettings("listen.provider.model cannot change in a session")
    given = {name: value for name, value in structs.asdict(new).items() if value is not None}
    provider = structs.replace(old, **{"language_hints": None} | given)
    check_listen(provider)
    return structs.replace(agent, listen=wire.Listen(provider=provider))


def _listed(value: Any, default: Any, place: str) -> tuple[Any, ...]:
    listed = tuple(value) if isinstance(value, list) else (default if value is None else value,)
    if not listed:
        raise InvalidSettings(f"{place}: the list is empty")
    return listed


def _check_fillers(function: wire.Function, live: wire.ThinkLive | None) -> None:
    given = [name for name in _FILLERS if getattr(function, name) is not None]
    if given and live is None:
        raise InvalidSettings(f"{function.name}: {given[0]} needs agent.think_live")
    interval = function.agent_filler_interval_ms
    is_used = function.agent_filler_max_count != 0 and interval is not None
    if is_used and interval not in _FILLER_MS:
        problem = f"{function.name}: agent_filler_interval_ms {interval} is not 1000 to 60000"
        raise InvalidSettings(problem)
