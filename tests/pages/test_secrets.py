"""Secrets of people: shown once, and then in no database, log, page, message or task."""

import logging
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from management.models import User
from tests.pages.cast import Cast

pytestmark = pytest.mark.slow

PASSWORD, NEW_PASSWORD, WRONG = "a long pass phrase", "sesame and lentils", "certainly wrong 1"


@pytest.fixture
def root(cast: Cast) -> User:
    return User.objects.create_superuser("root@example.test", PASSWORD)


def everything() -> str:
    """Every value of every table, and what sessions hold."""
    rows: list[Any] = []
    for model in apps.get_models():
        rows += model._default_manager.values_list()
    rows += [session.get_decoded() for session in Session.objects.all()]
    return repr(rows)


def shown(response) -> str:
    """The secret that a page shows."""
    (text,) = re.findall(r'<code id="secret">([^<]+)</code>', response.content.decode())
    return text


def test_what_was_shown_once_is_nowhere_afterwards(root, cast: Cast, client: Client, caplog):
    caplog.set_level(logging.DEBUG)
    client.post(reverse("sign_in"), {"login": root.email, "password": WRONG})
    client.post(reverse("sign_in"), {"login": root.email, "password": PASSWORD})
    fields = {"email": "grace@example.test", "role": "member", "days": 7}
    invitation = shown(client.post(reverse("person_invite"), fields)).split("/")[-2]
    link = shown(client.post(reverse("person_password_link", args=[cast.bob.pk])))
    key = link.split("/")[-2].partition("-")[2]
    fields = {"name": "Script", "scope": "write", "days": 30}
    token = shown(client.post(reverse("account_token_add"), fields))
    program = Client(headers={"authorization": f"Token {token}"})
    program.get(reverse("library"))
    program.get("/recordings/999999/")
    guest = Client()
    guest.post(f"/invitations/{invitation}/", {"name": "Grace", "password": "short"})
    guest.post(f"/invitations/{invitation}/", {"name": "Grace", "password": NEW_PASSWORD})
    guest.post(f"/invitations/{invitation}/", {"name": "Grace", "password": NEW_PASSWORD})
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post(reverse("account_change_password"), fields)

    pages = ("account", "people", "audit_log", "projects", "dashboard")
    seen = "".join(client.get(reverse(name)).content.decode() for name in pages)
    seen += b"".join(client.get(reverse("audit_csv"))).decode()
    for secret in (invitation, key, token, PASSWORD, NEW_PASSWORD, WRONG):
        assert secret not in everything()
        assert secret not in seen
    # Lines of requests name an address; the server's filter cuts tokens in them.
    from webapp.logs import RequestFilter

    for record in caplog.records:
        RequestFilter().filter(record)
        for secret in (invitation, key, token, PASSWORD, NEW_PASSWORD, WRONG):
            assert secret not in record.getMessage(), record.name


@pytest.mark.django_db
def test_a_failure_of_the_server_shows_no_secret(root, cast: Cast, caplog, monkeypatch):
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    # The database is what fails: nothing of ours is replaced.
    monkeypatch.setattr("django.db.models.query.QuerySet.update", broken)
    client = Client(raise_request_exception=False)
    fields = {"login": root.email, "password": PASSWORD}
    response = client.post(reverse("sign_in"), fields)
    assert response.status_code == 500
    text = response.content.decode() + caplog.text
    assert PASSWORD not in text
