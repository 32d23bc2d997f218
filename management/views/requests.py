"""The ledger of requests: search, and one request with its parameters and its response."""

import json
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.access import get_permitted, person
from management.account_forms import RequestFilters
from management.models import Key, Request
from management.views.mirror import chosen_projects, mirror_notes

PAGE_ROWS = 50
SHOWN_JSON = 100_000


@never_cache
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Requests of the projects that the person administers, newest first.

    ``before`` continues below the request with that id.
    """
    chosen = chosen_projects(request, administered=True)
    filters = RequestFilters(request.GET)
    listed = filters.narrow(Request.objects.filter(project__among=chosen.shown))
    rows = list(listed.select_related("project").defer("response")[: PAGE_ROWS + 1])
    query = request.GET.copy()
    query["before"] = str(rows[PAGE_ROWS - 1].pk) if len(rows) > PAGE_ROWS else ""
    rows = rows[:PAGE_ROWS]
    keys = Key.objects.filter(api_key_id__in={row.api_key_id for row in rows})
    names = {key.api_key_id: key.label for key in keys.only("api_key_id", "comment")}
    return render(
        request,
        "management/requests.html",
        {
            "chosen": chosen,
            "filters": filters,
            "rows": [(row, names.get(row.api_key_id, row.api_key_id[:8])) for row in rows],
            "older": query.urlencode() if query["before"] else "",
            "notes": mirror_notes(chosen.shown, ["requests"]),
        },
    )


@never_cache
@require_safe
def request_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One request."""
    permitted = Request.objects.administered_by(person(request)).select_related("project")
    found = get_permitted(request, permitted, pk)
    path, _, query = found.path.partition("?")
    return render(
        request,
        "management/request.html",
        {
            "row": found,
            "path": path,
            "parameters": parse_qsl(query, keep_blank_values=True),
            "key": Key.objects.filter(project=found.project, api_key_id=found.api_key_id).first(),
            "response": json.dumps(found.response, indent=2, ensure_ascii=False)[:SHOWN_JSON],
        },
    )
