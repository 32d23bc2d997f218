"""Start of a live session: where it goes, and how it is transcribed."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from management.models import Connection, Model, Project, User, budgets, named_choices
from speechclient import InvalidOption
from speechclient.parameters import Options
from transcripts.live.models import LiveSession
from transcripts.live.session_options import (
    ENDPOINTING_MS,
    TURN_MODEL,
    TURN_MODEL_OF_LANGUAGES,
    stream_options,
    turn_options,
)
from transcripts.media.names import clean_title
from transcripts.options import DEFAULTS, short_name
from transcripts.text.warned import language_name

DEFAULT_LANGUAGE = "en"
# How long a session will take is not known when it starts.
RESERVED_SECONDS = 600.0
MAX_TERMS_CHARACTERS = 5_000
PAUSES = (
    (ENDPOINTING_MS, "Short, for quick captions"),
    (800, "Medium"),
    (1_500, "Long, for people who think while they speak"),
)
MODES = (
    (LiveSession.Mode.CAPTIONS, "Captions, of any number of people"),
    (LiveSession.Mode.TURNS, "Turns, of a conversation with one speaker at a time"),
)
SOURCES = (
    ("microphone", "Microphone"),
    ("tab", "Sound of a browser tab"),
    ("file", "A file, played"),
)


class LiveForm(forms.Form):
    """Options of a session before it begins."""

    project = forms.ModelChoiceField(
        Project.objects.none(),
        empty_label="Choose a project",
        error_messages={"required": "Choose a project."},
    )
    title = forms.CharField(required=False, max_length=255)
    mode = forms.ChoiceField(choices=MODES, initial=LiveSession.Mode.CAPTIONS)
    source = forms.ChoiceField(choices=SOURCES)
    language = forms.ChoiceField()
    model = forms.ChoiceField()
    diarize = forms.BooleanField(required=False, initial=True)
    endpointing = forms.TypedChoiceField(coerce=int, choices=PAUSES, initial=ENDPOINTING_MS)
    keyterm = forms.CharField(
        required=False, max_length=MAX_TERMS_CHARACTERS, widget=forms.Textarea(attrs={"rows": 3})
    )
    again = forms.BooleanField(required=False)
    eot_threshold = forms.FloatField(required=False, initial=0.7)
    eager_eot_threshold = forms.FloatField(required=False, initial=0.5)
    eot_timeout_ms = forms.IntegerField(required=False, initial=5_000)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        projects = Project.objects.writable_by(user)
        project = self.fields["project"]
        assert isinstance(project, forms.ModelChoiceField)
        project.queryset = projects
        defaults = [str(each.pk) for each in projects if each.transcribes_live_again]
        project.widget.attrs["data-again"] = " ".join(defaults)
        chosen = self.initial.get("project")
        project.empty_label = None if chosen else project.empty_label
        self.fields["again"].initial = bool(chosen and chosen.transcribes_live_again)
        listed = listed_models(projects)
        tags = {tag for model in listed for tag in model.languages} | {DEFAULT_LANGUAGE}
        languages = sorted(((tag, label(tag)) for tag in tags), key=lambda choice: choice[1])
        first = chosen or projects.first()
        for name, choices, initial in (
            ("language", languages, DEFAULT_LANGUAGE),
            ("model", model_choices(listed, first), DEFAULTS["model"]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
            field.initial = initial
        for name, field in self.fields.items():
            field.widget.attrs |= {"id": f"option-{name}", "class": "field"}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            is_turns = cleaned["mode"] == LiveSession.Mode.TURNS
            options = self._turns(cleaned) if is_turns else self._captions(cleaned)
            try:
                cleaned["options"] = checked(options, is_turns)
            except InvalidOption as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def _captions(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        return {
            "model": cleaned["model"],
            "language": cleaned["language"],
            "diarize": cleaned["diarize"],
            "endpointing": cleaned["endpointing"] or ENDPOINTING_MS,
            "keyterm": lines(cleaned["keyterm"]),
        }

    def _turns(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        language = cleaned["language"]
        is_english = language.partition("-")[0] == DEFAULT_LANGUAGE
        thresholds = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
        return {
            "model": TURN_MODEL if is_english else TURN_MODEL_OF_LANGUAGES,
            "language": language,
            "language_hint": [] if is_english or language == "multi" else [language],
            "diarize": False,
            "keyterm": lines(cleaned["keyterm"]),
            **{name: cleaned[name] for name in thresholds},
        }

    def save(self) -> LiveSession:
        """Start the session, whose first minutes are reserved. Raises ``OverBudget``."""
        cleaned = self.cleaned_data
        session = LiveSession(
            project=cleaned["project"],
            owner=self.user,
            title=clean_title(cleaned["title"]) or first_title(),
            mode=cleaned["mode"],
            options=cleaned["options"],
            again=cleaned["again"],
        )
        budgets.reserve(session.project, session.reference, session.amount(RESERVED_SECONDS))
        session.save()
        return session

    @property
    def problem(self) -> str:
        """All errors in one sentence."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class LinkForm(forms.Form):
    """Audience of the captions of a session."""

    audience = forms.ChoiceField(choices=LiveSession.Audience.choices)
    until = forms.DateField(required=False)
    password = forms.CharField(required=False, max_length=128, strip=False)
    has_password = forms.BooleanField(required=False)

    def clean_until(self) -> datetime | None:
        day = self.cleaned_data["until"]
        if day is None:
            return None
        end = timezone.make_aware(datetime.combine(day, time.max))
        if end < timezone.now():
            raise forms.ValidationError("Choose a day that is not over.")
        return end

    def save(self, session: LiveSession) -> None:
        cleaned = self.cleaned_data
        # An empty field keeps the password, which is never shown again.
        keeps = cleaned["has_password"] and not cleaned["password"]
        password = None if keeps else cleaned["password"] if cleaned["has_password"] else ""
        session.set_link(cleaned["audience"], cleaned["until"], password)


class PasswordForm(forms.Form):
    """Password of a link."""

    password = forms.CharField(max_length=128, strip=False)


def lines(text: str) -> list[str]:
    """Return the lines of ``text`` that are not blank, trimmed."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def checked(options: dict[str, Any], is_turns: bool = False) -> dict[str, Any]:
    """Return the options of a session in the form that is stored. Raises ``InvalidOption``."""
    kept = {name: value for name, value in options.items() if value not in ("", None, [])}
    read: Options = turn_options(kept) if is_turns else stream_options(kept)
    stored = read.to_json()
    return {name: stored.get(name, kept[name]) for name in kept}


def model_choices(listed: list[Model], project: Project | None) -> list[Any]:
    """Return the named choices of the server of ``project``, then every model."""
    own = Model.objects.present().filter(kind=Model.Kind.STT)
    own = own.filter(connection=project.connection_id) if project else own.none()
    named = [
        (short_name(each.model.canonical_name), each.words)
        for each in named_choices(list(own), "streaming")
    ]
    names = {DEFAULTS["model"], *(each.canonical_name for each in listed)} - dict(named).keys()
    every = ("All models", [(name, name) for name in sorted(names)])
    return [("Choices", named), every] if named else [every]


def listed_models(projects: Any) -> list[Model]:
    """Return the models for streams that the servers of these projects list."""
    servers = Connection.objects.filter(projects__in=projects)
    found = Model.objects.present().filter(
        kind=Model.Kind.STT, streaming=True, connection__in=servers
    )
    return [each for each in found if not each.canonical_name.startswith("flux")]


def label(tag: str) -> str:
    return "Several, mixed" if tag == "multi" else language_name(tag)


def first_title() -> str:
    """Return a title for a session that was given none."""
    return f"Live, {timezone.localtime():%-d %B %Y, %H:%M}"
