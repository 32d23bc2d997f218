"""Threads are shared: nobody's long recordings hold up everybody else's."""

from dataclasses import replace

import pytest
from django.db.models.functions import Now

from management.models import Project, User
from tests.transcripts.conftest import add_recording
from transcripts.models import Recording, Transcription
from transcripts.queue.leases import State
from transcripts.stages import jobs
from transcripts.stages.transcribing import transcribe

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

HOUR = 3_600.0


def enqueue(project: Project, owner: User, duration: float = HOUR, **facts) -> Transcription:
    recording = add_recording(project, owner=owner, duration=duration, **facts)
    return Transcription.objects.create(recording=recording)


@pytest.fixture
def threads(settings, monkeypatch):
    """A worker with four threads, none of which is taken."""
    settings.ENV = replace(settings.ENV, worker_threads=4)
    monkeypatch.setattr(jobs, "seats", jobs.Seats())


def names_in_order(count: int) -> list[str]:
    """Titles of the recordings in the order in which free threads take them."""
    rows = [Transcription.objects.claim_next(short_only=False) for _ in range(count)]
    return [row.recording.title for row in rows if row]


def test_long_recordings_of_one_person_leave_a_thread_to_a_short_one(
    project, ada, bob, service, threads
):
    long = [enqueue(project, ada) for _ in range(5)]
    short = enqueue(project, bob, duration=2.0)
    held: list[Transcription] = []

    def hold(job):
        """Stay at work, and let the next thread look for a job meanwhile."""
        held.append(job.row)
        jobs.run(Transcription.objects.all(), short.pk, None, hold)

    jobs.run(Transcription.objects.all(), long[0].pk, None, hold)
    durations = [row.recording.duration for row in held]
    assert durations.count(HOUR) == 3
    assert short in held


def test_short_recording_of_the_same_person_is_not_held_up_either(project, ada, threads):
    assert all(jobs.seats.take() for _ in range(3))
    assert not jobs.seats.take()
    enqueue(project, ada)
    short = enqueue(project, ada, duration=2.0)
    assert Transcription.objects.claim_next(short_only=True) == short
    assert Transcription.objects.claim_next(short_only=True) is None


@pytest.mark.parametrize(
    ("duration", "size_bytes", "is_short"),
    [(2.0, 64_000, True), (HOUR, 64_000, False), (None, 64_000, True), (None, 10**9, False),
     (None, 0, False)],
)  # fmt: skip
def test_length_counts_and_the_size_where_it_is_not_known(
    project, ada, duration, size_bytes, is_short
):
    run = enqueue(project, ada, duration=duration, size_bytes=size_bytes)
    assert run.is_short is is_short


def test_people_take_turns(project, ada, bob):
    for number in range(4):
        enqueue(project, ada, title=f"Ada {number}")
    enqueue(project, bob, title="Bob 0")
    assert names_in_order(5) == ["Ada 0", "Bob 0", "Ada 1", "Ada 2", "Ada 3"]


def test_projects_of_one_person_take_turns(project, other_project, ada):
    for number in range(2):
        enqueue(project, ada, title=f"Interviews {number}")
    enqueue(other_project, ada, title="Elsewhere 0")
    assert names_in_order(3) == ["Interviews 0", "Elsewhere 0", "Interviews 1"]


def test_message_of_one_recording_may_start_another_that_is_next(project, ada, bob, service):
    first, second = enqueue(project, ada), enqueue(project, ada)
    Transcription.objects.claim(first.pk)
    Recording.objects.filter(pk=first.recording_id).update(state=State.RUNNING)
    other = enqueue(project, bob)
    transcribe(second.pk)
    states = {run.pk: run.state for run in Transcription.objects.all()}
    assert (states[other.pk], states[second.pk]) == (State.DONE, State.QUEUED)


def test_free_thread_wakes_the_job_that_found_none(project, ada, service, rings, threads):
    first, second = enqueue(project, ada), enqueue(project, ada)
    transcribe(first.pk)
    assert ("transcripts.transcribe", second.pk) in rings


def test_abandoned_long_job_waits_for_a_thread_too(project, ada, threads):
    run = enqueue(project, ada)
    Transcription.objects.claim(run.pk)
    Transcription.objects.update(lease_until=Now())
    run.refresh_from_db()
    for _ in range(3):
        jobs.seats.take()
    assert jobs.claim(Transcription.objects.all(), run.pk, run.lease_until, True) is None
