"""The mirror of the engine itself, whose gate, views and rows are in this process."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from engine.models import Request as LoggedRequest
from management.models import (
    AgentConfiguration,
    AgentVariable,
    Connection,
    Invite,
    Key,
    Model,
    Project,
    Request,
    SelfHostedCredential,
    SyncPart,
)
from management.models import Member as MirroredMember
from management.servers import speech
from management.servers.account_changes import (
    change_role,
    remove_member,
    send_invite,
    withdraw_invite,
)
from management.servers.key_changes import InUse, NotChanged, create_key, delete_key, rotate_key
from management.sync.runs import sync
from tests.engine.conftest import environment, inside  # noqa: F401 fixtures
from tests.engine.inprocess import URL, Holder, Inside

pytestmark = pytest.mark.slow


class Gateway(httpx.BaseTransport):
    """Sends the requests of a client to the engine's ASGI application."""

    def __init__(self, engine: Inside) -> None:
        self.engine = engine

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = asyncio.run(
            self.engine.request(
                request.method,
                request.url.raw_path.decode(),
                key=request.headers["authorization"].split()[1],
                content=request.read(),
                headers={"content-type": request.headers.get("content-type", "")},
            )
        )
        return httpx.Response(response.status_code, content=response.content)


@pytest.fixture
def engine(inside: Inside, monkeypatch) -> Inside:  # noqa: F811
    monkeypatch.setattr(speech, "transport", Gateway(inside))
    return inside


def connect(holder: Holder) -> Connection:
    connection = Connection(kind=Connection.Kind.ENGINE, name="Engine", base_url=URL)
    connection.api_key = holder.key
    connection.save()
    return connection


def ask(engine: Inside, method: str, path: str, **facts: Any) -> None:
    response = asyncio.run(engine.request(method, f"{engine.ada.path}/{path}", **facts))
    assert response.status_code == 200, response.text


def log(engine: Inside, **facts: Any) -> LoggedRequest:
    now = datetime.now(UTC)
    key = engine.bob.member.keys.get()
    return LoggedRequest.objects.create(
        **{
            "request_id": uuid4(), "project": engine.ada.project, "accessor": key.pk,
            "created": now, "completed": now, "path": "/v1/listen?model=nova-3", "code": 200,
            "endpoint": "listen", "method": "sync", "deployment": "hosted",
            "details": {"duration": 12.5, "tags": ["calls"], "dollars": 0.02},
        } | facts
    )  # fmt: skip


def test_an_owner_mirrors_the_whole_account(engine):
    ask(engine, "POST", "invites", json={"email": "cleo@example.test", "scope": "member"})
    ask(engine, "POST", "agents", json={"config": '{"think": {}}', "metadata": {"a": "b"}})
    ask(engine, "POST", "agent-variables", json={"key": "DG_NAME", "value": [1]})
    ask(engine, "POST", "self-hosted/distribution/credentials", json={"comment": "Site"})
    logged = log(engine)
    assert sync(connect(engine.ada))
    assert not SyncPart.objects.exclude(state=SyncPart.State.OK).exists()
    assert Project.objects.get().name == "Interviews"
    assert {key.email for key in Key.objects.all()} == {"ada@example.test", "bob@example.test"}
    assert {member.email for member in MirroredMember.objects.all()} == {
        "ada@example.test", "bob@example.test"
    }  # fmt: skip
    assert Invite.objects.get().email == "cleo@example.test"
    assert AgentConfiguration.objects.get().config == {"think": {}}
    assert AgentVariable.objects.get().value == [1]
    assert SelfHostedCredential.objects.get().comment == "Site"
    assert Model.objects.filter(kind="tts", metadata__accent="American").exists()
    request = Request.objects.get()
    assert (request.request_id, request.endpoint) == (str(logged.pk), "listen")
    assert (request.seconds, request.tags, request.dollars) == (12.5, ["calls"], 0.02)
    used = Key.objects.get(email="bob@example.test")
    assert used.last_used_at == request.created


def test_a_member_mirrors_what_the_scopes_allow(engine):
    """Members may not read members, invites and money."""
    assert sync(connect(engine.bob))
    lacking = SyncPart.objects.filter(state=SyncPart.State.SCOPE)
    assert {(part.name, part.scope, part.status) for part in lacking} == {
        ("members", "members:read", 401),
        ("invites", "members:read:invites", 401),
        ("balances", "billing:read", 401),
        ("purchases", "billing:read", 401),
        ("billing_fields", "billing:read", 401),
        ("costs", "billing:read", 401),
    }
    assert Key.objects.exists()
    assert Connection.objects.get().key_scopes == ["member"]


def test_pages_of_the_log_are_read_to_the_end(engine):
    for _ in range(12):
        log(engine)
    connection = connect(engine.ada)
    sync(connection)
    log(engine, code=400)
    sync(connection)
    assert Request.objects.count() == 13
    assert Request.objects.failed().count() == 1


def is_accepted(engine: Inside, key: str) -> bool:
    return asyncio.run(engine.get("/v1/projects", key=key)).status_code == 200


def test_a_key_made_here_works_until_it_is_deleted_here(engine):
    connection = connect(engine.ada)
    sync(connection)
    key, value = create_key(Project.objects.get(), None, "Phone line", ["member"], ["calls"])
    assert (key.email, key.tags) == ("ada@example.test", ["calls"])
    assert is_accepted(engine, value)
    new, rotated = rotate_key(key, None)
    assert (new.replaces, new.scopes) == (key, ["member"])
    assert is_accepted(engine, value)
    assert is_accepted(engine, rotated)
    delete_key(key)
    assert not is_accepted(engine, value)
    assert is_accepted(engine, rotated)
    with pytest.raises(InUse):
        delete_key(Key.objects.get(api_key_id=connection_key(connection)))


def connection_key(connection: Connection) -> str:
    connection.refresh_from_db()
    return connection.api_key_id


def test_invites_and_roles_go_to_the_engine(engine):
    sync(connect(engine.ada))
    project = Project.objects.get()
    invite = send_invite(project, "cleo@example.test", "member")
    assert engine.ada.project.invites.get().email == "cleo@example.test"
    withdraw_invite(invite)
    assert not engine.ada.project.invites.exists()
    bob = MirroredMember.objects.get(email="bob@example.test")
    change_role(bob, "admin")
    engine.bob.member.refresh_from_db()
    assert engine.bob.member.scopes == ["admin"]
    with pytest.raises(NotChanged, match="at least one owner"):
        remove_member(MirroredMember.objects.get(email="ada@example.test"))
    remove_member(bob)
    assert not is_accepted(engine, engine.bob.key)
