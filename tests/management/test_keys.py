"""API keys: made, rotated and deleted at the server first; a value is shown once."""

import logging
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import AuditEntry, Key, Membership, Project, User
from management.servers.snippets import snippets
from management.sync.runs import sync
from tests.management.conftest import SECRET, Account, key, mirror

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def lists() -> dict[str, Any]:
    return {"api_keys": [key("k-1", comment="Dialler"), key("k-2", comment="Reports")]}


@pytest.fixture(scope="module")
def mirrored(shared_rows) -> None:
    with shared_rows():
        mirror(**lists())


@pytest.fixture
def project(mirrored: None, account: Account) -> Project:
    account.lists |= lists()
    return Project.objects.get()


def client_of(project: Project, role: str, email: str = "ada@example.test") -> Client:
    user = User.objects.create_user(email, "pw")
    Membership.objects.create(user=user, project=project, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ada(project: Project) -> Client:
    return client_of(project, Membership.Role.OWNER)


def fields(chosen: Project, **facts) -> dict:
    return {
        "project": chosen.pk, "comment": "Phone line", "scopes": ["usage:write"],
        "expires": "30", "tags": "calls, berlin, calls",
    } | facts  # fmt: skip


def changes() -> list[tuple[str, str]]:
    """The entries of the audit log about keys."""
    entries = AuditEntry.objects.filter(action__startswith="key")
    return list(entries.values_list("action", "subject"))


def text_of(client: Client, name: str, *args, **query) -> str:
    return client.get(reverse(name, args=args), query).content.decode()


def test_each_key_is_on_one_page_the_newest_first(ada, project, account):
    now = timezone.now()
    Key.objects.bulk_create(
        Key(project=project, api_key_id=f"k-{number}", comment=f"Key <{number}>",
            created=now - timedelta(days=number))
        for number in range(10, 130)
    )  # fmt: skip
    listed = [
        key.api_key_id
        for page in (1, 2, 3)
        for key in ada.get(reverse("keys"), {"page": page}).context["keys"]
    ]
    newest = Key.objects.order_by("-created", "pk").values_list("api_key_id", flat=True)
    assert listed == list(newest)
    assert "Key &lt;60&gt;" in text_of(ada, "keys", page=2)


def test_keys_are_listed_with_what_is_known_of_them(ada, project, account):
    Key.objects.filter(api_key_id="k-2").update(
        last_used_at=timezone.now() - timedelta(days=1), scopes=["owner"], tags=["nightly"]
    )
    until = timezone.now() + timedelta(days=30)
    Key.objects.filter(api_key_id="k-1").update(expiration=until)
    User.objects.update(time_zone="Asia/Kolkata")
    text = text_of(ada, "keys")
    local = until.astimezone(ZoneInfo("Asia/Kolkata"))
    for part in ("Dialler", "Reports", "ada@example.test", "nightly", "No expiry", "Never",
                 f"{local:%H:%M} IST"):  # fmt: skip
        assert part in text
    assert "Used for speech, has more scopes" in text
    assert "2 keys visible" in text


def test_a_key_is_made_at_the_server_and_then_mirrored(ada, project, account):
    response = ada.post(reverse("key_create"), fields(project))
    assert account.sent["tags"] == ["calls", "berlin"]
    assert account.sent["scopes"] == ["usage:write"]
    made = Key.objects.get(comment="Phone line")
    assert made.email == "ada@example.test"  # as the server says
    assert made.made_by.email == "ada@example.test"
    assert timedelta(days=29) < made.expiration - timezone.now() < timedelta(days=31)
    text = response.content.decode()
    assert f"{SECRET}3" in text
    assert "http://speech.test/v1/listen" in text
    assert "no-store" in response["Cache-Control"]
    sync(project.connection)
    assert Key.objects.count() == 3


def test_the_value_is_shown_once_and_stored_nowhere(ada, project, account, caplog):
    caplog.set_level(logging.DEBUG)
    ada.post(reverse("key_create"), fields(project))
    for name in ("keys", "key_create"):
        assert SECRET not in text_of(ada, name)
    assert SECRET not in caplog.text
    tables = database.introspection.table_names()
    with database.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                assert SECRET not in repr(row), table
                assert "the-key-of-the-connection" not in repr(row), table


def test_of_several_projects_none_is_chosen_for_a_key_or_an_invite(ada, project):
    for name in ("key_create", "members"):
        assert "Choose a project" not in ada.get(reverse(name)).content.decode()
    second = Project.objects.create(
        connection=project.connection, upstream_id="p-2", name="Lectures"
    )
    second.set_role(User.objects.get(email="ada@example.test"), "owner")
    for name in ("key_create", "members"):
        page = ada.get(reverse(name)).content.decode()
        assert "Choose a project" in page
        page = ada.get(reverse(name), {"project": second.pk}).content.decode()
        assert "Choose a project" not in page


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"comment": ""}, "This field is required"),
        ({"scopes": []}, "Choose at least one scope"),
        ({"scopes": ["everything"]}, "Select a valid choice"),
        ({"expires": "at"}, "Enter the date and the time"),
        ({"expires": "at", "expires_at": "2020-01-01T00:00"}, "Enter a time in the future"),
        ({"tags": "x" * 129}, "of at most 128"),
        ({"tags": ",".join(map(str, range(30)))}, "At most 20"),
        ({"project": 999}, "Select a valid choice"),
    ],
)
def test_a_form_with_a_mistake_makes_no_key(facts, problem, ada, project, account):
    response = ada.post(reverse("key_create"), fields(project, **facts))
    assert response.status_code == 422
    assert problem in response.content.decode()
    assert account.sent == {}


def test_a_rejection_is_told_with_its_request_id(ada, project, account):
    account.fails["/keys"] = httpx.Response(
        403, json={"err_msg": "Insufficient permissions.", "request_id": "r-7"}
    )
    text = ada.post(reverse("key_create"), fields(project)).content.decode()
    assert "Engine rejected the change: Insufficient permissions." in text
    assert "r-7" in text
    assert Key.objects.count() == 2
    assert changes() == [("key_change_failed", "")]


def test_rotation_makes_a_key_with_the_same_rights_beside_the_old_one(ada, project, account):
    now = timezone.now()
    old = Key.objects.get(api_key_id="k-1")
    Key.objects.filter(pk=old.pk).update(
        created=now - timedelta(days=10), expiration=now + timedelta(days=20), tags=["calls"]
    )
    text = ada.post(reverse("key_rotate", args=[old.pk])).content.decode()
    new = Key.objects.get(replaces=old)
    assert SECRET in text
    assert account.sent["scopes"] == ["member"]
    assert account.sent["tags"] == ["calls"]
    assert timedelta(days=29) < new.expiration - now < timedelta(days=31)
    assert Key.objects.get(pk=old.pk).gone_at is None
    assert "Replaced by" in text_of(ada, "keys")


def test_a_key_is_deleted_once_its_name_is_typed(ada, project, account):
    doomed = Key.objects.get(api_key_id="k-2")
    url = reverse("key_delete", args=[doomed.pk])
    assert ada.post(url, {"name": "Report"}).status_code == 422
    assert len(account.lists["api_keys"]) == 2
    assert ada.post(url, {"name": "Reports"}).status_code == 302
    assert [each["api_key"]["api_key_id"] for each in account.lists["api_keys"]] == ["k-1"]
    assert Key.objects.get(pk=doomed.pk).gone_at
    assert "Reports" in text_of(ada, "keys", show="gone")
    assert changes() == [("key_deleted", "Reports")]


def test_a_key_that_is_gone_at_the_server_is_deleted_here(ada, project, account):
    account.fails["/keys/k-2"] = httpx.Response(404, json={"err_msg": "Not found."})
    doomed = Key.objects.get(api_key_id="k-2")
    ada.post(reverse("key_delete", args=[doomed.pk]), {"name": "Reports"})
    assert Key.objects.get(pk=doomed.pk).gone_at


def test_the_key_that_earshot_uses_is_not_deleted(ada, project, account):
    own = Key.objects.get(api_key_id="k-1")
    assert own.is_own
    response = ada.post(reverse("key_delete", args=[own.pk]), {"name": "Dialler"})
    assert "Earshot uses this key itself" in response.content.decode()
    assert len(account.lists["api_keys"]) == 2


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_administrators_of_the_project_see_its_keys(role, project, account):
    client = client_of(project, role, "bob@example.test")
    pk = Key.objects.first().pk
    for name, args in (("keys", []), ("key_create", []), ("key_delete", [pk])):
        assert client.get(reverse(name, args=args)).status_code == 404
    assert client.post(reverse("key_rotate", args=[pk])).status_code == 404
    assert reverse("keys") not in text_of(client, "account")
    assert account.sent == {}


def test_an_administrator_of_another_project_reaches_no_key(project, account):
    other = Project.objects.create(connection=project.connection, upstream_id="p-2", name="Other")
    eve = client_of(other, Membership.Role.OWNER, "eve@example.test")
    assert "Dialler" not in text_of(eve, "keys")
    pk = Key.objects.first().pk
    assert eve.get(reverse("key_delete", args=[pk])).status_code == 404
    assert eve.post(reverse("key_create"), fields(project)).status_code == 422


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Dialler", "Reports"]),
        ({"q": "dial"}, ["Dialler"]),
        ({"show": "expired"}, []),
        ({"show": "warned"}, ["Dialler", "Reports"]),
        ({"q": "\0", "show": "x", "page": "-1"}, ["Dialler", "Reports"]),
    ],
)
def test_keys_are_found_by_filters(query, found, ada):
    text = text_of(ada, "keys", **query)
    assert [name for name in ("Dialler", "Reports") if name in text] == found


def test_first_requests_are_written_for_the_server(project):
    curl, python, javascript = (each.text for each in snippets(project.connection, "abc"))
    assert "Authorization: Token abc" in curl
    compile(python, "snippet", "exec")
    assert 'base="http://speech.test"' in python
    assert 'baseUrl: "http://speech.test"' in javascript
    project.connection.base_url = "https://api.deepgram.com"
    assert "environment" not in snippets(project.connection, "abc")[1].text


def test_the_list_of_many_keys_takes_few_queries(ada, project, django_assert_max_num_queries):
    Key.objects.bulk_create(
        Key(project=project, api_key_id=f"m-{number}", comment=f"Key {number}")
        for number in range(300)
    )
    text_of(ada, "keys")  # the first page of a session notes when the user was seen
    with django_assert_max_num_queries(12):
        assert "Page 1 of 7" in text_of(ada, "keys")
