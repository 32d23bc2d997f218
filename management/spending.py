"""Sums of usage and costs over a period, of some projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum
from django.utils import timezone

from management.models import CostDay, Project, UsageDay


@dataclass(frozen=True)
class Totals:
    """Usage and costs of a period; ``dollars`` is None where the costs may not be read."""

    hours: float = 0.0
    requests: float = 0.0
    characters: float = 0.0
    dollars: float | None = None


def month_start(today: date | None = None) -> date:
    """The first day of the month, as the server counts days (UTC)."""
    return (today or timezone.now().date()).replace(day=1)


def totals(projects: Sequence[Project], start: date, end: date) -> Totals:
    """Return the sums from ``start`` to ``end``, both included."""
    days = {"project__in": projects, "grouping": "", "day__gte": start, "day__lte": end}
    used = UsageDay.objects.filter(**days).aggregate(
        hours=Sum("hours", default=0.0),
        requests=Sum("requests", default=0.0),
        characters=Sum("characters", default=0.0),
    )
    dollars = CostDay.objects.filter(**days).aggregate(dollars=Sum("dollars"))["dollars"]
    return Totals(**used, dollars=dollars)
