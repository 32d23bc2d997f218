"""Requests that only a strict engine rejects, and those that every engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.env import read_environment
from engine.exchange import ApiRequest, Body
from engine.inference import listen as transcription
from engine.inference import read as reading
from engine.inference import speak as speaking
from engine.inference.models import catalog
from engine.wire.errors import ApiError


@pytest.fixture(params=[True, False], ids=["strict", "lenient"])
def strict(request: pytest.FixtureRequest, settings: Any) -> Iterator[bool]:
    settings.ENVIRONMENT = read_environment({"ENGINE_STRICT": str(request.param)})
    catalog.cache_clear()
    yield request.param
    catalog.cache_clear()


def rejection(check: Callable[[ApiRequest], object], path: str, query: str) -> tuple[int, str]:
    text = b'{"text": "hello"}'
    body = Body(len(text), "", text)
    try:
        check(ApiRequest(path, query, content_type="application/json", body=body))
    except ApiError as rejection:
        return rejection.status, rejection.code
    return 200, ""


@pytest.mark.parametrize("query", ["model=no-such-model", "model=whisper-banana"])
def test_an_unknown_model_is_not_granted_where_the_engine_is_strict(strict: bool, query: str):
    expected = (403, "INSUFFICIENT_PERMISSIONS") if strict else (400, "Bad Request")
    assert rejection(transcription.check, "/v1/listen", query) == expected


@pytest.mark.parametrize("query", ["model=nova-3-medical&language=es", "language=xx"])
def test_an_impossible_language_is_a_400(strict: bool, query: str):
    assert rejection(transcription.check, "/v1/listen", query) == (400, "Bad Request")


def test_an_unknown_voice_is_not_granted_where_the_engine_is_strict(strict: bool):
    expected = (403, "INSUFFICIENT_PERMISSIONS") if strict else (400, "Bad Request")
    assert rejection(speaking.check, "/v1/speak", "model=no-such-voice") == expected


def test_read_needs_its_language_where_the_engine_is_strict(strict: bool):
    expected = (400, "INVALID_QUERY_PARAMETER") if strict else (200, "")
    assert rejection(reading.check, "/v1/read", "summarize=true") == expected
    assert rejection(reading.check, "/v1/read", "summarize=true&language=en") == (200, "")


def test_the_language_of_a_text_is_checked_first(strict: bool):
    assert rejection(reading.check, "/v1/read", "language=de") == (400, "Bad Request")
