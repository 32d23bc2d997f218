"""The documentation, in process: every operation, shape and message is declared and shown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils.html import escape

from engine.views import documentation
from tests.contract.messages import SOCKETS
from tests.engine.inprocess import Inside


async def test_every_reference_leads_to_a_schema(inside: Inside):
    response = await inside.get("/openapi.json", key="-")
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', response.text))
    assert len(references) > 100
    assert references <= response.json()["components"]["schemas"].keys()


async def test_every_json_response_has_a_schema(inside: Inside):
    document = (await inside.get("/openapi.json", key="-")).json()
    without = [
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if described["responses"]["200"]["content"].get("application/json") == {}
    ]
    assert without == ["get /openapi.json"]


async def test_sockets_are_documented_with_their_messages(inside: Inside):
    document = (await inside.get("/openapi.json", key="-")).json()
    page = (await inside.get("/docs", key="-")).text

    def name(reference: dict[str, str]) -> Any:
        schema = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
        return schema["properties"]["type"]["enum"][0]

    assert document["x-sockets"].keys() == SOCKETS.keys()
    for path, socket in document["x-sockets"].items():
        assert {name(one) for one in socket["sends"]} == SOCKETS[path][1].keys()
        article = page.partition(f'id="socket{path.replace("/", "-")}"')[2].partition("</article>")
        for reference in socket["receives"] + socket["sends"]:
            assert f"<summary>{name(reference)}</summary>" in article[0]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "format": "uuid"}, "uuid"),
        ({"type": "integer"}, "whole number"),
        ({"type": "integer", "minimum": 1, "maximum": 1000}, "whole number, 1 to 1000"),
        ({"type": "number", "minimum": 0.5, "maximum": 1.5}, "number, 0.5 to 1.5"),
        ({"type": "number", "minimum": 0}, "number"),
        ({"type": "boolean"}, "true | false"),
        ({"type": "array", "items": {"type": "string"}}, "text, repeatable"),
        ({"enum": ["v1", "v2", 3]}, "v1 | v2 | 3"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true | false or null"),
        ({"oneOf": [{"type": "object"}, {"type": "array"}]}, "object or any"),
        ({}, "any"),
    ],
)
def test_a_schema_is_said_in_a_few_words(schema: dict[str, Any], words: str):
    assert documentation._type(schema) == words


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ({}, ""),
        ({"type": "string"}, "text"),
        ({"type": "array", "items": {"type": "number"}}, "[number, ...]"),
        ({"prefixItems": [{"type": "integer"}, {"type": "string"}]}, "[whole number, text]"),
        (
            {"properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}, "required": ["a"]},
            "{\n  a: text\n  b?: true | false\n}",
        ),
        (
            {"properties": {"a": {"properties": {"b": {"type": "null"}}}}},
            "{\n  a?: {\n    b?: null\n  }\n}",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text\nor\nnull"),
    ],
)
def test_a_shape_is_indented_text(schema: dict[str, Any], shape: str):
    assert documentation._shape(schema) == shape


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`a` and `b`", "<code>a</code> and <code>b</code>"),
        ("<b> & `<i>`", "&lt;b&gt; &amp; <code>&lt;i&gt;</code>"),
        ("one ` alone", "one ` alone"),
        ("", ""),
    ],
)
def test_words_of_ours_are_escaped_before_their_code_is_marked(text: str, html: str):
    assert documentation._with_code(text) == html


async def test_the_page_loads_and_runs_nothing(inside: Inside):
    response = await inside.get("/docs", key="-")
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", response.text)


async def test_every_operation_has_a_title_a_scope_and_its_parameters(inside: Inside):
    page = (await inside.get("/docs", key="-")).text
    document = (await inside.get("/openapi.json", key="-")).json()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            article = page.partition(f'id="{described["operationId"]}"')[2].partition("</article>")[
                0
            ]
            assert path in article, (method, path)
            assert escape(described["summary"]) in article
            for parameter in described["parameters"]:
                assert f"<code>{parameter['name']}</code>" in article, (path, parameter["name"])
