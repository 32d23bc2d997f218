"""An agent as it is edited: every form of the builder, from a saved version or from a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction

from management.models import Project, User
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.forms import (
    ENDPOINT,
    JSON,
    KEPT,
    TEXT,
    AgentForm,
    FunctionForm,
    ParameterForm,
    VariableForm,
    first,
    is_flux,
    parameter_values,
    shown_json,
)
from transcripts.agents.models import Agent, AgentVersion
from transcripts.agents.rows import Values, numbers, with_row, without_row
from transcripts.agents.settings import fill, named_in
from transcripts.agents.thinking import offered, quality_of

# Django reads at most 1,000 fields of a form.
MOST_FUNCTIONS, MOST_PARAMETERS, MOST_VARIABLES = 16, 10, 20
FLUX_FIELDS = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
DUPLICATE = "“%s” is there twice. Choose another name."


class Conflict(Exception):
    """Another version was saved meanwhile."""

    def __init__(self, newest: AgentVersion) -> None:
        super().__init__(f"Version {newest.number} was saved meanwhile")
        self.newest = newest


@dataclass
class FunctionRow:
    """A function with its parameters; ``row`` is its name among the values."""

    row: str
    form: FunctionForm
    parameters: list[ParameterForm]


class AgentDraft:
    """The forms of one agent, with ``values`` as they are typed.

    Bound, they are checked; otherwise the values are only shown, such as after a row was added.
    ``settings`` are those that the new version is based on: what no form shows is kept.
    """

    def __init__(
        self,
        project: Project,
        values: Mapping[str, str],
        settings: dict[str, Any] | None = None,
        *,
        bound: bool = False,
    ) -> None:
        self.project, self.values, self.bound = project, dict(values), bound
        self.settings = deepcopy(settings or {})
        models, self.models_problem = offered(project.connection)
        fields = AgentForm.base_fields
        named = {"data": self.values} if bound else {"initial": self._initial("", fields)}
        self.form = AgentForm(project, models, self.settings, **named)
        self.functions = [
            FunctionRow(
                row, self._form(FunctionForm, row), self._rows(ParameterForm, f"{row}-parameter")
            )
            for row in self._names("function")
        ]
        self.variables = self._rows(VariableForm, "variable")

    def focus(self, edit: str) -> None:
        """Put the cursor into the row that a button of the form has added."""
        action, _, kind = edit.partition(":")
        added = self._names(kind)[-1:] if action == "add" else []
        for form in self._forms():
            if [form.prefix] == added:
                form.fields["name"].widget.attrs["autofocus"] = True

    def _function(self, row: str) -> FunctionRow:
        parameters = self._rows(ParameterForm, f"{row}-parameter")
        return FunctionRow(row, self._form(FunctionForm, row), parameters)

    def _names(self, kind: str) -> list[str]:
        return [f"{kind}-{number}" for number in numbers(self.values, kind)]

    def _rows(self, kind: type[forms.Form], name: str) -> list[Any]:
        return [self._form(kind, row) for row in self._names(name)]

    def _form(self, kind: type[forms.Form], row: str) -> Any:
        if self.bound:
            return kind(data=self.values, prefix=row, label_suffix="")
        initial = self._initial(f"{row}-", kind.base_fields)
        return kind(initial=initial, prefix=row, label_suffix="")

    def _initial(self, prefix: str, fields: Mapping[str, forms.Field]) -> dict[str, Any]:
        return {name: self.values.get(prefix + name, "") for name in fields}

    # Checks

    def is_valid(self) -> bool:
        """Check every form, and what concerns several of them."""
        for form in self._forms():
            form.is_valid()
        if not any(form.errors for form in self._forms()):
            self._check_names([row.form for row in self.functions])
            for row in self.functions:
                self._check_names(row.parameters)
            self._check_names(self.variables)
            self._check_variables()
            self._check_searches()
        return not any(form.errors for form in self._forms())

    def _forms(self) -> Iterator[forms.Form]:
        yield self.form
        for row in self.functions:
            yield row.form
            yield from row.parameters
        yield from self.variables

    @property
    def problems(self) -> int:
        """Number of fields with an error."""
        return sum(len(form.errors) for form in self._forms())

    @property
    def quality_hint(self) -> str:
        """Quality of the chosen language model, where it is known."""
        chosen = self.values.get("think_model", "")
        model = self.values.get("endpoint_model", "") if chosen == ENDPOINT else chosen
        return quality_of(model.rpartition("/")[2])

    @staticmethod
    def _check_names(rows: list[Any]) -> None:
        seen = set()
        for form in rows:
            name = form.cleaned_data["name"]
            if name in seen:
                form.add_error("name", DUPLICATE % name)
            seen.add(name)

    def _check_variables(self) -> None:
        known = {form.cleaned_data["name"] for form in self.variables}
        for form in (self.form, *(row.form for row in self.functions)):
            for field, value in list(form.cleaned_data.items()):
                for name in sorted(set(named_in(value)) - known):
                    place = field if field in form.fields else "schema"
                    form.add_error(
                        place, f"“{{{{{name}}}}}” has no value. Add the variable {name} below."
                    )

    def _check_searches(self) -> None:
        functions = [row.form.cleaned_data["answered_by"] for row in self.functions]
        if functions.count(AnsweredBy.SEARCH_LIBRARY) > 1:
            self.functions[-1].form.add_error("answered_by", "One search of the library is enough.")

    # Result

    def configuration(self) -> dict[str, Any]:
        """Return settings, functions and variables of the new version."""
        functions = [
            row.form.function([each.parameter() for each in row.parameters])
            for row in self.functions
        ]
        return {
            "settings": self._settings(),
            "functions": [each.to_json() for each in functions],
            "variables": {
                form.cleaned_data["name"]: form.cleaned_data["value"] for form in self.variables
            },
        }

    def _settings(self) -> dict[str, Any]:
        cleaned, settings = self.form.cleaned_data, deepcopy(self.settings)
        settings.pop("greeting", None)
        if cleaned["greeting"]:
            settings["greeting"] = cleaned["greeting"]
        settings["listen"] = {"provider": self._listen(cleaned)}
        settings["think"] = replaced(settings.get("think"), self._think(cleaned))
        if cleaned["speak_model"]:
            settings["speak"] = replaced(settings.get("speak"), self._speak(cleaned["speak_model"]))
        return settings

    def _listen(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        model = cleaned["listen_model"]
        version = "v2" if is_flux(model) else "v1"
        provider = {"type": "deepgram", "version": version, "model": model}
        if is_flux(model):
            chosen = {name: cleaned[name] for name in FLUX_FIELDS if cleaned[name] is not None}
            hints = {"language_hints": cleaned["language_hints"]}
            provider |= chosen | (hints if cleaned["language_hints"] else {})
        else:
            provider["language"] = cleaned["language"] or "en"
            provider["smart_format"] = cleaned["smart_format"]
        if cleaned["keyterms"]:
            provider["keyterms"] = cleaned["keyterms"]
        return provider

    def _think(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        think = {**first(self.settings.get("think")), "prompt": cleaned["prompt"]}
        chosen = cleaned["think_model"]
        provider = dict(think.get("provider") or {})
        if chosen == ENDPOINT:
            provider |= {"type": cleaned["endpoint_type"] or "open_ai"}
            provider |= {"model": cleaned["endpoint_model"]}
            think["endpoint"] = {"url": cleaned["endpoint_url"]}
        elif chosen != KEPT:
            kind, _, model = chosen.partition("/")
            provider |= {"type": kind, "model": model}
            think.pop("endpoint", None)
            think.pop("context_length", None)  # of an endpoint alone
        provider.pop("temperature", None)
        if cleaned["temperature"] is not None:
            provider["temperature"] = cleaned["temperature"]
        return think | ({"provider": provider} if provider.get("model") else {})

    def _speak(self, voice: str) -> dict[str, Any]:
        before = first(self.settings.get("speak")).get("provider") or {}
        if before.get("model") == voice:
            return {"provider": before}
        version = {"version": "v2"} if is_flux(voice) else {}
        return {"provider": {"type": "deepgram", "model": voice, **version}}

    def save(self, agent: Agent | None, user: User) -> tuple[Agent, AgentVersion | None]:
        """Save the agent; a version only if its configuration has changed.

        Raises ``Conflict`` when the draft is based on an older version than the newest.
        """
        with transaction.atomic():
            if agent is None:
                agent = Agent(project=self.project, created_by=user)
            else:
                # The lock of its row: two changes of one version cannot both be its next.
                agent = Agent.objects.select_for_update().get(pk=agent.pk)
                if self.values.get("based_on") != str(agent.version.number):
                    raise Conflict(agent.version)
            return self._store(agent, user)

    def _store(self, agent: Agent, user: User) -> tuple[Agent, AgentVersion | None]:
        cleaned, configuration = self.form.cleaned_data, self.configuration()
        agent.name, agent.description = cleaned["name"], cleaned["description"]
        self._keep_headers(agent, configuration)
        agent.save()
        newest = agent.versions.first()
        if newest and newest.configuration == configuration:
            return agent, None
        return agent, agent.add_version(**configuration, note=cleaned["note"], by=user)

    def _keep_headers(self, agent: Agent, configuration: dict[str, Any]) -> None:
        endpoint = first(configuration["settings"].get("think")).get("endpoint", {})
        url = str(fill(endpoint.get("url", ""), configuration["variables"]))
        headers = self.form.cleaned_data["endpoint_headers"]
        if self.values.get("drop_headers"):
            agent.keep_headers("", {})
        elif headers and url:
            agent.keep_headers(url, headers)


def replaced(listed: Any, new: dict[str, Any]) -> Any:
    """Return settings of think or speak with a new first provider; the others stay."""
    if isinstance(listed, list) and len(listed) > 1:
        return [new, *listed[1:]]
    return new


def edited(values: Values, edit: str) -> Values:
    """Return the values after a button of the form: a row more or less. Others change nothing."""
    action, _, row = edit.partition(":")
    limits = {"function": MOST_FUNCTIONS, "variable": MOST_VARIABLES}
    if action == "add" and len(numbers(values, row)) < limits.get(row, MOST_PARAMETERS):
        return with_row(values, row)
    return without_row(values, row) if action == "remove" and row else values


def empty_values() -> Values:
    """Return the values of a new agent."""
    return {"listen_model": "flux-general-en", "smart_format": "on", "language": "en"}


def values_of(version: AgentVersion) -> Values:
    """Return the values of the forms for a saved version."""
    settings = version.settings
    values = {
        "name": version.agent.name,
        "description": version.agent.description,
        "based_on": str(version.number),
        "greeting": settings.get("greeting", ""),
        **_listen_values(settings.get("listen", {}).get("provider", {})),
        **_think_values(first(settings.get("think"))),
        **_voice_values(first(settings.get("speak")).get("provider") or {}),
    }
    for number, function in enumerate(version.declared):
        values |= _function_values(f"function-{number}", function)
    for number, (name, value) in enumerate(version.variables.items()):
        is_text = isinstance(value, str)
        row = {"name": name, "kind": TEXT if is_text else JSON}
        row["value"] = value if is_text else shown_json(value)
        values |= {f"variable-{number}-{field}": text for field, text in row.items()}
    return values


def _listen_values(provider: dict[str, Any]) -> Values:
    numbers = {name: provider[name] for name in FLUX_FIELDS if provider.get(name) is not None}
    return {
        "listen_model": provider.get("model") or "nova-3",
        "language": provider.get("language", "en"),
        "smart_format": "on" if provider.get("smart_format") else "",
        "language_hints": ", ".join(provider.get("language_hints", ())),
        "keyterms": "\n".join(provider.get("keyterms", ())),
        **{name: f"{value:g}" for name, value in numbers.items()},
    }


def _think_values(think: dict[str, Any]) -> Values:
    provider, endpoint = think.get("provider") or {}, think.get("endpoint") or {}
    kind, model = provider.get("type", "open_ai"), provider.get("model", "")
    temperature = provider.get("temperature")
    return {
        "prompt": think.get("prompt", ""),
        "think_model": ENDPOINT if endpoint else f"{kind}/{model}" if model else KEPT,
        "endpoint_type": kind,
        "endpoint_model": model if endpoint else "",
        "endpoint_url": endpoint.get("url", ""),
        "temperature": "" if temperature is None else f"{temperature:g}",
    }


def _voice_values(provider: dict[str, Any]) -> Values:
    is_ours = provider.get("type", "deepgram") == "deepgram"
    return {"speak_model": provider.get("model", "") if is_ours else KEPT}


def _function_values(row: str, function: Function) -> Values:
    edited_as, parameters = parameter_values(function)
    fields = {
        "name": function.name,
        "description": function.description,
        "answered_by": function.answered_by.value,
        "url": function.url,
        "changes": "on" if function.changes else "",
        "parameters_as": edited_as,
        "schema": shown_json(function.parameters),
    }
    for number, each in enumerate(parameters):
        inner = f"parameter-{number}"
        fields |= {
            f"{inner}-name": each.name,
            f"{inner}-type": each.type,
            f"{inner}-description": each.description,
            f"{inner}-required": "on" if each.required else "",
            f"{inner}-values": ", ".join(each.values),
        }
    return {f"{row}-{name}": value for name, value in fields.items()}
