"""The second stage: what a transcript is about, which never costs the transcript."""

import json
import threading
from datetime import timedelta

import httpx
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from management.models import Connection
from tests.transcripts.conftest import found, rejection, transcript
from transcripts.models import Insight, RawInsight, Transcription
from transcripts.options import complete
from transcripts.queue.leases import MAX_DEATHS, State
from transcripts.stages import jobs
from transcripts.stages.insights import read
from transcripts.stages.sweeps import sweep
from transcripts.stages.transcribing import transcribe

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

WANTED = {"summarize": True, "topics": True, "intents": True, "sentiment": True}


@pytest.fixture
def wanted(queued) -> Transcription:
    """A queued run that asks for all that can be found in a text."""
    queued.options = complete(WANTED | {"tag": ["t"]})
    queued.save()
    return queued


@pytest.fixture
def insight(wanted, service) -> Insight:
    """The queued insight of a finished transcript."""
    service.returns(transcript("Good morning everyone. The harbour is closed."))
    transcribe(wanted.pk)
    service.requests.clear()
    service.returns(found())
    return Insight.objects.get()


def ripen() -> None:
    Insight.objects.update(not_before=Now() - timedelta(minutes=1))
    Connection.objects.update(retry_at=None)


def abandon(insight: Insight, **values) -> Insight:
    past = timezone.now() - timedelta(seconds=1)
    Insight.objects.filter(pk=insight.pk).update(lease_until=past, **values)
    insight.refresh_from_db()
    return insight


def test_finished_transcript_is_read(recording, insight, service, rings):
    read(insight.pk)
    insight.refresh_from_db()
    recording.refresh_from_db()
    assert (insight.state, insight.summary) == (State.DONE, "They greet each other.")
    assert (insight.request_id, recording.state) == ("r-2", State.DONE)
    assert insight.raw_response.parsed()["metadata"]["request_id"] == "r-2"
    (request,) = service.requests
    assert request.url.path == "/v1/read"
    assert dict(request.url.params) == dict.fromkeys(WANTED, "true") | {
        "language": "en",
        "tag": "t",
    }
    said = json.loads(service.bodies[-1])
    assert said == {"text": "Good morning everyone. The harbour is closed."}


def test_first_stage_rings_for_the_second_and_asks_for_none_of_it(wanted, service, rings):
    transcribe(wanted.pk)
    assert ("transcripts.read", Insight.objects.get().pk) in rings
    assert not WANTED.keys() & dict(service.requests[0].url.params).keys()


@pytest.mark.parametrize(
    ("options", "heard"),
    [({}, "Good morning."), (WANTED, ""), (WANTED | {"language": "de"}, "Guten Morgen.")],
    ids=["not asked for", "silence", "not English"],
)
def test_nothing_is_read_where_there_is_nothing_to_read(queued, service, options, heard):
    queued.options = complete(options)
    queued.save()
    service.returns(transcript(heard))
    transcribe(queued.pk)
    assert not Insight.objects.exists()


def test_what_is_found_leads_to_its_place_in_the_audio(insight, service):
    segment = {"text": "The harbour is closed.", "start_word": 3, "end_word": 6}
    service.returns(
        found(
            topics={"segments": [segment | {"topics": [topic("Harbour", 0.8)]}]},
            intents={"results": {"intents": {"segments": [segment | {"intents": []}]}}},
            sentiments={
                "segments": [segment | {"sentiment": "negative", "sentiment_score": -0.5}],
                "average": {"sentiment": "neutral", "sentiment_score": -0.2},
            },
        )
    )
    read(insight.pk)
    insight.refresh_from_db()
    # Half a second a word: the fourth starts at 1.5 s, the seventh ends at 3.4 s.
    assert insight.topics == [{"name": "Harbour", "confidence": 0.8, "start": 1.5, "end": 3.4}]
    assert insight.sentiments == [{"score": -0.5, "start": 1.5, "end": 3.4}]
    assert (insight.intents, insight.average_score) == ([], -0.2)


def topic(name: str, confidence: float) -> dict:
    return {"topic": name, "confidence_score": confidence}


def test_hostile_answer_is_stored_as_text(insight, service):
    label = [topic("<img onerror=alert(1)>", 9), topic("", 0.5), "none"]
    segment = {"text": "nowhere", "start_word": -5, "end_word": 10**9, "topics": label}
    service.returns(
        found(summary={"text": "</script>\0"}, topics={"segments": [segment, None]}, intents=3)
    )
    read(insight.pk)
    insight.refresh_from_db()
    assert (insight.state, "\0" in insight.summary) == (State.DONE, False)
    (stored,) = insight.topics
    assert (stored["name"], stored["confidence"]) == ("<img onerror=alert(1)>", 1.0)
    assert 0 <= stored["start"] <= stored["end"] <= 3.4


def test_failed_reading_leaves_the_transcript_finished(recording, insight, service):
    service.returns(rejection(400, "Text is too long."))
    read(insight.pk)
    insight.refresh_from_db()
    recording.refresh_from_db()
    assert (insight.state, insight.error, insight.request_id) == (
        State.FAILED,
        "Text is too long.",
        "r-9",
    )
    assert recording.state == State.DONE
    assert recording.finished_transcription.utterances.exists()


def test_failed_reading_is_tried_again_with_its_options(recording, insight, service, rings):
    service.returns(rejection(400), found())
    read(insight.pk)
    again = recording.finished_transcription.order_insight()
    assert again.pk == insight.pk
    assert ("transcripts.read", insight.pk) in rings
    read(insight.pk)
    insight.refresh_from_db()
    assert (insight.state, insight.error) == (State.DONE, "")
    assert service.requests[0].url.params == service.requests[1].url.params


def test_finished_reading_is_not_ordered_twice(recording, insight, service):
    read(insight.pk)
    recording.finished_transcription.order_insight()
    insight.refresh_from_db()
    assert insight.state == State.DONE
    assert RawInsight.objects.count() == 1


def test_message_that_comes_twice_is_answered_once(insight, service):
    def act():
        try:
            read(insight.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(service.requests) == RawInsight.objects.count() == 1


def test_server_that_is_down_is_waited_for(insight, service):
    service.returns(httpx.ConnectError("refused"), found())
    read(insight.pk)
    insight.refresh_from_db()
    assert (insight.state, insight.failures) == (State.QUEUED, 0)
    assert "cannot be reached" in insight.error
    assert Connection.objects.get().retry_at
    Connection.objects.update(retry_at=Now() + timedelta(minutes=10))  # a second at most before
    read(insight.pk)  # its server is paused
    assert len(service.requests) == 1
    ripen()
    read(insight.pk)
    insight.refresh_from_db()
    assert insight.state == State.DONE


def test_server_that_always_breaks_off_over_a_text_is_not_asked_for_ever(insight, service):
    service.returns(httpx.ReadError("cut"))
    for _ in range(MAX_DEATHS):
        ripen()
        read(insight.pk)
    insight.refresh_from_db()
    assert insight.state == State.FAILED
    assert "interrupted 3 times" in insight.error
    assert len(service.requests) == MAX_DEATHS


def test_sweep_rings_for_what_was_overlooked_and_abandoned(insight, rings):
    ripen()
    sweep()
    assert ("transcripts.read", insight.pk) in rings
    lease = abandon(Insight.objects.claim(insight.pk)).lease_until
    sweep()
    assert ("transcripts.read", insight.pk, lease.isoformat()) in rings


def test_worker_that_was_taken_for_dead_writes_nothing(insight):
    slow = Insight.objects.claim(insight.pk)
    fast = Insight.objects.claim(insight.pk, abandon(slow).lease_until)
    assert fast.attempt == 2
    slow.fail("I was slow")
    slow.release()
    fast.refresh_from_db()
    assert (fast.state, fast.attempt, fast.error) == (State.RUNNING, 2, "")


def test_answer_of_a_killed_worker_is_not_paid_for_twice(insight, service):
    run = Insight.objects.claim(insight.pk)
    jobs.keep_response(run, found().content)
    read(insight.pk, abandon(run, stage="storing").lease_until)
    insight.refresh_from_db()
    assert (insight.summary, service.requests) == ("They greet each other.", [])
    assert not jobs.response_path(insight).exists()


def test_storing_sits_out_a_locked_database(insight, service, monkeypatch):
    monkeypatch.setattr(jobs, "STORE_PAUSES", (0.0,))
    complete_insight, tries = Insight.complete, []

    def locked_once(self, response):
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("database is locked")
        return complete_insight(self, response)

    monkeypatch.setattr(Insight, "complete", locked_once)
    read(insight.pk)
    insight.refresh_from_db()
    assert (insight.state, len(service.requests)) == (State.DONE, 1)


def test_text_that_kills_its_worker_is_given_up(insight, service):
    for _ in range(MAX_DEATHS):
        insight.refresh_from_db()
        insight = abandon(Insight.objects.claim(insight.pk, insight.lease_until), stage="storing")
    read(insight.pk, insight.lease_until)
    insight.refresh_from_db()
    assert insight.state == State.FAILED
    assert "interrupted 3 times" in insight.error


def test_death_while_the_server_reads_is_not_the_texts_fault(insight):
    for _ in range(5):
        insight.refresh_from_db()
        insight = abandon(Insight.objects.claim(insight.pk, insight.lease_until), stage="reading")
    assert (insight.attempt, insight.deaths) == (5, 0)


def test_deleting_a_recording_while_it_is_read_harms_nobody(recording, insight, service):
    def delete(request):
        recording.remove()
        return found()

    service.returns(delete)
    read(insight.pk)
    assert not Insight.objects.exists()


def test_export_tells_what_was_found(recording, insight, client, ada, service):
    client.force_login(ada)
    address = reverse("recording_export", args=[recording.pk, "json"])
    assert client.get(address).json()["insight"] is None
    read(insight.pk)
    told = client.get(address).json()["insight"]
    assert (told["summary"], told["request_id"]) == ("They greet each other.", "r-2")


def test_finished_recording_is_read_when_somebody_asks(recording, queued, client, bob, service):
    transcribe(queued.pk)
    client.force_login(bob)
    assert not Insight.objects.exists()
    client.post(reverse("insight_order", args=[recording.pk]))
    assert Insight.objects.get().options == WANTED


def test_who_may_ask_for_it(recording, insight, client, ada, bob, vera, eve):
    for user, may_see, may_ask in (
        (ada, 200, 302), (bob, 200, 302), (vera, 200, 404), (eve, 404, 404),
    ):  # fmt: skip
        client.force_login(user)
        seen = client.get(reverse("recording_insight", args=[recording.pk]))
        asked = client.post(reverse("insight_order", args=[recording.pk]))
        assert (seen.status_code, asked.status_code) == (may_see, may_ask)
