"""The mirror of the speech account: idempotent, resumable, never losing a project."""

from dataclasses import replace

import pytest

from management.models import Connection, Membership, Model, Project, User
from management.servers.environment_connection import NoServer, connect, mirror
from management.sync.runs import sync
from management.tasks import mirror_accounts
from tests.management.conftest import model

pytestmark = pytest.mark.django_db


def test_projects_and_models_are_mirrored(account, engine_key):
    connection = connect()
    mirror(connection)
    project = Project.objects.get()
    assert (project.upstream_id, project.name) == ("p-1", "Interviews")
    assert project.gone_at is None
    names = {each.canonical_name: each.kind for each in Model.objects.all()}
    assert names == {"nova-3-general": "stt", "aura-2-thalia-en": "tts"}
    connection.refresh_from_db()
    assert connection.seen_at
    assert set(account.keys) == {"Token engine-key-1"}


def test_mirroring_again_changes_what_changed_and_no_more(account, engine_key):
    mirror(connect())
    before = Project.objects.get().pk
    account.projects = [
        {"project_id": "p-1", "name": "Renamed"},
        {"project_id": "p-2", "name": "New"},
    ]
    account.stt = [model("m-3", "nova-4-general")]
    mirror(connect())
    mirror(connect())
    assert [each.name for each in Project.objects.all()] == ["New", "Renamed"]
    assert Project.objects.get(upstream_id="p-1").pk == before
    assert set(Model.objects.present().values_list("uuid", flat=True)) == {"m-2", "m-3"}
    assert Model.objects.get(uuid="m-1").gone_at


def test_project_that_is_no_longer_listed_stays_and_is_marked(account, engine_key):
    mirror(connect())
    listed, account.projects = account.projects, []
    mirror(connect())
    assert Project.objects.get().gone_at
    account.projects = listed
    mirror(connect())
    assert Project.objects.get().gone_at is None


def test_server_that_does_not_answer_is_noted(account, engine_key):
    account.broken = 400
    with pytest.raises(NoServer, match=r": No\."):
        mirror(connect())
    assert Connection.objects.get().error == "No."
    account.broken = 0
    mirror(connect())
    assert Connection.objects.get().error == ""


def test_hostile_lists_are_stored_as_far_as_they_make_sense(account, engine_key):
    account.projects = [
        {"project_id": "", "name": "nameless"},
        {"project_id": "p-9", "name": "x" * 5000},
        {"project_id": "p-8"},
        "text",
    ]
    account.stt = [model("", "no id"), model("m-1", "a"), model("m-1", "a again")]
    mirror(connect())
    assert {each.upstream_id: len(each.name) for each in Project.objects.all()} == {
        "p-9": 200,
        "p-8": 3,
    }
    assert Model.objects.filter(kind="stt").count() == 1


def test_changed_engine_key_is_picked_up(account, engine_key):
    connection = connect()
    engine_key.write_text("engine-key-2")
    connection.pause(ValueError("401"))
    again = connect()
    assert (again.pk, again.api_key, again.retry_at) == (connection.pk, "engine-key-2", None)


def test_task_picks_the_key_up_and_outlives_outages(account, engine_key, caplog):
    mirror_accounts()
    engine_key.write_text("engine-key-2")
    mirror_accounts()
    connection = Connection.objects.get()
    assert connection.api_key == "engine-key-2"
    account.broken = 400
    assert sync(connection)
    assert "The account of Engine in the box was not synced: No." in caplog.text


def test_moved_engine_stays_the_same_connection(account, engine_key, settings):
    first = connect()
    settings.ENV = replace(settings.ENV, engine_port=9001)
    moved = connect()
    assert (moved.pk, moved.base_url) == (first.pk, "http://127.0.0.1:9001")


def test_connection_waits_for_the_engine_to_make_its_key(engine_key):
    engine_key.unlink()
    with pytest.raises(NoServer, match=r"engine\.key is not there"):
        connect()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://api.deepgram.com", "hosted"),
        ("https://api.eu.deepgram.com", "hosted"),
        ("https://deepgram.com.evil.test", "self_hosted"),
        ("https://notdeepgram.com", "self_hosted"),
        ("http://speech.inside:8080", "self_hosted"),
    ],
)
def test_environment_names_the_server(engine_key, settings, url, kind):
    settings.ENV = replace(settings.ENV, deepgram_api_key="k-1", deepgram_base_url=url)
    connection = connect()
    assert (connection.kind, connection.base_url, connection.api_key) == (kind, url, "k-1")
    assert b"k-1" not in bytes(Connection.objects.get().encrypted_key)


def test_new_projects_are_the_administrators_until_somebody_is_in_them(account, engine_key):
    first = User.objects.create_superuser("first@example.test", "pw")
    User.objects.create_superuser("second@example.test", "pw")
    ada = User.objects.create_user("ada@example.test", "pw")
    mirror(connect())
    Membership.objects.all().delete()
    Membership.objects.create(user=ada, project=Project.objects.get(), role="member")
    account.projects.append({"project_id": "p-2", "name": "New"})
    mirror(connect())
    found = set(Membership.objects.values_list("user__email", "project__upstream_id", "role"))
    assert found == {(ada.email, "p-1", "member"), (first.email, "p-2", "owner")}
