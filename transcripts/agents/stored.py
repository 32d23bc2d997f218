"""Agents and the stored agent configurations of the speech account (docs/contract.md, 14.8).

Changes are made at the server first, then mirrored from its response. Every member of the account
can read a stored configuration and its variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from django.db import transaction
from django.utils import timezone

from management.models import AgentConfiguration, AgentVariable, Connection, Project, User
from management.servers.key_changes import NotChanged, account_of
from speechclient import AccountClient, Denied
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.forms import first
from transcripts.agents.models import Agent, AgentVersion
from transcripts.agents.settings import VARIABLE, endpoints, fill, named_in, with_functions

PREFIX = "DG_"
BRACED = re.compile(rf'"\{{\{{({PREFIX}[A-Z0-9_]+)\}}\}}"')
NOT_FOUND = 404


def save_to_account(version: AgentVersion) -> AgentConfiguration:
    """Store a version and its variables in the account of its project. Raises ``NotChanged``.

    Headers of endpoints stay here. A variable that the account has already with another value is
    not changed: other configurations may use it.
    """
    project = version.agent.project
    if project.is_local:
        raise NotChanged("The speech server does not know this project: it is one of the team.")
    block = deepcopy(with_functions(version))
    for each in endpoints(block):
        each.pop("headers", None)
    is_hosted = project.connection.kind == Connection.Kind.HOSTED
    if is_hosted:
        block = fill_inside(block, version.variables)
    config = renamed(block, lambda name: PREFIX + name)
    metadata = {"name": version.agent.name[:100], "version": str(version.number)}
    used = sorted(set(named_in(block)) & set(version.variables))
    with account_of(project) as account:
        _save_variables(account, project, {name: version.variables[name] for name in used})
        made = account.create_agent(with_bare_names(config) if is_hosted else config, metadata)
    facts = {"config": config, "metadata": metadata, "created_at": timezone.now(), "gone_at": None}
    row, _ = AgentConfiguration.objects.update_or_create(
        project=project, agent_id=made.agent_id[:100], defaults=facts
    )
    return row


def fill_inside(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return ``value`` with the variables inside longer texts replaced by their values.

    Deepgram's server replaces a whole value by a variable, not a part of a text.
    """
    match value:
        case str() if not VARIABLE.fullmatch(value):
            unknown = {name: "{{" + name + "}}" for name in named_in(value)}
            return fill(value, unknown | dict(variables))
        case list():
            return [fill_inside(each, variables) for each in value]
        case dict():
            return {name: fill_inside(each, variables) for name, each in value.items()}
    return value


def with_bare_names(config: Any) -> str:
    """Return JSON text in which a value that is a variable is its bare name."""
    return BRACED.sub(r"\1", json.dumps(config))


def _save_variables(account: AccountClient, project: Project, values: Mapping[str, Any]) -> None:
    present = {each.key: each for each in account.agent_variables()}
    for name, value in values.items():
        key = PREFIX + name
        if key not in present:
            made = account.create_agent_variable(key, value)
            AgentVariable.objects.update_or_create(
                project=project,
                variable_id=made.variable_id[:100],
                defaults={"key": key, "value": value, "gone_at": None},
            )
        elif present[key].value != value:
            raise NotChanged(
                f"The speech account has the variable {key} with another value. Rename the "
                f"variable {name} here, or change it there."
            )


def read_from_account(configuration: AgentConfiguration, user: User) -> Agent:
    """Make an agent of a stored configuration and the variables that it names."""
    config = configuration.config if isinstance(configuration.config, dict) else {}
    block = config.get("agent", config)
    settings = renamed(block if isinstance(block, dict) else {}, without_prefix)
    agent = Agent(
        project=configuration.project,
        name=(configuration.metadata.get("name") or f"Agent {configuration.agent_id[:8]}")[:100],
        description=f"Read from the speech account, {configuration.agent_id}"[:300],
        created_by=user,
    )
    for each in endpoints(settings):
        if headers := each.pop("headers", None):
            agent.keep_headers(str(each.get("url", "")), headers)
    functions = take_functions(settings)
    named = set(named_in(settings)) | set(named_in(functions))
    variables = AgentVariable.objects.present().filter(project=configuration.project)
    values = {without_prefix(each.key): each.value for each in variables}
    known = {name: values[name] for name in sorted(named & set(values))}
    with transaction.atomic():
        agent.save()
        agent.add_version(settings=settings, functions=functions, variables=known, by=user)
    return agent


def delete_from_account(configuration: AgentConfiguration) -> None:
    """Delete a stored configuration. Raises ``NotChanged``."""
    with account_of(configuration.project) as account:
        try:
            account.delete_agent(configuration.agent_id)
        except Denied as error:
            if error.status != NOT_FOUND:
                raise
    configuration.gone_at = timezone.now()
    configuration.save(update_fields=["gone_at"])


def take_functions(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the functions out of the ``think`` of settings, as a version stores them."""
    listed = first(settings.get("think")).get("functions") or []
    offered = settings.get("think")
    for each in offered if isinstance(offered, list) else [offered]:
        if isinstance(each, dict):
            each.pop("functions", None)
    return [_function(each).to_json() for each in listed if isinstance(each, dict)]


def _function(wire: Mapping[str, Any]) -> Function:
    name = str(wire.get("name", ""))
    url = str((wire.get("endpoint") or {}).get("url", ""))
    searches = name == AnsweredBy.SEARCH_LIBRARY and not url
    origin = AnsweredBy.WEBHOOK if url else AnsweredBy.HAND
    return Function(
        name=name,
        description=str(wire.get("description") or ""),
        parameters=wire.get("parameters") or {},
        answered_by=AnsweredBy.SEARCH_LIBRARY if searches else origin,
        url=url,
        changes=bool(wire.get("defer_until_eot")),
    )


def without_prefix(name: str) -> str:
    return name.removeprefix(PREFIX)


def renamed(value: Any, rename: Any) -> Any:
    """Return a copy of ``value`` whose variables have other names.

    A server also takes a text that is the bare name of a variable; here it is in braces.
    """
    match value:
        case str() if re.fullmatch(rf"{PREFIX}[A-Z0-9_]+", value):
            return "{{" + rename(value) + "}}"
        case str():
            return VARIABLE.sub(lambda named: "{{" + rename(named[1]) + "}}", value)
        case list():
            return [renamed(each, rename) for each in value]
        case dict():
            return {name: renamed(each, rename) for name, each in value.items()}
    return value
