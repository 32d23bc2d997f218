"""The engine's own documentation, derived from the code: ``/openapi.json`` and ``/docs``."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

from engine.exchange import ApiRequest
from engine.gateway.openapi import VERSION, document, operations
from engine.gateway.operations import Operation, operation
from engine.wire.shapes import encode


@operation(None, tag="Engine")
def show_document(request: ApiRequest) -> HttpResponse:
    """Get this API as an OpenAPI document"""
    return HttpResponse(encode(_document()), content_type="application/json")


@operation(None, tag="Engine", response_type="text/html")
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
    for path, method, _, declared in operations():
        groups.setdefault(declared.tag, []).append(_entry(path, method, declared))
    sockets = [_socket(path, socket) for path, socket in _document()["x-sockets"].items()]
    return {"groups": groups, "sockets": sockets, "version": VERSION}


def _entry(path: str, method: str, declared: Operation) -> dict[str, Any]:
    described = _document()["paths"][path][method.lower()]
    body = (described.get("requestBody") or {}).get("content", {})
    response = described["responses"]["200"]["content"][declared.response_type]
    return {
        "id": described["operationId"],
        "method": method,
        "path": path,
        "summary": described["summary"],
        "description": _with_code(described["description"]),
        "scope": declared.scope,
        "parameters": [_parameter(one) for one in described["parameters"]],
        "body_types": list(body),
        "fields": _fields(body.get("application/json", {}).get("schema", {})),
        "response": _shape(response.get("schema", {})),
    }


def _socket(path: str, described: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"socket{path.replace('/', '-')}",
        "path": path,
        "summary": described["summary"],
        "paragraphs": [_with_code(part) for part in described["description"].split("\n\n")],
        "scope": described["x-scope"],
        "parameters": [_parameter(one) for one in described["parameters"]],
        "receives": [_message(one) for one in described["receives"]],
        "sends": [_message(one) for one in described["sends"]],
    }


def _message(reference: dict[str, Any]) -> dict[str, Any]:
    schema = _resolved(reference)
    (name,) = schema["properties"]["type"]["enum"]
    return {
        "name": name,
        "about": _with_code(schema.get("description", "")),
        "shape": _shape(schema),
    }


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = _resolved(schema)
    fields = {**schema.get("properties", {})}
    for option in schema.get("anyOf", ()):
        fields |= _resolved(option)["properties"]
    return [
        {
            "name": name,
            "type": _type(member),
            "about": _with_code(member.get("description", "")),
            "required": name in schema.get("required", ()),
        }
        for name, member in fields.items()
    ]


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the named schema that a reference means."""
    if "$ref" not in schema:
        return schema
    named: dict[str, Any] = _document()["components"]["schemas"]
    resolved: dict[str, Any] = named[schema["$ref"].rpartition("/")[2]]
    return resolved


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
    if options := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(_type, options))
    match schema.get("type"):
        case "array" if "items" in schema:
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
        case "null":
            return "null"
        case _:
            return "any"


def _shape(schema: Any, depth: int = 0) -> str:
    """Return a schema as indented text."""
    indent = "  " * depth
    schema = _resolved(schema)
    if options := schema.get("anyOf"):
        shapes = (_shape(one, depth) for one in options)
        return f"\n{indent}or\n{indent}".join(shapes)
    if places := schema.get("prefixItems"):
        return f"[{', '.join(_shape(place, depth) for place in places)}]"
    if schema.get("type") == "array" and "items" in schema:
        return f"[{_shape(schema['items'], depth)}, ...]"
    if properties := schema.get("properties"):
        required = schema.get("required", ())
        lines = [
            f"{indent}  {name}{'' if name in required else '?'}: {_shape(inner, depth + 1)}"
            for name, inner in properties.items()
        ]
        return "\n".join(["{", *lines, f"{indent}}}"])
    return _type(schema) if schema else ""
