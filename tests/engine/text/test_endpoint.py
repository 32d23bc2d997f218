"""Text intelligence of an endpoint: its request, and its response checked like any input."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from engine.text.endpoint import (
    LARGEST_RESPONSE_BYTES,
    LONGEST_CHARACTERS,
    LONGEST_LABEL,
    Analysis,
    AnalysisResult,
    Endpoint,
    EndpointFailed,
    instructions,
    read_result,
)
from engine.text.intelligence import Intelligence, words_of
from engine.text.paragraphs import Sentence, sentences
from tests.engine.text.chat import endpoint_with

TEXT = "The parcel is late. I want a refund. Thank you."
SENTENCES = sentences(words_of(TEXT))
LONG = " ".join(f"Sentence {number} is about the parcel." for number in range(20))


def read(data: Any, **features: Any) -> AnalysisResult:
    return read_result(json.dumps(data), SENTENCES, Analysis(**features))


def segment(first: Any, last: Any, *labels: tuple[Any, Any]) -> dict[str, Any]:
    return {
        "first": first,
        "last": last,
        "labels": [{"label": name, "confidence": confidence} for name, confidence in labels],
    }


@pytest.mark.parametrize(
    ("feature", "key"),
    [
        ("summarize", '"summary"'),
        ("topics", '"topics"'),
        ("intents", '"intents"'),
        ("sentiment", '"sentiments"'),
    ],
)
def test_only_requested_features_are_in_the_instructions(feature: str, key: str):
    features: dict[str, Any] = {feature: True}
    message = instructions(Analysis(**features))
    keys = {'"summary"', '"topics"', '"intents"', '"sentiments"'}
    assert {each for each in keys if each in message} == {key}


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [("strict", "only labels of this list"), ("extended", "preferably of this list")],
)
def test_labels_of_the_caller_are_listed_literally(mode: Any, sentence: str):
    custom = ['Late "parcel"', "Refund"]
    message = instructions(Analysis(topics=True, custom_topics=custom, custom_topic_mode=mode))
    assert f"{sentence}, literally: {json.dumps(custom)}" in message


def test_the_transcript_is_sent_as_numbered_data_with_the_key():
    endpoint, requests = endpoint_with({"summary": "A late parcel."})
    result = endpoint.analyse(SENTENCES, Analysis(summarize=True))
    assert result.summary == "A late parcel."
    (request,) = requests
    assert (request["model"], request["temperature"]) == ("big-model", 0)
    assert request["headers"]["authorization"] == "Bearer secret"
    assert request["messages"][1] == {
        "role": "user",
        "content": "[0] The parcel is late.\n[1] I want a refund.\n[2] Thank you.",
    }


def test_no_key_sends_no_authorization():
    seen: list[httpx.Headers] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        content = json.dumps({"summary": "Short."})
        return httpx.Response(200, json={"choices": [{"message": {"content": content}}]})

    endpoint = Endpoint("http://model.test/v1/", "m", transport=httpx.MockTransport(respond))
    endpoint.analyse(SENTENCES, Analysis(summarize=True))
    assert "authorization" not in seen[0]


def test_a_text_that_is_too_long_is_not_sent():
    endpoint, requests = endpoint_with({"summary": "x"})
    text = "a" * (LONGEST_CHARACTERS + 1)
    with pytest.raises(EndpointFailed, match="the text has 200005 characters, over 200000"):
        endpoint.analyse([Sentence(text, 0.0, 1.0, 0, 0)], Analysis(summarize=True))
    assert requests == []


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (503, "HTTPStatusError: .*503"),
        ("no JSON", "the response is no JSON"),
        ([], "the response is no JSON object"),
        ({}, "the response has no summary"),
        ("x" * LARGEST_RESPONSE_BYTES, "the response is too large"),
    ],
)
def test_an_unusable_response_is_requested_twice_and_named(response: object, problem: str):
    endpoint, requests = endpoint_with(response)
    with pytest.raises(EndpointFailed, match=problem):
        endpoint.analyse(SENTENCES, Analysis(summarize=True))
    assert len(requests) == 2


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"choices": []}', '{"choices": [{}]}', "null"])
def test_a_body_without_a_completion_is_named(body: str):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    endpoint = Endpoint("http://model.test/v1", "m", transport=transport)
    with pytest.raises(EndpointFailed, match="the response is no chat completion"):
        endpoint.analyse(SENTENCES, Analysis(summarize=True))


def test_an_endpoint_that_cannot_be_reached_is_named():
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    endpoint = Endpoint("http://model.test/v1", "m", transport=httpx.MockTransport(fail))
    with pytest.raises(EndpointFailed, match="ConnectError: connection refused"):
        endpoint.analyse(SENTENCES, Analysis(summarize=True))


@pytest.mark.parametrize(
    ("data", "features", "problem"),
    [
        ({"summary": " "}, {"summarize": True}, "no summary"),
        ({"summary": 7}, {"summarize": True}, "no summary"),
        ({}, {"topics": True}, "no list of topics"),
        ({"intents": {}}, {"intents": True}, "no list of intents"),
        ({"topics": [segment("a", 1)]}, {"topics": True}, "an entry of topics is not as asked"),
        ({"topics": [{"first": 0}]}, {"topics": True}, "an entry of topics is not as asked"),
        ({"topics": [segment(0, 0, ("x", "?"))]}, {"topics": True}, "is not as asked"),
        ({"topics": [segment(0, 3)]}, {"topics": True}, "names sentences that are not there"),
        ({"topics": [segment(-1, 0)]}, {"topics": True}, "names sentences that are not there"),
        ({"topics": [segment(2, 1)]}, {"topics": True}, "names sentences that are not there"),
        ({"sentiments": [0.5]}, {"sentiment": True}, "one sentiment for each sentence"),
        ({"sentiments": [0, 0, "good"]}, {"sentiment": True}, "a sentiment is no number"),
    ],
)
def test_a_result_that_does_not_fit_is_rejected(data: Any, features: Any, problem: str):
    with pytest.raises(EndpointFailed, match=problem):
        read(data, **features)


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", " {} "])
def test_a_fence_around_the_json_is_removed(fence: str):
    assert read_result(fence, SENTENCES, Analysis()) == AnalysisResult(None, None, None, None)


def test_features_that_were_not_requested_are_ignored():
    data = {"summary": "x", "topics": "wrong", "sentiments": []}
    assert read(data, summarize=True) == AnalysisResult("x", None, None, None)


def test_spans_lead_back_to_the_words_by_place():
    data = {"topics": [segment(1, 2, ("Refund", 0.9)), segment(0, 0, ("Delivery", 0.8))]}
    topics = read(data, topics=True).topics
    assert topics is not None
    assert [(one.text, one.start_word, one.end_word) for one in topics] == [
        ("The parcel is late.", 0, 3),
        ("I want a refund. Thank you.", 4, 9),
    ]


@pytest.mark.parametrize(
    ("confidence", "kept"), [(2, 1.0), (-1, 0.0), (0.123456, 0.1235), ("0.5", 0.5)]
)
def test_confidences_are_brought_into_range(confidence: Any, kept: float):
    topics = read({"topics": [segment(0, 0, ("A", confidence))]}, topics=True).topics
    assert topics is not None
    assert topics[0].labels[0].confidence_score == kept


def test_scores_are_brought_into_range():
    assert read({"sentiments": [3, -3, 0.25]}, sentiment=True).scores == [1.0, -1.0, 0.25]


def test_empty_and_long_labels_are_not_kept_whole():
    labels = [(" ", 1), ("x" * (LONGEST_LABEL + 1), 1)]
    topics = read({"topics": [segment(0, 0, *labels), segment(1, 1, (" ", 1))]}, topics=True).topics
    assert topics is not None
    assert [[label.name for label in one.labels] for one in topics] == [["x" * LONGEST_LABEL]]


@pytest.mark.parametrize("kind", ["topic", "intent"])
@pytest.mark.parametrize(("mode", "names"), [("strict", ["Refund"]), ("extended", ["Refund", "X"])])
def test_strict_mode_keeps_the_labels_of_the_caller_alone(kind: str, mode: str, names: list[str]):
    data = {f"{kind}s": [segment(0, 0, ("Refund", 1), ("X", 1))]}
    features = {f"{kind}s": True, f"custom_{kind}s": ["Refund"], f"custom_{kind}_mode": mode}
    (found,) = getattr(read(data, **features), f"{kind}s")
    assert [label.name for label in found.labels] == names


def test_endpoint_is_preferred_and_named():
    endpoint, requests = endpoint_with({"summary": "Parcels.", "sentiments": [0.5] * 20})
    insights = Intelligence(endpoint).analyse(
        words_of(LONG), Analysis(summarize=True, sentiment=True)
    )
    assert (insights.backend, insights.summary) == ("big-model", "Parcels.")
    assert insights.sentiments is not None
    assert [one.sentiment for one in insights.sentiments] == ["positive"]
    assert insights.tokens["summary"] == (140, 2)
    assert len(requests) == 1


def test_a_short_text_is_its_own_summary_without_a_request():
    endpoint, requests = endpoint_with(500)
    insights = Intelligence(endpoint).analyse(words_of(TEXT), Analysis(summarize=True))
    assert (insights.summary, requests) == (TEXT, [])


def test_of_a_short_text_only_the_rest_is_requested():
    endpoint, requests = endpoint_with({"sentiments": [0, 0, 0]})
    analysis = Analysis(summarize=True, sentiment=True)
    insights = Intelligence(endpoint).analyse(words_of(TEXT), analysis)
    assert insights.summary == TEXT
    assert '"summary"' not in requests[0]["messages"][0]["content"]


def test_an_empty_text_has_empty_insights_without_a_request():
    endpoint, requests = endpoint_with(500)
    analysis = Analysis(summarize=True, topics=True, intents=True, sentiment=True)
    insights = Intelligence(endpoint).analyse([], analysis)
    assert (insights.summary, insights.topics, insights.intents) == ("", [], [])
    assert (insights.sentiments, insights.backend, requests) == ([], "local", [])


def test_the_second_response_counts():
    endpoint, requests = endpoint_with("oops", {"summary": "Good."})
    insights = Intelligence(endpoint).analyse(words_of(LONG), Analysis(summarize=True))
    assert (insights.backend, insights.summary, len(requests)) == ("big-model", "Good.", 2)


@pytest.mark.parametrize("depth", [101, 990, 200_000])
def test_a_response_of_any_depth_is_requested_again(depth: int):
    endpoint, requests = endpoint_with('{"summary": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(EndpointFailed):
        endpoint.analyse(SENTENCES, Analysis(summarize=True))
    assert len(requests) == 2


def test_a_completion_of_any_depth_is_no_completion():
    deep = httpx.MockTransport(lambda _: httpx.Response(200, text="[" * 200_000 + "]" * 200_000))
    endpoint = Endpoint("http://model.test/v1", "big-model", transport=deep)
    with pytest.raises(EndpointFailed):
        endpoint.analyse(SENTENCES, Analysis(summarize=True))
