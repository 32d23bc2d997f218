"""Removal of a speech server: what happens is said first, and nothing of the team's is lost."""

import pytest
from django.test import Client
from django.urls import reverse

from management.models import (
    AuditEntry,
    Connection,
    Key,
    Membership,
    Model,
    Project,
    Request,
    User,
)
from management.servers.removal import remove_connection
from management.sync.runs import sync
from management.tasks import sync_account
from tests.management.conftest import key, request
from transcripts.models import Recording, Transcription

pytestmark = pytest.mark.slow

NAME = "Berlin"


@pytest.fixture
def berlin(account) -> Connection:
    """A server that was added here, with its account mirrored."""
    account.projects = [
        {"project_id": "p-1", "name": "Calls"},
        {"project_id": "p-2", "name": "Nothing yet"},
    ]
    account.lists["api_keys"] = [key("k-1")]
    account.log = [request(1)]
    added = Connection(
        kind="hosted", name=NAME, base_url="http://speech.test", from_environment=False
    )
    added.api_key = "secret"
    added.save()
    return added


@pytest.fixture
def root(db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.test", "pw"))
    return client


@pytest.fixture
def recording(root, berlin) -> Recording:
    """A recording that waits in the queue."""
    assert sync(berlin)
    made = Recording.objects.create(
        project=Project.objects.get(name="Calls"), title="Monday", size_bytes=1
    )
    Transcription.objects.create(recording=made)
    return made


def remove(root: Client, berlin: Connection, **fields):
    return root.post(reverse("connection_remove", args=[berlin.pk]), {"name": NAME} | fields)


def test_the_page_says_what_happens_first(root, berlin, recording):
    text = root.get(reverse("connection_remove", args=[berlin.pk])).content.decode()
    for words in ("2 projects use this server", "1 recording in", "Calls",
                  "1 recording is being transcribed", "No recording is deleted"):  # fmt: skip
        assert words in " ".join(text.split())
    response = root.post(reverse("connection_remove", args=[berlin.pk]), {"name": "Paris"})
    assert response.status_code == 422
    assert Connection.objects.active().filter(pk=berlin.pk).exists()


def test_without_another_server_its_projects_are_archived(root, berlin, recording, account):
    assert remove(root, berlin).status_code == 302
    berlin.refresh_from_db()
    assert berlin.api_key == ""
    assert not Project.objects.active().exists()
    recording.refresh_from_db()
    assert recording.state == "cancelled"
    user = User.objects.get()
    assert Recording.objects.visible_to(user).get() == recording
    assert not Project.objects.writable_by(user).exists()
    # What the account was stays in the history.
    assert Request.objects.count() == 2
    assert not Key.objects.present().exists()
    assert not Model.objects.present().exists()
    assert AuditEntry.objects.get(action="connection_removed").subject == NAME
    account.paths.clear()
    sync_account(berlin.pk)
    assert account.paths == []
    assert ">Berlin<" not in root.get(reverse("connections")).content.decode()


def test_projects_with_recordings_continue_on_another_server(root, berlin, recording, project):
    other = project.connection
    remove(root, berlin, to=other.pk)
    calls = Project.objects.get(name="Calls")
    assert (calls.connection, calls.is_local, calls.archived_at) == (other, True, None)
    recording.refresh_from_db()
    assert recording.state == "queued"
    assert recording.transcription.connection == other
    assert Project.objects.get(name="Nothing yet").archived_at is not None
    assert calls in Project.objects.writable_by(User.objects.get())


def test_an_archived_project_of_a_removed_server_is_not_opened_again(root, berlin, recording):
    remove(root, berlin)
    calls = Project.objects.get(name="Calls")
    text = root.post(reverse("project_archive", args=[calls.pk]), follow=True).content.decode()
    assert "Its server was removed" in text
    calls.refresh_from_db()
    assert calls.archived_at is not None


def test_the_server_of_the_environment_is_not_removed_here(root, project):
    url = reverse("connection_remove", args=[project.connection_id])
    assert root.post(url, {"name": "Engine"}).status_code == 404


def test_a_removed_server_is_offered_nowhere(root, berlin, recording, project):
    remove_connection(berlin)
    for name in ("prices", "project_create", "connections", "models"):
        text = root.get(reverse(name)).content.decode()
        assert f">{NAME}<" not in text, name
    assert root.get(reverse("connection_edit", args=[berlin.pk])).status_code == 404
    Membership.objects.get_or_create(user=User.objects.get(), project=project, role="owner")
    assert root.get(reverse("dashboard")).status_code == 200
