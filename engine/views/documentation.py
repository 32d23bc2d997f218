"""The engine's own documentation: ``/openapi.json`` and ``/docs``, both read out of the code."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

from engine.exchange import ApiRequest
from engine.gateway.openapi import VERSION, document, operations, words_about
from engine.gateway.operations import Operation, View, operation
from engine.wire.live_options import (
    FluxOptions,
    LiveFluxSpeakOptions,
    LiveListenOptions,
    LiveSpeakOptions,
)
from engine.wire.options import describe
from engine.wire.schemas import ANYTHING

SOCKETS = (
    ("/v1/listen", "Transcribe a live stream", LiveListenOptions),
    ("/v2/listen", "Follow the turns of a conversation", FluxOptions),
    ("/v1/speak", "Speak a text as it comes", LiveSpeakOptions),
    ("/v2/speak", "Speak the turns of a conversation", LiveFluxSpeakOptions),
)


@operation(None, tag="Engine", answer=ANYTHING)
def show_document(request: ApiRequest) -> JsonResponse:
    """Get this API as an OpenAPI document"""
    return JsonResponse(_document())


@operation(None, tag="Engine", answer_type="text/html")
def show_documentation(request: ApiRequest) -> HttpResponse:
    """Read this API as a page"""
    response = HttpResponse(render_to_string("engine/documentation.html", _page()))
    # One page of text: it loads nothing and runs nothing.
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response


@cache
def _document() -> dict[str, Any]:
    return document()


@cache
def _page() -> dict[str, Any]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, method, view, declared in operations():
        groups.setdefault(declared.tag, []).append(_entry(path, method, view, declared))
    sockets = [
        {
            "id": f"socket{path.replace('/', '-')}",
            "path": path,
            "summary": summary,
            "parameters": [_parameter(one) for one in describe(options)],
        }
        for path, summary, options in SOCKETS
    ]
    return {"groups": groups, "sockets": sockets, "version": VERSION}


def _entry(path: str, method: str, view: View, declared: Operation) -> dict[str, Any]:
    summary, description = words_about(view)
    described = _document()["paths"][path][method.lower()]
    body = (described.get("requestBody") or {}).get("content", {})
    fields = body.get("application/json", {}).get("schema", {})
    return {
        "id": view.__name__,
        "method": method,
        "path": path,
        "summary": summary,
        "description": _with_code(description),
        "scope": declared.scope,
        "parameters": [_parameter(one) for one in described["parameters"]],
        "body_types": list(body),
        "fields": [
            {
                "name": name,
                "type": _type(schema),
                "about": _with_code(schema.get("description", "")),
                "required": name in fields.get("required", ()),
            }
            for name, schema in fields.get("properties", {}).items()
        ],
        "answer": _shape(declared.answer),
        "answer_type": declared.answer_type,
    }


def _parameter(described: dict[str, Any]) -> dict[str, Any]:
    schema = described["schema"]
    return {
        "name": described["name"],
        "type": "path" if described["in"] == "path" else _type(schema),
        "about": _with_code(described.get("description", "")),
        "default": schema.get("default"),
    }


def _with_code(text: str) -> str:
    """Our own words as HTML, with what stands between backticks as code."""
    return mark_safe(re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text)))  # noqa: S308


def _type(schema: Any) -> str:
    """A schema in a few words: ``whole number, 1 to 1000``."""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "oneOf" in schema:
        return " or ".join(_type(one) for one in schema["oneOf"])
    match schema.get("type"):
        case "array":
            return f"{_type(schema['items'])}, repeatable"
        case "integer" | "number" as kind:
            name = "whole number" if kind == "integer" else "number"
            if "minimum" in schema and "maximum" in schema:
                return f"{name}, {schema['minimum']:g} to {schema['maximum']:g}"
            return name
        case "string":
            return str(schema.get("format", "text"))
        case "boolean":
            return "true | false"
        case "object":
            return "object"
        case _:
            return "any"


def _shape(schema: Any, depth: int = 0) -> str:
    """The shape of an answer as indented text."""
    indent = "  " * depth
    if "anyOf" in schema or "oneOf" in schema:
        shapes = (_shape(one, depth) for one in schema.get("anyOf", schema.get("oneOf")))
        return f"\n{indent}or\n{indent}".join(shapes)
    if schema.get("type") == "array":
        return f"[{_shape(schema['items'], depth)}, ...]"
    if "properties" in schema:
        required = schema.get("required", ())
        lines = [
            f"{indent}  {name}{'' if name in required else '?'}: {_shape(inner, depth + 1)}"
            for name, inner in schema["properties"].items()
        ]
        return "\n".join(["{", *lines, f"{indent}}}"])
    return _type(schema) if schema else ""
