"""Daily sums of usage and costs, read from the last mirrored days on."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.db.models.functions import TruncDate

from management.models import Daily, Project, Sync, UsageDay
from management.sync.ledger import charge_of, charged_prices
from management.sync.rows import add_sums, differs
from speechclient import AccountClient
from speechclient.account import BillingFilter, Grouping, UsageFilter, UsageSum

# A request counts for the day on which it began, and may end later.
OVERLAP = timedelta(days=3)
USAGE_GROUPINGS = ("accessor", "endpoint", "models", "method", "tags", "deployment")
COST_GROUPINGS = ("accessor", "line_item", "tags", "deployment")
# The fields of the ledger for each grouping of costs.
LEDGER_FIELDS = {
    "": (), "accessor": ("api_key_id",), "line_item": ("endpoint", "method", "model"),
    "tags": ("tags",), "deployment": ("deployment",),
}  # fmt: skip

Sums = dict[tuple[date, str], dict[str, float]]


def read_usage(sync: Sync, project: Project, account: AccountClient) -> None:
    """Mirror usage by day: of everything, and by each dimension. Raises ``SpeechError``."""
    since = first_day(project.usage_days)
    rows = recent(project.usage_days, since)

    def listed(grouping: str | None) -> Sums:
        usage = account.usage_breakdown(UsageFilter(start=since), grouping=grouping)
        sums = ((each.grouping, grouping, usage_amounts(each)) for each in usage.results)
        return collected(sums, since)

    totals = listed(None)
    if is_known(rows.filter(grouping=""), totals):
        return
    for grouping in USAGE_GROUPINGS:
        store(rows, grouping, listed(grouping), sync, project)
    # Last: where they are known, so is all else.
    store(rows, "", totals, sync, project)


def read_costs(sync: Sync, project: Project, account: AccountClient) -> None:
    """Mirror costs by day in the same way, or add up those of the ledger. Raises ``SpeechError``.

    A server whose requests are charged by an operator's prices lists none of these costs.
    """
    since = first_day(project.cost_days)
    rows = recent(project.cost_days, since)
    accounted = project.reservations.accounted()
    is_charged_here = bool(charged_prices(project))
    if is_charged_here:
        # Work that has ended since this sync began may not be in the ledger yet.
        began = Sync.objects.filter(pk=sync.pk).values("started_at")
        accounted = accounted.filter(settled_at__lt=models.Subquery(began))
    settled = list(accounted.values_list("pk", flat=True))

    def listed(grouping: str | None) -> Sums:
        if is_charged_here:
            return ledger_costs(project, grouping, since)
        groupings = (grouping,) if grouping else ()
        costs = account.billing_breakdown(BillingFilter(start=since, grouping=groupings))
        sums = ((each.grouping, grouping, {"dollars": each.dollars}) for each in costs.results)
        return collected(sums, since)

    totals = listed(None)
    if not is_known(rows.filter(grouping=""), totals):
        for grouping in COST_GROUPINGS:
            store(rows, grouping, listed(grouping), sync, project)
        store(rows, "", totals, sync, project)
    if settled:
        project.reservations.filter(pk__in=settled).delete()


def ledger_costs(project: Project, grouping: str | None, since: date | None) -> Sums:
    """Return the costs of the ledger by day (UTC) and by a dimension."""
    requests = project.requests.exclude(dollars=None)
    if since:
        requests = requests.filter(created__gte=datetime.combine(since, time.min, UTC))
    fields = LEDGER_FIELDS[grouping or ""]
    days = requests.annotate(day=TruncDate("created", tzinfo=UTC)).values_list("day", *fields)
    found: Sums = {}
    for day, *values, dollars in days.annotate(sum=models.Sum("dollars")).order_by():
        value = line_item(*values) if grouping == "line_item" else (values[0] if values else "")
        sums = found.setdefault((day, Daily.written(value)), {"dollars": 0.0})
        sums["dollars"] += dollars
    return found


def line_item(endpoint: str, method: str, model: str) -> str:
    """Return a line item in the form of the servers: ``streaming::nova-3``."""
    return f"{charge_of(endpoint, method)}::{model or 'unknown'}"


def first_day(rows: models.Manager[Any]) -> date | None:
    """Return the day to read from; None for the server's first."""
    newest: date | None = rows.filter(grouping="").aggregate(day=models.Max("day"))["day"]
    return newest - OVERLAP if newest else None


def recent(rows: models.Manager[Any], since: date | None) -> models.QuerySet[Any]:
    return rows.filter(day__gte=since) if since else rows.all()


def is_known(rows: models.QuerySet[Any], totals: Sums) -> bool:
    present = {(row.day, row.value): row for row in rows}
    return all(key in present and not differs(present[key], totals[key]) for key in totals)


def store(
    rows: models.QuerySet[Any], grouping: str, listed: Sums, sync: Sync, project: Project
) -> None:
    add_sums(
        rows.filter(grouping=grouping),
        rows.model.AMOUNTS,
        listed,
        sync.hold,
        project=project,
        grouping=grouping,
    )


def collected(
    results: Iterable[tuple[Grouping, str | None, Mapping[str, float]]], since: date | None
) -> Sums:
    """Return sums by day and value; what cannot be told apart in the column is added up.

    Days before ``since`` were not asked for and are left out: their rows are not compared.
    """
    found: Sums = {}
    for grouped, name, amounts in results:
        if grouped.start is None or (since is not None and grouped.start < since):
            continue
        value = Daily.written(getattr(grouped, name)) if name else ""
        sums = found.setdefault((grouped.start, value), dict.fromkeys(amounts, 0.0))
        for amount, number in amounts.items():
            sums[amount] += number
    return found


def usage_amounts(usage: UsageSum) -> dict[str, float]:
    named = {
        amount: getattr(usage, amount) for amount in UsageDay.AMOUNTS if amount != "characters"
    }
    return named | {"characters": usage.tts_characters}
