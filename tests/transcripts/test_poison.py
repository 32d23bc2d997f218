"""A recording over which something dies harms itself alone."""

import httpx
import pytest
from django.db.models.functions import Now

from management.models import Connection
from speechclient import ServiceUnavailable
from tests.transcripts.conftest import add_recording, rejection, transcript
from transcripts.models import Transcription
from transcripts.queue.leases import MAX_DEATHS, State
from transcripts.stages import jobs
from transcripts.stages.transcribing import transcribe

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

DECODER_LOST = httpx.Response(
    503,
    json={"err_code": "DECODER_LOST", "err_msg": "The decoder was stopped.", "request_id": "r-9"},
    headers={"retry-after": "1"},
)
CUT_OFF = httpx.ReadError("cut")


def attempt(run: Transcription) -> Transcription:
    """Let the pause be over and a worker take the run."""
    Transcription.objects.filter(pk=run.pk).update(not_before=Now())
    transcribe(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("death", [DECODER_LOST, CUT_OFF], ids=["decoder", "server"])
def test_recording_over_which_something_dies_fails_after_three(queued, service, death):
    service.returns(death)
    for _ in range(MAX_DEATHS - 1):
        assert attempt(queued).state == State.QUEUED
    assert attempt(queued).state == State.FAILED
    assert "interrupted 3 times" in queued.error
    assert "not retried automatically" in queued.error
    assert len(service.requests) == MAX_DEATHS


@pytest.mark.parametrize("death", [DECODER_LOST, CUT_OFF], ids=["decoder", "server"])
def test_others_are_transcribed_meanwhile(project, queued, service, death):
    service.returns(death, transcript("hello world"))
    attempt(queued)
    assert not Connection.objects.paused().exists()
    other = attempt(Transcription.objects.create(recording=add_recording(project)))
    assert other.state == State.DONE


def test_503_over_one_recording_does_not_pause_a_server_that_is_well(project, queued, service):
    service.returns(rejection(503, "No.", **{"retry-after": "86400"}), transcript())
    assert attempt(queued).failures == 1
    assert not Connection.objects.paused().exists()
    other = attempt(Transcription.objects.create(recording=add_recording(project)))
    assert other.state == State.DONE


def test_503_of_a_server_that_is_not_well_is_no_fault_of_the_recording(queued, service):
    service.is_well = False
    service.returns(rejection(503, "No."))
    for _ in range(jobs.MAX_FAILURES + 1):
        Connection.objects.update(retry_at=None)
        attempt(queued)
    assert (queued.state, queued.failures, queued.deaths) == (State.QUEUED, 0, 0)
    assert Connection.objects.paused().exists()


def test_ten_503_are_outlived(queued, service):
    service.returns(*[rejection(503)] * 10, transcript())
    for _ in range(11):
        attempt(queued)
    assert queued.state == State.DONE


def test_innocent_recordings_survive_one_that_kills_the_server_again_and_again(
    project, queued, service
):
    """Four at a time, and every request of the server dies with the poisonous one."""
    service.is_well = False  # it is being started again when it is asked
    poison = queued
    others = [Transcription.objects.create(recording=add_recording(project)) for _ in range(6)]
    for _ in range(20):
        Transcription.objects.filter(state=State.QUEUED).update(not_before=Now())
        batch = [row for row in (claim_next() for _ in range(4)) if row]
        if not batch:
            break
        for row in batch:
            job = jobs.Job(row)
            job.sent_all = True
            if poison.pk in [each.pk for each in batch]:
                error = ServiceUnavailable("the connection was lost")
                jobs.settle(job, error)
            else:
                row.leave(State.DONE)
    poison.refresh_from_db()
    assert (poison.state, poison.deaths) == (State.FAILED, MAX_DEATHS - 1)
    for other in others:
        other.refresh_from_db()
        assert (other.state, other.deaths) == (State.DONE, 0)


def claim_next() -> Transcription | None:
    return Transcription.objects.claim_next(short_only=False)


def test_suspects_are_tried_one_at_a_time(project, queued):
    second = Transcription.objects.create(recording=add_recording(project))
    fresh = Transcription.objects.create(recording=add_recording(project))
    Transcription.objects.filter(pk__in=[queued.pk, second.pk]).update(failures=1)
    assert claim_next().pk == queued.pk
    assert claim_next().pk == fresh.pk
    assert claim_next() is None
    Transcription.objects.filter(pk=queued.pk).update(state=State.DONE)
    assert claim_next().pk == second.pk


def test_recording_that_was_given_up_can_be_tried_again_by_hand(recording, queued, service):
    service.returns(*[CUT_OFF] * MAX_DEATHS, transcript())
    for _ in range(MAX_DEATHS):
        attempt(queued)
    recording.refresh_from_db()
    assert recording.retry()
    assert attempt(queued).state == State.DONE
