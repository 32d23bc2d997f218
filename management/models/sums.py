"""Daily sums of usage and of costs, kept for good."""

import json

from django.db import models

from management.models.connections import Connection
from management.models.projects import Project

SEPARATOR = " + "


class Daily(models.Model):
    """A sum of one day and one value of a dimension; the dimension "" is everything."""

    day = models.DateField()
    grouping = models.CharField(max_length=20, blank=True)
    value = models.CharField(max_length=500, blank=True, help_text="a list is JSON")

    class Meta:
        abstract = True

    @staticmethod
    def written(value: object) -> str:
        """Return the stored form of a value: text as it is, a list sorted as JSON."""
        if isinstance(value, (list, tuple)):
            return json.dumps(sorted(value))[:500] if value else ""
        return str(value or "")[:500]

    @staticmethod
    def entries(value: str) -> list[str]:
        """Return the entries of a stored value."""
        if not value.startswith("["):
            return [value] if value else []
        try:
            return [str(entry) for entry in json.loads(value)]
        except ValueError:  # longer than the column
            return [value]


class UsageDay(Daily):
    """Usage of one day. Only requests that succeeded are counted."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_days")
    hours = models.FloatField(default=0)
    total_hours = models.FloatField(default=0, help_text="of every channel")
    agent_hours = models.FloatField(default=0)
    tokens_in = models.FloatField(default=0)
    tokens_out = models.FloatField(default=0)
    characters = models.FloatField(default=0)
    requests = models.FloatField(default=0)

    AMOUNTS = (
        "hours",
        "total_hours",
        "agent_hours",
        "tokens_in",
        "tokens_out",
        "characters",
        "requests",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "grouping", "day", "value"], name="one_usage_a_day"
            )
        ]
        indexes = [models.Index(fields=["grouping", "day"], name="usage_by_day")]


class CostDay(Daily):
    """Costs of one day in US dollars."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="cost_days")
    dollars = models.FloatField(default=0)

    AMOUNTS = ("dollars",)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "grouping", "day", "value"], name="one_cost_a_day"
            )
        ]
        indexes = [models.Index(fields=["grouping", "day"], name="cost_by_day")]


class Peak(models.Model):
    """The most requests that were under way at once on a day (UTC)."""

    day = models.DateField()
    requests = models.PositiveIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day}: {self.requests}"


class PeakDay(Peak):
    """The most requests of one project."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="peak_days")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "day"], name="one_peak_a_day")]


class ServerPeakDay(Peak):
    """The most requests of all projects of a server, which for Deepgram is one region."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="peak_days")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "day"], name="one_server_peak_a_day")
        ]
