"""Start of a call: the agent, its variables, and the project that pays for it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse_lazy

from management.models import Project, User
from management.servers.crypto import UnreadableKey
from transcripts.agents.fields import ValueField
from transcripts.agents.forms import shown_json
from transcripts.agents.models import Agent, AgentVersion
from transcripts.agents.settings import UnfilledVariable, settings_of, variables_of
from transcripts.calls.models import Call

# Another agent shows its variables at once.
SHOWS_VARIABLES = {
    "hx-get": reverse_lazy("calls"),
    "hx-trigger": "change",
    "hx-target": "#call-variables",
    "hx-select": "#call-variables",
    "hx-swap": "outerHTML",
}
ONE_LINE = 80  # characters; a longer text has a larger field


class AgentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # none at run time
    """Agents of all projects of a user, each with the name of its project if there are several."""

    has_projects = False

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.project.name})" if self.has_projects else str(obj.name)


class CallForm(forms.Form):
    """Choice of the agent of a call, and values of its variables in this call.

    ``shown`` is the version whose variables the page has. At first the first agent of
    ``project`` is chosen; without a project, none.
    """

    agent = AgentChoice(
        Agent.objects.none(),
        empty_label="Choose an agent",
        error_messages={"required": "Choose an agent."},
    )
    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        user: User,
        data: Any = None,
        *,
        project: Project | None = None,
        initial: Any = None,
    ) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.user = user
        projects = Project.objects.writable_by(user)
        Agent.objects.add_defaults(projects)
        field = self.fields["agent"]
        assert isinstance(field, AgentChoice)
        field.queryset = (
            Agent.objects.writable_by(user)
            .active()
            .select_related("project")
            .order_by("-is_default", "name", "pk")
        )
        field.has_projects = projects.count() > 1
        field.widget.attrs |= {"id": "option-agent", "class": "field", **SHOWS_VARIABLES}
        if project is not None:
            of_project = field.queryset.filter(project=project)
            field.initial = of_project.values_list("pk", flat=True).first()
        self.version = self._version(field.queryset)
        if self.version is not None:
            field.empty_label = None
        self._add_variables()

    def _version(self, agents: QuerySet[Agent]) -> AgentVersion | None:
        """Return the newest version of the chosen agent."""
        chosen = str(self["agent"].value() or "")
        agent = agents.filter(pk=chosen).first() if chosen.isdecimal() else None
        return agent.version if agent else None

    def _add_variables(self) -> None:
        self._names = variables_of(self.version) if self.version else []
        for name in self._names:
            self.fields[f"variable-{name}"] = value_field(name, self._usual)
        self.fields["shown"].initial = self.version and self.version.pk

    @property
    def _usual(self) -> dict[str, Any]:
        usual: dict[str, Any] = self.version.variables if self.version else {}
        return usual

    @property
    def variables(self) -> list[forms.BoundField]:
        """The fields of the variables."""
        return [self[f"variable-{name}"] for name in self._names]

    @property
    def is_unseen(self) -> bool:
        """Return whether the page has not shown the variables of this version."""
        return bool(self._names) and self["shown"].value() != str(self.version and self.version.pk)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.version is not None and not self.errors:
            try:
                settings_of(self.version, self.values)
            except (UnfilledVariable, UnreadableKey) as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """Values in place of those of the version."""
        typed = {name: self.cleaned_data[f"variable-{name}"] for name in self._names}
        return {
            name: value
            for name, value in typed.items()
            if name not in self._usual or shown_json(self._usual[name]) != shown_json(value)
        }

    def save(self) -> Call:
        """Prepare the call; it begins when its page connects."""
        assert self.version is not None
        agent = self.version.agent
        return Call.objects.create(
            project=agent.project,
            owner=self.user,
            version=self.version,
            name=agent.name,
            variables=self.values,
        )

    @property
    def problem(self) -> str:
        """All errors in one sentence."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


def value_field(name: str, usual: Mapping[str, Any]) -> ValueField:
    """Return the field of a variable, which has its usual value."""
    value = usual.get(name, "")
    is_json = not isinstance(value, str)
    text = shown_json(value) if is_json else value
    is_long = len(text) > ONE_LINE or "\n" in text
    field = ValueField(
        name,
        is_json=is_json,
        initial=text,
        required=is_json or name not in usual,
        widget=forms.Textarea({"rows": 4}) if is_long else forms.TextInput,
    )
    field.widget.attrs |= {"dir": "auto", "autocomplete": "off"}
    return field
