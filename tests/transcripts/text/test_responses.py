"""Stored utterances of a response: every word once, in pieces of readable length."""

import json

import httpx

from speechclient import read_listen_response
from tests.transcripts.conftest import transcript
from transcripts.text.responses import LONGEST_WORDS, stretches


def stored(response) -> list[dict]:
    return list(stretches(read_listen_response(response.content)))


def test_utterance_is_stored_as_it_came():
    (one,) = stored(transcript("Good morning everyone."))
    assert (one["text"], one["start"], one["end"]) == ("Good morning everyone.", 0.0, 1.4)
    assert one["words"][2] == ["everyone.", 1.0, 1.4, 0.9]


def test_long_one_is_cut_at_the_ends_of_sentences():
    text = "This is a sentence of seven words. " * 100
    parts = stored(transcript(text.strip()))
    assert len(parts) > 10
    assert all(len(part["words"]) <= LONGEST_WORDS for part in parts)
    assert all(part["text"].endswith("words.") for part in parts)
    assert " ".join(part["text"] for part in parts) == text.strip()
    assert all(part["start"] == part["words"][0][1] for part in parts)
    assert [part["start"] for part in parts] == sorted(part["start"] for part in parts)


def test_long_one_without_sentences_is_cut_all_the_same():
    parts = stored(transcript(" ".join(["on"] * 1000)))
    assert sum(len(part["words"]) for part in parts) == 1000
    assert all(len(part["words"]) <= LONGEST_WORDS for part in parts)


def test_cut_text_keeps_what_stands_between_words():
    text = "今天我们讨论。" * 40
    body = json.loads(transcript(" ".join(text)).content)
    body["results"]["utterances"][0]["transcript"] = text
    parts = stored(httpx.Response(200, json=body))
    assert len(parts) > 3
    assert "".join(part["text"] for part in parts) == text


def test_words_without_utterances_are_joined_as_their_script_is():
    body = json.loads(transcript("今天 我们 用 iPhone 讨论。").content)
    del body["results"]["utterances"]
    (part,) = stored(httpx.Response(200, json=body))
    assert part["text"] == "今天我们用iPhone讨论。"


def test_text_without_words_is_kept_in_bounded_pieces():
    utterance = {"start": 0.0, "end": 1.0, "transcript": "x" * 50_000}
    parts = stored(transcript(results={"channels": [{}], "utterances": [utterance]}))
    assert [len(part["text"]) for part in parts] == [20_000, 20_000, 10_000]
