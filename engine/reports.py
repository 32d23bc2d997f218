"""Usage and costs out of the daily sums: the contract's sections 14.6 and 14.7.

Everything is grouped and filtered in the database, on one row a day and combination, so that
the size of the log does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, reduce
from operator import add, itemgetter, or_
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Min, Q, QuerySet, Sum, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from engine.models import Balance, UsageDay, UsageKind
from engine.options import FEATURES, choice, choices, day, identifier, optional_flag, text
from engine.usage import split

DEPLOYMENTS = ("hosted", "beta", "self-hosted")
ENDPOINTS = ("listen", "read", "speak", "agent")
METHODS = ("sync", "async", "streaming")

USAGE_GROUPINGS = (
    "accessor",
    "endpoint",
    "feature_set",
    "models",
    "method",
    "tags",
    "deployment",
)
BILLING_GROUPINGS = ("accessor", "deployment", "line_item", "tags")
# What a grouping is called in the sums.
_COLUMNS = {
    "accessor": "accessor",
    "endpoint": "endpoint",
    "method": "method",
    "deployment": "deployment",
    "feature_set": "feature_set",
    "models": "model_ids",
    "tags": "tags",
    "line_item": "line_item",
}
_AMOUNTS = (
    "requests",
    "seconds",
    "channel_seconds",
    "agent_seconds",
    "tokens_in",
    "tokens_out",
    "characters",
)

_FeatureFilters: Any = make_dataclass(
    "_FeatureFilters",
    [
        (
            name,
            bool | None,
            optional_flag("Only calls that used it (true: any of those named) or did not (false)."),
        )
        for name in FEATURES
    ],
    frozen=True,
)


@dataclass(frozen=True)
class Period:
    start: date | None = day("First day, `YYYY-MM-DD`; the first with usage by default.")
    end: date | None = day("Last day; today by default.")


@dataclass(frozen=True)
class UsageFilters(_FeatureFilters):
    start: date | None = day("First day, `YYYY-MM-DD`; the first with usage by default.")
    end: date | None = day("Last day; today by default.")
    accessor: UUID | None = identifier("Id of an API key.")
    deployment: str = choice("Where it ran.", *DEPLOYMENTS)
    endpoint: str = choice("What was called.", *ENDPOINTS)
    method: str = choice("How it was answered.", *METHODS)
    model: str = text("Id of a model.")
    tag: str = text("A tag of the calls.")


@dataclass(frozen=True)
class BreakdownFilters(UsageFilters):
    grouping: str = choice("What the sums are split by.", *USAGE_GROUPINGS)


@dataclass(frozen=True)
class BillingFilters:
    start: date | None = day("First day, `YYYY-MM-DD`; the first with usage by default.")
    end: date | None = day("Last day; today by default.")
    accessor: UUID | None = identifier("Id of an API key.")
    deployment: str = choice("Where it ran.", *DEPLOYMENTS, "dedicated")
    tag: str = text("A tag of the calls.")
    line_item: str = text("Such as `streaming::nova-3`.")
    grouping: tuple[str, ...] = choices(
        "What the costs are split by; repeatable.", *BILLING_GROUPINGS
    )


def usage_breakdown(project_id: str, filters: UsageFilters, grouping: str) -> dict[str, Any]:
    """Sums a day, and a value of ``grouping`` ("" for none)."""
    start, end = _period(project_id, filters.start, filters.end)
    chosen = [grouping] if grouping else []
    days = _days(project_id, start, end)
    kinds = UsageKind.objects.filter(*_usage_conditions(filters), project_id=project_id)
    results = [
        {
            "hours": round(seconds / 3600, 6),
            "total_hours": round(channel_seconds / 3600, 6),
            "agent_hours": round(agent_seconds / 3600, 6),
            "tokens_in": tokens_in,
            "tokens_out": tokens_out,
            "tts_characters": characters,
            "requests": requests,
            "grouping": _grouping(key, chosen, USAGE_GROUPINGS),
        }
        for key, (
            requests,
            seconds,
            channel_seconds,
            agent_seconds,
            tokens_in,
            tokens_out,
            characters,
        ) in _summed(days, kinds, chosen, _AMOUNTS)
    ]
    return _report(start, end, results)


def usage_fields(project_id: str, period: Period) -> dict[str, list[str]]:
    """What calls of the period used: tags, model ids, methods and features."""
    start, end = _period(project_id, period.start, period.end)
    kinds = _kinds_of(_days(project_id, start, end))

    def entries(column: str) -> list[str]:
        texts = kinds.values_list(column, flat=True).distinct()
        return sorted({entry for text in texts for entry in split(text)})

    return {
        "tags": entries("tags"),
        "models": entries("model_ids"),
        "processing_methods": sorted(kinds.values_list("method", flat=True).distinct()),
        "features": entries("feature_set"),
    }


def billing_breakdown(project_id: str, filters: BillingFilters) -> dict[str, Any]:
    """Dollars a day, and a combination of the groupings."""
    start, end = _period(project_id, filters.start, filters.end)
    conditions = _equal(filters, "accessor", "deployment", "line_item")
    if filters.tag:
        conditions.append(_has("tags", filters.tag))
    days = _days(project_id, start, end)
    kinds = UsageKind.objects.filter(*conditions, project_id=project_id)
    results = [
        {
            "dollars": round(dollars, 6),
            "grouping": _grouping(key, filters.grouping, BILLING_GROUPINGS),
        }
        for key, (dollars,) in _summed(days, kinds, filters.grouping, ["dollars"])
    ]
    return _report(start, end, results)


def billing_fields(project_id: str, period: Period) -> dict[str, Any]:
    """What the costs of the period can be filtered by."""
    start, end = _period(project_id, period.start, period.end)
    kinds = _kinds_of(_days(project_id, start, end))
    tags = kinds.values_list("tags", flat=True).distinct()
    line_items = kinds.values_list("line_item", flat=True).distinct()
    return {
        "accessors": sorted(map(str, kinds.values_list("accessor", flat=True).distinct())),
        "deployments": sorted(kinds.values_list("deployment", flat=True).distinct()),
        "tags": sorted({tag for text in tags for tag in split(text)}),
        "line_items": {item: _describe_line_item(item) for item in sorted(line_items)},
    }


def remaining_balances(project_id: str) -> list[tuple[Balance, float]]:
    """What is left of each purchase; dollars are spent from the oldest first."""
    balances = list(Balance.objects.filter(project_id=project_id).order_by("created"))
    dollars = [balance for balance in balances if balance.units == "usd"]
    spent = 0.0
    if dollars:
        since = UsageDay.objects.filter(project_id=project_id, day__gte=dollars[0].created.date())
        spent = since.aggregate(sum=Sum("dollars"))["sum"] or 0.0
    remaining = []
    for balance in balances:
        taken = min(spent, balance.amount) if balance.units == "usd" else 0.0
        spent -= taken
        remaining.append((balance, round(balance.amount - taken, 6)))
    return remaining


def _period(project_id: str, start: date | None, end: date | None) -> tuple[date, date]:
    end = end or datetime.now(UTC).date()
    if start is None:
        first = UsageDay.objects.filter(project_id=project_id).aggregate(day=Min("day"))["day"]
        start = min(first or end, end)
    return start, end


def _days(project_id: str, start: date, end: date) -> QuerySet[UsageDay]:
    return UsageDay.objects.filter(project_id=project_id, day__range=(start, end))


def _summed(
    days: QuerySet[UsageDay],
    kinds: QuerySet[UsageKind],
    chosen: Sequence[str],
    amounts: Sequence[str],
) -> list[tuple[tuple[Any, ...], list[float]]]:
    """The sums of ``amounts`` by day and the ``chosen`` groupings, in that order.

    Added up here: for groupings with many values the database takes longer over its texts,
    and the ORM over its rows.
    """
    columns = [_COLUMNS[name] for name in chosen]
    groups = {row[0]: row[1:] for row in kinds.values_list("pk", *columns)}
    sums: dict[tuple[Any, ...], list[float]] = {}
    for found_day, kind, *numbers in _rows(days.values_list("day", "kind_id", *amounts)):
        group = groups.get(kind)
        if group is None:
            continue
        key = (str(found_day), *group)
        found = sums.get(key)
        sums[key] = numbers if found is None else list(map(add, found, numbers))
    return sorted(sums.items(), key=itemgetter(0))


def _rows(queryset: Any) -> list[tuple[Any, ...]]:
    """What the database gives for ``queryset``, as it gives it."""
    sql, parameters = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _usage_conditions(filters: UsageFilters) -> list[Q]:
    conditions = _equal(filters, "accessor", "endpoint", "method", "deployment")
    if filters.model:
        conditions.append(_has("model_ids", filters.model))
    if filters.tag:
        conditions.append(_has("tags", filters.tag))
    wanted = {name: getattr(filters, name) for name in FEATURES}
    if any(wanted.values()):
        used = [_has("feature_set", name) for name, is_used in wanted.items() if is_used]
        conditions.append(reduce(or_, used))
    unused = [name for name, is_used in wanted.items() if is_used is False]
    conditions += [~_has("feature_set", name) for name in unused]
    return conditions


def _equal(filters: Any, *names: str) -> list[Q]:
    return [Q(**{name: getattr(filters, name)}) for name in names if getattr(filters, name)]


def _has(column: str, entry: str) -> Q:
    # Not `contains`: SQLite compares that without regard to case.
    return Q(GreaterThan(StrIndex(column, Value(f"\n{entry}\n")), 0))


def _grouping(key: tuple[Any, ...], chosen: Sequence[str], every: Sequence[str]) -> dict[str, Any]:
    start, *values = key
    shown: dict[str, Any] = {"start": start, "end": _day_after(start)} | dict.fromkeys(every)
    for name, value in zip(chosen, values, strict=True):
        shown[name] = _shown(name, value)
    return shown


@lru_cache(maxsize=4096)
def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _shown(name: str, value: Any) -> Any:
    match name:
        case "accessor":
            return str(value)
        case "tags" | "models":
            return split(value)
        case "feature_set":
            return ",".join(split(value))
        case _:
            return value


def _describe_line_item(item: str) -> str:
    charged_as, _, model = item.partition("::")
    return f"{model.capitalize()} {charged_as}"


def _kinds_of(days: QuerySet[UsageDay]) -> QuerySet[UsageKind]:
    return UsageKind.objects.filter(pk__in=days.values("kind"))


def _report(start: date, end: date, results: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "resolution": {"units": "day", "amount": 1},
        "results": results,
    }
