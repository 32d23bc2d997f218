"""Operations and parameters of the engine's documentation are those that Deepgram published."""

from __future__ import annotations

import re

import httpx
import pytest

from engine.wire.options import FluxSpeakOptions, ListenOptions, ReadOptions, SpeakOptions, describe
from tests.contract.published import published_operations, published_parameters
from tests.engine.rest.conftest import Engine

# The engine's own, beside what is published.
OWN = {
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/v1/auth/token"),
    ("GET", "/v1/listen/progress/{name}"),
}


def test_everything_published_is_answered(engine: Engine):
    document = httpx.get(f"{engine.url}/openapi.json").json()
    ours = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }

    def unnamed(calls: set[tuple[str, str]]) -> set[tuple[str, str]]:
        return {(method, re.sub(r"{\w+}", "{}", path)) for method, path in calls}

    assert unnamed(ours - OWN) == unnamed(published_operations())


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/v1/listen", ListenOptions),
        ("/v1/read", ReadOptions),
        ("/v1/speak", SpeakOptions),
        ("/v2/speak", FluxSpeakOptions),
    ],
)
def test_every_published_parameter_is_read(path, options):
    ours = {parameter["name"] for parameter in describe(options)}
    assert published_parameters("POST", path) - ours == set()


def test_the_documentation_names_every_call(engine: Engine):
    document = httpx.get(f"{engine.url}/openapi.json").json()
    page = httpx.get(f"{engine.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in document["paths"]:
        assert path in page.text
    assert not re.search(r"<(script|link|img)\b", page.text)  # nothing comes from elsewhere
