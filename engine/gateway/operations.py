"""Operations of REST and of sockets: scope, shapes and documentation of each.

The route table in ``urls.py`` maps each path to its views and its socket. The gate reads it to
reject early, Django to dispatch, ``openapi.py`` to write the documentation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, resolve

from engine.exchange import ApiRequest, exchange_of
from engine.models import Project
from engine.runtime.database import in_database
from engine.wire.errors import method_not_allowed, not_found
from engine.wire.shapes import Shape, encode

View = Callable[..., Any]
Consumer = TypeVar("Consumer", bound=type)


@dataclass(frozen=True)
class Operation:
    """``scope`` is None where no key is needed, "" where any key will do."""

    scope: str | None
    kind: str = ""  # listen, speak, read: work that is admitted, recorded and counted
    takes_audio: bool = False
    query: type | None = None  # the dataclass of its options
    body: Any = None  # the shape of a JSON body, or several
    response: Any = None  # the shapes of a view that does not return one
    response_type: str = "application/json"
    tag: str = "Account"


@dataclass(frozen=True)
class SocketOperation:
    """A WebSocket: ``admitted_as`` is its class in admission control."""

    scope: str
    kind: str  # listen, speak: recorded and counted
    admitted_as: str
    query: type
    receives: Any  # the union of the messages of clients
    sends: Any  # the union of the messages of the engine


def operation(scope: str | None, **facts: Any) -> Callable[[View], View]:
    """Declare what the decorated view needs; its docstring becomes the documentation."""

    def declare(view: View) -> View:
        view.operation = Operation(scope, **facts)  # type: ignore[attr-defined]
        return view

    return declare


def socket(scope: str, **facts: Any) -> Callable[[Consumer], Consumer]:
    """Declare what the decorated consumer serves; its docstring becomes the documentation."""

    def declare(consumer: Consumer) -> Consumer:
        consumer.operation = SocketOperation(scope, **facts)  # type: ignore[attr-defined]
        return consumer

    return declare


def route(socket: Any = None, **views: View) -> View:
    """Return the Django view of one path, from the view of each method. HEAD is served as GET.

    ``socket`` is the consumer of WebSockets at the same path.

    A view gets the ``ApiRequest`` and the values in the path, with the project itself in place of
    its id; a view of a recorded kind also gets the ``Outcome`` to fill in.
    """

    async def dispatch(http_request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        view = views[read_method(http_request.method or "")]
        exchange = exchange_of(http_request.scope)  # type: ignore[attr-defined]
        if view.operation.kind:  # type: ignore[attr-defined]
            arguments["outcome"] = exchange.outcome
        if inspect.iscoroutinefunction(view):
            return to_http(await view(exchange.request, **arguments))
        # Not by Django's bridge, which starts a thread for each request: the loop waits for that.
        return await in_database(_run_with_project, view, exchange.request, arguments)

    dispatch.views = views  # type: ignore[attr-defined]
    dispatch.socket = socket  # type: ignore[attr-defined]
    return dispatch


def to_http(response: Shape | HttpResponseBase) -> HttpResponseBase:
    return json_response(response) if isinstance(response, Shape) else response


def json_response(shape: Shape) -> HttpResponse:
    return HttpResponse(encode(shape), content_type="application/json")


def _run_with_project(
    view: View, request: ApiRequest, arguments: dict[str, Any]
) -> HttpResponseBase:
    if "project_id" in arguments:
        # The gate has checked that the id in the path is that of the caller's project.
        del arguments["project_id"]
        arguments["project"] = Project.objects.get(pk=request.caller.project_id)
    return to_http(view(request, **arguments))


def read_method(method: str) -> str:
    return "GET" if method == "HEAD" else method


def find_views(path: str) -> tuple[dict[str, View], dict[str, str]]:
    """The views of a path by method, and the values in the path. Raises ``ApiError`` (404)."""
    try:
        match = resolve(path)
    except Resolver404:
        raise not_found("path") from None
    if not match.func.views:  # type: ignore[attr-defined]
        raise not_found("path")  # a path of sockets alone
    return match.func.views, match.kwargs  # type: ignore[attr-defined]


def find_socket(path: str) -> Any:
    """Return the consumer of a path. Raises ``ApiError`` (404)."""
    try:
        consumer = resolve(path).func.socket  # type: ignore[attr-defined]
    except Resolver404:
        consumer = None
    if consumer is None:
        raise not_found("path")
    return consumer


def find_operation(path: str, method: str) -> tuple[Operation, dict[str, str]]:
    """Raises ``ApiError``: 404 for an unknown path, 405 for a method it does not have."""
    views, arguments = find_views(path)
    view = views.get(read_method(method))
    if view is None:
        raise method_not_allowed()
    return view.operation, arguments  # type: ignore[attr-defined]
