"""Projects, keys, members and invites, through Deepgram's own SDK."""

from __future__ import annotations

import json
import time
import uuid

import httpx
import pytest
from deepgram.core.api_error import ApiError

from tests.engine.rest.conftest import Engine, run_errand, start_engine

pytestmark = pytest.mark.full


@pytest.fixture
def own_engine(tmp_path):
    """An engine that a test may change for good."""
    running = start_engine(tmp_path / "data")
    yield running
    running.stop()


@pytest.fixture
def keys(client):
    return client.manage.v1.projects.keys


def make_key(keys, project_id: str, *scopes: str, **facts: object):
    return keys.create(project_id, request={"comment": "test", "scopes": list(scopes), **facts})


def rejection(call, *arguments, **keywords) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*arguments, **keywords)
    return caught.value


def test_the_first_start_makes_a_project_and_an_owner_key(engine: Engine, client):
    assert (engine.data / "engine.key").stat().st_mode & 0o777 == 0o600
    projects = client.manage.v1.projects.list().projects
    assert [project.name for project in projects] == ["Earshot"]


def test_a_project_can_be_renamed(client, project_id):
    client.manage.v1.projects.update(project_id, name="Field notes")
    assert client.manage.v1.projects.get(project_id).name == "Field notes"
    client.manage.v1.projects.update(project_id, name="Earshot")


def test_a_key_is_shown_once_and_then_works(engine: Engine, keys, project_id):
    made = make_key(keys, project_id, "member", tags=["lab"])
    assert made.key.startswith("ear_")
    assert engine.client(made.key).manage.v1.projects.list().projects[0].project_id == project_id
    shown = keys.get(project_id, made.api_key_id)
    assert shown.item.member.api_key.tags == ["lab"]
    assert shown.api_key["api_key_id"] == made.api_key_id
    assert made.key not in json.dumps(shown.model_dump(), default=str)
    log_and_database = b"".join(
        path.read_bytes()
        for path in engine.data.iterdir()
        if path.is_file() and path.name != "engine.key"
    )
    assert made.key.encode() not in log_and_database


def test_a_deleted_key_is_rejected_at_once(engine: Engine, keys, project_id):
    made = make_key(keys, project_id, "member")
    client = engine.client(made.key)
    client.manage.v1.projects.list()
    keys.delete(project_id, made.api_key_id)
    rejected = rejection(client.manage.v1.projects.list)
    assert (rejected.status_code, rejected.body["err_code"]) == (401, "INVALID_AUTH")


def test_an_expired_key_is_rejected_and_listed_as_such(engine: Engine, keys, project_id):
    made = make_key(keys, project_id, "member", time_to_live_in_seconds=0.5)
    time.sleep(0.6)
    assert rejection(engine.client(made.key).manage.v1.projects.list).status_code == 401
    expired = [
        entry.api_key.api_key_id for entry in keys.list(project_id, status="expired").api_keys
    ]
    active = [entry.api_key.api_key_id for entry in keys.list(project_id, status="active").api_keys]
    assert made.api_key_id in expired
    assert made.api_key_id not in active


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ["member"]},
        {"comment": "x"},
        {"comment": "x", "scopes": "member"},
        {"comment": "x", "scopes": []},
        {"comment": "x", "scopes": ["no:such"]},
        {"comment": "x", "scopes": ["member"], "expiration_date": "2030-01-01"},
        {
            "comment": "x",
            "scopes": ["member"],
            "expiration_date": "2030-01-01T00:00:00Z",
            "time_to_live_in_seconds": 5,
        },
    ],
)
def test_a_wrong_key_request_is_a_400(keys, project_id, wrong):
    assert rejection(keys.create, project_id, request=wrong).status_code == 400


def test_a_body_that_is_no_json_is_rejected_in_the_modern_form(engine: Engine, project_id):
    with engine.http() as http:
        response = http.post(f"/v1/projects/{project_id}/keys", content=b"{")
    assert response.status_code == 400
    body = response.json()
    assert body["category"] == "INVALID_JSON"
    assert body["message"] == "Invalid JSON submitted."
    assert body["request_id"] == response.headers["dg-request-id"]


def test_a_key_does_no_more_than_its_scopes(engine: Engine, keys, project_id):
    reader = engine.client(make_key(keys, project_id, "project:read").key)
    assert reader.manage.v1.projects.get(project_id).project_id == project_id
    rejected = rejection(reader.manage.v1.projects.update, project_id, name="x")
    assert (rejected.status_code, rejected.body["err_code"]) == (401, "INSUFFICIENT_PERMISSIONS")


def test_nobody_hands_out_more_than_they_have(engine: Engine, keys, project_id):
    member = engine.client(make_key(keys, project_id, "member").key)
    rejected = rejection(
        member.manage.v1.projects.keys.create,
        project_id,
        request={"comment": "x", "scopes": ["owner"]},
    )
    assert rejected.status_code == 401


def test_another_project_is_not_there(client):
    rejected = rejection(client.manage.v1.projects.get, str(uuid.uuid4()))
    assert rejected.status_code == 404
    assert rejected.body == {"err_code": "PROJECT_NOT_FOUND", "err_msg": "Project not found."}


def test_a_malformed_project_id_has_a_response_in_plain_text(client):
    rejected = rejection(client.manage.v1.projects.get, "nonsense")
    assert rejected.status_code == 404
    assert rejected.body.startswith("UUID parsing failed: ")
    assert rejected.headers["content-type"].startswith("text/plain")


def test_an_invited_person_becomes_a_member_with_a_first_key(own_engine: Engine):
    client, project_id = own_engine.client(), own_engine.project_id
    members = client.manage.v1.projects.members
    members.invites.create(project_id, email="bob+lab@example.org", scope="member")
    members.invites.create(project_id, email="gone@example.org", scope="admin")
    members.invites.delete(project_id, "gone@example.org")
    invites = members.invites.list(project_id).invites
    assert [(invite.email, invite.scope) for invite in invites] == [
        ("bob+lab@example.org", "member")
    ]

    key = run_errand(own_engine, "accept", "bob+lab@example.org")
    assert members.invites.list(project_id).invites == []
    bob = next(m for m in members.list(project_id).members if m.email == "bob+lab@example.org")
    assert members.scopes.list(project_id, bob.member_id).scopes == ["member"]

    as_bob = own_engine.client(key)
    assert rejection(as_bob.manage.v1.projects.members.list, project_id).status_code == 401
    members.scopes.update(project_id, bob.member_id, scope="admin")
    # The role bounds the key, so a key made for a member stays one.
    assert rejection(as_bob.manage.v1.projects.members.list, project_id).status_code == 401
    own = as_bob.manage.v1.projects.keys.list(project_id).api_keys
    assert {entry.member.email for entry in own} == {"owner@earshot.invalid", "bob+lab@example.org"}
    owners_key = next(e for e in own if e.member.email == "owner@earshot.invalid")
    rejected = rejection(
        as_bob.manage.v1.projects.keys.delete, project_id, owners_key.api_key.api_key_id
    )
    assert rejected.status_code == 401

    members.delete(project_id, bob.member_id)
    assert rejection(as_bob.manage.v1.projects.list).status_code == 401


def test_the_last_owner_stays(client, project_id):
    members = client.manage.v1.projects.members
    owner = members.list(project_id).members[0]
    assert owner.scopes == ["owner"]
    assert rejection(members.delete, project_id, owner.member_id).status_code == 400
    assert rejection(client.manage.v1.projects.leave, project_id).status_code == 400
    changed = rejection(members.scopes.update, project_id, owner.member_id, scope="member")
    assert changed.status_code == 400


def test_a_deleted_project_takes_its_keys_along(own_engine: Engine):
    client, project_id = own_engine.client(), own_engine.project_id
    client.manage.v1.projects.delete(project_id)
    assert rejection(client.manage.v1.projects.list).status_code == 401


def test_the_root_key_is_revived_by_a_start_unless_it_was_deleted(own_engine: Engine, tmp_path):
    first = own_engine.key
    with own_engine.http() as http:
        key_id = http.get("/v1/auth/token").json()["api_key_id"]
        assert http.delete(f"/v1/projects/{own_engine.project_id}/keys/{key_id}").is_success
    own_engine.stop()
    again = start_engine(own_engine.data)
    try:
        assert again.key != first
        assert httpx.get(
            f"{again.url}/v1/projects", headers={"authorization": f"Token {again.key}"}
        ).is_success
    finally:
        again.stop()
