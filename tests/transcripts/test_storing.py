"""A long transcript is stored in short transactions: others write in between."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from speechclient import read_listen_response
from tests.transcripts.conftest import transcript
from tests.transcripts.stages.test_jobs import abandon
from transcripts import models
from transcripts.models import Transcription, Utterance
from transcripts.queue.leases import State
from transcripts.search import search_everything
from transcripts.stages import jobs
from transcripts.stages.sweeps import sweep

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 40


@pytest.fixture(autouse=True)
def short_batches(monkeypatch):
    """Batches of ten utterances instead of thousands."""
    monkeypatch.setattr(models, "AT_ONCE", 10)
    monkeypatch.setattr(models, "BATCH", 5)


def long_response(word: str = "harbour"):
    utterances = [
        {
            "start": float(number), "end": number + 0.5, "confidence": 0.9, "channel": 0,
            "transcript": f"{word} number{number}",
            "words": [{"word": f"{word}", "start": number, "end": number + 0.5}],
        }
        for number in range(COUNT)
    ]  # fmt: skip
    channels = [{"alternatives": [{"transcript": "x", "words": []}]}]
    body = transcript(
        metadata={"request_id": "r-3", "duration": COUNT + 1.0},
        results={"channels": channels, "utterances": utterances},
    )
    return read_listen_response(body.content)


def found(word: str) -> int:
    return len(search_everything(word).hits)


def largest_transaction(queries) -> int:
    """The most utterances that are inserted or updated in one transaction."""
    largest = rows = 0
    inside = False
    for query in queries:
        sql = query["sql"]
        if sql.startswith(("BEGIN", "COMMIT")):
            inside, rows = sql.startswith("BEGIN"), 0
        elif not inside:
            rows = 0  # a transaction of its own
        if "transcripts_utterance" in sql and sql.startswith("INSERT"):
            rows += sql.count("), (") + 1
        elif "transcripts_utterance" in sql and sql.startswith("UPDATE"):
            rows += sql.count(",") + 1 if " IN (" in sql else COUNT
        largest = max(largest, rows)
    return largest


def test_no_transaction_writes_more_than_a_batch(queued):
    run = Transcription.objects.claim(queued.pk)
    response = long_response()
    with CaptureQueriesContext(connection) as queries:
        assert run.complete(response)
    assert 0 < largest_transaction(queries.captured_queries) <= 2 * models.BATCH
    assert run.utterances.filter(searchable=True).count() == COUNT


def test_text_is_found_once_the_run_is_done_and_that_of_the_old_version_no_more(recording, queued):
    Transcription.objects.claim(queued.pk).complete(long_response("harbour"))
    assert found("harbour")
    recording.refresh_from_db()
    recording.retry()
    newest = Transcription.objects.claim(recording.transcription.pk)
    newest.complete(long_response("lighthouse"))
    assert (found("harbour"), found("lighthouse") > 0) == (0, True)


def test_worker_killed_while_it_stores_leaves_nothing_to_be_found_and_the_next_stores_it(queued):
    killed = Transcription.objects.claim(queued.pk)
    jobs.keep_response(killed, long_response().raw)
    half = [
        Utterance(
            transcription=killed, project_id=killed.recording.project_id, index=index,
            start=0.0, end=1.0, confidence=1.0, text="harbour", searchable=False,
        )
        for index in range(COUNT // 2)
    ]  # fmt: skip
    Utterance.objects.bulk_create(half)
    assert found("harbour") == 0
    lease = abandon(killed, stage="storing").lease_until
    run = Transcription.objects.claim(queued.pk, lease)
    assert run.complete(long_response())
    assert run.utterances.count() == COUNT
    assert list(run.utterances.order_by("index").values_list("index", flat=True)) == list(
        range(COUNT)
    )


def test_worker_that_lost_its_job_stops_storing(queued):
    slow = Transcription.objects.claim(queued.pk)
    lease = abandon(slow).lease_until
    Transcription.objects.claim(queued.pk, lease)
    assert slow.complete(long_response()) is False
    assert Utterance.objects.count() == 0


def test_search_of_a_worker_killed_after_the_end_is_completed_by_the_sweep(queued, rings):
    run = Transcription.objects.claim(queued.pk)
    jobs.keep_response(run, b"{}")
    run.complete(long_response())
    Utterance.objects.filter(index__gte=7).update(searchable=False)
    sweep()
    assert run.utterances.filter(searchable=True).count() == COUNT
    assert not jobs.response_path(run).exists()
    assert Transcription.objects.get(pk=run.pk).state == State.DONE
