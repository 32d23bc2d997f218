"""Members, invites, models and stored things of the speech account."""

import json
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import (
    AgentConfiguration,
    AgentVariable,
    AuditEntry,
    Invite,
    Key,
    Member,
    Membership,
    Model,
    Project,
    SelfHostedCredential,
    User,
)
from management.servers import speech
from management.sync.runs import sync
from tests.management.conftest import Account, key, mirror
from tests.management.test_keys import client_of, text_of
from transcripts.choices import offers

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def lists() -> dict[str, Any]:
    ada = {"member_id": "u-1", "email": "ada@example.test", "first_name": "Ada"}
    bob = {"member_id": "u-2", "email": "bob@example.test", "scopes": ["member"]}
    return {"members": [ada | {"scopes": ["owner"]}, bob], "api_keys": [key("k-1")]}


@pytest.fixture(scope="module")
def mirrored(shared_rows) -> None:
    with shared_rows():
        mirror(**lists())


@pytest.fixture
def project(mirrored: None, account: Account) -> Project:
    account.lists |= lists()
    return Project.objects.get()


@pytest.fixture
def ada(project: Project) -> Client:
    return client_of(project, Membership.Role.ADMIN)


def test_members_and_invites_are_listed(ada, project):
    Invite.objects.create(project=project, email="cleo@example.test", scope="admin")
    text = text_of(ada, "members")
    for part in ("Ada", "bob@example.test", "cleo@example.test"):
        assert part in text


def test_an_invite_is_sent_and_withdrawn_at_the_server(ada, project, account):
    fields = {"project": project.pk, "email": "cleo@example.test", "role": "admin"}
    assert ada.post(reverse("members"), fields).status_code == 302
    assert account.lists["invites"] == [{"email": "cleo@example.test", "scope": "admin"}]
    invite = Invite.objects.get()
    assert ada.post(reverse("account_invite_withdraw", args=[invite.pk])).status_code == 302
    assert account.lists["invites"] == []
    assert not Invite.objects.present().exists()
    actions = AuditEntry.objects.filter(action__startswith="account_")
    assert {each.action for each in actions} == {"account_invited", "account_invite_withdrawn"}


@pytest.mark.parametrize(
    "facts", [{"email": "no address"}, {"role": "king"}, {"project": 0}, {"email": ""}]
)
def test_an_invite_with_a_mistake_is_not_sent(facts, ada, project, account):
    fields = {"project": project.pk, "email": "cleo@example.test", "role": "admin"}
    assert ada.post(reverse("members"), fields | facts).status_code == 422
    assert account.lists["invites"] == []


def test_a_member_gets_another_role_and_is_removed(ada, project, account):
    bob = Member.objects.get(email="bob@example.test")
    ada.post(reverse("member_role", args=[bob.pk]), {"role": "admin"})
    assert account.lists["members"][1]["scopes"] == ["admin"]
    bob.refresh_from_db()
    assert bob.scopes == ["admin"]
    Key.objects.update(member_id="u-2")
    ada.post(reverse("member_remove", args=[bob.pk]))
    assert [each["member_id"] for each in account.lists["members"]] == ["u-1"]
    assert not Member.objects.present().filter(pk=bob.pk).exists()
    assert not Key.objects.present().exists()


def test_a_rejected_change_is_told_and_changes_nothing(ada, project, account):
    member = Member.objects.get(email="ada@example.test")
    account.fails["/members/u-1"] = httpx.Response(
        400, json={"err_msg": "A project keeps at least one owner.", "request_id": "r-3"}
    )
    response = ada.post(reverse("member_remove", args=[member.pk]), follow=True)
    text = response.content.decode()
    assert "keeps at least one owner" in text
    assert "r-3" in text
    assert Member.objects.present().filter(pk=member.pk).exists()


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_administrators_change_members(role, project, account):
    bob = client_of(project, role, "bob@example.test")
    pk = Member.objects.first().pk
    assert bob.get(reverse("members")).status_code == 404
    assert bob.get(reverse("stored")).status_code == 404
    for name in ("member_role", "member_remove"):
        assert bob.post(reverse(name, args=[pk]), {"role": "owner"}).status_code == 404
    assert account.sent == {}


def test_models_and_voices_are_those_of_the_server(project):
    vera = client_of(project, Membership.Role.VIEWER, "vera@example.test")
    voice = Model.objects.get(kind="tts")
    Model.objects.filter(pk=voice.pk).update(metadata={"accent": "American"})
    text = text_of(vera, "models")
    for part in ("nova-3-general", "aura-2-thalia-en", "American"):
        assert part in text
    assert reverse("voice_sample", args=[voice.pk]) in text
    assert "aura-2" not in text_of(vera, "models", q="nova")


def test_a_sample_of_a_voice_is_made_by_its_server_once(project, media, monkeypatch):
    vera = client_of(project, Membership.Role.VIEWER, "vera@example.test")
    voice = Model.objects.get(kind="tts")
    texts: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        texts.append(json.loads(request.content)["text"])
        return httpx.Response(200, content=b"ID3 sound", headers={"Content-Type": "audio/mpeg"})

    monkeypatch.setattr(speech, "transport", httpx.MockTransport(respond))
    url = reverse("voice_sample", args=[voice.pk])
    assert b"".join(vera.get(url)) == b"ID3 sound"
    assert b"".join(vera.get(url)) == b"ID3 sound"
    assert texts == ["Hello! This is how I sound when I read to you."]
    Model.objects.filter(pk=voice.pk).update(gone_at=timezone.now())
    assert vera.get(url).status_code == 404


def test_a_sample_that_the_server_does_not_make_is_explained(project, media, monkeypatch):
    vera = client_of(project, Membership.Role.VIEWER, "vera@example.test")
    voice = Model.objects.get(kind="tts")
    failing = httpx.MockTransport(lambda _: httpx.Response(400, json={"err_msg": "No."}))
    monkeypatch.setattr(speech, "transport", failing)
    response = vera.get(reverse("voice_sample", args=[voice.pk]))
    assert response.status_code == 502
    assert "The sample could not be made: No." in response.json()["error"]


def test_what_the_account_stores_is_shown_with_its_dangers(ada, project):
    AgentConfiguration.objects.create(
        project=project, agent_id="a-1", config={"think": 1}, metadata={"name": "Desk"}
    )
    AgentVariable.objects.create(project=project, variable_id="v-1", key="DG_A", value="Hello")
    AgentVariable.objects.create(project=project, variable_id="v-2", key="DG_B", is_sensitive=True)
    SelfHostedCredential.objects.create(project=project, credentials_id="d", comment="Site")
    text = text_of(ada, "stored")
    for part in ("Desk", "DG_A", "Hello", "sensitive", "Site", "Every member", "breaks"):
        assert part in text


def test_preferred_models_come_first_in_every_choice(project):
    root = client_of(project, Membership.Role.OWNER, "root@example.test")
    root.post(reverse("model_prefer", args=[Model.objects.get(kind="stt").pk]), {"prefer": "1"})
    assert not Model.objects.filter(is_preferred=True).exists()  # not an administrator yet
    User.objects.update(is_superuser=True)
    chosen = Model.objects.create(
        connection=project.connection, kind="stt", uuid="z", canonical_name="zeta", languages=["en"]
    )
    root.post(reverse("model_prefer", args=[chosen.pk]), {"prefer": "1"})
    (server,) = offers(User.objects.get())["servers"].values()
    assert list(server["models"]) == ["zeta", "nova-3-general", "nova-3"]
    sync(project.connection)  # of a server that does not know it
    root.post(reverse("model_prefer", args=[chosen.pk]))
    (server,) = offers(User.objects.get())["servers"].values()
    assert list(server["models"]) == ["nova-3", "nova-3-general"]
