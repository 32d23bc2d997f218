"""Forms of the Speak page: a text and its voice, and the format of a file."""

from __future__ import annotations

from typing import Any

from django import forms

from management.models import Project, User
from speechclient import InvalidOption, SpeakOptions
from speechclient.formats import SPEEDS, V1, V2, SpeechFormat, check_format
from speechclient.speak import speak_version
from transcripts.clips.models import MAX_CHARACTERS, Clip
from transcripts.clips.voices import has_voice

# A range of bit rates as a list to choose from.
OFFERED_BIT_RATES = (4_000, 8_000, 12_000, 24_000, 32_000, 48_000, 64_000, 96_000, 128_000, 192_000)
ENCODING_NAMES = {
    "mp3": "MP3",
    "linear16": "PCM, 16 bits (linear16)",
    "mulaw": "G.711 µ-law (mulaw)",
    "alaw": "G.711 A-law (alaw)",
    "opus": "Opus",
    "flac": "FLAC",
    "aac": "AAC",
}


class SpeechForm(forms.Form):
    """A text and its voice. ``user`` has to be allowed to add to the project."""

    project = forms.ModelChoiceField(
        Project.objects.none(), error_messages={"invalid_choice": "This project does not exist."}
    )
    model = forms.CharField(max_length=200, error_messages={"required": "Choose a voice."})
    speed = forms.FloatField(required=False)
    text = forms.CharField(
        max_length=MAX_CHARACTERS,
        error_messages={
            "required": "Enter a text.",
            "max_length": "A text has at most %(limit_value)d characters, "
            "this one has %(show_value)d.",
        },
    )

    def __init__(self, data: dict[str, Any], user: User) -> None:
        super().__init__(data)
        projects = self.fields["project"]
        assert isinstance(projects, forms.ModelChoiceField)
        writable = Project.objects.writable_by(user).select_related("connection")
        projects.queryset = writable

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        project, model = cleaned.get("project"), cleaned.get("model")
        if project and model and not has_voice(project.connection, model):
            self.add_error("model", "The server of this project does not have this voice.")
        if model and (speed := cleaned.get("speed")) is not None:
            slowest, fastest = SPEEDS[speak_version(model)]
            if not slowest <= speed <= fastest:
                self.add_error("speed", f"The speed of this voice is {slowest:g} to {fastest:g}.")
        return cleaned

    @property
    def problem(self) -> str:
        return problem_of(self)


class FormatForm(forms.Form):
    """The format of a file of a clip."""

    encoding = forms.ChoiceField(choices=list(ENCODING_NAMES.items()))
    container = forms.CharField(max_length=10, required=False)
    sample_rate = forms.IntegerField(required=False)
    bit_rate = forms.IntegerField(required=False)

    def __init__(self, data: Any, clip: Clip) -> None:
        super().__init__(data)
        self.clip = clip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        self.options = SpeakOptions(
            model=self.clip.model,
            speed=self.clip.speed,
            encoding=cleaned["encoding"],
            container=cleaned["container"] or None,
            sample_rate=cleaned["sample_rate"],
            bit_rate=cleaned["bit_rate"],
        )
        try:
            check_format(self.options)
        except InvalidOption as error:
            raise forms.ValidationError(str(error)) from error
        return cleaned

    @property
    def problem(self) -> str:
        return problem_of(self)


def problem_of(form: forms.Form) -> str:
    return " ".join(str(each) for errors in form.errors.values() for each in errors)


def offered_formats() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the choices of each encoding for the page, by version of the voice."""
    return {
        version: {name: _offered(name, each) for name, each in formats.items()}
        for version, formats in (("v1", V1), ("v2", V2))
    }


def _offered(name: str, offered: SpeechFormat) -> dict[str, Any]:
    bit_rates = offered.bit_rates
    if isinstance(bit_rates, range):
        bit_rates = [rate for rate in OFFERED_BIT_RATES if rate in bit_rates]
    return {
        "name": ENCODING_NAMES[name],
        "containers": list(offered.containers),
        "sample_rates": list(offered.sample_rates),
        "bit_rates": list(bit_rates),
        "bit_rate": offered.bit_rate,
    }
