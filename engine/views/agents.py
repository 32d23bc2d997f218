"""Stored agent configurations and their variables (docs/contract.md, 14.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse

from engine.calls import call_of
from engine.gateway.operations import operation
from engine.models import AgentConfiguration, AgentVariable
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
def list_agents(request: HttpRequest, project_id: str) -> JsonResponse:
    """List agent configurations"""
    found = AgentConfiguration.objects.filter(project_id=call_of(request).caller.project_id)
    return JsonResponse({"agents": [_agent(agent) for agent in found.order_by("created_at")]})


@operation(
    "project:write",
    tag="Agents",
    body=describe(NewAgent),
    answer=record(agent_id=TEXT, config={"type": "object"}, metadata=_LABELS),
)
def make_agent(request: HttpRequest, project_id: str) -> JsonResponse:
    """Store an agent configuration

    A session whose `Settings` name its id uses it, with the project's variables filled in.
    """
    wanted = read_payload(NewAgent, request.body)
    config = read_json(wanted.config)
    if not isinstance(config, dict):
        raise bad_json("config: expected a JSON string of an object")
    agent = AgentConfiguration.objects.create(
        project_id=call_of(request).caller.project_id,
        config=config,
        metadata=wanted.metadata or {},
    )
    return JsonResponse(_agent(agent))


@operation("project:read", tag="Agents", answer=_AGENT)
def show_agent(request: HttpRequest, project_id: str, agent_id: str) -> JsonResponse:
    """Get an agent configuration"""
    return JsonResponse(_agent(_find_agent(request, agent_id)))


@operation("project:write", tag="Agents", body=describe(AgentChange), answer=_AGENT)
def change_agent(request: HttpRequest, project_id: str, agent_id: str) -> JsonResponse:
    """Change the labels of an agent configuration"""
    change = read_payload(AgentChange, request.body)
    agent = _find_agent(request, agent_id)
    agent.metadata = change.metadata
    agent.save(update_fields=["metadata", "updated_at"])
    return JsonResponse(_agent(agent))


@operation("project:write", tag="Agents", answer=EMPTY)
def delete_agent(request: HttpRequest, project_id: str, agent_id: str) -> JsonResponse:
    """Delete an agent configuration"""
    _find_agent(request, agent_id).delete()
    return JsonResponse({})


@operation("project:read", tag="Agents", answer=listing("variables", _VARIABLE))
def list_variables(request: HttpRequest, project_id: str) -> JsonResponse:
    """List agent variables"""
    found = AgentVariable.objects.filter(project_id=call_of(request).caller.project_id)
    return JsonResponse({"variables": [_variable(one) for one in found.order_by("created_at")]})


@operation("project:write", tag="Agents", body=describe(NewVariable), answer=_VARIABLE)
def make_variable(request: HttpRequest, project_id: str) -> JsonResponse:
    """Make an agent variable"""
    wanted = read_payload(NewVariable, request.body)
    if not re.fullmatch(r"DG_[A-Z0-9_]+", wanted.key):
        raise bad_request("Bad Request: key must be DG_ followed by capitals, digits and _.")
    try:
        with transaction.atomic():
            variable = AgentVariable.objects.create(
                project_id=call_of(request).caller.project_id, key=wanted.key, value=wanted.value
            )
    except IntegrityError:
        raise bad_request(f"Bad Request: there is a variable {wanted.key} already.") from None
    return JsonResponse(_variable(variable))


@operation("project:read", tag="Agents", answer=_VARIABLE)
def show_variable(request: HttpRequest, project_id: str, variable_id: str) -> JsonResponse:
    """Get an agent variable"""
    return JsonResponse(_variable(_find_variable(request, variable_id)))


@operation("project:write", tag="Agents", body=describe(VariableChange), answer=_VARIABLE)
def change_variable(request: HttpRequest, project_id: str, variable_id: str) -> JsonResponse:
    """Change the value of an agent variable"""
    change = read_payload(VariableChange, request.body)
    variable = _find_variable(request, variable_id)
    variable.value = change.value
    variable.save(update_fields=["value", "updated_at"])
    return JsonResponse(_variable(variable))


@operation("project:write", tag="Agents", answer=EMPTY)
def delete_variable(request: HttpRequest, project_id: str, variable_id: str) -> JsonResponse:
    """Delete an agent variable"""
    _find_variable(request, variable_id).delete()
    return JsonResponse({})


def _find_agent(request: HttpRequest, agent_id: str) -> AgentConfiguration:
    found = AgentConfiguration.objects.filter(project_id=call_of(request).caller.project_id)
    return find(found, agent_id, not_found("agent configuration"))


def _find_variable(request: HttpRequest, variable_id: str) -> AgentVariable:
    found = AgentVariable.objects.filter(project_id=call_of(request).caller.project_id)
    return find(found, variable_id, not_found("agent variable"))


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
