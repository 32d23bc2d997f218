"""The log of requests (docs/contract.md, 14.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import JsonResponse

from engine.accounts.reports import DEPLOYMENTS, ENDPOINTS, METHODS
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Project, Request
from engine.views.lookup import find
from engine.wire.errors import not_found
from engine.wire.options import choice, identifier, moment, read_options, whole
from engine.wire.responses import timestamp
from engine.wire.schemas import ANYTHING, MOMENT, TEXT, WHOLE, array, record


@dataclass(frozen=True)
class RequestFilters:
    start: datetime | None = moment("Only requests from this moment on.")
    end: datetime | None = moment("Only requests before this moment.")
    limit: int = whole("Requests a page.", 10, 1, 1000)
    page: int = whole("Which page, from 0.", 0, 0, 1_000_000)
    accessor: UUID | None = identifier("Id of an API key.")
    request_id: UUID | None = identifier("Id of a request.")
    deployment: str = choice("Deployment that ran the request.", *DEPLOYMENTS)
    endpoint: str = choice("Endpoint of the request.", *ENDPOINTS)
    method: str = choice("Method of the request: sync, async or streaming.", *METHODS)
    status: str = choice(
        "`succeeded`: code under 300; `failed`: 400 and up.", "succeeded", "failed"
    )


_REQUEST = record(
    request_id=TEXT,
    project_uuid=TEXT,
    created=MOMENT,
    path=TEXT,
    api_key_id=TEXT,
    response=ANYTHING,
    code=WHOLE,
    deployment=TEXT,
    callback=TEXT,
)


@operation(
    "usage:read",
    tag="Requests",
    query=RequestFilters,
    answer=record(page=WHOLE, limit=WHOLE, requests=array(_REQUEST)),
)
def list_requests(request: ApiRequest, project: Project) -> JsonResponse:
    """List requests

    Newest first. No audio and no transcript is kept.
    """
    filters = read_options(RequestFilters, request.query)
    found = project.requests.all()
    if filters.status:
        found = found.succeeded() if filters.status == "succeeded" else found.failed()
    found = found.matching(
        filters.start,
        filters.end,
        accessor=filters.accessor,
        pk=filters.request_id,
        deployment=filters.deployment,
        endpoint=filters.endpoint,
        method=filters.method,
    ).order_by("-created")
    first = filters.page * filters.limit
    return JsonResponse(
        {
            "page": filters.page,
            "limit": filters.limit,
            "requests": [_shown(row) for row in found[first : first + filters.limit]],
        }
    )


@operation("usage:read", tag="Requests", answer=record(request=_REQUEST))
def show_request(request: ApiRequest, project: Project, request_id: str) -> JsonResponse:
    """Get a request"""
    found = find(project.requests.all(), request_id, not_found("request"))
    return JsonResponse({"request": _shown(found)})


def _shown(row: Request) -> dict[str, Any]:
    return {
        "request_id": str(row.request_id),
        "project_uuid": row.project_id,
        "created": timestamp(row.created),
        "path": row.path,
        "api_key_id": str(row.accessor),
        "response": {
            "details": row.details,
            "code": row.code,
            "completed": timestamp(row.completed),
        },
        "code": row.code,
        "deployment": row.deployment,
        "callback": row.callback,
    }
