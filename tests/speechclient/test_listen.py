import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import (
    ListenResponse,
    SpeechError,
    UnreadableResponse,
    Word,
    read_listen_response,
)
from speechclient import words as words_module
from speechclient.listen import Warning
from tests.speechclient.responses import REQUEST_ID, listen_body, word

# Any JSON, also what Python's own writer would make of NaN and lone surrogates, but with the
# names of docs/contract.md often enough to get into every branch.
NAMES = """
metadata results channels alternatives words word start end confidence speaker paragraphs sentences
utterances duration request_id model_info warnings summary topics segments search hits languages
transcript results entities tags extra created text detected_language
""".split()
any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=30,
)


def read(*words, **more) -> ListenResponse:
    return read_listen_response(json.dumps(listen_body(*words, **more)).encode())


def words_of(response: ListenResponse) -> tuple[Word, ...]:
    return response.channels[0].alternatives[0].words


def test_a_whole_answer_is_read():
    body = listen_body(
        word("good", 0.08, 0.4, punctuated_word="Good", speaker=0, speaker_confidence=0.7),
        word("morning", 0.4, 0.82, punctuated_word="morning.", language="en"),
        tags=["demo"],
        extra={"order": "1"},
        warnings=[{"parameter": "measurements", "type": "unsupported", "message": "Ignored."}],
        results={
            "utterances": [
                {
                    "id": "u-1",
                    "start": 0.08,
                    "end": 0.82,
                    "confidence": 0.9,
                    "channel": 0,
                    "transcript": "Good morning.",
                    "words": [word("good", 0.08, 0.4)],
                    "speaker": 0,
                }
            ],
            "summary": {"result": "success", "short": "A greeting."},
        },
    )
    alternative = body["results"]["channels"][0]["alternatives"][0]
    body["results"]["channels"][0]["detected_language"] = "en"
    body["results"]["channels"][0]["language_confidence"] = 0.95
    body["results"]["channels"][0]["search"] = [
        {"query": "good", "hits": [{"confidence": 1, "start": 0.1, "end": 0.4, "snippet": "good"}]}
    ]
    alternative["paragraphs"] = {
        "transcript": "\nGood morning.",
        "paragraphs": [
            {
                "sentences": [{"text": "Good morning.", "start": 0.08, "end": 0.82}],
                "start": 0.08,
                "end": 0.82,
                "num_words": 2,
                "speaker": 0,
            }
        ],
    }
    alternative["entities"] = [
        {
            "label": "TIME",
            "value": "morning",
            "raw_value": "morning",
            "start_word": 1,
            "end_word": 2,
        }
    ]
    raw = json.dumps(body).encode()

    response = read_listen_response(raw)

    assert response.raw == raw
    assert response.request_id == REQUEST_ID
    assert response.created == datetime(2026, 11, 21, 9, 0, 0, 123_000, tzinfo=UTC)
    assert (response.duration, response.sha256) == (4.16, "9c" * 32)
    assert response.model_names == ("general-nova-3",)
    assert (response.tags, response.extra) == (("demo",), {"order": "1"})
    assert response.warnings == (Warning("measurements", "unsupported", "Ignored."),)
    assert words_of(response) == (
        Word("good", 0.08, 0.4, 0.99, "Good", speaker=0, speaker_confidence=0.7),
        Word("morning", 0.4, 0.82, 0.99, "morning.", language="en"),
    )
    assert response.transcript == "good morning"
    assert response.detected_language == "en"
    assert response.paragraphs[0].sentences[0].text == "Good morning."
    assert response.utterances[0].words[0].punctuated_word == "good"
    assert response.channels[0].alternatives[0].entities[0].end_word == 2
    assert response.channels[0].search[0].hits[0].snippet == "good"
    assert response.insights.summary == "A greeting."


def test_topics_are_read_flat_and_as_published():
    flat = {
        "segments": [
            {
                "text": "we moved",
                "start_word": 4,
                "end_word": 7,
                "topics": [{"topic": "Scheduling", "confidence_score": 0.81}],
            }
        ]
    }
    nested = {"results": {"topics": flat}}
    found = [read(results={"topics": topics}).insights.topics for topics in (flat, nested)]
    assert found[0] == found[1]
    (label,) = found[0][0].labels
    assert (label.name, label.confidence) == ("Scheduling", 0.81)


def test_silence_is_a_transcript_without_words():
    response = read()
    assert (response.transcript, words_of(response)) == ("", ())


def test_text_beside_members_of_the_wrong_shape_is_kept_with_a_warning():
    response = read_listen_response(
        b'{"results": {"channels": [{}, 5], "utterances": [{"transcript": "Hello."}]}}'
    )
    assert [channel.alternatives[0].transcript for channel in response.channels] == [""]
    assert response.utterances[0].transcript == "Hello."
    warning = response.warnings[-1]
    assert warning.type == "unexpected_shape"
    assert "results.channels[0].alternatives is not a list of alternatives" in warning.message


def test_more_speakers_than_can_be_are_left_out_and_the_text_is_kept():
    response = read(*(word(speaker=number) for number in range(words_module.MAX_SPEAKER)))
    assert {each.speaker for each in words_of(response)} == {None}
    assert len(words_of(response)) == words_module.MAX_SPEAKER
    assert response.warnings[-1].message == "The response has 10,000 speakers; they were left out."


def test_as_many_speakers_as_a_meeting_has_are_kept():
    response = read(*(word(speaker=number) for number in range(60)))
    assert [each.speaker for each in words_of(response)] == list(range(60))
    assert response.warnings == ()


def test_times_are_brought_into_the_recording_and_it_is_logged(caplog):
    with caplog.at_level(logging.WARNING, "speechclient.listen"):
        response = read(
            word(start=-1, end=0.5), word(start=3, end=2), word(start=1, end=99), duration=4.0
        )
    assert [(w.start, w.end) for w in words_of(response)] == [(0.0, 0.5), (3.0, 3.0), (1.0, 4.0)]
    assert "3 times or words of the response were outside its 4.000 s" in caplog.text
    assert REQUEST_ID in caplog.text


def test_times_within_the_recording_are_not_touched(caplog):
    response = read(word(start=0.1, end=0.2), duration=0.2)
    assert (words_of(response)[0].start, words_of(response)[0].end) == (0.1, 0.2)
    assert caplog.text == ""


def test_numbers_that_are_none_become_defaults():
    raw = b"""{"metadata": {"duration": Infinity}, "results": {"channels": [{"alternatives": [
        {"confidence": NaN, "transcript": 5, "words": [
            {"word": "a", "start": NaN, "end": 1e999, "confidence": -Infinity, "speaker": -2},
            {"word": null, "start": "1", "end": true, "confidence": 7, "speaker": 1.5},
            "b"]}]}]}}"""
    response = read_listen_response(raw)
    assert response.duration == 0.0
    assert words_of(response) == (
        Word("a", 0.0, 0.0, 0.0, "a"),
        Word("", 0.0, 0.0, 1.0, ""),
    )


def test_text_that_no_database_stores_is_cleaned():
    text = rb'"a\u0000b\ud800c \ud83d\ude00"'
    raw = b'{"results": {"channels": [{"alternatives": [{"transcript": %b}]}]}}'
    assert read_listen_response(raw % text).transcript == "abc \U0001f600"


def test_bytes_that_are_not_utf8_do_not_lose_the_transcript():
    raw = b'\xef\xbb\xbf{"results": {"channels": [{"alternatives": [{"transcript": "caf\xe9"}]}]}}'
    assert read_listen_response(raw).transcript == "caf\ufffd"


def test_of_duplicate_keys_the_last_one_counts():
    channel = b'{"alternatives": [{"transcript": ""}]}'
    raw = b'{"results": 1, "results": {"channels": [], "channels": [' + channel + b"]}}"
    assert len(read_listen_response(raw).channels) == 1


def test_a_word_of_a_megabyte_is_cut():
    assert len(words_of(read(word("a" * 1_000_000)))[0].word) == words_module.MAX_WORD_LENGTH


def test_words_beyond_the_limit_are_left_out_over_all_channels(caplog):
    body = listen_body(word(), word())
    body["results"]["channels"] *= 3
    response = read_listen_response(json.dumps(body).encode(), max_words=3)
    assert [len(c.alternatives[0].words) for c in response.channels] == [2, 1, 0]
    assert "were clamped or cut" in caplog.text


def test_a_request_with_a_callback_is_only_accepted():
    response = read_listen_response(b'{"request_id": "r-1"}', callback=True)
    assert (response.accepted, response.request_id, response.channels) == (True, "r-1", ())


def test_the_header_gives_the_request_id_when_the_body_has_none():
    body = b'{"results": {"channels": [{"alternatives": [{"transcript": ""}]}]}}'
    assert read_listen_response(body, request_id="r-2").request_id == "r-2"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>welcome</html>",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"request_id": "r-1"}',
        b'{"results": null}',
        b'{"results": {"utterances": []}}',
        b'{"results": ' + b"[" * 100_000,
        b'{"results": ' + b"9" * 5_000 + b"}",
        b'{"results": {"channels": [',
        b'{"results": {"channels": []}}',
        b'{"results": {"channels": "none"}}',
        b'{"results": {"channels": ["text"]}}',
        b'{"results": {"channels": [{}]}}',
        b'{"results": {"channels": [{"alternatives": {"transcript": ""}}]}}',
        b'{"results": {"channels": [{"alternatives": [{"words": "none"}]}]}}',
        b'{"results": [{"alternatives": [{"transcript": ""}]}]}',
    ],
)
def test_a_response_that_is_no_transcript_is_not_an_empty_one(raw):
    with pytest.raises(UnreadableResponse, match="the server's response") as caught:
        read_listen_response(raw)
    assert caught.value.body == raw


@pytest.mark.parametrize(
    ("raw", "member"),
    [
        (b'{"results": {"channels": 5}}', "results.channels is not a list"),
        (b'{"results": {"channels": [{}]}}', "results.channels[0].alternatives is not a list"),
        (
            b'{"results": {"channels": [{"alternatives": [{}]}]}}',
            "results.channels[0].alternatives[0].transcript is not text",
        ),
    ],
)
def test_the_member_of_the_wrong_shape_is_named(raw, member):
    with pytest.raises(UnreadableResponse) as caught:
        read_listen_response(raw)
    assert member in str(caught.value)


@given(any_json)
@pytest.mark.slow
def test_no_json_is_too_odd(value):
    try:
        response = read_listen_response(json.dumps(value).encode())
    except SpeechError:
        return
    check_sane(response)


@given(st.lists(any_json, max_size=5), any_json, any_json)
def test_no_result_is_too_odd(alternatives, duration, utterances):
    body = {
        "metadata": {"duration": duration, "model_info": duration, "warnings": utterances},
        "results": {"channels": [{"alternatives": alternatives}], "utterances": utterances},
    }
    try:
        check_sane(read_listen_response(json.dumps(body).encode()))
    except UnreadableResponse:
        return  # no text in it


@given(st.binary())
def test_no_bytes_are_too_odd(raw):
    with pytest.raises(SpeechError):
        read_listen_response(raw)


def check_sane(response: ListenResponse) -> None:
    end = response.duration or words_module.MAX_DURATION_SECONDS
    words = [w for c in response.channels for a in c.alternatives for w in a.words]
    words += [w for utterance in response.utterances for w in utterance.words]
    timed: list[Any] = [*words, *response.utterances, *response.paragraphs]
    for item in timed:
        assert 0 <= item.start <= item.end <= end
    for item in words:
        assert 0 <= item.confidence <= 1
        assert "\0" not in item.word
        item.word.encode()
    response.transcript.encode()
