"""Usage and costs from the daily sums (docs/contract.md, 14.6 and 14.7).

Everything is grouped and filtered in the database, on one row a day and combination, so that
the size of the log does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, make_dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Sum, TextField
from django.db.models.functions import Cast

from engine.accounts.ledger import AMOUNTS
from engine.models import Project, UsageDayQuerySet, UsageKind
from engine.wire import account as shapes
from engine.wire.options import FEATURES
from engine.wire.query import About, Reads, read_blank_text

Deployment = Literal["hosted", "beta", "self-hosted"]
Endpoint = Literal["listen", "read", "speak", "agent"]
Method = Literal["sync", "async", "streaming"]
UsageGrouping = Literal[
    "accessor", "endpoint", "feature_set", "models", "method", "tags", "deployment"
]
BillingGrouping = Literal["accessor", "deployment", "line_item", "tags"]
FilterText = Annotated[str, Reads(read_blank_text)]  # a form may leave it empty
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
            Annotated[
                bool | None,
                About("Only requests that used it (true: any of those named) or did not (false)."),
            ],
            field(default=None),
        )
        for name in FEATURES
    ],
    frozen=True,
)


@dataclass(frozen=True)
class Period:
    start: Annotated[
        date | None, About("First day, `YYYY-MM-DD`; the first with usage by default.")
    ] = None
    end: Annotated[date | None, About("Last day; today by default.")] = None


@dataclass(frozen=True)
class UsageFilters(Period, _FeatureFilters):
    accessor: Annotated[UUID | None, About("Id of an API key.")] = None
    deployment: Annotated[Deployment | None, About("Deployment that ran the request.")] = None
    endpoint: Annotated[Endpoint | None, About("Endpoint of the request.")] = None
    method: Annotated[Method | None, About("Method of the request.")] = None
    model: Annotated[FilterText, About("Id of a model.")] = ""
    tag: Annotated[FilterText, About("A tag of the requests.")] = ""


@dataclass(frozen=True)
class BreakdownFilters(UsageFilters):
    grouping: Annotated[UsageGrouping | None, About("Dimension by which sums are split.")] = None


@dataclass(frozen=True)
class BillingFilters(Period):
    accessor: Annotated[UUID | None, About("Id of an API key.")] = None
    deployment: Annotated[
        Literal[Deployment, "dedicated"] | None, About("Deployment that ran the request.")
    ] = None
    tag: Annotated[FilterText, About("A tag of the requests.")] = ""
    line_item: Annotated[FilterText, About("Such as `streaming::nova-3`.")] = ""
    grouping: Annotated[
        tuple[BillingGrouping, ...], About("Dimension by which costs are split; repeatable.")
    ] = ()


def usage_breakdown(
    project: Project, filters: UsageFilters, grouping: UsageGrouping | None
) -> shapes.Usage:
    """Return sums by day and by the values of ``grouping``."""
    chosen = [grouping] if grouping else []
    start, end = project.usage_days.period(filters.start, filters.end)
    days = _narrow(project.usage_days.between(start, end), filters)
    return shapes.Usage(
        start=start.isoformat(),
        end=end.isoformat(),
        results=[
            _usage_sums(shapes.UsageGrouping(**groupings), *amounts)
            for groupings, amounts in _sums(days, chosen, _AMOUNTS)
        ],
    )


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


def billing_breakdown(project: Project, filters: BillingFilters) -> shapes.Costs:
    """Return dollars by day and by the values of the groupings."""
    start, end = project.usage_days.period(filters.start, filters.end)
    days = (
        project.usage_days.between(start, end)
        .of_kind(
            accessor=filters.accessor, deployment=filters.deployment, line_item=filters.line_item
        )
        .with_any("tags", filter(None, [filters.tag]))
    )
    return shapes.Costs(
        start=start.isoformat(),
        end=end.isoformat(),
        results=[
            shapes.CostSum(dollars=round(dollars, 6), grouping=shapes.CostGrouping(**groupings))
            for groupings, (dollars,) in _sums(days, filters.grouping, ["dollars"])
        ],
    )


def billing_fields(project: Project, period: Period) -> shapes.CostFields:
    """Return the values by which the costs of the period can be filtered."""
    start, end = project.usage_days.period(period.start, period.end)
    kinds = project.usage_days.between(start, end).kinds()
    tags = kinds.values_list("tags", flat=True).distinct()
    line_items = kinds.values_list("line_item", flat=True).distinct()
    return shapes.CostFields(
        accessors=sorted(map(str, kinds.values_list("accessor", flat=True).distinct())),
        deployments=sorted(kinds.values_list("deployment", flat=True).distinct()),
        tags=sorted({tag for text in tags for tag in UsageKind.split(text)}),
        line_items={item: _describe_line_item(item) for item in sorted(line_items)},
    )


def _sums(
    days: UsageDayQuerySet, chosen: Sequence[str], amounts: Sequence[str]
) -> Iterator[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Yield the members of each day's groupings by ``chosen``, with the sums of ``amounts``."""
    columns = [f"kind__{_COLUMNS[name]}" for name in chosen]
    # Days as text, as the response has them: SQLite's dates would be parsed one by one.
    rows = (
        days.annotate(date=Cast("day", TextField()))
        .values_list("date", *columns)
        .annotate(*(Sum(name) for name in amounts))
        .order_by("date", *columns)
    )
    first = 1 + len(columns)
    groupings: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = row[1:first]
        if key not in groupings:
            named = zip(chosen, key, strict=True)
            groupings[key] = {name: _shown(name, value) for name, value in named}
        yield {"start": row[0], "end": _day_after(row[0]), **groupings[key]}, row[first:]


def _usage_sums(
    grouping: shapes.UsageGrouping,
    requests: int,
    seconds: float,
    channel_seconds: float,
    agent_seconds: float,
    tokens_in: int,
    tokens_out: int,
    characters: int,
) -> shapes.UsageSums:
    return shapes.UsageSums(
        hours=round(seconds / 3600, 6),
        total_hours=round(channel_seconds / 3600, 6),
        agent_hours=round(agent_seconds / 3600, 6),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tts_characters=characters,
        requests=requests,
        grouping=grouping,
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
