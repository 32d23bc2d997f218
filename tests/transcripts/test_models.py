"""Rules of rows that pages show: who may change them, which run counts, what can be played."""

from datetime import timedelta

import pytest
from django.utils import timezone

from management.models import Project, User
from tests.transcripts.conftest import add_recording
from transcripts.models import (
    Insight,
    Preset,
    Recording,
    State,
    Transcription,
    Upload,
    Utterance,
    Waveform,
)
from transcripts.options import DEFAULTS, INSIGHTS
from transcripts.text.finding import Found
from transcripts.text.reading import BLOCK_UTTERANCES, Voices


def run_of(recording: Recording, state: State = State.DONE, **columns: object) -> Transcription:
    return Transcription.objects.create(
        recording=recording, state=state, finished_at=timezone.now(), **columns
    )


def utterances(run: Transcription, texts: list[str]) -> None:
    Utterance.objects.bulk_create(
        Utterance(
            transcription=run,
            project_id=run.recording.project_id,
            index=index,
            start=index,
            end=index + 0.9,
            confidence=0.9,
            text=text,
        )
        for index, text in enumerate(texts)
    )


def test_a_recording_is_writable_by_members_and_not_by_viewers_or_strangers(
    project: Project, bob: User, vera: User, eve: User
):
    recording = add_recording(project)
    assert [recording.is_writable_by(user) for user in (bob, vera, eve)] == [True, False, False]


def test_an_upload_is_resumable_by_its_owner_while_they_may_write(
    project: Project, ada: User, bob: User
):
    upload = Upload.objects.create(project=project, owner=bob, name="a.wav", size_bytes=10)
    assert list(Upload.objects.resumable_by(bob)) == [upload]
    assert not Upload.objects.resumable_by(ada).exists()
    bob.memberships.update(role="viewer")
    assert not Upload.objects.resumable_by(bob).exists()


def test_an_upload_is_complete_with_its_last_byte():
    assert not Upload(size_bytes=10, offset_bytes=9).is_complete
    assert Upload(size_bytes=10, offset_bytes=10).is_complete


def test_audio_at_an_address_is_queued_with_its_options(
    project: Project, ada: User, rings: list[tuple[object, ...]]
):
    url, options = "https://example.com/a/Monday%20call.mp3", DEFAULTS | {"language": "es"}
    recording = Recording.objects.add_address(project, ada, url, "Monday call.mp3", options)
    assert (recording.title, recording.source, recording.source_url) == ("Monday call", "url", url)
    assert list(Recording.objects.open()) == [recording]
    run = recording.transcription
    assert run is not None
    assert (run.state, run.options["language"]) == (State.QUEUED, "es")


def test_the_newest_finished_run_counts_whatever_followed_it(project: Project):
    recording = add_recording(project)
    assert recording.newest_options == DEFAULTS
    old, new = run_of(recording), run_of(recording, options={"language": "fr"})
    run_of(recording, State.FAILED, options={"language": "de"})
    assert list(recording.finished_runs) == [new, old]
    assert recording.finished_transcription == new
    assert recording.newest_options == {"language": "de"}


def test_a_failure_is_listed_until_a_newer_run_or_a_day_later(project: Project):
    now = timezone.now()
    failed = run_of(add_recording(project), State.FAILED)
    retried = add_recording(project)
    run_of(retried, State.FAILED)
    run_of(retried, State.QUEUED)
    run_of(add_recording(project))
    assert list(Transcription.objects.ended_since(now - timedelta(days=1), State.FAILED)) == [
        failed
    ]
    assert not Transcription.objects.ended_since(now + timedelta(minutes=1), State.FAILED).exists()


def test_the_player_gets_the_copy_where_browsers_cannot_play_the_original():
    recording = Recording(sha256="ab", media_type="audio/x-aiff", listening_copy="copies/1.mp3")
    assert recording.playable == ("copies/1.mp3", "audio/mpeg", "ab-copy")


@pytest.mark.parametrize(
    ("media_type", "served"),
    [("video/mp4", "video/mp4"), ("text/html", "application/octet-stream")],
)
def test_only_audio_and_video_are_served_with_their_own_type(media_type: str, served: str):
    recording = Recording(sha256="ab", media_type=media_type, file="recordings/1")
    assert recording.playable == ("recordings/1", served, "ab")


def test_a_text_is_shown_in_blocks_until_it_ends(project: Project):
    run = run_of(add_recording(project))
    utterances(run, ["so and", "then"] * BLOCK_UTTERANCES)
    first, second = run.block(0, Voices()), run.block(1, Voices())
    assert first
    assert second
    assert run.block(2, Voices()) == []


def test_words_are_found_across_utterances_by_their_index(project: Project):
    run = run_of(add_recording(project))
    utterances(run, ["the lower", "road and", "the lower road"])
    assert run.find("lower road") == [Found(0, 4, 1, 4), Found(2, 4, 2, 14)]
    assert run.find("") == []


def test_the_cautions_of_a_run_include_those_of_its_finished_insight(project: Project):
    run = run_of(add_recording(project), options={"language": "en"}, language="es")
    assert run.all_cautions == run.cautions
    assert run.cautions
    insight = Insight.objects.create(transcription=run, state=State.DONE)
    assert run.finished_insight == insight
    Insight.objects.update(state=State.QUEUED)
    assert run.finished_insight is None


def test_insights_are_ordered_for_everything_where_the_options_ask_for_none(
    project: Project, rings: list[tuple[object, ...]]
):
    run = run_of(add_recording(project), language="en")
    insight = run.order_all_insights()
    assert insight is not None
    assert all(insight.options[name] for name in INSIGHTS)


def test_insights_are_ordered_as_the_options_ask(project: Project, rings: list[tuple[object, ...]]):
    run = run_of(add_recording(project), language="en", options={"topics": True})
    insight = run.order_all_insights()
    assert insight is not None
    assert insight.options["topics"]
    assert not insight.options.get("sentiment")


def test_projects_with_a_default_preset_are_told_apart(project: Project, other_project: Project):
    Preset.objects.create(project=project, name="Calls", is_default=True)
    Preset.objects.create(project=other_project, name="Calls")
    assert Preset.objects.all().projects_with_default() == [project.pk]


def test_a_waveform_is_drawn_once_its_due_time_is_empty():
    assert Waveform().is_drawn
    assert not Waveform(due_at=timezone.now()).is_drawn


def test_a_drawing_is_stored_with_what_it_found_out(project: Project):
    recording = add_recording(project)
    waveform = Waveform.objects.create(recording=recording, due_at=timezone.now())
    waveform.finish(b"\x01\x02", duration=2.5)
    waveform.refresh_from_db()
    recording.refresh_from_db()
    assert (bytes(waveform.peaks), waveform.is_drawn, recording.duration) == (
        b"\x01\x02",
        True,
        2.5,
    )


def test_an_upload_has_no_client_some_time_after_its_last_byte(project: Project, ada: User):
    upload = Upload.objects.create(
        project=project, owner=ada, name="a.wav", size_bytes=10, offset_bytes=10
    )
    pause = timedelta(seconds=20)
    assert not Upload.objects.without_client(pause).exists()
    for moved in (-timedelta(minutes=1), timedelta(hours=1)):  # the second by a clock ahead
        Upload.objects.update(changed_at=timezone.now() + moved)
        assert list(Upload.objects.without_client(pause)) == [upload]
    Upload.objects.update(offset_bytes=9)
    assert not Upload.objects.without_client(pause).exists()


def test_a_run_is_leased_while_its_worker_renews_it(project: Project):
    now = timezone.now()
    held = run_of(add_recording(project), State.RUNNING, lease_until=now + timedelta(minutes=1))
    run_of(add_recording(project), State.RUNNING, lease_until=now - timedelta(minutes=1))
    assert list(Transcription.objects.leased()) == [held]
