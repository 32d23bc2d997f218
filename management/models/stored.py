"""Things that a project stores at the server: agent configurations, variables, credentials."""

from django.db import models

from management.models.mirrored import Mirrored
from management.models.projects import Project


class AgentConfiguration(Mirrored):
    """A stored ``agent`` block of a voice agent's Settings."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="agent_configurations")
    agent_id = models.CharField(max_length=100)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    config = models.JSONField(null=True)
    metadata = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "agent_id"], name="one_row_an_agent")
        ]

    def __str__(self) -> str:
        return self.agent_id


class AgentVariable(Mirrored):
    """A variable that stored configurations name; the value of a sensitive one is not kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="agent_variables")
    variable_id = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    value = models.JSONField(null=True)
    is_sensitive = models.BooleanField(default=False)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["key", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "variable_id"], name="one_row_a_variable")
        ]

    def __str__(self) -> str:
        return self.key


class SelfHostedCredential(Mirrored):
    """The right to fetch Deepgram's self-hosted software; not an API key."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="self_hosted_credentials")
    credentials_id = models.CharField(max_length=100)
    comment = models.TextField(blank=True)
    scopes = models.JSONField(default=list)
    provider = models.CharField(max_length=100, blank=True)
    created = models.DateTimeField(null=True)
    member_id = models.CharField(max_length=100, blank=True)
    email = models.CharField(max_length=254, blank=True)

    class Meta:
        ordering = ["-created", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "credentials_id"], name="one_row_a_self_hosted_credential"
            )
        ]

    def __str__(self) -> str:
        return self.comment or self.credentials_id
