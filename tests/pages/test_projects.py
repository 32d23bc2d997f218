"""Projects: their members and roles, the archive, and recordings that move between them."""

import json
from contextlib import contextmanager

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from management.models import Action, AuditEntry, Connection, Project, User
from management.servers import speech
from tests.pages.cast import Cast
from transcripts.models import Preset, Recording, Utterance

pytestmark = pytest.mark.slow


@pytest.fixture
def as_user(cast: Cast, no_running_loop: None):
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(getattr(cast, name))
        return client

    return sign_in


def page_of(project: Project) -> str:
    return reverse("project", args=[project.pk])


def set_role(client: Client, project: Project, user: User, role: str) -> str:
    """Change a role on the page; return what the page says then."""
    fields = {"user": user.pk, "role": role}
    response = client.post(reverse("project_member", args=[project.pk]), fields, follow=True)
    return response.content.decode()


@contextmanager
def server(respond):
    """A speech server in place of the connection's."""
    speech.transport = httpx.MockTransport(respond)
    yield
    speech.transport = None


def test_a_person_sees_their_projects_and_an_administrator_all(cast: Cast, as_user):
    text = as_user("bob").get(reverse("projects")).content.decode()
    assert "Interviews" in text
    assert "Member" in text
    assert "Elsewhere" not in text
    assert page_of(cast.project) not in text
    User.objects.filter(pk=cast.bob.pk).update(is_superuser=True)
    text = as_user("bob").get(reverse("projects")).content.decode()
    assert "Elsewhere" in text
    assert page_of(cast.elsewhere) in text


def test_an_administrator_makes_a_project_that_the_server_does_not_know(cast: Cast, as_user):
    assert as_user("ada").get(reverse("project_create")).status_code == 404
    User.objects.filter(pk=cast.ada.pk).update(is_superuser=True)
    ada = as_user("ada")
    taken = ada.post(reverse("project_create"), {"name": "INTERVIEWS"})
    assert "Another project has this name" in taken.content.decode()
    response = ada.post(reverse("project_create"), {"name": "Podcast"})
    project = Project.objects.get(name="Podcast")
    assert response["Location"] == page_of(project)
    assert project.is_local
    assert project.connection == Connection.objects.get()
    assert project.role_of(cast.ada) == "owner"
    assert list(Project.objects.present().filter(name="Podcast")) == []
    assert AuditEntry.objects.filter(action=Action.PROJECT_CREATED, subject="Podcast").exists()


def test_a_sync_leaves_a_project_of_the_team_alone(cast: Cast, monkeypatch):
    from management.models import Sync
    from management.sync.catalog import read_projects
    from speechclient import Project as Listed

    connection = Connection.objects.get()
    project = Project.objects.make_local("Podcast", connection, cast.ada)
    sync = Sync.objects.create(connection=connection)
    monkeypatch.setattr(sync, "hold", lambda **values: None)
    read_projects(sync, (Listed("Interviews", "Interviews", None),))
    project.refresh_from_db()
    cast.second.refresh_from_db()
    assert (project.gone_at, project.name) == (None, "Podcast")
    assert cast.second.gone_at is not None


def test_a_project_is_renamed_at_its_server_first(cast: Cast, as_user):
    requests: list[tuple[str, str, object]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append((request.method, request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={"message": "ok"})

    with server(respond):
        as_user("ada").post(page_of(cast.project), {"name": "Talks"})
    cast.project.refresh_from_db()
    assert cast.project.name == "Talks"
    assert requests == [("PATCH", "/v1/projects/Interviews", {"name": "Talks"})]
    entry = AuditEntry.objects.get(action=Action.PROJECT_RENAMED)
    assert (entry.project_name, entry.details) == ("Talks", {"before": "Interviews"})


def test_a_name_that_the_server_rejects_is_not_used(cast: Cast, as_user):
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"err_code": "FORBIDDEN", "err_msg": "No."})

    with server(respond):
        response = as_user("ada").post(page_of(cast.project), {"name": "Talks"})
    assert response.status_code == 422
    cast.project.refresh_from_db()
    assert cast.project.name == "Interviews"


def test_an_owner_gives_and_takes_roles(cast: Cast, as_user):
    ada = as_user("ada")
    assert "eve@example.test is member of Interviews now" in set_role(
        ada, cast.project, cast.eve, "member"
    )
    set_role(ada, cast.project, cast.bob, "owner")
    assert cast.project.role_of(cast.bob) == "owner"
    set_role(ada, cast.project, cast.vera, "")
    assert cast.project.role_of(cast.vera) == ""
    told = {(entry.action, entry.subject) for entry in AuditEntry.objects.exclude(subject="")}
    assert {
        (Action.MEMBER_ADDED, "eve@example.test"),
        (Action.ROLE_CHANGED, "bob@example.test"),
        (Action.MEMBER_REMOVED, "vera@example.test"),
    } <= told


def test_an_admin_makes_no_owner_and_removes_none(cast: Cast, as_user):
    cast.project.set_role(cast.bob, "admin")
    bob = as_user("bob")
    assert "Nothing was changed" in set_role(bob, cast.project, cast.vera, "owner")
    assert "Only an owner changes the role" in set_role(bob, cast.project, cast.ada, "member")
    assert "Only an owner takes an owner out" in set_role(bob, cast.project, cast.ada, "")
    set_role(bob, cast.project, cast.vera, "member")
    assert cast.project.role_of(cast.ada) == "owner"
    assert cast.project.role_of(cast.vera) == "member"
    assert 'value="owner"' not in bob.get(page_of(cast.project)).content.decode()


def test_the_last_owner_stays(cast: Cast, as_user):
    for role in ("member", ""):
        text = set_role(as_user("ada"), cast.project, cast.ada, role)
        assert "is the only owner of Interviews" in text
    assert cast.project.role_of(cast.ada) == "owner"


@pytest.mark.parametrize("who", ["bob", "vera", "eve"])
def test_for_others_the_page_of_a_project_does_not_exist(who, cast: Cast, as_user):
    client = as_user(who)
    assert client.get(page_of(cast.project)).status_code == 404
    assert client.post(reverse("project_archive", args=[cast.project.pk])).status_code == 404
    fields = {"user": getattr(cast, who).pk, "role": "owner"}
    url = reverse("project_member", args=[cast.project.pk])
    assert client.post(url, fields).status_code == 404
    assert AuditEntry.objects.filter(action=Action.PERMISSION_DENIED, subject=url).exists()


def test_an_archived_project_is_read_and_not_changed(cast: Cast, as_user):
    recording = cast.transcribed("Monday")
    ada, archive = as_user("ada"), reverse("project_archive", args=[cast.project.pk])
    ada.post(archive, {"archived": "yes"})
    page = ada.get(recording.get_absolute_url())
    assert "/delete/" not in page.content.decode()
    assert "Monday" in ada.get(reverse("search_results"), {"q": "lower road"}).content.decode()
    rename = reverse("recording_rename", args=[recording.pk])
    assert ada.post(rename, {"title": "New"}).status_code == 404
    assert f'value="{cast.project.pk}"' not in ada.get(reverse("upload")).content.decode()
    ada.post(archive, {"archived": "no"})
    assert ada.post(rename, {"title": "New"}).status_code == 302


def move(client: Client, recording: Recording, project: Project):
    url = reverse("recording_move", args=[recording.pk])
    return client.post(url, {"project": project.pk})


def test_a_recording_moves_with_its_transcripts(cast: Cast, as_user):
    recording = cast.transcribed("Monday")
    assert move(as_user("ada"), recording, cast.second)["Location"] == recording.get_absolute_url()
    recording.refresh_from_db()
    assert recording.project == cast.second
    projects = Utterance.objects.filter(transcription__recording=recording).values_list("project")
    assert set(projects) == {(cast.second.pk,)}
    for who, is_seen in (("ada", True), ("bob", False)):
        hits = as_user(who).get(reverse("search_results"), {"q": "lower road"})
        assert ("Monday" in hits.content.decode()) is is_seen
    assert as_user("bob").get(recording.get_absolute_url()).status_code == 404
    entry = AuditEntry.objects.get(action=Action.RECORDING_MOVED)
    assert (entry.project_name, entry.details["before"]) == ("Calls", "Interviews")


def test_a_recording_moves_only_where_its_mover_may_add(cast: Cast, as_user):
    recording = cast.transcribed()
    cast.elsewhere.set_role(cast.bob, "viewer")
    assert move(as_user("bob"), recording, cast.elsewhere).status_code == 422
    assert move(as_user("bob"), recording, cast.second).status_code == 422
    assert move(as_user("vera"), recording, cast.second).status_code == 404
    recording.refresh_from_db()
    assert recording.project == cast.project


def test_a_recording_in_work_stays(cast: Cast, as_user):
    recording = cast.running()
    response = move(as_user("ada"), recording, cast.second)
    assert "being transcribed" in response.content.decode()
    recording.refresh_from_db()
    assert recording.project == cast.project


def test_recordings_of_a_person_who_leaves_are_reassigned(cast: Cast, as_user):
    mine, other = cast.recording("Monday"), cast.recording("Tuesday", owner=cast.bob)
    url = reverse("recordings_reassign", args=[cast.ada.pk])
    assert as_user("ada").post(url, {"to": cast.vera.pk}).status_code == 404
    User.objects.filter(pk=cast.eve.pk).update(is_superuser=True)
    as_user("eve").post(url, {"to": cast.vera.pk})
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.owner, other.owner) == (cast.vera, cast.bob)
    assert AuditEntry.objects.get(action=Action.RECORDINGS_REASSIGNED).details["count"] == 1


def test_exports_and_deletions_are_in_the_audit_log(cast: Cast, as_user):
    recording, other = cast.transcribed("Monday"), cast.failed("Tuesday")
    ada = as_user("ada")
    export = reverse("recording_export", args=[recording.pk, "srt"])
    ada.head(export)  # as the page does before a download
    ada.get(export)
    call, preset = cast.call(), Preset.objects.create(project=cast.project, name="Calls")
    ada.get(reverse("call_messages", args=[call.pk]))
    ada.get(reverse("call_messages", args=[call.pk]), {"download": ""})
    clip = cast.clip("How dark it was")
    ada.post(reverse("clip_delete", args=[clip.pk]))
    ada.post(reverse("preset_delete", args=[preset.pk]))
    ada.head(reverse("usage_csv"), {"by": "key"})
    ada.post(reverse("recording_delete", args=[recording.pk]))
    ada.post(reverse("recordings_change"), {"action": "delete", "ids": [other.pk]})
    told = [(entry.action, entry.subject) for entry in AuditEntry.objects.exclude(subject="")]
    assert sorted(told) == [
        ("call_exported", str(call)),
        ("clip_deleted", "How dark it was"),
        ("preset_deleted", "Calls"),
        ("recording_deleted", "Monday"),
        ("recording_deleted", "Tuesday"),
        ("transcript_exported", "Monday"),
    ]
