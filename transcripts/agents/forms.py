"""Forms of the builder: an agent, its functions with their parameters, and its variables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from management.models import Connection, Model, Project, named_choices
from network.addresses import read_url
from transcripts.agents.declarations import AnsweredBy, Function
from transcripts.agents.defaults import SEARCH_LIBRARY
from transcripts.agents.fields import LinesField, NameField, NumberField, WebhookField, read_value
from transcripts.agents.schema import TYPES, BadSchema, Parameter, read_schema, rows_of, schema_of
from transcripts.agents.settings import VARIABLE
from transcripts.agents.thinking import ThinkChoice, described
from transcripts.clips.voices import voices_by_language
from transcripts.text.warned import language_name

MOST_PROMPT = 25_000  # characters; longer prompts are cut by servers
ENDPOINT, KEPT = "endpoint", ""
FLUX, NOVA = "flux", "nova"
DEFAULT_MODELS = ("flux-general-en", "nova-3")
ENDPOINT_TYPES = (
    ("open_ai", "OpenAI (also Ollama, llama.cpp, vLLM)"),
    ("anthropic", "Anthropic"),
    ("google", "Google"),
)
ANSWERED_BY = (
    (AnsweredBy.HAND, "By hand, on the page of the conversation"),
    (AnsweredBy.WEBHOOK, "By a webhook"),
    (AnsweredBy.SEARCH_LIBRARY, "By a search in the recordings of the project"),
)
ROWS, JSON = "rows", "json"
PARAMETER_TYPES = (
    ("string", "Text"),
    ("number", "Number"),
    ("integer", "Whole number"),
    ("boolean", "Yes or no"),
    ("list", "List of texts"),
)
TEXT = "text"
NOT_OFFERED = "“%(value)s” is not in the list. Choose one of the list."
PROGRAM_NAME = (
    r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
    "letters, digits, _ and - are allowed, at most 64, the first is a letter or _",
)
VARIABLE_NAME = (
    r"[A-Z][A-Z0-9_]{0,63}",
    "capitals, digits and _ are allowed, at most 64, the first is a capital",
)


def textarea(rows: int, **attrs: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class AgentForm(forms.Form):
    """The agent without its functions and variables, by the lists of its project's server."""

    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "Enter a name.",
            "max_length": "A name has at most 100 characters, this one has %(show_value)d.",
        },
    )
    description = forms.CharField(max_length=300, required=False)
    greeting = forms.CharField(max_length=10_000, required=False, widget=textarea(2, dir="auto"))
    prompt = forms.CharField(
        max_length=MOST_PROMPT,
        required=False,
        widget=textarea(12, dir="auto"),
        error_messages={
            "max_length": "A prompt has at most %(limit_value)d characters, "
            "this one has %(show_value)d."
        },
    )
    speak_model = forms.ChoiceField(required=False, error_messages={"invalid_choice": NOT_OFFERED})
    listen_model = forms.ChoiceField(error_messages={"invalid_choice": NOT_OFFERED})
    language = forms.ChoiceField(required=False, error_messages={"invalid_choice": NOT_OFFERED})
    smart_format = forms.BooleanField(required=False)
    language_hints = forms.CharField(required=False, max_length=200)
    eot_threshold = NumberField(0.5, 1.0)
    eager_eot_threshold = NumberField(0.3, 0.9)
    eot_timeout_ms = NumberField(500, 60_000, whole=True)
    keyterms = LinesField(required=False, max_length=5_000, widget=textarea(3))
    think_model = forms.ChoiceField(required=False, error_messages={"invalid_choice": NOT_OFFERED})
    endpoint_type = forms.ChoiceField(choices=ENDPOINT_TYPES, required=False)
    endpoint_model = forms.CharField(max_length=128, required=False)
    endpoint_url = forms.CharField(max_length=2_000, required=False)
    endpoint_headers = LinesField(required=False, max_length=10_000, widget=textarea(2))
    temperature = NumberField(0.0, 2.0)
    note = forms.CharField(max_length=300, required=False)

    def __init__(
        self,
        project: Project,
        models: Sequence[ThinkChoice],
        settings: dict[str, Any],
        **named: Any,
    ) -> None:
        super().__init__(label_suffix="", **named)
        connection = project.connection
        provider = first(settings.get("speak")).get("provider", {})
        self._list("speak_model", voice_choices(connection, provider))
        listened = listened_models(connection)
        current = settings.get("listen", {}).get("provider", {})
        self._list("listen_model", listen_choices(connection, listened, current.get("model")))
        self._list("language", language_choices(listened, current.get("language")))
        think = first(settings.get("think"))
        self._list("think_model", think_choices(models, think))
        kind = (think.get("provider") or {}).get("type", "open_ai")
        others = () if kind in dict(ENDPOINT_TYPES) else ((kind, kind),)
        self._list("endpoint_type", (*ENDPOINT_TYPES, *others))

    def _list(self, name: str, choices: Iterable[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    @property
    def is_flux(self) -> bool:
        return is_flux(str(self["listen_model"].value() or ""))

    def clean_endpoint_headers(self) -> dict[str, str]:
        headers = {}
        for line in self.cleaned_data["endpoint_headers"]:
            name, colon, value = line.partition(":")
            if not colon or not name.strip() or not line.isascii() or " " in name.strip():
                raise forms.ValidationError(f"“{line:.40}” is no header; one is Name: value.")
            headers[name.strip().lower()] = value.strip()
        return headers

    def clean_language_hints(self) -> list[str]:
        tags = [tag.strip() for tag in self.cleaned_data["language_hints"].split(",")]
        for tag in filter(None, tags):
            if not tag.replace("-", "").isalnum() or not tag.isascii():
                raise forms.ValidationError(f"“{tag:.40}” is no language; one is en or pt-BR.")
        return [tag for tag in tags if tag]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        eager = cleaned.get("eager_eot_threshold")
        certain = cleaned.get("eot_threshold")
        if self.is_flux and eager is not None and eager > (certain or 0.7):
            self.add_error(
                "eager_eot_threshold",
                f"“{eager:g}” cannot be used: at most the end of turn, {certain or 0.7:g}.",
            )
        if cleaned.get("think_model") == ENDPOINT:
            self._check_endpoint(cleaned)
        return cleaned

    def _check_endpoint(self, cleaned: dict[str, Any]) -> None:
        url = cleaned.get("endpoint_url", "")
        if not is_address(url):
            self.add_error(
                "endpoint_url",
                f"“{url:.80}” cannot be used: an address that starts with https:// or http:// "
                "is allowed.",
            )
        if not cleaned.get("endpoint_model"):
            self.add_error("endpoint_model", "Enter the name of the model at this address.")


class FunctionForm(forms.Form):
    """A function of the agent; its parameters are rows or a JSON schema."""

    name = NameField(
        *PROGRAM_NAME, max_length=64, error_messages={"required": "Enter a name, or remove it."}
    )
    description = forms.CharField(max_length=2_000, required=False, widget=textarea(2))
    answered_by = forms.ChoiceField(
        choices=ANSWERED_BY, required=False, error_messages={"invalid_choice": NOT_OFFERED}
    )
    url = WebhookField(max_length=2_000, required=False)
    changes = forms.BooleanField(required=False)
    parameters_as = forms.ChoiceField(
        choices=((ROWS, "One by one"), (JSON, "As a JSON schema")), required=False
    )
    schema = forms.CharField(required=False, widget=textarea(6, spellcheck="false"), strip=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_webhook = cleaned.get("answered_by") == AnsweredBy.WEBHOOK
        if is_webhook and not cleaned.get("url") and "url" not in self.errors:
            self.add_error("url", "Enter the address of the webhook.")
        if cleaned.get("parameters_as") == JSON:
            try:
                cleaned["parameters"] = read_schema(cleaned.get("schema", ""))
            except BadSchema as error:
                self.add_error("schema", str(error))
        return cleaned

    def function(self, parameters: Sequence[Parameter]) -> Function:
        """Return the function that was entered, with parameters from rows."""
        cleaned = self.cleaned_data
        answered_by = AnsweredBy(cleaned["answered_by"] or AnsweredBy.HAND)
        schema = cleaned.get("parameters") or schema_of(parameters)
        if answered_by == AnsweredBy.SEARCH_LIBRARY:
            schema = SEARCH_LIBRARY.parameters
        return Function(
            name=cleaned["name"],
            description=cleaned["description"],
            parameters=schema,
            answered_by=answered_by,
            url=cleaned["url"] if answered_by == AnsweredBy.WEBHOOK else "",
            changes=cleaned["changes"],
        )


class ParameterForm(forms.Form):
    """A parameter of a function."""

    name = NameField(
        *PROGRAM_NAME, max_length=64, error_messages={"required": "Enter a name, or remove it."}
    )
    type = forms.ChoiceField(
        choices=PARAMETER_TYPES, required=False, error_messages={"invalid_choice": NOT_OFFERED}
    )
    description = forms.CharField(max_length=500, required=False)
    required = forms.BooleanField(required=False)
    values = forms.CharField(max_length=2_000, required=False)

    def clean_values(self) -> tuple[str, ...]:
        values = tuple(value.strip() for value in self.cleaned_data["values"].split(","))
        values = tuple(dict.fromkeys(filter(None, values)))
        kind = self.cleaned_data.get("type") or "string"
        if values and kind != "string":
            label = dict(PARAMETER_TYPES)[kind]
            raise forms.ValidationError(f"Only a text has a list of values; this is “{label}”.")
        return values

    def parameter(self) -> Parameter:
        cleaned = self.cleaned_data
        kind = cleaned["type"] or next(iter(TYPES))
        facts = (cleaned["description"], cleaned["required"], cleaned["values"])
        return Parameter(cleaned["name"], kind, *facts)


class VariableForm(forms.Form):
    """A variable and its value."""

    name = NameField(
        *VARIABLE_NAME, max_length=64, error_messages={"required": "Enter a name, or remove it."}
    )
    kind = forms.ChoiceField(choices=((TEXT, "Text"), (JSON, "JSON")), required=False)
    value = forms.CharField(max_length=10_000, required=False, strip=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == JSON and "value" in cleaned:
            try:
                cleaned["value"] = read_value(cleaned["value"])
            except ValueError as error:
                self.add_error("value", str(error))
        return cleaned


def first(listed: Any) -> dict[str, Any]:
    """Return a provider of settings; of a list, which has those that replace it, the first."""
    chosen = (listed[0] if listed else {}) if isinstance(listed, list) else listed
    return chosen if isinstance(chosen, dict) else {}


def is_address(url: str) -> bool:
    """Return whether this is a web address; its host may be a variable."""
    try:
        parsed = read_url(VARIABLE.sub("x", url))
    except ValueError:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host) and not parsed.userinfo


def is_flux(model: str) -> bool:
    return model.startswith(FLUX)


def voice_choices(connection: Connection, provider: dict[str, Any]) -> list[Any]:
    """Return the voices by language, and the present one if it is not among them."""
    groups = [
        (language, [(each.model, each.label) for each in choices])
        for language, choices in voices_by_language(connection).items()
    ]
    known = {model for _, choices in groups for model, _ in choices}
    choices: list[Any] = [*groups]
    model = provider.get("model") or ""
    if provider.get("type", "deepgram") != "deepgram":
        choices.insert(0, (KEPT, f"As it is: {provider['type']}"))
    elif model not in known:
        choices.insert(0, (model, model or "The server's own"))
    return choices


def listened_models(connection: Connection) -> list[Model]:
    return list(
        Model.objects.present().filter(kind=Model.Kind.STT, streaming=True, connection=connection)
    )


def listen_choices(
    connection: Connection, models: Sequence[Model], current: str | None
) -> list[Any]:
    """Return the named choices of the server, the models that find turns, and those of captions."""
    own = Model.objects.present().filter(kind=Model.Kind.STT, connection=connection)
    named = {each.model.canonical_name: each.words for each in named_choices(own, "streaming")}
    listed = [*(each.canonical_name for each in models), *DEFAULT_MODELS, current or ""]
    names = [name for name in dict.fromkeys(listed) if name and name not in named]
    groups = (
        ("Turns: made for conversations", sorted(filter(is_flux, names))),
        ("Captions: more languages", sorted(name for name in names if not is_flux(name))),
    )
    others = [(label, [(name, name) for name in group]) for label, group in groups]
    return [("Choices", list(named.items())), *others] if named else others


def language_choices(models: Sequence[Model], current: str | None) -> list[tuple[str, str]]:
    tags = {tag for each in models for tag in each.languages} | {"en", current or "en"}
    named = [
        (tag, "Several, mixed" if tag == "multi" else language_name(tag) or tag) for tag in tags
    ]
    return sorted(named, key=lambda choice: choice[1])


def think_choices(models: Sequence[ThinkChoice], think: dict[str, Any]) -> list[Any]:
    """Return the models of the server, the present one among them, and an own endpoint."""
    listed = [(each.value, each.label) for each in models]
    provider = think.get("provider") or {}
    value = f"{provider.get('type', 'open_ai')}/{provider.get('model', '')}"
    if provider.get("model") and "endpoint" not in think and value not in dict(listed):
        listed.append((value, described(provider["model"])))
    if not listed:
        listed.append((KEPT, "The server's own"))
    return [("Of the speech server", listed), ("Elsewhere", [(ENDPOINT, "An endpoint of yours")])]


def parameter_values(function: Function) -> tuple[str, list[Parameter]]:
    """Return how the parameters of a function are edited, and the rows."""
    rows = rows_of(function.parameters) if function.parameters else []
    return (JSON, []) if rows is None else (ROWS, rows)


def shown_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
