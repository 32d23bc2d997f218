"""Usage and costs from the daily sums (docs/contract.md, 14.6 and 14.7).

Everything is grouped and filtered in the database, on one row a day and combination, so that
the size of the log does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, make_dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Sum, TextField
from django.db.models.functions import Cast

from engine.accounts.usage import AMOUNTS
from engine.models import Project, UsageDayQuerySet, UsageKind
from engine.wire.options import (
    FEATURES,
    choice,
    choices,
    day,
    identifier,
    optional_flag,
    optional_text,
)

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
_AMOUNTS = ("requests", *AMOUNTS)

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
    deployment: str = choice("Deployment that ran the request.", *DEPLOYMENTS)
    endpoint: str = choice("Endpoint of the request.", *ENDPOINTS)
    method: str = choice("Method of the request: sync, async or streaming.", *METHODS)
    model: str = optional_text("Id of a model.")
    tag: str = optional_text("A tag of the calls.")


@dataclass(frozen=True)
class BreakdownFilters(UsageFilters):
    grouping: str = choice("Dimension by which sums are split.", *USAGE_GROUPINGS)


@dataclass(frozen=True)
class BillingFilters:
    start: date | None = day("First day, `YYYY-MM-DD`; the first with usage by default.")
    end: date | None = day("Last day; today by default.")
    accessor: UUID | None = identifier("Id of an API key.")
    deployment: str = choice("Deployment that ran the request.", *DEPLOYMENTS, "dedicated")
    tag: str = optional_text("A tag of the calls.")
    line_item: str = optional_text("Such as `streaming::nova-3`.")
    grouping: tuple[str, ...] = choices(
        "Dimension by which costs are split; repeatable.", *BILLING_GROUPINGS
    )


def usage_breakdown(project: Project, filters: UsageFilters, grouping: str) -> bytes:
    """Return JSON: sums by day and by the values of ``grouping`` ("" for none)."""
    chosen = [grouping] if grouping else []
    start, end = project.usage_days.period(filters.start, filters.end)
    days = _narrow(project.usage_days.between(start, end), filters)
    return _report(start, end, days, chosen, USAGE_GROUPINGS, _AMOUNTS, _write_usage)


def usage_fields(project: Project, period: Period) -> dict[str, list[str]]:
    """Return the tags, model ids, methods and features that requests of the period used."""
    start, end = project.usage_days.period(period.start, period.end)
    kinds = project.usage_days.between(start, end).kinds()

    def entries(column: str) -> list[str]:
        texts = kinds.values_list(column, flat=True).distinct()
        return sorted({entry for text in texts for entry in UsageKind.split(text)})

    return {
        "tags": entries("tags"),
        "models": entries("model_ids"),
        "processing_methods": sorted(kinds.values_list("method", flat=True).distinct()),
        "features": entries("feature_set"),
    }


def billing_breakdown(project: Project, filters: BillingFilters) -> bytes:
    """Return JSON: dollars by day and by the values of the groupings."""
    start, end = project.usage_days.period(filters.start, filters.end)
    days = (
        project.usage_days.between(start, end)
        .of_kind(
            accessor=filters.accessor, deployment=filters.deployment, line_item=filters.line_item
        )
        .with_any("tags", filter(None, [filters.tag]))
    )
    grouping, write = filters.grouping, '"dollars": {:.6f}'.format
    return _report(start, end, days, grouping, BILLING_GROUPINGS, ["dollars"], write)


def billing_fields(project: Project, period: Period) -> dict[str, Any]:
    """Return the values by which the costs of the period can be filtered."""
    start, end = project.usage_days.period(period.start, period.end)
    kinds = project.usage_days.between(start, end).kinds()
    tags = kinds.values_list("tags", flat=True).distinct()
    line_items = kinds.values_list("line_item", flat=True).distinct()
    return {
        "accessors": sorted(map(str, kinds.values_list("accessor", flat=True).distinct())),
        "deployments": sorted(kinds.values_list("deployment", flat=True).distinct()),
        "tags": sorted({tag for text in tags for tag in UsageKind.split(text)}),
        "line_items": {item: _describe_line_item(item) for item in sorted(line_items)},
    }


def _report(
    start: date,
    end: date,
    days: UsageDayQuerySet,
    chosen: Sequence[str],
    every: Sequence[str],
    amounts: Sequence[str],
    write: Callable[..., str],
) -> bytes:
    """The JSON of the sums of ``amounts`` by day and the ``chosen`` of ``every`` grouping.

    ``write`` gives the members of a row for its sums. Each row is written as text: there may be
    ten thousand, and as dictionaries they would take several times as long.
    """
    columns = [f"kind__{_COLUMNS[name]}" for name in chosen]
    # As text: that is what is wanted, and SQLite's dates would be parsed one by one.
    found = (
        days.annotate(date=Cast("day", TextField()))
        .values_list("date", *columns)
        .annotate(*(Sum(name) for name in amounts))
        .order_by("date", *columns)
    )
    first = 1 + len(columns)
    groupings: dict[tuple[Any, ...], str] = {}
    rows = []
    for row in found:
        key = row[1:first]
        grouping = groupings.get(key)
        if grouping is None:
            shown = {name: _shown(name, value) for name, value in zip(chosen, key, strict=True)}
            grouping = groupings[key] = json.dumps(dict.fromkeys(every) | shown)[1:]
        rows.append(
            f'{{{write(*row[first:])}, "grouping": {{"start": "{row[0]}", '
            f'"end": "{_day_after(row[0])}", {grouping}}}'
        )
    opening = {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "resolution": {"units": "day", "amount": 1},
    }
    return f'{json.dumps(opening)[:-1]}, "results": [{", ".join(rows)}]}}'.encode()


def _write_usage(
    requests: int,
    seconds: float,
    channel_seconds: float,
    agent_seconds: float,
    tokens_in: int,
    tokens_out: int,
    characters: int,
) -> str:
    return (
        f'"hours": {seconds / 3600:.6f}, "total_hours": {channel_seconds / 3600:.6f}, '
        f'"agent_hours": {agent_seconds / 3600:.6f}, "tokens_in": {tokens_in}, '
        f'"tokens_out": {tokens_out}, "tts_characters": {characters}, "requests": {requests}'
    )


def _narrow(days: UsageDayQuerySet, filters: UsageFilters) -> UsageDayQuerySet:
    wanted = {name: getattr(filters, name) for name in FEATURES}
    return (
        days.of_kind(
            accessor=filters.accessor,
            endpoint=filters.endpoint,
            method=filters.method,
            deployment=filters.deployment,
        )
        .with_any("model_ids", filter(None, [filters.model]))
        .with_any("tags", filter(None, [filters.tag]))
        .with_any("feature_set", (name for name, is_used in wanted.items() if is_used))
        .without("feature_set", (name for name, is_used in wanted.items() if is_used is False))
    )


@lru_cache(maxsize=4096)
def _day_after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _shown(name: str, value: Any) -> Any:
    match name:
        case "accessor":
            return str(value)
        case "tags" | "models":
            return UsageKind.split(value)
        case "feature_set":
            return ",".join(UsageKind.split(value))
        case _:
            return value


def _describe_line_item(item: str) -> str:
    charged_as, _, model = item.partition("::")
    return f"{model.capitalize()} {charged_as}"
