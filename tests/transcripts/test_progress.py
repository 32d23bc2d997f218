"""Progress is said truthfully: what is known as a part, the rest as time taken."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from transcripts import progress
from transcripts.models import Recording, State, Transcription
from transcripts.progress import Progress

NOW = timezone.now()
Stage = Transcription.Stage


def describe(retry_at=None, places=None, **run) -> Progress:
    recording = Recording(duration=100.0, size_bytes=1000)
    facts = {"state": State.RUNNING, "not_before": NOW - timedelta(seconds=1)} | run
    return progress.describe(Transcription(**facts), recording, NOW, retry_at, places)


def test_a_run_in_the_queue_says_its_place():
    assert describe(state=State.QUEUED).words == "In the queue"
    said = describe(places={7: 3}, state=State.QUEUED, pk=7)
    assert said.words == "In the queue (3rd)"


def test_the_place_is_among_those_that_may_be_taken(project):
    later = timezone.now() + timedelta(minutes=1)
    recordings = [Recording.objects.create(project=project, title="x") for _ in range(4)]
    runs = [each.transcriptions.create(options={}) for each in recordings]
    Transcription.objects.filter(pk=runs[0].pk).update(not_before=later)
    Transcription.objects.filter(pk=runs[1].pk).update(state=State.DONE)
    assert progress.queue_places() == {runs[2].pk: 1, runs[3].pk: 2}
    assert progress.rows([recordings[3]])[0].progress == Progress("In the queue (2nd)")


def test_no_list_of_recordings_reads_all_runs(project):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by the number of rows")
    plan = progress.runs_with_running([1, 2]).explain()
    assert "USING INDEX transcriptions_running" in plan
    assert "SCAN transcripts_transcription" not in plan


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (11, "11th"), (13, "13th"), (21, "21st"), (112, "112th")],
)
def test_places_are_ordinals(number, word):
    assert progress.ordinal(number) == word


def test_a_run_that_failed_once_says_why_and_when_it_goes_on():
    later = NOW + timedelta(seconds=11.5)
    said = describe(state=State.QUEUED, not_before=later, error="The server is busy.")
    assert said.words == "The server is busy; trying again in 0:12"


def test_a_server_left_in_peace_is_told():
    said = describe(NOW + timedelta(seconds=29.5), state=State.QUEUED)
    assert said.words == "The speech server does not respond; trying again in 0:30"


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.FETCHING, "Fetching the audio"),
        (Stage.CHECKING, "Checking the audio"),
        (Stage.STORING, "Storing the transcript"),
    ],
)
def test_short_stages_are_named(stage, words):
    assert describe(stage=stage) == Progress(words)


def test_what_is_sent_is_a_part_and_never_more_than_all():
    assert describe(stage=Stage.SENDING, bytes_sent=400) == Progress("Sending 40 %", 0.4)
    assert describe(stage=Stage.SENDING, bytes_sent=5000).part == 1.0


def test_transcribing_is_time_taken_and_no_estimate():
    said = describe(stage=Stage.TRANSCRIBING, sent_at=NOW - timedelta(seconds=40))
    assert said == Progress("Transcribing for 0:40")


class TestStateIsThatOfTheThing:
    """A further run that is stopped, or fails, leaves a finished recording ready."""

    @pytest.fixture
    def finished(self, recording):
        recording.transcriptions.update(state=State.DONE, speakers=2)
        Recording.objects.filter(pk=recording.pk).update(state=State.DONE)
        recording.refresh_from_db()
        assert recording.retry({"model": "nova-2"})
        recording.refresh_from_db()
        return recording

    def shown(self, recording):
        recording.refresh_from_db()
        return progress.rows([recording])[0]

    def test_a_further_run_is_shown_while_it_is_open(self, finished):
        row = self.shown(finished)
        assert (finished.state, row.state) == (State.QUEUED, State.QUEUED)
        assert row.progress
        assert (row.finished, row.speakers) == (finished.finished_transcription, 2)

    def test_stopping_it_leaves_the_recording_ready(self, finished):
        assert finished.cancel()
        row = self.shown(finished)
        assert (finished.state, row.state, row.problem) == (State.DONE, State.DONE, "")
        assert finished.transcription.state == State.CANCELLED

    def test_its_failure_is_told_and_leaves_the_recording_ready(self, finished):
        run = Transcription.objects.claim(finished.transcription.pk)
        run.fail("No such model.")
        row = self.shown(finished)
        assert (finished.state, row.state) == (State.DONE, State.DONE)
        assert row.problem == "No such model."
        assert row.may_be_retried
        assert finished.retry()
        assert finished.transcriptions.count() == 2

    def test_a_first_run_that_is_stopped_is_cancelled(self, recording):
        assert recording.cancel()
        row = self.shown(recording)
        assert (recording.state, row.state) == (State.CANCELLED, State.CANCELLED)

    def test_a_row_is_read_from_its_runs_alone(self, recording):
        # The worker has ended it since the recording was read.
        recording.transcriptions.update(state=State.DONE)
        row = progress.rows([recording])[0]
        assert (recording.state, row.state, row.progress) == (State.QUEUED, State.DONE, None)
