"""The queue: claimed once, watched over, ended in a known way, whatever dies."""

import threading
import time
from datetime import timedelta

import httpx
import pytest
from django.db import OperationalError, connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from management.models import Budget, Connection
from tests.media import Sound, beeps, written
from tests.transcripts.conftest import add_recording, rejection, transcript, wav_bytes
from transcripts import progress
from transcripts.models import RawResponse, Recording, Transcription, Utterance, Waveform
from transcripts.queue.leases import MAX_DEATHS, State
from transcripts.stages import jobs, polling
from transcripts.stages.sweeps import WOKEN_AT_ONCE, sweep
from transcripts.stages.transcribing import transcribe
from transcripts.stages.waveforms import draw_waveform

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]


def ripen(run: Transcription) -> None:
    """Let the pause before the next try be over."""
    Transcription.objects.filter(pk=run.pk).update(not_before=Now() - timedelta(minutes=1))
    Connection.objects.update(retry_at=None)


def abandon(run: Transcription, **values) -> Transcription:
    """Leave a claimed run as a killed worker leaves it, its lease run out."""
    past = timezone.now() - timedelta(seconds=1)
    Transcription.objects.filter(pk=run.pk).update(lease_until=past, **values)
    run.refresh_from_db()
    return run


def in_threads(*acts) -> None:
    def act_and_close(act):
        try:
            act()
        finally:
            connection.close()

    threads = [threading.Thread(target=act_and_close, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_a_request_says_for_which_project_feature_and_recording_it_is(recording, queued, service):
    transcribe(queued.pk)
    sent = service.requests[-1].url.params
    assert sent.get_list("tag") == [f"project:{recording.project_id}", "feature:transcribe"]
    assert sent.get_list("extra") == [f"recording:{recording.pk}"]
    queued.refresh_from_db()
    assert "tag" not in queued.options


def test_a_budget_that_is_used_up_stops_the_work_with_a_sentence(recording, queued, service):
    budget = Budget.objects.create(project=recording.project, dollars=0.01, hour_price=3600)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, service.requests) == (State.FAILED, [])
    assert "The monthly budget of Interviews ($0.01) does not allow it" in queued.error
    Budget.objects.update(dollars=10)
    assert recording.retry()
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE
    budget.refresh_from_db()
    assert budget.spent() == pytest.approx(1, abs=0.1)  # a second of audio


def test_a_job_holds_no_connection_to_the_database_while_the_server_works(
    queued, service, closes_in_threads
):
    held: list[bool] = []

    def answer(request: httpx.Request) -> httpx.Response:
        held.append(connection.connection is not None)
        return transcript()

    service.returns(answer)
    in_threads(lambda: transcribe(queued.pk))
    queued.refresh_from_db()
    assert (queued.state, held) == (State.DONE, [False])


def test_work_that_fails_reserves_nothing(recording, queued, service):
    budget = Budget.objects.create(project=recording.project, dollars=10, hour_price=3600)
    service.returns(rejection(400))
    transcribe(queued.pk)
    assert budget.spent() == 0


def test_progress_is_what_the_server_says_it_has_heard(recording, queued, service, monkeypatch):
    monkeypatch.setattr(polling, "ASK_SECONDS", 0.01)
    shown = []

    def work(request: httpx.Request) -> httpx.Response:
        """Respond once the progress was asked for by the name of this request, and noted."""
        for _ in range(1000):
            row = progress.rows([Recording.objects.get()])[0]
            if row.progress and row.progress.part == 0.4:
                assert set(service.progress_asked) == {request.headers["x-progress-name"]}
                shown.append(row.progress.words)
                break
            time.sleep(0.02)
        return transcript()

    service.heard_seconds = 0.4
    service.returns(work)
    transcribe(queued.pk)
    assert shown == ["Transcribing 40 %"]
    queued.refresh_from_db()
    assert queued.state == State.DONE


def test_a_server_without_progress_is_asked_a_few_times_and_does_its_work(
    recording, queued, service, monkeypatch
):
    monkeypatch.setattr(polling, "ASK_SECONDS", 0.01)

    def work(request: httpx.Request) -> httpx.Response:
        for _ in range(1000):
            if len(service.progress_asked) >= polling.MAX_MISSES:
                break
            time.sleep(0.02)
        return transcript()

    service.returns(work)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE
    assert len(service.progress_asked) == polling.MAX_MISSES


def test_queued_recording_gets_its_transcript(recording, queued, service, rings):
    service.returns(transcript("Good morning everyone."))
    transcribe(queued.pk)
    recording.refresh_from_db()
    queued.refresh_from_db()
    assert (recording.state, queued.state) == (State.DONE, State.DONE)
    assert (queued.request_id, queued.model_name) == ("r-1", "general-nova-3")
    utterance = queued.utterances.get()
    assert (utterance.text, utterance.project_id) == (
        "Good morning everyone.",
        recording.project_id,
    )
    assert utterance.words[0] == ["Good", 0.0, 0.4, 0.9]
    assert queued.raw_response.parsed()["metadata"]["request_id"] == "r-1"
    assert (recording.media_type, recording.channels) == ("audio/wav", 1)
    assert ("transcripts.draw_waveform", recording.pk) in rings


def test_the_audio_goes_out_as_it_was_given(recording, queued, service):
    transcribe(queued.pk)
    assert service.bodies == [wav_bytes()]
    request = service.requests[0]
    assert request.url.path == "/v1/listen"
    assert request.url.params["model"] == "nova-3"
    assert request.url.params["utterances"] == "true"
    assert request.headers["authorization"] == "Token secret"
    assert request.headers["content-type"] == "audio/wav"


def test_claim_is_won_by_one_of_many(queued, service):
    won = []
    in_threads(*[lambda: won.append(Transcription.objects.claim(queued.pk))] * 6)
    assert len([run for run in won if run]) == 1
    queued.refresh_from_db()
    assert (queued.state, queued.attempt) == (State.RUNNING, 1)


def test_message_that_comes_twice_makes_one_transcript(queued, service):
    in_threads(*[lambda: transcribe(queued.pk)] * 5)
    assert len(service.requests) == 1
    assert Utterance.objects.count() == RawResponse.objects.count() == 1


def test_worker_that_was_taken_for_dead_writes_nothing(recording, queued, service):
    slow = Transcription.objects.claim(queued.pk)
    lease = abandon(slow).lease_until
    fast = Transcription.objects.claim(queued.pk, lease)
    assert fast.attempt == 2
    from speechclient import read_listen_response

    response = read_listen_response(transcript("From the slow one.").content)
    assert slow.complete(response) is False
    slow.fail("I was slow")
    slow.release()
    fast.refresh_from_db()
    assert (fast.state, fast.attempt, fast.error) == (State.RUNNING, 2, "")
    assert Utterance.objects.count() == RawResponse.objects.count() == 0
    response = read_listen_response(transcript("From the fast one.").content)
    assert fast.complete(response)
    assert Utterance.objects.get().text == "From the fast one."


def test_running_one_is_not_claimed_by_a_late_message(queued):
    assert Transcription.objects.claim(queued.pk)
    assert Transcription.objects.claim(queued.pk) is None


def test_lease_that_was_renewed_meanwhile_is_not_taken(queued):
    run = Transcription.objects.claim(queued.pk)
    seen = abandon(run).lease_until
    assert run.renew()
    # Even when the clock makes the renewed lease look old again, it is another one.
    abandon(run, stage="sending")
    run.refresh_from_db()
    assert run.lease_until != seen
    assert Transcription.objects.claim(queued.pk, seen) is None


def test_sweep_rings_for_what_was_overlooked_and_abandoned(project, queued, rings):
    dead = Transcription.objects.create(recording=add_recording(project))
    claimed = Transcription.objects.claim(dead.pk)
    lease = abandon(claimed).lease_until
    fresh = Transcription.objects.create(recording=add_recording(project))
    ripen(queued)
    sweep()
    assert ("transcripts.transcribe", queued.pk) in rings
    assert ("transcripts.transcribe", dead.pk, lease.isoformat()) in rings
    assert fresh.pk not in [pk for _, pk, *_ in rings]


def test_lease_from_a_clock_that_was_ahead_does_not_hold_for_ever(queued, rings):
    run = Transcription.objects.claim(queued.pk)
    ahead = timezone.now() + timedelta(hours=1)
    Transcription.objects.filter(pk=run.pk).update(lease_until=ahead)
    run.refresh_from_db()
    sweep()
    assert rings == [("transcripts.transcribe", run.pk, run.lease_until.isoformat())]
    assert Transcription.objects.claim(run.pk, run.lease_until).attempt == 2


def test_sweep_rings_for_a_bounded_number(project, rings):
    for _ in range(WOKEN_AT_ONCE + 5):
        recording = Recording.objects.create(project=project, title="x")
        run = Transcription.objects.create(recording=recording)
        ripen(run)
    sweep()
    assert len(rings) == WOKEN_AT_ONCE


def test_recording_is_retried_after_an_outage(recording, queued, service):
    service.returns(httpx.ConnectError("refused"), transcript("hello world"))
    transcribe(queued.pk)
    queued.refresh_from_db()
    recording.refresh_from_db()
    assert (queued.state, recording.state) == (State.QUEUED, State.QUEUED)
    assert "cannot be reached" in queued.error
    assert queued.failures == 0  # an outage is not the recording's fault
    ripen(queued)
    transcribe(queued.pk)
    recording.refresh_from_db()
    assert recording.state == State.DONE


def test_server_that_is_down_is_left_in_peace_by_all_jobs(project, queued, service):
    service.returns(httpx.ConnectError("refused"))
    second = Transcription.objects.create(recording=add_recording(project))
    transcribe(queued.pk)
    transcribe(second.pk)
    assert len(service.requests) == 1
    connection = Connection.objects.get()
    assert connection.failures == 1
    assert connection.retry_at > timezone.now()


def test_retry_after_is_obeyed_and_the_order_kept(project, queued, service, rings):
    service.returns(rejection(429, "Too many requests.", **{"retry-after": "30"}), transcript())
    later = Transcription.objects.create(recording=add_recording(project))
    transcribe(queued.pk)
    wait = Connection.objects.get().retry_at - timezone.now()
    assert timedelta(seconds=25) < wait <= timedelta(seconds=30)
    Connection.objects.update(retry_at=None)
    Transcription.objects.update(not_before=Now() - timedelta(minutes=1))
    sweep()
    assert [pk for _, pk in rings] == [queued.pk, later.pk]


def fail_once(run: Transcription, longest: float) -> None:
    """Let an attempt fail, check its pause against the longest, and advance the clock by it.

    By chance a pause is up to half shorter. The bounds hold however slow this machine is.
    """
    before = timezone.now()
    transcribe(run.pk)
    after = timezone.now()
    run.refresh_from_db()
    moment = max(run.not_before, Connection.objects.get().retry_at or run.not_before)
    assert (moment - before).total_seconds() >= longest / 2
    assert (moment - after).total_seconds() <= longest
    past = moment - before
    Transcription.objects.update(not_before=F("not_before") - past)
    Connection.objects.update(retry_at=F("retry_at") - past)


def test_ten_server_errors_are_outlived_after_growing_pauses(recording, queued, service):
    service.returns(*[rejection(500)] * 10, transcript())
    for failures in range(10):
        fail_once(queued, min(2.0**failures, 60.0))
        assert len(service.requests) == failures + 1
    transcribe(queued.pk)
    recording.refresh_from_db()
    assert recording.state == State.DONE


def test_pauses_of_an_outage_grow_and_are_bounded(recording, queued, service):
    service.returns(*[httpx.ConnectError("refused")] * 8, transcript())
    for failures in range(8):
        fail_once(queued, min(2.0**failures, 15.0))
        assert len(service.requests) == failures + 1
    transcribe(queued.pk)
    recording.refresh_from_db()
    assert recording.state == State.DONE


def test_message_that_comes_before_the_pause_is_over_starts_nothing(queued, service):
    Transcription.objects.update(not_before=Now() + timedelta(seconds=60))
    transcribe(queued.pk)
    assert service.requests == []


def test_recording_over_which_the_server_always_fails_is_given_up(recording, queued, service):
    service.returns(rejection(500, "Internal error."))
    for _ in range(jobs.MAX_FAILURES):
        ripen(queued)
        transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.FAILED
    assert queued.error == f"Failed after {jobs.MAX_FAILURES} attempts: Internal error."
    assert queued.request_id == "r-9"


def test_refused_recording_fails_at_once_and_says_why(recording, queued, service):
    service.returns(rejection(400, "Bad Request: No such model/language/tier combination found."))
    transcribe(queued.pk)
    queued.refresh_from_db()
    recording.refresh_from_db()
    assert (queued.state, recording.state) == (State.FAILED, State.FAILED)
    assert queued.error == "Bad Request: No such model/language/tier combination found."
    assert (queued.request_id, len(service.requests)) == ("r-9", 1)


def test_key_that_is_refused_stops_the_queue_not_the_recordings(recording, queued, service):
    service.returns(rejection(401, "Invalid credentials."), transcript())
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.error) == (State.QUEUED, "Invalid credentials.")
    ripen(queued)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE


def test_server_that_stays_down_is_waited_for_a_day(queued, service):
    service.returns(httpx.ConnectError("refused"))
    Transcription.objects.update(
        queued_at=timezone.now() - timedelta(hours=25), attempt=jobs.GIVE_UP_ATTEMPTS
    )
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.FAILED
    assert queued.error.startswith("Failed after a day of attempts: ")


def test_retry_takes_the_run_up_again_with_its_options(recording, queued, service, rings):
    Transcription.objects.update(options={"model": "nova-2", "diarize": True})
    service.returns(rejection(400), transcript())
    transcribe(queued.pk)
    recording.refresh_from_db()
    assert recording.retry()
    assert ("transcripts.transcribe", queued.pk) in rings
    assert recording.retry() is False  # one is open
    transcribe(queued.pk)
    sent = dict(service.requests[-1].url.params)
    assert (sent["model"], sent["diarize"]) == ("nova-2", "true")
    assert "smart_format" not in sent
    recording.refresh_from_db()
    assert recording.state == State.DONE
    assert recording.transcriptions.count() == 1


def test_new_run_is_a_version_and_search_holds_the_newest(recording, queued, service):
    service.returns(transcript("The old words."), transcript("The new words."))
    transcribe(queued.pk)
    recording.retry()
    newest = recording.transcription
    assert newest.pk != queued.pk
    assert Utterance.objects.filter(searchable=True).get().text == "The old words."
    transcribe(newest.pk)
    assert Utterance.objects.filter(searchable=True).get().text == "The new words."
    assert queued.utterances.get().text == "The old words."


def test_cancelled_run_stops_and_writes_nothing(recording, queued, service):
    asked = threading.Event()

    def wait_for_cancel(request):
        asked.set()
        for job in list(jobs.heart._jobs):
            assert job.stopped.wait(20)
        raise httpx.ReadError("cut")

    service.returns(wait_for_cancel)

    def cancel():
        assert asked.wait(20)
        assert recording.cancel()

    in_threads(lambda: transcribe(queued.pk), cancel)
    queued.refresh_from_db()
    recording.refresh_from_db()
    assert (queued.state, recording.state) == (State.CANCELLED, State.CANCELLED)
    assert (queued.error, Utterance.objects.count()) == ("", 0)


def test_worker_that_shuts_down_gives_its_jobs_back(queued, service, monkeypatch):
    heart = jobs.Heart()
    monkeypatch.setattr(jobs, "heart", heart)

    def shut_down(request):
        heart.stop()
        raise httpx.ReadError("cut")

    service.returns(shut_down)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.failures, queued.error) == (State.QUEUED, 0, "")
    transcribe(queued.pk)
    assert len(service.requests) == 1  # nothing new is begun


def test_answer_is_not_paid_for_twice_when_storing_failed(queued, service, monkeypatch):
    monkeypatch.setattr(jobs, "STORE_PAUSES", ())
    complete = Transcription.complete

    def full_disk(self, response):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(Transcription, "complete", full_disk)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.QUEUED
    monkeypatch.setattr(Transcription, "complete", complete)
    ripen(queued)
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, len(service.requests)) == (State.DONE, 1)
    assert not jobs.response_path(queued).exists()


def test_answer_of_a_killed_worker_is_stored_by_the_next(queued, service):
    run = Transcription.objects.claim(queued.pk)
    jobs.keep_response(run, transcript("Kept on disk.").content)
    lease = abandon(run, stage="storing").lease_until
    transcribe(queued.pk, lease)
    assert Utterance.objects.get().text == "Kept on disk."
    assert service.requests == []


def test_recording_that_kills_its_worker_is_given_up(project, queued, service):
    for _ in range(MAX_DEATHS):
        queued.refresh_from_db()
        seen = queued.lease_until
        run = Transcription.objects.claim(queued.pk, seen)
        queued = abandon(run, stage="storing")
    transcribe(queued.pk, queued.lease_until)
    queued.refresh_from_db()
    assert queued.state == State.FAILED
    assert "interrupted 3 times" in queued.error
    other = Transcription.objects.create(recording=add_recording(project))
    transcribe(other.pk)
    other.refresh_from_db()
    assert other.state == State.DONE


def test_death_while_the_server_works_is_not_the_recordings_fault(queued):
    for _ in range(10):
        queued.refresh_from_db()
        run = Transcription.objects.claim(queued.pk, queued.lease_until)
        queued = abandon(run, stage="transcribing")
    assert (queued.attempt, queued.deaths) == (10, 0)


def test_progress_is_what_has_been_sent(queued, service):
    run = Transcription.objects.claim(queued.pk)
    job = jobs.Job(run)
    job.size_bytes = run.recording.size_bytes
    job.sent(100)
    assert job.take_progress() == {"bytes_sent": 100}
    job.sent(run.recording.size_bytes)
    assert run.renew(**job.take_progress())
    run.refresh_from_db()
    assert run.stage == "transcribing"
    assert run.sent_at >= run.started_at


def test_heart_renews_the_lease_and_tells_of_a_lost_job(queued):
    run = Transcription.objects.claim(queued.pk)
    job = jobs.Job(run)
    job.note(stage="sending", bytes_sent=7)
    heart = jobs.Heart()
    before = run.lease_until
    heart._beat([job])
    run.refresh_from_db()
    assert (run.stage, run.bytes_sent) == ("sending", 7)
    assert run.lease_until > before
    run.recording.cancel()
    heart._beat([job])
    assert job.stop is jobs.Stop.LOST


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (b"just some text\n" * 500, "not an audio or video file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not an audio or video file"),
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", "not an audio or video file"),
        (wav_bytes(0), "holds no samples"),
        (wav_bytes(0.1, channels=64), "64 audio channels; at most 20 are allowed"),
    ],
    ids=["text", "ffconcat", "playlist", "no samples", "64 channels"],
)
def test_what_cannot_be_audio_fails_with_a_reason_and_is_kept(project, service, audio, reason):
    recording = add_recording(project, audio)
    run = Transcription.objects.create(recording=recording)
    transcribe(run.pk)
    run.refresh_from_db()
    recording.refresh_from_db()
    assert recording.state == State.FAILED
    assert reason in run.error
    assert recording.file.storage.exists(recording.file.name)
    assert service.requests == []


def test_recording_beyond_the_longest_is_refused(project, service, settings):
    from dataclasses import replace

    settings.ENV = replace(settings.ENV, max_duration_seconds=1)
    run = Transcription.objects.create(recording=add_recording(project, wav_bytes(2)))
    transcribe(run.pk)
    run.refresh_from_db()
    assert (run.state, "hours long" in run.error) == (State.FAILED, True)


def test_tracks_of_a_file_with_several_are_named(project, ada, service, client):
    tracks = (
        Sound(beeps(2), "flac", language="eng", title="Ada", is_default=False),
        Sound(beeps(2), "flac", title="Bob", is_default=True),
    )
    recording = add_recording(project, written("matroska", *tracks), owner=ada)
    run = Transcription.objects.create(recording=recording)
    transcribe(run.pk)
    recording.refresh_from_db()
    assert [track["number"] for track in recording.tracks] == [2, 1]
    client.force_login(ada)
    page = client.get(recording.get_absolute_url()).content.decode()
    assert "2 audio tracks" in page
    assert "track 1, Ada, eng; track 2, Bob" in page


def test_answer_without_utterances_is_cut_at_its_pauses(queued, service):
    words = [
        {"word": "one", "start": 0.0, "end": 0.2, "confidence": 1.0},
        {"word": "two", "start": 0.3, "end": 0.5, "confidence": 1.0},
        {"word": "three", "start": 2.0, "end": 2.4, "confidence": 1.0},
    ]
    service.returns(
        transcript(
            metadata={"request_id": "r-2", "duration": 3.0},
            results={"channels": [{"alternatives": [{"transcript": "x", "words": words}]}]},
        )
    )
    transcribe(queued.pk)
    assert [each.text for each in queued.utterances.all()] == ["one two", "three"]


def test_answer_with_hostile_members_is_stored_as_text(queued, service):
    text = "He said </script><img onerror=alert(1)> {{7*7}} \ud800 NUL:\0 " + "x" * 100_000
    utterance = {"start": 9.0, "end": 1.0, "confidence": 7, "transcript": text, "words": "none"}
    service.returns(
        transcript(
            metadata={"request_id": "r-3", "duration": 1.0},
            results={"channels": [{}], "utterances": [utterance, None, {"start": "NaN"}]},
        )
    )
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE
    stored = "".join(each.text for each in queued.utterances.all())
    assert "</script><img" in stored
    assert "\0" not in stored
    assert all(0 <= each.start <= each.end <= 1.0 for each in queued.utterances.all())


def test_silence_is_a_finished_transcript(recording, queued, service):
    service.returns(transcript(""))
    transcribe(queued.pk)
    recording.refresh_from_db()
    assert (recording.state, queued.utterances.count()) == (State.DONE, 0)


def test_waveform_is_drawn_once_and_a_copy_made_where_needed(recording, queued, service):
    transcribe(queued.pk)
    draw_waveform(recording.pk)
    recording.refresh_from_db()
    peaks = bytes(recording.waveform.peaks)
    assert len(peaks) == 20
    assert max(peaks) > 80
    assert not recording.listening_copy  # browsers play WAV
    Waveform.objects.update(peaks=b"")
    draw_waveform(recording.pk)
    recording.waveform.refresh_from_db()
    assert bytes(recording.waveform.peaks) == b""


def test_removed_recording_takes_its_files_along(recording, queued, service):
    transcribe(queued.pk)
    name, storage = recording.file.name, recording.file.storage
    recording.refresh_from_db()
    recording.remove()
    assert not storage.exists(name)
    assert Utterance.objects.count() == 0
