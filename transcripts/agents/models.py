"""Voice agents and the versions of their settings."""

import json
from typing import Any, NoReturn

from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from management.models import Project, User
from management.servers import crypto
from network.addresses import read_url
from transcripts.agents.declarations import Function
from transcripts.agents.defaults import DEFAULT_DESCRIPTION, DEFAULT_NAME, default_configuration


class Immutable(Exception):
    """A saved version of an agent was to be changed."""


class AgentQuerySet(models.QuerySet["Agent"]):
    def visible_to(self, user: User) -> "AgentQuerySet":
        """Agents of the projects that this user is in."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def writable_by(self, user: User) -> "AgentQuerySet":
        """Agents of the projects that this user may change."""
        return self.filter(project__in=Project.objects.writable_by(user))

    def active(self) -> "AgentQuerySet":
        """Agents that are not archived."""
        return self.filter(archived_at=None)

    def add_defaults(self, projects: models.QuerySet[Project]) -> None:
        """Make the default agent of each of these projects that has not had one."""
        has_one = self.filter(is_default=True).values("project")
        for project in projects.exclude(pk__in=has_one):
            self.default_of(project)

    def encrypt_again(self) -> int:
        """Encrypt every kept header with the newest secret; return of how many agents."""
        rows = list(self.exclude(encrypted_headers=None).only("encrypted_headers"))
        for row in rows:
            row.encrypted_headers = crypto.rotated(row.encrypted_headers or b"")
        return self.bulk_update(rows, ["encrypted_headers"])

    def default_of(self, project: Project) -> "Agent":
        """Return the default agent of a project; it is made when it is first needed."""
        with transaction.atomic():
            facts = {"name": DEFAULT_NAME, "description": DEFAULT_DESCRIPTION}
            agent, is_new = self.get_or_create(project=project, is_default=True, defaults=facts)
            if is_new:
                agent.add_version(**default_configuration())
        return agent


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, as ``https://example.com:443``, or nothing."""
    try:
        parsed = read_url(url)
    except ValueError:
        return ""
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return f"{parsed.scheme}://{parsed.host}:{port}" if parsed.host else ""


class Agent(models.Model):
    """A voice agent of a project. Its settings are those of its newest version."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="agents")
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    is_default = models.BooleanField(default=False, help_text="made without a user")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True)
    encrypted_headers = models.BinaryField(
        null=True, help_text="of the language model's endpoint: its origin and the headers as JSON"
    )

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_default=True), name="one_default_agent_a_project"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("agent", args=[self.pk])

    @property
    def version(self) -> "AgentVersion":
        """The newest version; every agent has one."""
        newest = self.versions.first()
        if newest is None:
            raise AgentVersion.DoesNotExist(f"the agent {self} has no version")
        return newest

    def add_version(
        self,
        *,
        settings: dict[str, Any],
        functions: list[dict[str, Any]],
        variables: dict[str, Any],
        note: str = "",
        by: User | None = None,
    ) -> "AgentVersion":
        """Store new settings as the next version."""
        with transaction.atomic():
            # The lock of its row makes two changes of one agent wait for each other.
            Agent.objects.select_for_update().get(pk=self.pk)
            last = self.versions.aggregate(last=models.Max("number"))["last"] or 0
            return self.versions.create(
                number=last + 1,
                settings=settings,
                functions=functions,
                variables=variables,
                note=note,
                created_by=by,
            )

    def keep_headers(self, url: str, headers: dict[str, str]) -> None:
        """Keep headers of an endpoint, encrypted; without ``headers`` drop them. Not saved yet.

        They may hold a secret, so they are of no version and are never shown. They are sent to the
        origin of ``url`` alone: who changes the address cannot read them.
        """
        kept = json.dumps({"origin": origin_of(url), "headers": headers})
        self.encrypted_headers = crypto.encrypt(kept) if headers else None

    def headers_for(self, url: str) -> dict[str, str]:
        """Return the headers that are sent to ``url``. Raises ``UnreadableKey``."""
        if not self.encrypted_headers:
            return {}
        kept = json.loads(crypto.decrypt(self.encrypted_headers))
        headers: dict[str, str] = kept["headers"]
        return headers if kept["origin"] == origin_of(url) != "" else {}

    def set_archived(self, is_archived: bool) -> None:
        """Take the agent out of the lists where one is selected, or put it back."""
        self.archived_at = timezone.now() if is_archived else None
        self.save(update_fields=["archived_at"])


class AgentVersionQuerySet(models.QuerySet["AgentVersion"]):
    def update(self, **values: Any) -> NoReturn:
        raise Immutable("a version of an agent is never changed")


class AgentVersion(models.Model):
    """Settings of an agent at one time. Immutable: a change is the next version.

    ``settings`` is the ``agent`` block of a Settings message (docs/contract.md, 13.2) without the
    functions of its ``think``. A text of it may name variables, ``{{NAME}}``; ``variables`` has
    their values. ``functions`` is a list of ``Function`` as JSON.
    """

    agent = models.ForeignKey(Agent, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="from 1")
    settings = models.JSONField()
    functions = models.JSONField(default=list)
    variables = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = AgentVersionQuerySet.as_manager()

    class Meta:
        ordering = ["agent", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="one_version_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.agent}, version {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Immutable("a version of an agent is never changed")
        super().save(*args, **kwargs)

    @property
    def configuration(self) -> dict[str, Any]:
        """Settings, functions and variables."""
        return {
            "settings": self.settings,
            "functions": self.functions,
            "variables": self.variables,
        }

    @property
    def declared(self) -> list[Function]:
        """The functions, read."""
        return [Function.read(each) for each in self.functions]

    def function(self, name: str) -> Function | None:
        """Return the function with this name."""
        return next((each for each in self.declared if each.name == name), None)
