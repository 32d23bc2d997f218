"""The Settings message of a conversation with one version of an agent (docs/contract.md, 13.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from management.tagging import request_tags
from transcripts.agents.models import AgentVersion

INPUT_RATE = 16_000  # Hz
OUTPUT_RATE = 24_000  # Hz
AUDIO = {
    "input": {"encoding": "linear16", "sample_rate": INPUT_RATE},
    "output": {"encoding": "linear16", "sample_rate": OUTPUT_RATE, "container": "none"},
}
VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class UnfilledVariable(ValueError):
    """Settings name variables that have no value."""

    def __init__(self, names: list[str]) -> None:
        listed = ", ".join("{{" + name + "}}" for name in names)
        noun, verb = ("variable", "has") if len(names) == 1 else ("variables", "have")
        super().__init__(f"The {noun} {listed} {verb} no value.")
        self.names = names


def settings_of(
    version: AgentVersion, variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the Settings message for a session with this version.

    ``variables`` are values in place of those that the version has. Every function is one that
    the client responds to. The headers of an endpoint are in it, which may be secrets. Raises
    ``UnfilledVariable``, ``UnreadableKey``.
    """
    agent = agent_block(version, {**version.variables, **(variables or {})})
    for each in endpoints(agent):
        if headers := version.agent.headers_for(str(each.get("url", ""))):
            each["headers"] = {**each.get("headers", {}), **headers}
    return {
        "type": "Settings",
        "tags": list(request_tags(version.agent.project, "agent")),
        "audio": AUDIO,
        "agent": agent,
    }


def endpoints(agent: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the endpoints of every ``think`` and ``speak`` of an ``agent`` block."""
    listed = []
    for part in ("think", "speak"):
        offered = agent.get(part) or []
        listed += offered if isinstance(offered, list) else [offered]
    found = [each.get("endpoint") for each in listed if isinstance(each, dict)]
    return [each for each in found if isinstance(each, dict)]


def agent_block(version: AgentVersion, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``agent`` block with its functions. Raises ``UnfilledVariable``."""
    block = with_functions(version)
    if missing := sorted(set(named_in(block)) - set(variables)):
        raise UnfilledVariable(missing)
    filled: dict[str, Any] = fill(block, variables)
    return filled


def with_functions(version: AgentVersion) -> dict[str, Any]:
    """Return the ``agent`` block with the functions in its ``think``, variables not filled in."""
    functions = [each.to_wire() for each in version.declared]
    think = version.settings.get("think")
    if not functions or think is None:
        return dict(version.settings)
    # A list is one model and those that replace it when it fails: each has the functions.
    offered = think if isinstance(think, list) else [think]
    completed = [{**each, "functions": functions} for each in offered]
    return {**version.settings, "think": completed if isinstance(think, list) else completed[0]}


def variables_of(version: AgentVersion) -> list[str]:
    """Return the names of the variables of a version, in the order in which they are named."""
    return list(dict.fromkeys(named_in(with_functions(version))))


def named_in(value: Any) -> Iterator[str]:
    """Yield the names of the variables in every text of ``value``."""
    match value:
        case str():
            yield from VARIABLE.findall(value)
        case list():
            for each in value:
                yield from named_in(each)
        case dict():
            for each in value.values():
                yield from named_in(each)


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return ``value`` with its variables replaced by their values.

    A text that is a variable alone becomes its value, of any type; inside a longer text it becomes
    the value's text.
    """
    match value:
        case str():
            if whole := VARIABLE.fullmatch(value):
                return variables[whole[1]]
            return VARIABLE.sub(lambda named: str(variables[named[1]]), value)
        case list():
            return [fill(each, variables) for each in value]
        case dict():
            return {name: fill(each, variables) for name, each in value.items()}
    return value
