"""Calls whose process was killed, or that were never begun, are ended by the sweep."""

import wave
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from management.models import Budget, Reservation, budgets
from transcripts.calls.models import Call
from transcripts.calls.record import Entry
from transcripts.calls.tracks import RATE, STEREO
from transcripts.live.audio import AudioFile
from transcripts.models import Recording, State
from transcripts.stages.sweeps import sweep_calls

pytestmark = pytest.mark.usefixtures("db", "rings", "media")


@pytest.fixture
def killed(call, project) -> Call:
    """A call of ten seconds whose process has gone; two seconds of its audio are on disk."""
    Budget.objects.create(project=project, dollars=10, hour_price=36)
    budgets.reserve(project, call.reference, call.amount(60))
    assert call.begin()
    file = AudioFile(call.path, STEREO)
    file.write(0, bytes(2 * STEREO.bytes_per_second))
    file.close()
    said = {"role": "assistant", "content": "Hello there."}
    call.write([Entry(1, 0.5, "down", "ConversationText", said)], audio_bytes=file.size_bytes)
    now = timezone.now()
    Call.objects.filter(pk=call.pk).update(
        started_at=now - timedelta(seconds=70), served_at=now - timedelta(seconds=60)
    )
    return call


def test_nothing_of_a_killed_call_is_lost(killed):
    sweep_calls()
    killed.refresh_from_db()
    assert killed.state == Call.State.ENDED
    assert killed.error == "Earshot stopped during this call."
    assert (killed.ended_at - killed.started_at).total_seconds() == pytest.approx(10)
    recording = killed.recording
    assert recording.finished_transcription.utterances.get().text == "Hello there."
    with default_storage.open(recording.file.name) as file, wave.open(file) as kept:
        assert (kept.getnframes(), kept.getnchannels()) == (2 * RATE, 2)
    assert not killed.path.exists()


def test_a_killed_call_costs_the_time_that_it_was_open(killed):
    sweep_calls()
    killed.refresh_from_db()
    reservation = Reservation.objects.get()
    assert reservation.settled_at is not None
    assert reservation.dollars == pytest.approx(0.1)
    assert killed.dollars == pytest.approx(0.1)


def test_a_call_is_ended_once(killed):
    sweep_calls()
    sweep_calls()
    assert Recording.objects.count() == 1


def test_a_call_that_is_served_is_left(killed):
    Call.objects.update(served_at=timezone.now())
    sweep_calls()
    assert Call.objects.get().state == Call.State.OPEN


def test_a_call_whose_audio_is_still_written_is_left(killed):
    writer = AudioFile(killed.path, STEREO)
    sweep_calls()
    assert Call.objects.get().state == Call.State.OPEN
    writer.close()


def test_a_call_without_words_is_transcribed(killed):
    killed.events.all().delete()
    sweep_calls()
    run = Recording.objects.get().transcription
    assert (run.state, run.multichannel) == (State.QUEUED, True)


def test_a_call_without_audio_is_no_recording(killed):
    killed.path.unlink()
    sweep_calls()
    killed.refresh_from_db()
    assert (killed.state, killed.recording) == (Call.State.ENDED, None)


def test_a_call_that_was_never_begun_is_forgotten(call):
    sweep_calls()
    assert Call.objects.exists()
    Call.objects.update(created_at=timezone.now() - timedelta(hours=2))
    sweep_calls()
    assert not Call.objects.exists()
