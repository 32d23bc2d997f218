"""The page of a recording without a browser: its parts, its changes and who may make them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from management.models import Action, AuditEntry, Membership, Project, User
from tests.transcripts.conftest import add_recording, read_json
from tests.transcripts.views.conftest import FRAGMENT, add_run, address, client_of
from transcripts.models import Recording, State, Transcription, Waveform
from transcripts.text.reading import BLOCK_UTTERANCES
from transcripts.views.recording import seconds

pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.usefixtures("rings")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("12.5", 12.5),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("soon", None),
    ],
)
def test_the_time_of_an_address_is_a_number_within_a_recording(text: str, expected: Any):
    assert seconds(text) == expected


def test_the_page_shows_the_newest_finished_run(finished: Recording, ada_client: Client):
    newer = add_run(finished, "Who goes there?")
    open_run = Transcription.objects.create(recording=finished)
    shown = ada_client.get(address("recording", finished)).context
    assert shown["run"] == newer
    assert list(shown["versions"]) == [newer, finished.finished_runs.last()]
    assert open_run not in shown["versions"]


@pytest.mark.parametrize("version", ["0", "x", "-1", "1.5", "9" * 19])
def test_a_version_that_is_not_there_is_a_404(
    finished: Recording, ada_client: Client, version: str
):
    assert ada_client.get(f"{address('recording', finished)}?version={version}").status_code == 404


def test_a_version_of_another_recording_is_a_404(
    finished: Recording, project: Project, ada_client: Client
):
    other = add_run(add_recording(project, state=State.DONE), "Hello.")
    page = address("recording", finished)
    assert ada_client.get(f"{page}?version={other.pk}").status_code == 404
    assert ada_client.get(f"{page}?version={finished.finished_runs[0].pk}").status_code == 200


@pytest.mark.parametrize(
    ("at", "number"), [("", 0), ("0", 0), ("399", 0), ("400", 1), ("815", 2), ("99999", 2)]
)
def test_the_page_opens_at_the_block_of_its_time(
    project: Project, ada_client: Client, at: str, number: int
):
    recording = add_recording(project, state=State.DONE)
    add_run(recording, *(f"Line {place}." for place in range(2 * BLOCK_UTTERANCES + 5)))
    shown = ada_client.get(f"{address('recording', recording)}?t={at}").context
    assert shown["first"] == number
    first = shown["paragraphs"][0].lines[0][1]
    assert first.index == number * BLOCK_UTTERANCES


def test_blocks_hold_every_utterance_once_and_end(project: Project, ada_client: Client):
    recording = add_recording(project, state=State.DONE)
    count = 2 * BLOCK_UTTERANCES + 5
    add_run(recording, *(f"Line {place}." for place in range(count)))
    indexes: list[int] = []
    for number in range(3):
        paragraphs = ada_client.get(address("recording_block", recording, number)).context[
            "paragraphs"
        ]
        indexes += [line.index for each in paragraphs for _, line in each.lines]
    assert indexes == list(range(count))
    for number in (3, 10**6, 10**12):
        assert ada_client.get(address("recording_block", recording, number)).status_code == 404


def test_a_recording_without_a_text_has_no_block(recording: Recording, ada_client: Client):
    assert ada_client.get(address("recording_block", recording, 0)).status_code == 404
    assert ada_client.get(address("recording", recording)).status_code == 200


def test_a_version_is_compared_with_the_one_before_or_the_chosen_one(
    finished: Recording, ada_client: Client
):
    first = finished.finished_runs[0]
    second = add_run(finished, "Who is here?", "The harbour master.")
    third = add_run(finished, "Who is there?", "The harbour master.")
    page = address("recording_differences", finished)
    shown = ada_client.get(page).context
    assert (shown["number"], shown["than_number"]) == (3, 2)
    assert (shown["comparison"].removed, shown["comparison"].added) == (1, 1)
    chosen = ada_client.get(f"{page}?than={first.pk}").context
    assert (chosen["than"], chosen["comparison"].changes) == (first, 0)
    older = ada_client.get(f"{page}?version={first.pk}").context
    assert (older["number"], older["than"]) == (1, third)
    assert older["others"] == [(3, third), (2, second)]


@pytest.mark.parametrize("than", ["", "x", "0"])
def test_an_only_version_has_nothing_to_compare(finished: Recording, ada_client: Client, than: str):
    page = f"{address('recording_differences', finished)}?than={than}"
    assert "comparison" not in ada_client.get(page).context


@pytest.mark.parametrize(
    ("state", "status", "reloads"),
    [(State.QUEUED, 200, False), (State.RUNNING, 200, False), (State.DONE, 200, True)],
)
def test_the_page_is_loaded_again_when_its_run_has_ended(
    recording: Recording, queued: Transcription, ada_client: Client, state: State, status: int,
    reloads: bool,
):  # fmt: skip
    from django.db.models.functions import Now

    lease = {"lease_until": Now()} if state == State.RUNNING else {}
    Transcription.objects.filter(pk=queued.pk).update(state=state, **lease)
    Recording.objects.filter(pk=recording.pk).update(state=state)
    response = ada_client.get(address("recording_progress", recording))
    assert response.status_code == status
    assert response.has_header("HX-Refresh") is reloads


def test_a_waveform_is_bytes_with_the_length_and_the_copy(finished: Recording, ada_client: Client):
    page = address("recording_waveform", finished)
    assert ada_client.get(page).content == b""  # there is none
    Waveform.objects.create(recording=finished, peaks=b"\0\x80\xff")
    drawn = ada_client.get(page)
    assert (drawn.content, drawn["Audio-Seconds"]) == (b"\0\x80\xff", "20.000")
    assert not drawn.has_header("Audio-Copy")
    Recording.objects.update(listening_copy="copies/1.mp3")
    assert ada_client.get(page)["Audio-Copy"] == "1"


def test_a_waveform_that_is_being_drawn_is_asked_for_again(finished: Recording, ada_client: Client):
    finished.order_waveform()
    assert ada_client.get(address("recording_waveform", finished)).status_code == 202


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("harbour", [[1, 4, 1, 11]]),
        ("HARBOUR master", [[1, 4, 1, 18]]),
        ("there the", [[0, 7, 1, 3]]),
        ("nothing", []),
        ("", []),
        ("x" * 5000, []),
    ],
)
def test_find_names_the_place_of_each_match(
    finished: Recording, ada_client: Client, query: str, places: list[list[int]]
):
    found = read_json(ada_client.get(address("recording_find", finished), {"q": query}))
    assert found == {"count": len(places), "places": places}


def test_find_in_a_recording_without_a_text_has_no_places(recording: Recording, ada_client: Client):
    found = read_json(ada_client.get(address("recording_find", recording), {"q": "word"}))
    assert found == {"count": 0, "places": []}


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Board", "Board"),
        ("  two\nlines ", "two lines"),
        ("a\u202eb", "ab"),
        ("é" * 255, "é" * 255),
    ],
)
def test_a_title_is_cleaned(finished: Recording, ada_client: Client, title: str, kept: str):
    response = ada_client.post(address("recording_rename", finished), {"title": title})
    assert response.status_code == 302
    finished.refresh_from_db()
    assert finished.title == kept


@pytest.mark.parametrize("title", ["", " ", "\u200b\u202e", "x" * 256])
def test_a_title_that_cannot_be_is_said_where_it_was_entered(
    finished: Recording, ada_client: Client, title: str
):
    page = address("recording_rename", finished)
    fragment = ada_client.post(page, {"title": title}, headers=FRAGMENT)
    assert fragment.status_code == 422
    assert read_json(fragment)["error"]
    followed = ada_client.post(page, {"title": title}, follow=True)
    assert "Nothing was changed" in followed.content.decode()
    finished.refresh_from_db()
    assert finished.title == "Monday"


def test_a_stopped_run_leaves_its_row(recording: Recording, ada_client: Client):
    row = ada_client.post(address("recording_cancel", recording), headers=FRAGMENT)
    assert row.context["row"].recording.state == State.CANCELLED
    again = ada_client.post(address("recording_cancel", recording), follow=True)
    assert "Nothing was stopped" in again.content.decode()


def test_a_recording_is_transcribed_again_with_the_options_of_before_or_new_ones(
    finished: Recording, ada_client: Client
):
    Transcription.objects.update(options={"model": "nova-2", "language": "en"})
    page = address("recording_retry", finished)
    ada_client.post(page)
    assert finished.transcription.options == {"model": "nova-2", "language": "en"}
    assert "Nothing was queued" in ada_client.post(page, follow=True).content.decode()
    finished.cancel()
    ada_client.post(page, {"model": "nova-3", "language": "de"})
    newest = finished.transcription.options
    assert (newest["model"], newest["language"]) == ("nova-3", "de")


def test_options_that_cannot_be_queue_nothing_and_stay_in_the_dialog(
    finished: Recording, ada_client: Client
):
    page = address("recording_retry", finished)
    entered = {"model": "nova-3", "language": "en", "keyterm": "x" * 3000}
    shown = ada_client.post(page, entered, follow=True)
    assert "Invalid options" in shown.context["again_problem"]
    assert shown.context["given"]["model"] == "nova-3"
    assert finished.transcriptions.count() == 1
    # Once: the next visit begins with the options of the newest run.
    assert ada_client.get(address("recording", finished)).context["again_problem"] == ""


def test_a_deleted_recording_is_in_the_audit_log_and_its_file_is_gone(
    finished: Recording, ada_client: Client, media: Any, django_capture_on_commit_callbacks: Any
):
    path = media / str(finished.file)
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        response = ada_client.post(address("recording_delete", finished), follow=True)
    assert "“Monday” is deleted." in response.content.decode()
    assert not Recording.objects.exists()
    assert not path.exists()
    entry = AuditEntry.objects.get(action=Action.RECORDING_DELETED)
    assert (entry.subject, entry.project_name) == ("Monday", "Interviews")


def test_a_row_that_is_deleted_leaves_nothing_in_its_place(finished: Recording, ada_client: Client):
    response = ada_client.post(address("recording_delete", finished), headers=FRAGMENT)
    assert (response.status_code, response.content) == (200, b"")


def test_a_recording_moves_with_its_words(
    finished: Recording, other_project: Project, ada: User, ada_client: Client
):
    page = address("recording_move", finished)
    assert ada_client.post(page, {"project": other_project.pk}).status_code == 422
    Membership.objects.create(user=ada, project=other_project, role=Membership.Role.MEMBER)
    assert ada_client.post(page, {"project": other_project.pk}).status_code == 302
    finished.refresh_from_db()
    assert finished.project == other_project
    run = finished.finished_runs[0]
    assert {each.project for each in run.utterances.all()} == {other_project}
    entry = AuditEntry.objects.get(action=Action.RECORDING_MOVED)
    assert (entry.project_name, entry.details["before"]) == ("Elsewhere", "Interviews")


def test_a_recording_in_work_does_not_move(
    recording: Recording, other_project: Project, ada: User, ada_client: Client
):
    Membership.objects.create(user=ada, project=other_project, role=Membership.Role.MEMBER)
    page = address("recording_move", recording)
    response = ada_client.post(page, {"project": other_project.pk})
    assert response.status_code == 422
    assert "It is being transcribed." in response.content.decode()


READS = ["recording", "recording_differences", "recording_progress", "recording_waveform",
         "recording_find", "recording_insight"]  # fmt: skip
CHANGES = ["recording_rename", "recording_cancel", "recording_retry", "recording_move",
           "recording_delete", "speaker_rename", "insight_order"]  # fmt: skip


@pytest.mark.parametrize("name", READS)
def test_members_read_and_strangers_find_nothing(
    finished: Recording, bob: User, vera: User, eve: User, name: str
):
    for user in (bob, vera):
        assert client_of(user).get(address(name, finished)).status_code == 200
    assert client_of(eve).get(address(name, finished)).status_code == 404


@pytest.mark.parametrize("name", CHANGES)
def test_viewers_and_strangers_change_nothing(
    finished: Recording, vera: User, eve: User, name: str
):
    before = Recording.objects.values().get()
    for user in (vera, eve):
        facts = {"title": "Mine", "voice": "0-0", "name": "Me", "project": "1"}
        assert client_of(user).post(address(name, finished), facts).status_code == 404
    assert Recording.objects.values().get() == before
    assert finished.transcriptions.count() == 1


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "recording_move"])
def test_a_change_is_a_post(finished: Recording, ada_client: Client, name: str):
    assert ada_client.get(address(name, finished)).status_code == 405
