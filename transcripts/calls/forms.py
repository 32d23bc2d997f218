"""Start of a call: the agent, and the project that pays for it."""

from typing import Any

from django import forms

from management.crypto import UnreadableKey
from management.models import Project, User
from transcripts.agents.models import Agent
from transcripts.agents.settings import UnfilledVariable, settings_of
from transcripts.calls.models import Call


class AgentChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # none at run time
    """Agents of all projects of a user, each with the name of its project if there are several."""

    has_projects = False

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.project.name})" if self.has_projects else str(obj.name)


class CallForm(forms.Form):
    """Choice of the agent of a call."""

    agent = AgentChoice(Agent.objects.none(), empty_label=None)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        field.widget.attrs |= {"id": "option-agent", "class": "field"}

    def clean_agent(self) -> Agent:
        agent: Agent = self.cleaned_data["agent"]
        try:
            settings_of(agent.version)
        except (UnfilledVariable, UnreadableKey) as error:
            raise forms.ValidationError(str(error)) from error
        return agent

    def save(self) -> Call:
        """Prepare the call; it begins when its page connects."""
        agent: Agent = self.cleaned_data["agent"]
        return Call.objects.create(
            project=agent.project, owner=self.user, version=agent.version, name=agent.name
        )

    @property
    def problem(self) -> str:
        """All errors in one sentence."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)
