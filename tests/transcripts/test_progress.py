"""Progress is said truthfully: what is known as a part, the rest as time taken."""

from datetime import timedelta

import pytest
from django.utils import timezone

from transcripts import progress
from transcripts.models import Recording, State, Transcription
from transcripts.progress import Progress, Server

NOW = timezone.now()
WELL = Server(retry_at=None, pace=None)
Stage = Transcription.Stage


def describe(server: Server = WELL, duration: float | None = 100.0, **run) -> Progress:
    recording = Recording(duration=duration, size_bytes=1000)
    facts = {"state": State.RUNNING, "not_before": NOW - timedelta(seconds=1)} | run
    return progress.describe(Transcription(**facts), recording, NOW, server)


def test_a_run_in_the_queue_waits_for_its_turn():
    assert describe(state=State.QUEUED).words == "Waiting for its turn"


def test_a_run_that_failed_once_says_why_and_when_it_goes_on():
    later = NOW + timedelta(seconds=11.5)
    said = describe(state=State.QUEUED, not_before=later, error="The server is busy.")
    assert said.words == "The server is busy; trying again in 0:12"


def test_a_server_left_in_peace_is_told():
    server = Server(retry_at=NOW + timedelta(seconds=29.5), pace=None)
    said = describe(server, state=State.QUEUED)
    assert said.words == "The speech server does not answer; trying again in 0:30"


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


def test_transcribing_is_time_taken_beside_what_is_usual():
    sent = {"stage": Stage.TRANSCRIBING, "sent_at": NOW - timedelta(seconds=40)}
    assert describe(**sent).words == "Transcribing for 0:40"
    usual = Server(retry_at=None, pace=0.7)
    said = describe(usual, **sent)
    assert said == Progress("Transcribing for 0:40, usually done after about 1:10")
    assert describe(usual, duration=None, **sent).words == "Transcribing for 0:40"


def test_the_pace_of_a_server_is_the_median_of_its_last_runs(project):
    for taken in (10, 20, 900):
        recording = Recording.objects.create(project=project, title="x", duration=100.0)
        recording.transcriptions.create(
            state=State.DONE, sent_at=NOW, finished_at=NOW + timedelta(seconds=taken)
        )
    assert progress.seconds_a_second(project.connection_id) == pytest.approx(0.2)
    assert progress.seconds_a_second(project.connection_id + 1) is None
