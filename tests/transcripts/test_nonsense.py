"""Responses of a speech server are validated: text is kept, nonsense is an error."""

from typing import Any

import httpx
import pytest
from django.db.models.functions import Now

from tests.transcripts.conftest import transcript
from transcripts.models import Transcription
from transcripts.queue.leases import State
from transcripts.stages import jobs
from transcripts.stages.transcribing import transcribe

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

METADATA = {"request_id": "r-3", "duration": 4.0}


def body(*alternatives: dict, **results) -> dict:
    return {
        "metadata": METADATA,
        "results": {"channels": [{"alternatives": list(alternatives)}], **results},
    }


def attempts(queued: Transcription, count: int) -> None:
    for _ in range(count):
        Transcription.objects.filter(pk=queued.pk).update(not_before=Now())
        transcribe(queued.pk)
    queued.refresh_from_db()


@pytest.mark.parametrize(
    "words",
    [[], None, "none", ["good", "morning"], [{"text": "Good"}], [{"word": "", "start": 1}]],
    ids=str,
)
@pytest.mark.parametrize("utterances", [None, [], [{}], [{"transcript": "", "words": []}]], ids=str)
def test_text_without_words_is_kept(queued, service, words, utterances):
    service.returns(
        transcript(**body({"transcript": "Good morning.", "words": words}, utterances=utterances))
    )
    transcribe(queued.pk)
    utterance = queued.utterances.get()
    assert (utterance.text, utterance.start, utterance.end) == ("Good morning.", 0.0, 4.0)


@pytest.mark.parametrize(
    ("response", "named"),
    [
        (b"<html>It works!</html>", "not a transcript"),
        (b"", "not a transcript"),
        (b"[" * 100_000, "not a transcript"),
        (b'{"results": {"channels": 5}}', "results.channels is not a list of channels"),
        (b'{"transcript": "Good morning."}', "results is missing"),
        (b'{"results": {"channels": [{"alternatives": []}]}}', "alternatives is not a list"),
    ],
    ids=["HTML", "nothing", "depth", "channels", "flat", "alternatives"],
)
def test_nonsense_is_a_failure_that_names_it_and_is_not_bought_twelve_times(
    recording, queued, service, response, named
):
    service.returns(httpx.Response(200, content=response, headers={"dg-request-id": "r-7"}))
    attempts(queued, 12)
    recording.refresh_from_db()
    assert (recording.state, queued.state) == (State.FAILED, State.FAILED)
    assert named in queued.error
    assert queued.request_id == "r-7"
    assert len(service.requests) == jobs.MAX_UNREADABLE == 2


def test_nonsense_that_was_paid_for_is_kept_for_a_person(queued, service):
    service.returns(httpx.Response(200, content=b'{"results": {"channels": 5}}'))
    attempts(queued, 2)
    path = jobs.response_path(queued)
    assert path.with_name(f"{path.name}.unreadable").read_bytes().startswith(b'{"results"')
    assert not path.exists()


def test_twenty_thousand_speakers_cost_no_text(queued, service):
    words: list[dict[str, Any]] = [
        {"word": f"w{n}", "start": n / 10, "end": n / 10 + 0.1, "confidence": 1, "speaker": n}
        for n in range(20_000)
    ]
    text = " ".join(word["word"] for word in words)
    service.returns(
        transcript(
            metadata={"request_id": "r-3", "duration": 2_000.0},
            results={"channels": [{"alternatives": [{"transcript": text, "words": words}]}]},
        )
    )
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.speakers) == (State.DONE, 0)
    stored = " ".join(queued.utterances.order_by("index").values_list("text", flat=True))
    assert stored == text


@pytest.mark.parametrize(
    "retry_after", ["99999999999", "Fri, 31 Dec 99999999999 23:59:59 GMT", "1e400", "-1", "soon"]
)
def test_odd_retry_after_neither_breaks_nor_stops_the_queue(queued, service, retry_after):
    headers = {"retry-after": retry_after}
    service.returns(httpx.Response(429, json={"err_msg": "No."}, headers=headers), transcript())
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.QUEUED
    pause = queued.connection.retry_at - Transcription.objects.get(pk=queued.pk).started_at
    assert pause.total_seconds() < 1_000
