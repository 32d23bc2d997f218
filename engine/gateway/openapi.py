"""The engine's own OpenAPI document, derived from the route table and its declarations.

OpenAPI has no sockets: they are described under ``x-sockets``, with the same parameters and
schemas as operations.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

from django.http import HttpResponseBase
from django.urls import URLPattern, get_resolver
from msgspec import structs

from engine.gateway.operations import Operation, SocketOperation, View
from engine.wire.errors import LegacyError, ModernError
from engine.wire.query import describe
from engine.wire.shapes import Shape, schemas
from engine.wire.sources import Address

VERSION = "0.1.0"
REFERENCE = "#/components/schemas/{name}"

_TEXT = {"type": "string"}
_IDENTIFIED = {
    "dg-request-id": {
        "description": "Id of the request, as in every log.",
        "schema": {"type": "string", "format": "uuid"},
    },
}
_INFO = {
    "title": "Earshot engine",
    "version": VERSION,
    "description": "Speech to text, text to speech and text analysis with local models, in "
    "Deepgram's wire protocol.",
}
_TOKEN = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "`Token KEY`, or `Bearer JWT` from `/v1/auth/grant`.",
}


def operations() -> Iterator[tuple[str, str, View, Operation]]:
    """Yield path, method, view and its declaration, in the order of the route table."""
    for path, dispatch in _routes():
        for method, view in dispatch.views.items():
            yield path, method, view, view.operation


def sockets() -> Iterator[tuple[str, type, SocketOperation]]:
    """Yield path, consumer and its declaration."""
    for path, dispatch in _routes():
        if dispatch.socket is not None:
            yield path, dispatch.socket, dispatch.socket.operation


def words_about(declared: Callable[..., Any]) -> tuple[str, str]:
    """Return the first line of a docstring, and the rest as one paragraph for each blank line."""
    first, _, rest = inspect.cleandoc(declared.__doc__ or declared.__name__).partition("\n")
    paragraphs = [" ".join(part.split()) for part in rest.strip().split("\n\n")]
    return first, "\n\n".join(filter(None, paragraphs))


def document() -> dict[str, Any]:
    components = Components()
    paths: dict[str, dict[str, Any]] = {}
    for path, method, view, operation in operations():
        described = _describe(path, view, operation, components)
        paths.setdefault(path, {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "paths": paths,
        "x-sockets": {
            path: _describe_socket(consumer, operation, components)
            for path, consumer, operation in sockets()
        },
        "components": {"schemas": components.named, "securitySchemes": {"token": _TOKEN}},
    }


class Components:
    """Named schemas of all shapes of the document."""

    def __init__(self) -> None:
        kinds = [LegacyError, ModernError, Address]
        for _, _, view, operation in operations():
            kinds += (*_each(_response(view, operation)), *_each(operation.body))
        for _, _, socket in sockets():
            kinds += (*_each(socket.receives), *_each(socket.sends))
        # In one step, so that two shapes of one name get different names.
        schema_list, self.named = schemas(kinds, REFERENCE)
        self._by_kind = dict(zip(kinds, schema_list, strict=True))

    def of(self, kind: Any) -> dict[str, Any]:
        options = [self._by_kind[one] for one in _each(kind)]
        return options[0] if len(options) == 1 else {"anyOf": options}


def _each(kind: Any) -> tuple[type[Shape], ...]:
    """Return the shapes of a union, the one shape, or none of None."""
    return () if kind is None else get_args(kind) or (kind,)


def _routes() -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{pattern.pattern}")
            yield path, pattern.callback


def _response(view: View, operation: Operation) -> Any:
    """Return the shapes of a view's response: those that it returns or declares."""
    if operation.response is not None:
        return operation.response
    returned = get_type_hints(view).get("return")
    is_plain = isinstance(returned, type) and issubclass(returned, HttpResponseBase)
    return None if is_plain or operation.response_type != "application/json" else returned


def _describe(
    path: str, view: View, operation: Operation, components: Components
) -> dict[str, Any]:
    summary, description = words_about(view)
    described: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": summary,
        "description": description,
        "tags": [operation.tag],
        "parameters": _parameters(path, operation),
        "responses": {
            "200": {
                "description": "Done.",
                "headers": _IDENTIFIED,
                "content": {operation.response_type: _content(view, operation, components)},
            },
            "4XX": _error(components),
        },
    }
    if operation.body is not None or operation.takes_audio:
        described["requestBody"] = _body(operation, components)
    if operation.scope is not None:
        described["security"] = [{"token": []}]
        if operation.scope:
            described["x-scope"] = operation.scope
    return described


def _describe_socket(
    consumer: type, operation: SocketOperation, components: Components
) -> dict[str, Any]:
    summary, description = words_about(consumer)
    return {
        "summary": summary,
        "description": description,
        "parameters": describe(operation.query),
        "receives": [components.of(kind) for kind in _each(operation.receives)],
        "sends": [components.of(kind) for kind in _each(operation.sends)],
        "security": [{"token": []}],
        "x-scope": operation.scope,
    }


def _parameters(path: str, operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return in_path + ([] if operation.query is None else describe(operation.query))


def _content(view: View, operation: Operation, components: Components) -> dict[str, Any]:
    kind = _response(view, operation)
    return {} if kind is None else {"schema": components.of(kind)}


def _error(components: Components) -> dict[str, Any]:
    forms = [components.of(LegacyError), components.of(ModernError)]
    return {
        "description": "Rejected; the forms are those of Deepgram's API.",
        "headers": _IDENTIFIED,
        "content": {
            "application/json": {"schema": {"anyOf": forms}},
            "text/plain": {"schema": _TEXT},
        },
    }


def _body(operation: Operation, components: Components) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.takes_audio:
        content["audio/*"] = {}
        content["application/octet-stream"] = {}
        content["application/json"] = {"schema": components.of(Address)}
    if operation.body is not None:
        content["application/json"] = {"schema": components.of(operation.body)}
    return {"required": operation.takes_audio or _is_required(operation.body), "content": content}


def _is_required(body: Any) -> bool:
    return any(field.required for kind in _each(body) for field in structs.fields(kind))
