"""The audit log as a page and as CSV, for administrators."""

import csv
import io
import json
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.access import administrators_only
from management.forms import AuditFilters
from management.models import Action, AuditEntry, AuditQuerySet

PAGE_ROWS = 50
BLOCK_ROWS = 500
COLUMNS = ("time", "person", "action", "subject", "project", "details", "address", "browser")


@never_cache
@require_safe
@administrators_only
def audit_log(request: HttpRequest) -> HttpResponse:
    """A page of the audit log, newest first; ``before`` continues below the entry with that id."""
    filters = AuditFilters(request.GET)
    entries = list(filters.narrow(AuditEntry.objects.all())[: PAGE_ROWS + 1])
    query = request.GET.copy()
    query.pop("before", None)
    export = query.urlencode()
    query["before"] = str(entries[PAGE_ROWS - 1].pk) if len(entries) > PAGE_ROWS else ""
    return render(
        request,
        "management/audit.html",
        {
            "entries": entries[:PAGE_ROWS],
            "filters": filters,
            "older": query.urlencode() if query["before"] else "",
            "export": export,
        },
    )


@never_cache
@require_safe
@administrators_only
def audit_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered entries as CSV, newest first, in a stream of bounded memory."""
    entries = AuditFilters(request.GET).narrow(AuditEntry.objects.all())
    if request.method == "GET":
        AuditEntry.record(Action.AUDIT_EXPORTED, request=request, subject=request.GET.urlencode())
    return StreamingHttpResponse(
        lines(entries),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


async def lines(entries: AuditQuerySet) -> AsyncIterator[bytes]:
    """CSV of ``entries``, a block of rows at a time."""
    yield as_csv([COLUMNS])
    last: int | None = None
    while True:
        block = entries.filter(pk__lt=last) if last else entries
        rows = [entry async for entry in block[:BLOCK_ROWS]]
        if not rows:
            return
        last = rows[-1].pk
        yield as_csv([cells(entry) for entry in rows])


def cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.at.isoformat(timespec="seconds"),
        entry.actor_name,
        entry.action,
        entry.subject,
        entry.project_name,
        json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
        entry.address or "",
        entry.user_agent,
    )


def as_csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[inert(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
