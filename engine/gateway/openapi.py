"""The engine's own OpenAPI document, read out of the route table and what the views declare."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, get_resolver

from engine.gateway.operations import Operation, View
from engine.wire.options import describe
from engine.wire.schemas import MAYBE_TEXT, TEXT, UUID, record

VERSION = "0.1.0"

_LEGACY = record({"request_id": UUID, "error_code": TEXT}, err_code=TEXT, err_msg=TEXT)
_MODERN = record(category=TEXT, message=TEXT, details=MAYBE_TEXT, request_id=UUID)
_ERROR = {
    "description": "Refused; the forms are those of Deepgram's API.",
    "content": {
        "application/json": {"schema": {"anyOf": [_LEGACY, _MODERN]}},
        "text/plain": {"schema": TEXT},
    },
}
_IDENTIFIED = {
    "dg-request-id": {"description": "Names this call in every log.", "schema": UUID},
}


def operations() -> Iterator[tuple[str, str, View, Operation]]:
    """Path, method, view and what it declares, in the order of the route table."""
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{pattern.pattern}")
            for method, view in pattern.callback.views.items():  # type: ignore[attr-defined]
                yield path, method, view, view.operation


def words_about(view: View) -> tuple[str, str]:
    """The first line of a view's docstring, and the rest as one paragraph a blank line."""
    first, _, rest = inspect.cleandoc(view.__doc__ or view.__name__).partition("\n")
    paragraphs = [" ".join(part.split()) for part in rest.strip().split("\n\n")]
    return first, "\n\n".join(filter(None, paragraphs))


def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for path, method, view, operation in operations():
        paths.setdefault(path, {})[method.lower()] = _describe(path, view, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Earshot engine",
            "version": VERSION,
            "description": "Speech to text, text to speech and text analysis with local models, "
            "in Deepgram's wire protocol.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Token KEY`, or `Bearer JWT` from `/v1/auth/grant`.",
                }
            }
        },
    }


def _describe(path: str, view: View, operation: Operation) -> dict[str, Any]:
    summary, description = words_about(view)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": TEXT}
        for name in re.findall(r"{(\w+)}", path)
    ]
    if operation.query is not None:
        parameters += describe(operation.query)
    described: dict[str, Any] = {
        "operationId": view.__name__,
        "summary": summary,
        "description": description,
        "tags": [operation.tag],
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "Done.",
                "headers": _IDENTIFIED,
                "content": {operation.answer_type: _content(operation)},
            },
            "4XX": _ERROR | {"headers": _IDENTIFIED},
        },
    }
    if operation.body is not None or operation.takes_audio:
        described["requestBody"] = _body(operation)
    if operation.scope is not None:
        described["security"] = [{"token": []}]
        if operation.scope:
            described["x-scope"] = operation.scope
    return described


def _content(operation: Operation) -> dict[str, Any]:
    return {"schema": operation.answer} if operation.answer else {}


def _body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if operation.takes_audio:
        content["audio/*"] = {}
        content["application/octet-stream"] = {}
        content["application/json"] = {"schema": record(url={"type": "string", "format": "uri"})}
    if operation.body is not None:
        content["application/json"] = {"schema": operation.body}
    required = bool((operation.body or {}).get("required")) or operation.takes_audio
    return {"required": required, "content": content}
