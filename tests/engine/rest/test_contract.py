"""The operations and parameters of the SDK and of docs/contract.md are those of the engine."""

from __future__ import annotations

import inspect
import re

import httpx
import pytest

from engine.wire.live_options import (
    FluxOptions,
    LiveFluxSpeakOptions,
    LiveListenOptions,
    LiveSpeakOptions,
)
from engine.wire.options import FluxSpeakOptions, ListenOptions, ReadOptions, SpeakOptions
from engine.wire.query import describe
from tests.contract import messages, sdk
from tests.contract.rest import OPERATIONS
from tests.engine.rest.conftest import Engine

# The engine's own, besides those of Deepgram's API.
OWN = {
    "GET /healthz",
    "GET /openapi.json",
    "GET /docs",
    "GET /v1/auth/token",
    "GET /v1/listen/progress/{}",
}
# Arguments of the SDK that are no query parameters.
ELSEWHERE = {"request", "text", "url", "authorization", "request_options"}


def test_every_operation_of_the_contract_is_documented(engine: Engine):
    document = httpx.get(f"{engine.url}/openapi.json").json()
    ours = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }

    def unnamed(operations: set[str]) -> set[str]:
        return {re.sub(r"{\w+}", "{}", operation) for operation in operations}

    assert unnamed(ours) - OWN == unnamed(set(OPERATIONS))


def message_name(document: dict, reference: dict) -> str:
    schema = document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
    (name,) = schema["properties"]["type"]["enum"]
    return name


def test_every_reference_of_the_document_leads_somewhere(engine: Engine):
    text = httpx.get(f"{engine.url}/openapi.json").text
    named = httpx.get(f"{engine.url}/openapi.json").json()["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert references
    assert references <= named.keys()


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("listen.v1.media.transcribe_url", ListenOptions),
        ("listen.v1.media.transcribe_file", ListenOptions),
        ("read.v1.text.analyze", ReadOptions),
        ("speak.v1.audio.generate", SpeakOptions),
        ("speak.v2.audio.generate", FluxSpeakOptions),
        ("listen.v1.connect", LiveListenOptions),
        ("listen.v2.connect", FluxOptions),
        ("speak.v1.connect", LiveSpeakOptions),
        ("speak.v2.connect", LiveFluxSpeakOptions),
    ],
)
def test_every_parameter_of_the_sdk_is_read(method: str, options: type):
    ours = {parameter["name"] for parameter in describe(options)}
    wanted = inspect.signature(sdk.method(method)).parameters.keys() - ELSEWHERE
    assert wanted - ours == set()


def test_the_documentation_names_every_operation_and_message(engine: Engine):
    document = httpx.get(f"{engine.url}/openapi.json").json()
    page = httpx.get(f"{engine.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in (*document["paths"], *document["x-sockets"]):
        assert path in page.text
    for path, (_, table) in messages.SOCKETS.items():
        socket = document["x-sockets"][path]
        sent = {message_name(document, reference) for reference in socket["sends"]}
        assert sent == table.keys()
        for name in sent | {message_name(document, one) for one in socket["receives"]}:
            assert f"<summary>{name}</summary>" in page.text
    assert not re.search(r"<(script|link|img)\b", page.text)  # nothing comes from elsewhere
