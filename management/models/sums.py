"""Sums of usage and of costs by day and by month, kept for good."""

import json
from typing import Any

from django.db import models
from django.db.models.functions import TruncMonth

from management.models.connections import Connection
from management.models.projects import Project

SEPARATOR = " + "
BATCH = 500


class DailyQuerySet(models.QuerySet[Any]):
    def add_up(self) -> None:
        """Write the sums of the months of these days, which are all days of these months."""
        names, months = self.model.AMOUNTS, self.model.MONTHS
        key = ("project", "grouping", "value")
        by_month = self.order_by().annotate(month=TruncMonth("day")).values_list(*key, "month")
        summed = by_month.annotate(**{f"{name}_sum": models.Sum(name) for name in names})
        months.objects.bulk_create(
            (
                months(
                    project_id=project, grouping=grouping, value=value, day=month,
                    **dict(zip(names, amounts, strict=True)),
                )
                for project, grouping, value, month, *amounts in summed.iterator(BATCH)
            ),
            batch_size=BATCH, update_conflicts=True, unique_fields=[*key, "day"],
            update_fields=names,
        )  # fmt: skip


class Daily(models.Model):
    """A sum of one day and one value of a dimension; the dimension "" is everything."""

    day = models.DateField()
    grouping = models.CharField(max_length=20, blank=True)
    value = models.CharField(max_length=500, blank=True, help_text="a list is JSON")

    objects = DailyQuerySet.as_manager()

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


class UsageAmounts(models.Model):
    """Amounts of usage. Only requests that succeeded are counted."""

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
        abstract = True


class UsageMonth(Daily, UsageAmounts):
    """Usage of one month, whose first day is ``day``."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_months")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "grouping", "day", "value"], name="one_usage_a_month"
            )
        ]
        indexes = [models.Index(fields=["grouping", "day"], name="usage_by_month")]


class UsageDay(Daily, UsageAmounts):
    """Usage of one day."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_days")

    MONTHS = UsageMonth

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "grouping", "day", "value"], name="one_usage_a_day"
            )
        ]
        indexes = [models.Index(fields=["grouping", "day"], name="usage_by_day")]


class CostMonth(Daily):
    """Costs of one month in US dollars; ``day`` is its first."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="cost_months")
    dollars = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "grouping", "day", "value"], name="one_cost_a_month"
            )
        ]
        indexes = [models.Index(fields=["grouping", "day"], name="cost_by_month")]


class CostDay(Daily):
    """Costs of one day in US dollars."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="cost_days")
    dollars = models.FloatField(default=0)

    AMOUNTS = ("dollars",)
    MONTHS = CostMonth

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
