import json
from typing import Any

import httpx
import pytest
from hypothesis import given

from speechclient import ReadOptions, SpeechError, UnreadableResponse, read_read_response
from tests.speechclient.test_listen import any_json

FLAT: dict[str, Any] = {
    "metadata": {"request_id": "r-1", "created": "2026-11-21T09:00:00.123Z", "language": "en"},
    "results": {
        "summary": {"text": "The demo moves to Friday."},
        "intents": {
            "segments": [
                {
                    "text": "move it",
                    "start_word": 2,
                    "end_word": 1,
                    "intents": [{"intent": "Reschedule", "confidence_score": 1.5}],
                }
            ]
        },
        "sentiments": {
            "segments": [
                {
                    "text": "that is great",
                    "start_word": 0,
                    "end_word": 2,
                    "sentiment": "positive",
                    "sentiment_score": 0.73,
                }
            ],
            "average": {"sentiment": "neutral", "sentiment_score": 0.02},
        },
    },
}
# The shape of the published specification: docs/contract.md, 6.
NESTED = {
    "metadata": {"metadata": FLAT["metadata"]},
    "results": {name: {"results": {name: block}} for name, block in FLAT["results"].items()},
}


@pytest.mark.parametrize("body", [FLAT, NESTED])
def test_insights_are_read_in_both_shapes(client, service, body):
    service.returns(httpx.Response(200, json=body))
    response = client.read("The demo...", ReadOptions(summarize=True, intents=True))
    insights = response.insights
    assert (response.request_id, response.language) == ("r-1", "en")
    assert insights.summary == "The demo moves to Friday."
    assert insights.topics == ()
    (intent,) = insights.intents
    assert (intent.start_word, intent.end_word) == (2, 2)
    assert (intent.labels[0].name, intent.labels[0].confidence) == ("Reschedule", 1.0)
    assert insights.sentiments[0].score == 0.73
    assert (insights.average_sentiment, insights.average_score) == ("neutral", 0.02)


def test_text_or_url_is_sent_with_the_language(client, service):
    service.returns(httpx.Response(200, json=FLAT))
    client.read("text", ReadOptions(topics=True))
    assert json.loads(service.request.content) == {"text": "text"}
    assert str(service.request.url) == "http://service.test/v1/read?language=en&topics=true"
    client.read_url("https://example.test/a.txt", ReadOptions(topics=True))
    assert json.loads(service.request.content) == {"url": "https://example.test/a.txt"}


def test_with_a_callback_the_insights_go_elsewhere():
    assert read_read_response(b'{"request_id": "r-2"}', callback=True).accepted


@pytest.mark.parametrize("raw", [b'{"request_id": "r-2"}', b'{"results": []}', b'{"results": 1}'])
def test_a_response_without_results_is_not_an_empty_one(raw):
    with pytest.raises(UnreadableResponse, match="results is"):
        read_read_response(raw)


@given(any_json)
def test_no_json_is_too_odd(value):
    for body in (value, {"results": value, "metadata": value}):
        try:
            response = read_read_response(json.dumps(body).encode())
        except SpeechError:
            continue
        assert response.insights.average_score is None or -1 <= response.insights.average_score <= 1
