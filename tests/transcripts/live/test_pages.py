"""Pages of live sessions: their start, their link, and what others see of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from management.models import AuditEntry, Budget, Model, Project, User
from tests.pages.cast import transcribe
from tests.transcripts.conftest import add_recording
from tests.transcripts.live.conftest import make_session
from transcripts.live.models import LiveNote, LiveSession
from transcripts.live.session_options import recording_options, turn_options
from transcripts.models import Recording
from transcripts.views.live import RECENT

pytestmark = pytest.mark.slow


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def page(ada: User) -> Client:
    return signed_in(ada)


def chosen(project: Project, **facts: Any) -> dict[str, Any]:
    return {
        "project": project.pk, "mode": "captions", "source": "microphone", "language": "en",
        "model": "nova-3",
        "endpointing": 800, "diarize": "on", "keyterm": "Lighthouse\n\n keeper ",
    } | facts  # fmt: skip


def test_a_session_begins_with_the_chosen_options(page, project):
    response = page.post("/live/start/", chosen(project, title="Monday", again="on"))
    session = LiveSession.objects.get()
    assert response["Location"] == f"/live/{session.pk}/?source=microphone"
    assert (session.title, session.again, session.state) == ("Monday", True, "open")
    assert session.options == {
        "model": "nova-3", "language": "en", "diarize": True, "endpointing": 800,
        "keyterm": ["Lighthouse", "keeper"],
    }  # fmt: skip
    assert b'data-fresh="true"' in page.get(response["Location"]).content


def test_a_project_says_whether_its_sessions_are_transcribed_again(page, project):
    again = 'name="again"\n               checked'
    assert again not in page.get("/live/").content.decode()
    page.post(f"/settings/projects/{project.pk}/live/", {"again": "on"})
    assert again in page.get("/live/").content.decode()
    page.post("/live/start/", chosen(project))  # unticked
    assert not LiveSession.objects.get().again
    page.post(f"/settings/projects/{project.pk}/live/")
    assert again not in page.get("/live/").content.decode()


@pytest.mark.parametrize(
    ("language", "model", "hints"),
    [("en", "flux-general-en", None), ("fr", "flux-general-multi", ["fr"])],
)
def test_a_session_of_turns_has_their_model_and_thresholds(page, project, language, model, hints):
    Model.objects.create(
        connection=project.connection, kind=Model.Kind.STT, uuid="m", canonical_name="nova-2",
        name="nova-2", languages=["en", "fr"],
    )  # fmt: skip
    thresholds = {"eot_threshold": "0.8", "eager_eot_threshold": "0.4", "eot_timeout_ms": "3000"}
    page.post("/live/start/", chosen(project, mode="turns", language=language, **thresholds))
    session = LiveSession.objects.get()
    assert (session.mode, session.options["model"]) == ("turns", model)
    assert session.options.get("language_hint") == hints
    assert session.options["eot_threshold"] == 0.8
    assert turn_options(session.options).eot_timeout_ms == 3000
    # The recording is transcribed again by a model for recordings.
    assert recording_options(session.options)["model"] == "nova-3"


def test_a_budget_that_is_used_up_stops_new_sessions(page, project):
    budget = Budget.objects.create(project=project, dollars=1, hour_price=12)
    response = page.post("/live/start/", chosen(project))
    assert response.status_code == 422
    assert "does not allow it" in response.content.decode()
    assert not LiveSession.objects.exists()
    Budget.objects.update(dollars=10)
    page.post("/live/start/", chosen(project))
    assert LiveSession.objects.exists()
    assert budget.spent() == 2  # ten minutes are reserved


def test_a_session_without_a_title_is_named_by_its_time(page, project):
    page.post("/live/start/", chosen(project))
    assert LiveSession.objects.get().title.startswith("Live, ")


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"language": "xx"}, b"xx is not one of the available choices"),
        ({"keyterm": "word " * 600}, b"keyterm"),
        ({"endpointing": "soon"}, b"soon"),
    ],
)
def test_wrong_options_are_named(page, project, facts, problem):
    response = page.post("/live/start/", chosen(project, **facts))
    assert response.status_code == 422
    assert problem in response.content
    assert not LiveSession.objects.exists()


def test_models_for_recordings_alone_and_for_turns_are_not_offered(page, project):
    for name, streaming in (("nova-2", True), ("whisper", False), ("flux-general-en", True)):
        Model.objects.create(
            connection=project.connection, kind=Model.Kind.STT, uuid=name, canonical_name=name,
            name=name, streaming=streaming, languages=["en", "fr"],
        )  # fmt: skip
    content = page.get("/live/").content.decode()
    assert 'value="nova-2"' in content
    assert 'value="whisper"' not in content
    assert 'value="flux-general-en"' not in content
    assert "French" in content


def test_nobody_starts_a_session_in_a_project_that_is_not_theirs(vera, eve, project):
    for user in (vera, eve):
        assert signed_in(user).post("/live/start/", chosen(project)).status_code == 422
    assert not LiveSession.objects.exists()


def test_the_page_lists_open_sessions_and_the_newest_ended_ones(page, project, ada):
    make_session(project, ada, title="Still open")
    for number in range(RECENT + 1):
        recording = add_recording(project, title=f"Talk {number:02}", owner=ada)
        moment = timezone.now() - timedelta(days=number)
        make_session(project, ada, state="ended", recording=recording, created_at=moment)
    content = page.get("/live/").content.decode()
    assert "Still open" in content
    assert [f"Talk {number:02}" in content for number in (0, RECENT - 1, RECENT)] == [
        True, True, False,
    ]  # fmt: skip


def test_an_ended_session_is_its_recording(page, project, ada):
    recording = add_recording(project, owner=ada)
    session = make_session(project, ada, state="ended", recording=recording)
    assert page.get(f"/live/{session.pk}/")["Location"] == recording.get_absolute_url()


def test_the_recording_shows_the_notes_to_the_team(page, project, ada, bob):
    recording = cast_recording(project, ada)
    session = make_session(project, ada, state="ended", recording=recording)
    LiveNote.objects.create(session=session, at=72.4, text="Ask about the <lamp>", author=ada)
    content = signed_in(bob).get(recording.get_absolute_url()).content.decode()
    assert "Ask about the &lt;lamp&gt;" in content
    assert '?t=72">1:12' in content


def cast_recording(project: Project, owner: User) -> Recording:
    """A recording with a transcript."""
    recording = add_recording(project, owner=owner, duration=100.0)
    transcribe(recording, 3)
    return recording


def test_the_owner_alone_has_the_microphone_page(session, ada, bob, vera, eve):
    path = f"/live/{session.pk}/"
    found = {
        user.email[:3]: signed_in(user).get(path).status_code for user in (ada, bob, vera, eve)
    }
    assert found == {"ada": 200, "bob": 404, "ver": 404, "eve": 404}


def test_a_session_is_ended_from_the_list(page, session, bob):
    assert signed_in(bob).post(f"/live/{session.pk}/end/").status_code == 404
    page.post(f"/live/{session.pk}/end/")
    session.refresh_from_db()
    assert session.state == LiveSession.State.ENDING


# The link to the captions.


def share(page: Client, session: LiveSession, **facts: str) -> Any:
    response = page.post(f"/live/{session.pk}/link/", {"audience": "anyone"} | facts)
    session.refresh_from_db()
    return response


def test_captions_are_for_members_until_the_owner_shares_them(page, session, bob, vera, eve):
    path = session.get_captions_url()
    assert [signed_in(user).get(path).status_code for user in (bob, vera, eve)] == [200, 200, 404]
    assert Client().get(path)["Location"].startswith("/sign-in/")
    share(page, session)
    assert [signed_in(eve).get(path).status_code, Client().get(path).status_code] == [200, 200]
    share(page, session, audience="members")
    assert signed_in(eve).get(path).status_code == 404


def test_the_link_is_shown_with_its_code(page, session):
    content = page.get(f"/live/{session.pk}/link/").content.decode()
    assert f"http://testserver{session.get_captions_url()}" in content
    assert "data:image/svg+xml" in content


def test_sharing_captions_is_in_the_audit_log(page, session):
    page.post(f"/live/{session.pk}/link/", {"audience": "anyone"})
    entry = AuditEntry.objects.get(action="captions_shared")
    assert (entry.subject, entry.project_name) == (session.title, session.project.name)
    assert entry.details == {"audience": "anyone", "until": None, "has_password": False}


def test_only_the_owner_changes_the_link(session, bob, eve):
    for user in (bob, eve):
        assert signed_in(user).post(f"/live/{session.pk}/link/", {}).status_code == 404


def test_a_link_ends_with_its_day(page, session):
    share(page, session, until=f"{timezone.localdate():%Y-%m-%d}")
    assert Client().get(session.get_captions_url()).status_code == 200
    assert share(page, session, until="2020-01-01").status_code == 422
    LiveSession.objects.update(link_until=timezone.now() - timedelta(seconds=1))
    assert Client().get(session.get_captions_url()).status_code == 302


def test_a_password_is_asked_for_once_and_void_when_it_changes(page, session):
    share(page, session, has_password="on", password="sesame")
    path, visitor = session.get_captions_url(), Client()
    assert b"Password" in visitor.get(path).content
    assert visitor.post(path, {"password": "wrong"}).status_code == 422
    LiveSession.objects.update(link_tried_at=None)
    assert visitor.post(path, {"password": "sesame"})["Location"] == path
    assert b"data-watch" in visitor.get(path).content
    share(page, session, has_password="on", password="")  # unchanged
    assert b"data-watch" in visitor.get(path).content
    share(page, session, has_password="on", password="lentils")
    assert b"data-watch" not in visitor.get(path).content
    assert "sesame" not in session.link_password


def test_members_need_no_password(page, session, bob):
    share(page, session, has_password="on", password="sesame")
    assert b"data-watch" in signed_in(bob).get(session.get_captions_url()).content


def test_guessing_a_password_is_slow(page, session):
    share(page, session, has_password="on", password="sesame")
    path = session.get_captions_url()
    Client().post(path, {"password": "wrong"})
    response = Client().post(path, {"password": "sesame"})
    assert b"Try again in a moment" in response.content


def test_the_address_chooses_the_appearance(page, session):
    query = "?view=overlay&size=9999&lines=2&color=ff0000&background=%23000&speakers=no"
    content = page.get(session.get_captions_url() + query).content.decode()
    for fact in (
        'data-view="overlay"', 'data-size="200"', 'data-lines="2"', 'data-color="#ff0000"',
        'data-background="#000"', 'data-speakers="no"',
    ):  # fmt: skip
        assert fact in content
    content = page.get(session.get_captions_url() + "?view=x&size=-1&color=red;}").content.decode()
    assert 'data-view="page"' in content
    assert 'data-size=""' in content
    assert 'data-color=""' in content
