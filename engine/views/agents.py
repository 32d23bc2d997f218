"""Stored agent configurations and their variables (docs/contract.md, 14.8)."""

from __future__ import annotations

from typing import Annotated, Any

from django.db import IntegrityError, transaction
from msgspec import Meta

from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.inference.agent_models import quoted
from engine.models import AgentConfiguration, AgentVariable, Project
from engine.views.lookup import find
from engine.wire import account as shapes
from engine.wire.errors import bad_json, bad_request, not_found
from engine.wire.payloads import read_json, read_payload
from engine.wire.query import About
from engine.wire.reading import Trimmed
from engine.wire.shapes import Shape, timestamp


class NewAgent(Shape):
    config: Annotated[
        Trimmed,
        Meta(min_length=2, max_length=200_000),
        About(
            "The `agent` block of Settings, as a JSON string. A variable stands for a whole value, "
            'with or without quotes: `{"greeting": DG_GREETING}`.'
        ),
    ]
    metadata: Annotated[dict[str, str] | None, About("Labels of your own.")] = None
    api_version: Annotated[float, About("1")] = 1


class AgentChange(Shape):
    metadata: Annotated[dict[str, str], About("Labels of your own; the config cannot change.")]


class NewVariable(Shape):
    key: Annotated[
        Trimmed, Meta(min_length=4, max_length=100), About("`DG_` and a name in capitals.")
    ]
    value: Annotated[Any, About("Any JSON.")]
    api_version: Annotated[float, About("1")] = 1


class VariableChange(Shape):
    value: Annotated[Any, About("Any JSON.")]


@operation("project:read", tag="Agents")
def list_agents(request: ApiRequest, project: Project) -> shapes.Agents:
    """List agent configurations"""
    agents = project.agents.order_by("created_at")
    return shapes.Agents(agents=[_agent(agent) for agent in agents])


@operation(
    "project:write",
    tag="Agents",
    body=NewAgent,
)
def make_agent(request: ApiRequest, project: Project) -> shapes.Agent:
    """Store an agent configuration

    A session whose `Settings` name its id uses it, with the project's variables filled in.
    """
    payload = read_payload(NewAgent, request.body.data)
    config = read_json(quoted(payload.config))
    if not isinstance(config, dict):
        raise bad_json("config: expected a JSON string of an object")
    agent = project.agents.create(config=config, metadata=payload.metadata or {})
    return _agent(agent)


@operation("project:read", tag="Agents")
def show_agent(request: ApiRequest, project: Project, agent_id: str) -> shapes.Agent:
    """Get an agent configuration"""
    return _agent(_find_agent(project, agent_id))


@operation("project:write", tag="Agents", body=AgentChange)
def change_agent(request: ApiRequest, project: Project, agent_id: str) -> shapes.Agent:
    """Change the labels of an agent configuration"""
    change = read_payload(AgentChange, request.body.data)
    agent = _find_agent(project, agent_id)
    agent.metadata = change.metadata
    agent.save(update_fields=["metadata", "updated_at"])
    return _agent(agent)


@operation("project:write", tag="Agents")
def delete_agent(request: ApiRequest, project: Project, agent_id: str) -> shapes.Empty:
    """Delete an agent configuration"""
    _find_agent(project, agent_id).delete()
    return shapes.Empty()


@operation("project:read", tag="Agents")
def list_variables(request: ApiRequest, project: Project) -> shapes.Variables:
    """List agent variables"""
    variables = project.agent_variables.order_by("created_at")
    return shapes.Variables(variables=[_variable(one) for one in variables])


@operation("project:write", tag="Agents", body=NewVariable)
def make_variable(request: ApiRequest, project: Project) -> shapes.Variable:
    """Make an agent variable"""
    payload = read_payload(NewVariable, request.body.data)
    if not AgentVariable.KEY.fullmatch(payload.key):
        raise bad_request("Bad Request: key must be DG_ followed by capitals, digits and _.")
    try:
        with transaction.atomic():
            variable = project.agent_variables.create(key=payload.key, value=payload.value)
    except IntegrityError:
        raise bad_request(f"Bad Request: there is a variable {payload.key} already.") from None
    return _variable(variable)


@operation("project:read", tag="Agents")
def show_variable(request: ApiRequest, project: Project, variable_id: str) -> shapes.Variable:
    """Get an agent variable"""
    return _variable(_find_variable(project, variable_id))


@operation("project:write", tag="Agents", body=VariableChange)
def change_variable(request: ApiRequest, project: Project, variable_id: str) -> shapes.Variable:
    """Change the value of an agent variable"""
    change = read_payload(VariableChange, request.body.data)
    variable = _find_variable(project, variable_id)
    variable.value = change.value
    variable.save(update_fields=["value", "updated_at"])
    return _variable(variable)


@operation("project:write", tag="Agents")
def delete_variable(request: ApiRequest, project: Project, variable_id: str) -> shapes.Empty:
    """Delete an agent variable"""
    _find_variable(project, variable_id).delete()
    return shapes.Empty()


def _find_agent(project: Project, agent_id: str) -> AgentConfiguration:
    return find(project.agents.all(), agent_id, not_found("agent configuration"))


def _find_variable(project: Project, variable_id: str) -> AgentVariable:
    return find(project.agent_variables.all(), variable_id, not_found("agent variable"))


def _agent(agent: AgentConfiguration) -> shapes.Agent:
    return shapes.Agent(
        agent_id=str(agent.agent_id),
        config=agent.config,
        metadata=agent.metadata,
        created_at=timestamp(agent.created_at),
        updated_at=timestamp(agent.updated_at),
    )


def _variable(variable: AgentVariable) -> shapes.Variable:
    return shapes.Variable(
        variable_id=str(variable.variable_id),
        key=variable.key,
        value=variable.value,
        created_at=timestamp(variable.created_at),
        updated_at=timestamp(variable.updated_at),
    )
