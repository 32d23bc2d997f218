"""The log of requests (docs/contract.md, 14.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from engine.accounts.reports import Deployment, Endpoint, Method
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Project, Request
from engine.views.lookup import find
from engine.wire import account as shapes
from engine.wire.errors import not_found
from engine.wire.query import About, Instant, read_options
from engine.wire.shapes import timestamp


@dataclass(frozen=True)
class RequestFilters:
    start: Annotated[Instant | None, About("Only requests from this moment on.")] = None
    end: Annotated[Instant | None, About("Only requests before this moment.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000), About("Requests a page.")] = 10
    page: Annotated[int, Meta(ge=0, le=1_000_000), About("Number of the page, from 0.")] = 0
    accessor: Annotated[UUID | None, About("Id of an API key.")] = None
    request_id: Annotated[UUID | None, About("Id of a request.")] = None
    deployment: Annotated[Deployment | None, About("Deployment that ran the request.")] = None
    endpoint: Annotated[Endpoint | None, About("Endpoint of the request.")] = None
    method: Annotated[Method | None, About("Method of the request.")] = None
    status: Annotated[
        Literal["succeeded", "failed"] | None,
        About("`succeeded`: code under 300; `failed`: 400 and up."),
    ] = None


@operation("usage:read", tag="Requests", query=RequestFilters)
def list_requests(request: ApiRequest, project: Project) -> shapes.Requests:
    """List requests

    Newest first. No audio and no transcript is kept.
    """
    filters = read_options(RequestFilters, request.query)
    rows = Request.objects.filter(project=project)
    if filters.status:
        rows = rows.succeeded() if filters.status == "succeeded" else rows.failed()
    rows = rows.matching(
        filters.start,
        filters.end,
        accessor=filters.accessor,
        pk=filters.request_id,
        deployment=filters.deployment,
        endpoint=filters.endpoint,
        method=filters.method,
    ).order_by("-created")
    first = filters.page * filters.limit
    return shapes.Requests(
        page=filters.page,
        limit=filters.limit,
        requests=[_shown(row) for row in rows[first : first + filters.limit]],
    )


@operation("usage:read", tag="Requests")
def show_request(request: ApiRequest, project: Project, request_id: str) -> shapes.RequestDetails:
    """Get a request"""
    row = find(Request.objects.filter(project=project), request_id, not_found("request"))
    return shapes.RequestDetails(request=_shown(row))


def _shown(row: Request) -> shapes.Request:
    return shapes.Request(
        request_id=str(row.request_id),
        project_uuid=row.project_id,
        created=timestamp(row.created),
        path=row.path,
        api_key_id=str(row.accessor),
        response=shapes.RequestResponse(
            details=row.details, code=row.code, completed=timestamp(row.completed)
        ),
        code=row.code,
        deployment=row.deployment,
        callback=row.callback,
    )
