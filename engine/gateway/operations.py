"""REST operations: scope, kinds of body and documentation of each.

The route table in ``urls.py`` is the one place where a path meets its calls. The gate reads it
to refuse early, Django to dispatch, ``openapi.py`` to write the documentation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from engine.runtime.database import in_database
from engine.wire.errors import method_not_allowed, not_found

View = Callable[..., Any]
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """``scope`` is None where no key is needed, "" where any key will do."""

    scope: str | None
    kind: str = ""  # listen, speak, read: work that is admitted, recorded and counted
    takes_audio: bool = False
    query: type | None = None  # the dataclass of its options
    body: Schema | None = None
    answer: Schema = field(default_factory=dict)
    answer_type: str = "application/json"
    tag: str = "Account"


def operation(scope: str | None, **facts: Any) -> Callable[[View], View]:
    """Declare what the decorated view needs; its docstring becomes the documentation."""

    def declare(view: View) -> View:
        view.operation = Operation(scope, **facts)  # type: ignore[attr-defined]
        return view

    return declare


def route(**views: View) -> View:
    """One path: the view of each method. HEAD is answered as GET."""

    async def dispatch(request: HttpRequest, **arguments: str) -> HttpResponseBase:
        view = views[read_method(request.method or "")]
        if inspect.iscoroutinefunction(view):
            return await view(request, **arguments)
        # Not by Django's bridge, which starts a thread for each call: the loop waits for that.
        return await in_database(view, request, **arguments)

    dispatch.views = views  # type: ignore[attr-defined]
    return dispatch


def read_method(method: str) -> str:
    return "GET" if method == "HEAD" else method


def find_views(path: str) -> tuple[dict[str, View], dict[str, str]]:
    """The views of a path by method, and the values in the path. Raises ``Refusal`` (404)."""
    try:
        match = resolve(path)
    except Resolver404:
        raise not_found("path") from None
    return match.func.views, match.kwargs  # type: ignore[attr-defined]


def find_operation(path: str, method: str) -> tuple[Operation, dict[str, str]]:
    """Raises ``Refusal``: 404 for an unknown path, 405 for a method it does not have."""
    views, arguments = find_views(path)
    view = views.get(read_method(method))
    if view is None:
        raise method_not_allowed()
    return view.operation, arguments  # type: ignore[attr-defined]
