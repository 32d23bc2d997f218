"""``POST /v1/read`` in process, with an endpoint that needs no model."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.inference import analysis
from engine.models import Request
from engine.text.intelligence import Intelligence
from engine.weights.errors import MissingWeights
from tests.engine.inprocess import Inside, error
from tests.engine.text.chat import endpoint_with

TEXT = "The parcel is late. I want a refund. Thank you."
LABELS = [{"first": 1, "last": 1, "labels": [{"label": "Request a refund", "confidence": 0.9}]}]


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests to an endpoint that finds the same in every text of three sentences."""
    endpoint, requests = endpoint_with(
        {"topics": LABELS, "intents": LABELS, "sentiments": [-0.5, 0.0, 0.5]}
    )
    intelligence = Intelligence(endpoint)
    monkeypatch.setattr(analysis, "intelligence", lambda: intelligence)
    return requests


async def analyse(inside: Inside, query: str, **facts: Any) -> httpx.Response:
    return await inside.post(f"/v1/read?{query}", **(facts or {"json": {"text": TEXT}}))


async def test_each_feature_has_its_block(inside: Inside, chat: list[dict[str, Any]]):
    query = "summarize=true&topics=true&intents=true&sentiment=true&language=en"
    body = (await analyse(inside, query)).json()
    results = body["results"]
    assert results["summary"] == {"text": TEXT}
    assert results["topics"]["segments"][0]["text"] == "I want a refund."
    intent = results["intents"]["segments"][0]["intents"][0]
    assert intent == {"intent": "Request a refund", "confidence_score": 0.9}
    assert [one["sentiment"] for one in results["sentiments"]["segments"]] == [
        "negative",
        "neutral",
        "positive",
    ]
    infos = {"summary_info", "topics_info", "intents_info", "sentiment_info"}
    assert infos <= body["metadata"].keys()
    assert body["metadata"]["topics_info"]["model"] == "big-model"


async def test_a_feature_that_was_not_requested_has_no_block(
    inside: Inside, chat: list[dict[str, Any]]
):
    body = (await analyse(inside, "sentiment=true")).json()
    assert body["results"].keys() == {"sentiments"}
    assert "topics_info" not in body["metadata"]


async def test_the_tokens_are_recorded(inside: Inside, chat: list[dict[str, Any]]):
    info = (await analyse(inside, "intents=true")).json()["metadata"]["intents_info"]
    row = await Request.objects.aget()
    assert row.code == 200
    assert info["input_tokens"] == 13  # ten words and three full stops
    assert row.details["features"] == ["intents"]


async def test_labels_of_the_caller_reach_the_endpoint(inside: Inside, chat: list[dict[str, Any]]):
    query = "topics=true&custom_topic=Late+parcels&custom_topic_mode=strict"
    body = (await analyse(inside, query)).json()
    assert '["Late parcels"]' in chat[0]["messages"][0]["content"]
    assert body["results"]["topics"] == {"segments": []}


async def test_missing_models_are_a_failure_of_the_engine(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    def missing() -> Intelligence:
        raise MissingWeights("no model is installed")

    monkeypatch.setattr(analysis, "intelligence", missing)
    assert error(await analyse(inside, "topics=true")) == (503, "Service Unavailable")


@pytest.mark.slow
async def test_a_text_of_too_many_tokens_is_rejected(inside: Inside, chat: list[dict[str, Any]]):
    response = await analyse(inside, "topics=true", json={"text": "word " * 150_001})
    assert error(response) == (400, "TOKEN_LIMIT_EXCEEDED")
    assert "150,000" in response.json()["err_msg"]
    assert chat == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "INVALID_QUERY_PARAMETER"),
        ("language=en", "INVALID_QUERY_PARAMETER"),
        ("topics=perhaps", "INVALID_QUERY_PARAMETER"),
        ("topics=true&language=es", "Bad Request"),
        ("topics=true&custom_topic_mode=loose", "INVALID_QUERY_PARAMETER"),
    ],
)
async def test_options_that_cannot_be_are_rejected(
    inside: Inside, chat: list[dict[str, Any]], query: str, code: str
):
    assert error(await analyse(inside, query)) == (400, code)
    assert chat == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "exactly one of `text` or `url`"),
        (b"{", "exactly one of `text` or `url`"),
        (b"[]", "exactly one of `text` or `url`"),
        (b"{}", "exactly one of `text` or `url`"),
        (b'{"text": "a", "url": "http://example.com"}', "exactly one of `text` or `url`"),
        (b'{"text": 5}', "exactly one of `text` or `url`"),
        (b'{"url": ["http://example.com"]}', "exactly one of `text` or `url`"),
        (b'{"url": "example.com"}', "Failed to parse URL in JSON body."),
        (b'{"url": "ftp://example.com/a"}', "Failed to parse URL in JSON body."),
        (b'{"text": ""}', "Input text contains no characters."),
        (b'{"text": " \\n\\t"}', "Input text contains no characters."),
        (b'{"text": "\xff"}', "Failed to decode payload as UTF-8."),
    ],
)
async def test_a_body_names_one_text(
    inside: Inside, chat: list[dict[str, Any]], body: bytes, message: str
):
    headers = {"content-type": "application/json"}
    response = await analyse(inside, "topics=true", content=body, headers=headers)
    assert error(response) == (400, "PAYLOAD_ERROR")
    assert message in response.json()["err_msg"]


@pytest.mark.parametrize("kind", ["text/plain", "audio/wav", "application/xml"])
async def test_another_content_type_is_rejected(inside: Inside, kind: str):
    response = await analyse(
        inside, "topics=true", content=b"Hello.", headers={"content-type": kind}
    )
    assert error(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert kind in response.json()["err_msg"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1/a", "The host 127.0.0.1 is not publicly routable."),
        ("http://10.1.2.3/a", "The host 10.1.2.3 is not publicly routable."),
        ("http://169.254.169.254/latest", "The host 169.254.169.254 is not publicly routable."),
        ("http://[::1]/a", "The host ::1 is not publicly routable."),
        ("http://[fd00::1]/a", "The host fd00::1 is not publicly routable."),
        ("http://", "Only http and https URLs can be used."),
    ],
)
async def test_a_text_inside_the_network_is_not_fetched(inside: Inside, url: str, message: str):
    response = await analyse(inside, "topics=true", json={"url": url})
    assert error(response) == (400, "REMOTE_CONTENT_ERROR")
    assert response.json()["err_msg"] == message
