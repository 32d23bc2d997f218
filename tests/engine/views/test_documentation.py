"""The documentation, in process: every operation, shape and message is declared and shown."""

from __future__ import annotations

import re
from typing import Any

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
