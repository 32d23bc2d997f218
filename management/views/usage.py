"""Usage and costs: figures of the period, a chart, and the same as a table and CSV."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.access import person
from management.account_forms import UsageFilters
from management.models import Action, AuditEntry
from management.spending import (
    MEASURES,
    Totals,
    breakdown,
    sum_up,
    totals_by_project,
    totals_by_server,
)
from management.views.audit import as_csv
from management.views.mirror import chosen_projects, mirror_notes

PARTS = ("usage", "costs", "requests")


@never_cache
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Usage of the projects that the person is in."""
    chosen = chosen_projects(request)
    filters = UsageFilters(request.GET)
    period = filters.days
    by_project = totals_by_project(chosen.shown, period)
    measure = filters.measure_name
    drawn = breakdown(chosen.shown, period, measure, filters.dimension, filters.step_name)
    # Others may see some projects of a server, whose sums would not be those of the server.
    sees_all = person(request).is_superuser and chosen.project is None
    return render(
        request,
        "management/usage.html",
        {
            "chosen": chosen,
            "filters": filters,
            "period": period,
            "totals": sum_up(list(by_project.values())),
            "projects": [(each, by_project.get(each.pk, Totals())) for each in chosen.shown][:50],
            "servers": totals_by_server(chosen.all, by_project, period) if sees_all else [],
            "chart": drawn,
            "measure": measure,
            "measure_label": MEASURES[measure],
            "notes": mirror_notes(chosen.shown, PARTS),
            "query": request.GET.urlencode(),
        },
    )


@never_cache
@require_safe
def usage_csv(request: HttpRequest) -> HttpResponse:
    """The chart's numbers as CSV: a row for each step of time, a column for each value."""
    chosen = chosen_projects(request)
    filters = UsageFilters(request.GET)
    period, measure = filters.days, filters.measure_name
    drawn = breakdown(chosen.shown, period, measure, filters.dimension, filters.step_name)
    if request.method == "GET":
        AuditEntry.record(Action.USAGE_EXPORTED, request=request, subject=request.GET.urlencode())
    first_days = [first.isoformat() for first, _ in period.bins(filters.step_name)]
    head = (filters.step_name, *(each.name for each in drawn.series), "total")
    rows = [
        (day, *(f"{amount:.6g}" for amount in amounts), f"{total:.6g}")
        for day, (_, amounts, total) in zip(first_days, drawn.table, strict=True)
    ]
    name = f"{measure}-{period.start}-{period.end}.csv"
    return HttpResponse(
        as_csv([head, *rows]),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
