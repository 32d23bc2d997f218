"""Usage and costs of some projects over a period, out of the mirrored sums of days and months."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from django.db.models import Count, FloatField, Max, Sum, Value
from django.db.models.functions import Cast
from django.utils import timezone

from management.charts import Chart, chart
from management.models import (
    Connection,
    CostDay,
    Key,
    Model,
    PeakDay,
    Project,
    Request,
    ServerPeakDay,
    SyncPart,
    UsageDay,
)
from management.models.sums import SEPARATOR, Daily
from management.tagging import FEATURE, PROJECT

DAY = timedelta(days=1)
# Measures: name, unit, and the names of what they can be split by.
MEASURES = {
    "hours": "Hours of audio",
    "requests": "Requests",
    "characters": "Characters spoken",
    "dollars": "Cost in US dollars",
    "errors": "Failed requests",
}
DIMENSIONS = {
    "endpoint": "Endpoint",
    "model": "Model",
    "key": "Key",
    "person": "Person",
    "tag": "Tag",
    "project": "Project",
}
STEPS = {"day": "Day", "week": "Week", "month": "Month"}
# The dimension of the server's sums for each of ours.
USAGE_GROUPING = {
    "endpoint": "endpoint", "model": "models", "key": "accessor", "person": "accessor",
    "tag": "tags", "project": "",
}  # fmt: skip
# Costs are split by a line item, such as streaming::nova-3, in place of endpoint and model.
COST_GROUPING = {
    "endpoint": "line_item", "model": "line_item", "key": "accessor", "person": "accessor",
    "tag": "tags", "project": "",
}  # fmt: skip
ERROR_FIELD = {
    "endpoint": "endpoint", "model": "model", "key": "api_key_id", "person": "api_key_id",
    "tag": "tags", "project": "project__name",
}  # fmt: skip
NAMELESS = {"tag": "No tag", "model": "No model", "person": "Not known"}


@dataclass(frozen=True)
class Totals:
    """Usage and costs of a period; ``dollars`` is None where no cost is mirrored.

    ``at_once`` is the most requests of one project at a time, None where the log has no ends.
    """

    hours: float = 0.0
    requests: float = 0.0
    characters: float = 0.0
    dollars: float | None = None
    errors: float = 0.0
    at_once: float | None = None


@dataclass(frozen=True)
class Period:
    """Days from ``start`` to ``end``, both included, as the server counts them (UTC)."""

    start: date
    end: date

    @property
    def days(self) -> list[date]:
        return [self.start + DAY * number for number in range((self.end - self.start).days + 1)]

    def bins(self, step: str) -> list[tuple[date, str]]:
        """First day and label of each day, week (from Monday) or month."""
        firsts = list(dict.fromkeys(first_of(day, step) for day in self.days))
        form = "%b %Y" if step == "month" else "%d %b"
        return [(first, f"{first:{form}}".lstrip("0")) for first in firsts]

    def months(self) -> tuple[date, date]:
        """Return the first day of the first whole month, and the day after the last one.

        The present month is whole when all its days until today are in the period.
        """
        first = self.start if self.start.day == 1 else next_month(self.start)
        is_whole = self.end + DAY == next_month(self.end) or self.end >= timezone.now().date()
        after = next_month(self.end) if is_whole else self.end.replace(day=1)
        return (first, after) if first < after else (self.start, self.start)


def next_month(day: date) -> date:
    """Return the first day of the next month."""
    return (day.replace(day=1) + 31 * DAY).replace(day=1)


def first_of(day: date, step: str) -> date:
    if step == "month":
        return day.replace(day=1)
    return day - DAY * day.weekday() if step == "week" else day


AMOUNTS = tuple(field.name for field in fields(Totals))


def month_start(today: date | None = None) -> date:
    """The first day of the month, as the server counts days (UTC)."""
    return (today or timezone.now().date()).replace(day=1)


def this_month() -> Period:
    today = timezone.now().date()
    return Period(month_start(today), today)


def totals(projects: Sequence[Project], period: Period) -> Totals:
    """Return the sums of the period."""
    return sum_up(list(totals_by_project(projects, period).values()))


def sum_up(parts: Sequence[Totals]) -> Totals:
    dollars = [each.dollars for each in parts if each.dollars is not None]
    at_once = [each.at_once for each in parts if each.at_once is not None]
    return Totals(
        hours=sum(each.hours for each in parts),
        requests=sum(each.requests for each in parts),
        characters=sum(each.characters for each in parts),
        dollars=sum(dollars) if dollars else None,
        errors=sum(each.errors for each in parts),
        at_once=max(at_once, default=None),
    )


def totals_by_project(projects: Sequence[Project], period: Period) -> dict[int, Totals]:
    """Return the sums of each project that has any, in one query."""
    peaks = PeakDay.objects.filter(project__among=projects, day__range=(period.start, period.end))
    used = {name: Sum(name) for name in ("hours", "requests", "characters")}
    parts: tuple[tuple[Any, dict[str, Any]], ...] = (
        *((rows, used) for rows in sums_of(UsageDay, projects, period, grouping="")),
        *(
            (rows, {"dollars": Sum("dollars")})
            for rows in sums_of(CostDay, projects, period, grouping="")
        ),
        (failures(projects, period), {"errors": Count("*")}),
        (peaks, {"at_once": Max("requests")}),
    )
    first, *others = (part_of_totals(rows, amounts) for rows, amounts in parts)
    sums: dict[int, dict[str, Any]] = defaultdict(dict)
    for project, *amounts in first.union(*others, all=True):
        of_project = sums[project]
        for name, amount in zip(AMOUNTS, amounts, strict=True):
            if amount is not None:
                of_project[name] = of_project.get(name, 0) + amount
    return {project: Totals(**amounts) for project, amounts in sums.items()}


def sums_of(
    days: type[UsageDay] | type[CostDay],
    projects: Sequence[Project],
    period: Period,
    **facts: Any,
) -> list[Any]:
    """Return the rows whose amounts add up to those of a period: of its whole months, of the days
    before and of the days after them. There is at least one."""
    first, after = period.months()
    pieces: list[tuple[Any, date, date]] = [
        (days.MONTHS, first, after),
        (days, period.start, first),
        (days, after, period.end + DAY),
    ]
    return [
        rows.objects.filter(project__among=projects, day__gte=start, day__lt=end, **facts)
        for rows, start, end in pieces
        if start < end
    ]


class Constant(Cast):
    """A value of a type that is no column to group by: SQLite would sort all rows by it."""

    def get_group_by_cols(self) -> list[Any]:
        return []


def part_of_totals(rows: Any, amounts: Mapping[str, Any]) -> Any:
    """Return rows of a project and all of ``AMOUNTS``, of which others than these are null."""
    empty = Constant(Value(None), FloatField())  # PostgreSQL takes an untyped null for text
    columns = {
        f"{name}_of_all": Cast(amounts[name], FloatField()) if name in amounts else empty
        for name in AMOUNTS
    }
    return rows.order_by().values_list("project").annotate(**columns)


def totals_by_server(
    projects: Sequence[Project], by_project: Mapping[int, Totals], period: Period
) -> list[tuple[Connection, Totals]]:
    """Return the sums of each server, of which ``projects`` are all, in one query.

    ``at_once`` is of all its projects together.
    """
    parts: dict[Connection, list[Totals]] = defaultdict(list)
    for project in projects:
        parts[project.connection].append(by_project.get(project.pk, Totals()))
    peaks = ServerPeakDay.objects.filter(
        connection__in=parts, day__range=(period.start, period.end)
    )
    at_once = dict(peaks.order_by().values_list("connection").annotate(most=Max("requests")))
    return [
        (server, replace(sum_up(sums), at_once=at_once.get(server.pk)))
        for server, sums in parts.items()
    ]


def failures(projects: Sequence[Project], period: Period) -> Any:
    """Requests of the ledger that failed in the period."""
    start = datetime.combine(period.start, time.min, UTC)
    end = start + DAY * len(period.days)
    return Request.objects.filter(project__among=projects).failed().between(start, end)


def breakdown(
    projects: Sequence[Project], period: Period, measure: str, dimension: str, step: str
) -> Chart:
    """Return the chart of a measure by day, week or month, split by a dimension."""
    bins = period.bins(step)
    places = {first: place for place, (first, _) in enumerate(bins)}
    amounts: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(bins))
    # Of a large account these are many rows of few days and values.
    places_of = cache(lambda day: places[first_of(day, step)])
    names = cache(naming(projects, dimension, measure))
    for day, value, amount in daily(projects, period, measure, dimension, step):
        name = names(tuple(value) if isinstance(value, list) else value)
        amounts[name][places_of(day)] += amount
    return chart([label for _, label in bins], amounts)


def cost_splits(
    projects: Sequence[Project],
    period: Period,
    dimensions: Iterable[str],
    items: Mapping[str, str],
) -> dict[str, Chart]:
    """Return the costs of a whole period by each dimension, in one bin, in two queries.

    ``items`` are the names of line items.
    """
    groupings = {COST_GROUPING[name] for name in dimensions} - {""}
    parts = []
    for rows in sums_of(CostDay, projects, period):
        by_value = rows.filter(grouping__in=groupings).values_list("grouping", "value")
        by_project = rows.filter(grouping="").values_list("grouping", "project__name")
        parts += [each.annotate(sum=Sum("dollars")).order_by() for each in (by_value, by_project)]
    found = list(parts[0].union(*parts[1:], all=True))
    charts = {}
    for dimension in dimensions:
        names = naming(projects, dimension, "dollars", items)
        amounts: dict[str, list[float]] = defaultdict(lambda: [0.0])
        for grouping, value, dollars in found:
            if grouping == COST_GROUPING[dimension]:
                amounts[names(value)][0] += dollars
        charts[dimension] = chart([f"{period.start:%b %Y}"], amounts)
    return charts


def daily(
    projects: Sequence[Project], period: Period, measure: str, dimension: str, step: str
) -> list[tuple[date, Any, float]]:
    """Return day, stored value and amount of each sum; of whole months the first day."""
    if measure == "errors":
        field = ERROR_FIELD[dimension]
        counted = failures(projects, period).counted_by_day(field)
        return [(day, value, float(count)) for day, value, count in counted]
    days: Any = CostDay if measure == "dollars" else UsageDay
    grouping = (COST_GROUPING if measure == "dollars" else USAGE_GROUPING)[dimension]
    value = "project__name" if dimension == "project" else "value"
    if step == "month":
        parts = sums_of(days, projects, period, grouping=grouping)
    else:
        facts = {"project__among": projects, "grouping": grouping}
        parts = [days.objects.filter(day__range=(period.start, period.end), **facts)]
    first, *others = (
        rows.values_list("day", value).annotate(amount=Sum(measure)).order_by() for rows in parts
    )
    return list(first.union(*others, all=True) if others else first)


def naming(
    projects: Sequence[Project],
    dimension: str,
    measure: str,
    items: Mapping[str, str] | None = None,
) -> Any:
    """Return the function from a stored value to the name that people know.

    ``items`` are the names of line items where they are known already.
    """
    known: Mapping[str, str] = {}
    if dimension in ("key", "person"):
        field = "comment" if dimension == "key" else "email"
        keys = Key.objects.filter(project__among=projects).order_by()
        known = dict(keys.values_list("api_key_id", field))
    elif dimension == "model" and measure not in ("dollars", "errors"):
        known = model_names(projects)
    elif dimension in ("model", "endpoint") and measure == "dollars":
        known = line_items(projects) if items is None else items
    elif dimension == "tag":
        known = {f"{PROJECT}{project.pk}": project.name for project in projects}
    nameless = NAMELESS.get(dimension, "Not known")

    def name(value: Any) -> str:
        entries = [str(each) for each in value] if isinstance(value, tuple) else None
        entries = Daily.entries(str(value or "")) if entries is None else entries
        shown = [known.get(entry) or entry.removeprefix(FEATURE) for entry in entries if entry]
        if dimension == "person":
            shown = [known.get(entry) or nameless for entry in entries]
        return SEPARATOR.join(shown) or nameless

    return name


def model_names(projects: Sequence[Project]) -> dict[str, str]:
    connections = {project.connection_id for project in projects}
    listed = Model.objects.filter(connection__in=connections)
    facts = SyncPart.objects.filter(project__among=projects, name="usage_fields")
    names: dict[str, str] = {}
    for part in facts.values_list("facts", flat=True):
        names |= part.get("models", {})
    return names | dict(listed.values_list("uuid", "canonical_name"))


def line_items(projects: Sequence[Project]) -> dict[str, str]:
    parts = SyncPart.objects.filter(project__among=projects, name="billing_fields")
    return line_items_of(parts.values_list("facts", flat=True))


def line_items_of(facts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of line items in the facts of parts of the mirror."""
    names: dict[str, str] = {}
    for each in facts:
        names |= each.get("line_items", {})
    return names
