"""Stored agent configurations and their variables (docs/contract.md, 14.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.http import JsonResponse

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import AgentConfiguration, AgentVariable, Project
from engine.views.lookup import find
from engine.wire.errors import bad_json, bad_request, not_found
from engine.wire.payloads import (
    ANYTHING,
    LABELS,
    NUMBER,
    describe,
    optional,
    read_json,
    read_payload,
    required,
    text,
)
from engine.wire.responses import timestamp
from engine.wire.schemas import ANYTHING as ANY
from engine.wire.schemas import EMPTY, MOMENT, TEXT, listing, record

_LABELS = {"type": "object", "additionalProperties": TEXT}
_AGENT = record(
    agent_id=TEXT, config={"type": "object"}, metadata=_LABELS, created_at=MOMENT, updated_at=MOMENT
)
_VARIABLE = record(variable_id=TEXT, key=TEXT, value=ANY, created_at=MOMENT, updated_at=MOMENT)


@dataclass(frozen=True)
class NewAgent:
    config: str = required(text(200_000, 2), "The `agent` block of Settings, as a JSON string.")
    metadata: dict[str, str] | None = optional(LABELS, "Labels of your own.")
    api_version: float = optional(NUMBER, "1", 1)


@dataclass(frozen=True)
class AgentChange:
    metadata: dict[str, str] = required(LABELS, "Labels of your own; the config cannot change.")


@dataclass(frozen=True)
class NewVariable:
    key: str = required(text(100, 4), "`DG_` and a name in capitals.")
    value: Any = required(ANYTHING, "Any JSON.")
    api_version: float = optional(NUMBER, "1", 1)


@dataclass(frozen=True)
class VariableChange:
    value: Any = required(ANYTHING, "Any JSON.")


@operation("project:read", tag="Agents", answer=listing("agents", _AGENT))
def list_agents(request: ApiRequest, project: Project) -> JsonResponse:
    """List agent configurations"""
    agents = project.agents.order_by("created_at")
    return JsonResponse({"agents": [_agent(agent) for agent in agents]})


@operation(
    "project:write",
    tag="Agents",
    body=describe(NewAgent),
    answer=record(agent_id=TEXT, config={"type": "object"}, metadata=_LABELS),
)
def make_agent(request: ApiRequest, project: Project) -> JsonResponse:
    """Store an agent configuration

    A session whose `Settings` name its id uses it, with the project's variables filled in.
    """
    wanted = read_payload(NewAgent, request.body.data)
    config = read_json(wanted.config)
    if not isinstance(config, dict):
        raise bad_json("config: expected a JSON string of an object")
    agent = project.agents.create(config=config, metadata=wanted.metadata or {})
    return JsonResponse(_agent(agent))


@operation("project:read", tag="Agents", answer=_AGENT)
def show_agent(request: ApiRequest, project: Project, agent_id: str) -> JsonResponse:
    """Get an agent configuration"""
    return JsonResponse(_agent(_find_agent(project, agent_id)))


@operation("project:write", tag="Agents", body=describe(AgentChange), answer=_AGENT)
def change_agent(request: ApiRequest, project: Project, agent_id: str) -> JsonResponse:
    """Change the labels of an agent configuration"""
    change = read_payload(AgentChange, request.body.data)
    agent = _find_agent(project, agent_id)
    agent.metadata = change.metadata
    agent.save(update_fields=["metadata", "updated_at"])
    return JsonResponse(_agent(agent))


@operation("project:write", tag="Agents", answer=EMPTY)
def delete_agent(request: ApiRequest, project: Project, agent_id: str) -> JsonResponse:
    """Delete an agent configuration"""
    _find_agent(project, agent_id).delete()
    return JsonResponse({})


@operation("project:read", tag="Agents", answer=listing("variables", _VARIABLE))
def list_variables(request: ApiRequest, project: Project) -> JsonResponse:
    """List agent variables"""
    variables = project.agent_variables.order_by("created_at")
    return JsonResponse({"variables": [_variable(one) for one in variables]})


@operation("project:write", tag="Agents", body=describe(NewVariable), answer=_VARIABLE)
def make_variable(request: ApiRequest, project: Project) -> JsonResponse:
    """Make an agent variable"""
    wanted = read_payload(NewVariable, request.body.data)
    if not re.fullmatch(r"DG_[A-Z0-9_]+", wanted.key):
        raise bad_request("Bad Request: key must be DG_ followed by capitals, digits and _.")
    try:
        with transaction.atomic():
            variable = project.agent_variables.create(key=wanted.key, value=wanted.value)
    except IntegrityError:
        raise bad_request(f"Bad Request: there is a variable {wanted.key} already.") from None
    return JsonResponse(_variable(variable))


@operation("project:read", tag="Agents", answer=_VARIABLE)
def show_variable(request: ApiRequest, project: Project, variable_id: str) -> JsonResponse:
    """Get an agent variable"""
    return JsonResponse(_variable(_find_variable(project, variable_id)))


@operation("project:write", tag="Agents", body=describe(VariableChange), answer=_VARIABLE)
def change_variable(request: ApiRequest, project: Project, variable_id: str) -> JsonResponse:
    """Change the value of an agent variable"""
    change = read_payload(VariableChange, request.body.data)
    variable = _find_variable(project, variable_id)
    variable.value = change.value
    variable.save(update_fields=["value", "updated_at"])
    return JsonResponse(_variable(variable))


@operation("project:write", tag="Agents", answer=EMPTY)
def delete_variable(request: ApiRequest, project: Project, variable_id: str) -> JsonResponse:
    """Delete an agent variable"""
    _find_variable(project, variable_id).delete()
    return JsonResponse({})


def _find_agent(project: Project, agent_id: str) -> AgentConfiguration:
    return find(project.agents.all(), agent_id, not_found("agent configuration"))


def _find_variable(project: Project, variable_id: str) -> AgentVariable:
    return find(project.agent_variables.all(), variable_id, not_found("agent variable"))


def _agent(agent: AgentConfiguration) -> dict[str, Any]:
    return {
        "agent_id": str(agent.agent_id),
        "config": agent.config,
        "metadata": agent.metadata,
        "created_at": timestamp(agent.created_at),
        "updated_at": timestamp(agent.updated_at),
    }


def _variable(variable: AgentVariable) -> dict[str, Any]:
    return {
        "variable_id": str(variable.variable_id),
        "key": variable.key,
        "value": variable.value,
        "created_at": timestamp(variable.created_at),
        "updated_at": timestamp(variable.updated_at),
    }
