"""Options on the upload page, by the capabilities of a project's server."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Prefetch
from django.http import QueryDict

from management.models import Connection, Model, Project, User, named_choices
from management.models.budgets import Rate, rates
from network.jsontext import read_json
from speechclient import InvalidOption
from transcripts.media.names import clean_title
from transcripts.models import Preset, Transcription
from transcripts.options import DEFAULTS, DETECT, INSIGHTS, complete, short_name
from transcripts.text.warned import language_name

MAX_PRESETS = 50
MAX_TERMS_CHARACTERS = 5_000


@dataclass(frozen=True)
class Feature:
    """A box to tick. ``value`` is empty for an option that is on or off, else one of its list.

    ``english`` ones are made for English alone; ``hosted`` ones not by the engine in the box.
    """

    name: str
    label: str
    explanation: str
    value: str = ""
    english: bool = False
    hosted: bool = False

    def is_chosen_in(self, options: Mapping[str, Any]) -> bool:
        """Return whether ``options`` have it switched on."""
        chosen = options.get(self.name)
        if self.name == "diarize":
            chosen = chosen or options.get("diarize_model")
        return self.value in (chosen or ()) if self.value else bool(chosen)


# Source: docs/contract.md, 5.1, 5.4 and 5.6.
GROUPS: tuple[tuple[str, tuple[Feature, ...]], ...] = (
    (
        "In the transcript",
        (
            Feature("smart_format", "Smart formatting", "Dates, numbers and amounts as written"),
            Feature("diarize", "Speakers", "Identify speakers"),
            Feature(
                "multichannel",
                "Separate channels",
                "One transcript for each channel of each audio track",
            ),
        ),
    ),
    (
        "Insights",
        (
            Feature("summarize", "Summary", "A few sentences about the content", english=True),
            Feature(
                "topics", "Topics", "Subjects, with their places in the transcript", english=True
            ),
            Feature("intents", "Intents", "Intentions stated in the conversation", english=True),
            Feature("sentiment", "Sentiment", "Changes of mood over time", english=True),
        ),
    ),
)
# Under "More options": options that few recordings need.
RARE_GROUPS: tuple[tuple[str, tuple[Feature, ...]], ...] = (
    (
        "Wording",
        (
            Feature("numerals", "Numerals", "Numbers as digits"),
            Feature("filler_words", "Filler words", "Keep uh and um", english=True),
            Feature("profanity_filter", "Profanity filter", "Mask strong language", english=True),
        ),
    ),
    (
        "Redact",
        (
            Feature("redact", "Card data", "Numbers, expiry dates, codes", "pci", english=True),
            Feature("redact", "Social security numbers", "", "ssn", english=True),
            Feature("redact", "Numbers", "Three digits and more", "numbers", english=True),
            Feature(
                "redact", "Personal data", "Names, places, …", "pii", english=True, hosted=True
            ),
            Feature("redact", "Health data", "", "phi", english=True, hosted=True),
        ),
    ),
)
FEATURES = tuple(feature for _, features in (*GROUPS, *RARE_GROUPS) for feature in features)
DEFAULT_LANGUAGE = "en"
# Only these models take key terms: docs/contract.md, 5.1.
KEYTERM_MODELS = "nova-3"


def first_choice(connection: Connection | None) -> dict[str, Any]:
    """Return the options that are on where a project has no preset."""
    if connection is None or connection.kind != Connection.Kind.ENGINE:
        return DEFAULTS
    return DEFAULTS | dict.fromkeys(INSIGHTS, True)


def offers(user: User, project: int | None = None) -> dict[str, Any]:
    """All that a page chooses from, ready for JSON: ``projects`` and ``servers`` by id.

    ``project`` narrows it to one.
    """
    listening = Model.objects.present().filter(kind=Model.Kind.STT)
    listening = listening.order_by("-is_preferred", "canonical_name", "pk")
    projects = Project.objects.writable_by(user).select_related("connection")
    if project is not None:
        projects = projects.filter(pk=project)
    projects = projects.prefetch_related(
        "presets", Prefetch("connection__speech_models", listening, to_attr="listening")
    )
    found: dict[str, Any] = {"projects": {}, "servers": {}, "keyterm_models": KEYTERM_MODELS}
    listed = list(projects)
    known = rates(listed)
    for each in listed:
        server = each.connection
        found["projects"][each.pk] = {
            "server": server.pk,
            "presets": described(each.presets.all()),
            "hour_price": known[each.pk].hour,
        }
        if server.pk in found["servers"]:
            continue
        models = model_languages(server)
        found["servers"][server.pk] = {
            "hosted": server.kind != Connection.Kind.ENGINE,
            "first_choice": first_choice(server),
            "models": models,
            "hour_prices": hour_prices(known[each.pk], models),
            "speed": Transcription.objects.done_on(server).speed(),
            "named": named(server),
        }
    return found


def lists(offered: dict[str, Any], options: Mapping[str, Any] = DEFAULTS) -> dict[str, Any]:
    """Context of the fields for options: all that is offered, with ``options`` selected.

    A model and a language of ``options`` that no server lists any more are offered, too.
    """
    servers = list(offered["servers"].values())
    listed = {name: None for server in servers for name in server["models"]}
    tags = {tag for server in servers for tags in server["models"].values() for tag in tags}
    model = options.get("model") or DEFAULTS["model"]
    named_first = servers[0]["named"] if servers else []
    own_names = {each["model"] for each in named_first}
    language = options.get("language") or DEFAULT_LANGUAGE
    if options.get("detect_language"):
        language = DETECT
    languages = {DEFAULT_LANGUAGE, language, *tags} - {DETECT}
    return {
        "groups": GROUPS,
        "rare_groups": RARE_GROUPS,
        "chosen": [feature for feature in FEATURES if feature.is_chosen_in(options)],
        "named": named_first,
        "is_named": model in own_names,
        "models": [name for name in (listed | {model: None}) if name not in own_names],
        "model": model,
        "languages": [
            (language_label(DETECT), DETECT),
            *sorted((language_label(tag), tag) for tag in languages),
        ],
        "language": language,
        "terms": options.get("keyterm", ()),
    }


def hour_prices(rate: Rate, models: Iterable[str]) -> dict[str, float] | None:
    """Dollars for an hour of audio by model; None for a server without prices of its own."""
    return {name: rate.hour_price(name) for name in models} if rate.prices else None


def named(server: Connection) -> list[dict[str, str]]:
    """The named choices of a server: ``model`` is sent, ``words`` say what really runs."""
    choices = named_choices(getattr(server, "listening", []))
    return [
        {"model": short_name(each.model.canonical_name), "words": each.words} for each in choices
    ]


def language_label(tag: str) -> str:
    """Return the label of a choice of language."""
    if tag == DETECT:
        return "Detect the language"
    if tag == "multi":
        return "Several, mixed"
    return language_name(tag)


def described(presets: Iterable[Preset]) -> list[dict[str, Any]]:
    return [
        {"id": each.pk, "name": each.name, "options": each.options, "is_default": each.is_default}
        for each in presets
    ]


def model_languages(server: Connection) -> dict[str, list[str]]:
    """The models to choose from and the languages of each, those that the team prefers first.

    The default one knows all languages.
    """
    listed = [model for model in getattr(server, "listening", []) if model.batch]
    every = sorted({tag for model in listed for tag in model.languages})
    named = {model.canonical_name: sorted(model.languages) for model in listed}
    if any(model.is_preferred for model in listed):
        return named | {DEFAULTS["model"]: every}
    return {DEFAULTS["model"]: every} | named


class OptionsForm(forms.Form):
    """Model, language and features, as the upload page sends them for a web address."""

    model = forms.CharField(required=False, max_length=200)
    language = forms.CharField(required=False, max_length=35)
    keyterm = forms.CharField(required=False, max_length=MAX_TERMS_CHARACTERS)
    redact = forms.MultipleChoiceField(
        required=False,
        choices=[(each.value, each.label) for each in FEATURES if each.name == "redact"],
    )

    def __init__(self, *args: Any, base: Mapping[str, Any] = DEFAULTS, **kwargs: Any) -> None:
        """``base`` has what the form does not ask for."""
        super().__init__(*args, **kwargs)
        self.base = base
        self.flags = [each.name for each in FEATURES if not each.value]
        for name in self.flags:
            self.fields[name] = forms.BooleanField(required=False)

    @property
    def entered(self) -> dict[str, Any]:
        """Options as they were entered, valid or not, to fill the form again."""
        options: dict[str, Any] = {name: name in self.data for name in self.flags}
        options |= {name: self.data.get(name, "")[:200] for name in ("model", "language")}
        options["keyterm"] = self.data.get("keyterm", "")[:MAX_TERMS_CHARACTERS].splitlines()
        redact = self.data.getlist("redact") if isinstance(self.data, QueryDict) else []
        return options | {"redact": redact[: len(FEATURES)]}

    @property
    def problem(self) -> str:
        """All errors in one sentence."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = {name: cleaned.get(name, False) for name in self.flags}
        chosen |= {name: cleaned.get(name) for name in ("model", "language")}
        terms = [line.strip() for line in cleaned.get("keyterm", "").splitlines()]
        chosen["keyterm"] = [term for term in terms if term]
        chosen["redact"] = cleaned.get("redact", [])
        try:
            cleaned["options"] = complete(chosen, self.base)
        except InvalidOption as error:
            raise forms.ValidationError(str(error)) from error
        return cleaned


class AddressForm(OptionsForm):
    """Audio at a web address, fetched by a worker."""

    url = forms.URLField(max_length=2_000, assume_scheme="https", label="Web address")
    project = forms.ModelChoiceField(Project.objects.none())

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Project.objects.writable_by(user)

    @property
    def chosen_project(self) -> Project | None:
        """The project that was chosen, also when something else is wrong."""
        project: Project | None = self.cleaned_data.get("project")
        return project


class PresetForm(forms.Form):
    """Options to keep under a name, in place of what had that name before."""

    name = forms.CharField(
        max_length=60, error_messages={"required": "Enter a name for the preset."}
    )
    options = forms.CharField()  # JSON
    is_default = forms.BooleanField(required=False)

    def __init__(self, project: Project, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_name(self) -> str:
        name = clean_title(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("Enter a name for the preset.")
        return name

    def clean_options(self) -> dict[str, Any]:
        try:
            return complete(read_json(self.cleaned_data["options"]))
        except InvalidOption as error:
            raise forms.ValidationError(f"Invalid options: {error}.") from error
        except ValueError as error:
            raise forms.ValidationError("The options are not a JSON object.") from error

    def clean(self) -> dict[str, Any]:
        others = self.project.presets.exclude(name__iexact=self.cleaned_data.get("name", ""))
        if others.count() >= MAX_PRESETS:
            raise forms.ValidationError(f"A project has at most {MAX_PRESETS} presets.")
        return self.cleaned_data

    def save(self) -> Preset:
        name, options = self.cleaned_data["name"], self.cleaned_data["options"]
        preset = self.project.presets.filter(name__iexact=name).first()
        preset = preset or Preset(project=self.project)
        preset.name, preset.options = name, options
        preset.save()
        preset.make_default(self.cleaned_data["is_default"])
        return preset
