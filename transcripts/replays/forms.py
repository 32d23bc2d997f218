"""Forms of replays: the version to try, and the words that a reply must have."""

from __future__ import annotations

from typing import Any

from django import forms

from management.models import Connection, User
from transcripts.agents.models import AgentVersion
from transcripts.agents.settings import UnfilledVariable, settings_of
from transcripts.calls.models import Call
from transcripts.replays.models import SPEEDS, Expectation, Replay, order_replay

MOST_VERSIONS = 200
MOST_EXPECTATIONS = 20


class VersionChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # none at run time
    """Versions of the agents of one project."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.agent.name}, version {obj.number}" + (f": {obj.note}" if obj.note else "")


class ReplayForm(forms.Form):
    """A version of an agent of the call's project, and the speed of the caller's audio."""

    version = VersionChoice(
        AgentVersion.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": "This version does not exist."},
    )
    speed = forms.ChoiceField(
        required=False,
        choices=[(each, "As spoken" if each == 1 else f"{each} times faster") for each in SPEEDS],
        error_messages={"invalid_choice": "“%(value)s” is not offered: 1, 2 or 4 is allowed."},
    )

    def __init__(self, call: Call, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.call = call
        versions = AgentVersion.objects.filter(agent__project=call.project, agent__archived_at=None)
        field = self.fields["version"]
        assert isinstance(field, VersionChoice)
        field.queryset = versions.select_related("agent").order_by("agent__name", "-number")
        if call.version is not None:
            field.initial = call.version.agent.versions.first()

    def clean_version(self) -> AgentVersion:
        version: AgentVersion = self.cleaned_data["version"]
        try:
            settings_of(version, self.call.variables)
        except UnfilledVariable as error:
            raise forms.ValidationError(str(error)) from error
        return version

    def clean_speed(self) -> int:
        speed = int(self.cleaned_data["speed"] or 1)
        if speed > 1 and self.call.project.connection.kind != Connection.Kind.ENGINE:
            raise forms.ValidationError(
                f"“{speed}” cannot be used: this project's server takes audio as spoken, 1."
            )
        return speed

    def save(self, user: User) -> Replay:
        cleaned = self.cleaned_data
        return order_replay(self.call, cleaned["version"], user, speed=cleaned["speed"])


class ExpectationForm(forms.Form):
    """Words that a reply must have."""

    words = forms.CharField(
        max_length=300,
        error_messages={"required": "Enter words that a reply must have."},
    )

    def __init__(self, call: Call, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.call = call

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.call.expectations.count() >= MOST_EXPECTATIONS:
            raise forms.ValidationError(f"A call has at most {MOST_EXPECTATIONS} of them.")
        return cleaned

    def save(self, user: User) -> None:
        Expectation.objects.get_or_create(
            call=self.call, words=self.cleaned_data["words"], defaults={"created_by": user}
        )
