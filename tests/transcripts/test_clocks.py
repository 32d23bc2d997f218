"""A clock that is set: no job waits for it, none runs twice, nothing is deleted."""

import os
from datetime import timedelta

import httpx
import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from management.models import Connection
from management.servers.pacing import JOB_PAUSE_SECONDS
from transcripts.models import Transcription, Upload, Waveform
from transcripts.queue.leases import State
from transcripts.stages import sweeps
from transcripts.stages.sweeps import SteadyClock, sweep
from transcripts.stages.transcribing import transcribe
from transcripts.uploads import sweep_uploads

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]

# What the clock was ahead by, before it was set back to the present.
AHEAD = [timedelta(minutes=10), timedelta(hours=1), timedelta(days=30)]
# What it is set forward by.
FORWARD = [timedelta(hours=1), timedelta(days=30)]


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_job_that_was_queued_by_a_clock_ahead_is_done_now(queued, service, rings, ahead):
    moments = ("created_at", "queued_at", "not_before")
    Transcription.objects.update(**{name: F(name) + ahead for name in moments})
    sweep()
    assert ("transcripts.transcribe", queued.pk) in rings
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30)], ids=str)
def test_pause_of_a_server_that_was_set_by_a_clock_ahead_is_over(queued, service, ahead):
    Connection.objects.update(retry_at=Now() + timedelta(seconds=15) + ahead)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_lease_of_a_dead_worker_from_a_clock_ahead_is_taken(queued, rings, ahead):
    run = Transcription.objects.claim(queued.pk)
    Transcription.objects.update(lease_until=F("lease_until") + ahead)
    run.refresh_from_db()
    sweep()
    assert rings == [("transcripts.transcribe", run.pk, run.lease_until.isoformat())]
    assert Transcription.objects.claim(run.pk, run.lease_until).attempt == 2


@pytest.mark.parametrize("step", [*AHEAD, *(-step for step in AHEAD)], ids=str)
def test_living_worker_keeps_its_job_when_the_clock_is_set(queued, rings, step):
    run = Transcription.objects.claim(queued.pk)
    Transcription.objects.update(lease_until=F("lease_until") + step)
    run.refresh_from_db()
    seen = run.lease_until
    sweep()
    assert run.renew()  # before the message of the sweep is received
    assert Transcription.objects.claim(run.pk, seen) is None


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=30)], ids=str)
def test_waveform_that_was_ordered_by_a_clock_ahead_is_drawn(recording, rings, ahead):
    Waveform.objects.create(recording=recording, due_at=timezone.now() + ahead)
    sweep()
    assert ("transcripts.draw_waveform", recording.pk) in rings
    assert Waveform.objects.claim(recording.pk)
    assert not Waveform.objects.claim(recording.pk)


@pytest.mark.parametrize("forward", FORWARD, ids=str)
def test_outage_is_not_a_day_old_because_the_clock_jumped(queued, service, forward):
    service.returns(httpx.ConnectError("refused"))
    Transcription.objects.update(queued_at=timezone.now() - forward, attempt=3)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.QUEUED


@pytest.mark.parametrize("forward", [timedelta(days=8), timedelta(days=30)], ids=str)
def test_nothing_is_deleted_for_an_hour_after_the_clock_was_set(
    ada, project, folders, monkeypatch, forward
):
    upload = Upload.objects.create(owner=ada, project=project, name="a.wav", size_bytes=9)
    Upload.objects.update(changed_at=timezone.now() - forward)
    (folders / "responses").mkdir()
    kept = folders / "responses" / "transcription-1"
    kept.write_bytes(b"{}")
    old = timezone.now().timestamp() - forward.total_seconds()
    os.utime(kept, (old, old))
    moments = {"wall": 0.0, "monotonic": 0.0}
    clock = SteadyClock(lambda: moments["wall"], lambda: moments["monotonic"])
    monkeypatch.setattr(sweeps, "clock", clock)
    moments["wall"] += forward.total_seconds()
    sweep()
    assert Upload.objects.filter(pk=upload.pk).exists()
    assert kept.exists()
    for name in moments:
        moments[name] += sweeps.STEADY_SECONDS
    sweep()
    assert not Upload.objects.filter(pk=upload.pk).exists()
    assert not kept.exists()


def test_complete_upload_from_a_clock_ahead_is_finished(ada, project, folders, service):
    upload = Upload.objects.create(
        owner=ada, project=project, name="a.wav", size_bytes=4, offset_bytes=4
    )
    (folders / "uploads" / str(upload.pk)).write_bytes(b"RIFF")
    Upload.objects.update(changed_at=timezone.now() + timedelta(hours=1))
    sweep_uploads()
    upload.refresh_from_db()
    assert upload.recording_id


def test_moments_of_a_job_are_those_of_the_database(recording, queued):
    queued.refresh_from_db()
    later = Transcription.objects.filter(
        pk=queued.pk, not_before__lte=Now(), queued_at__lte=Now(), created_at__lte=Now()
    )
    assert later.exists()
    assert Transcription._meta.get_field("not_before").default is Now


def test_pause_between_attempts_is_bounded_whatever_a_server_asks_for(queued):
    run = Transcription.objects.claim(queued.pk)
    run.release(pause=86_400.0, failed=True)
    queued.refresh_from_db()
    assert queued.not_before <= timezone.now() + timedelta(seconds=JOB_PAUSE_SECONDS)
