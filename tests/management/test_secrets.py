"""Keys of servers and of the account: shown once, then in no table, message, log or page."""

import base64
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from management.models import Connection, Key, User
from management.sync.runs import sync
from management.tasks import mirror_accounts, request_sync
from tests.management.conftest import SECRET, Account, key, request
from tests.pages.test_secrets import everything

pytestmark = pytest.mark.slow

CONNECTION_KEY, SECOND_KEY = "deepgram-secret-of-the-team", "another-secret-of-the-team"
PASSWORD = "a long pass phrase"
FIELDS = {"kind": "self_hosted", "name": "Berlin", "base_url": "http://speech.test"}


@pytest.fixture
def root(db) -> Client:
    client = Client(raise_request_exception=False)
    User.objects.create_superuser("root@example.test", PASSWORD)
    client.post(reverse("sign_in"), {"login": "root@example.test", "password": PASSWORD})
    return client


@pytest.fixture
def account(account: Account) -> Account:
    account.lists["api_keys"] = [key("k-1")]
    account.log = [request(1)]
    return account


@pytest.fixture
def broker(tmp_path: Path, settings) -> Path:
    """The folder of Celery's messages, which no worker takes here."""
    if settings.CELERY_BROKER_URL != "filesystem://":
        pytest.skip("messages are files on the filesystem broker alone")
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_out"])
    for message in folder.iterdir():
        message.unlink()
    return folder


def messages(broker: Path) -> str:
    """Every message as text, its body too."""
    texts = [path.read_text() for path in broker.iterdir()]
    bodies = [base64.b64decode(json.loads(text)["body"]).decode() for text in texts]
    assert bodies, "no message was sent"
    return "".join(texts + bodies)


def add_server(root: Client) -> Connection:
    assert root.post(reverse("connection_add"), FIELDS | {"key": CONNECTION_KEY}).status_code == 302
    return Connection.objects.get()


@pytest.mark.parametrize("debug", [False, True])
def test_keys_are_nowhere_after_they_were_shown(debug, root, account, broker, caplog, settings):
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = debug
    server = add_server(root)
    root.post(
        reverse("connection_edit", args=[server.pk]), FIELDS | {"key": SECOND_KEY, "name": "Bern"}
    )
    server.refresh_from_db()
    assert server.api_key == SECOND_KEY
    request_sync(server.pk)
    mirror_accounts()
    assert sync(server)
    (project,) = server.projects.all()
    fields = {
        "project": str(project.pk),
        "comment": "Phone",
        "scopes": ["member"],
        "expires": "never",
    }
    shown = root.post(reverse("key_create"), fields).content.decode()
    made = Key.objects.get(comment="Phone")
    shown += root.post(reverse("key_rotate", args=[made.pk])).content.decode()
    values = [f"{SECRET}{number}" for number in (2, 3)]
    assert all(value in shown for value in values), "each is shown once"
    root.post(reverse("key_delete", args=[made.pk]), {"name": "Phone"})
    pages = "".join(
        root.get(reverse(name)).content.decode()
        for name in ("keys", "connections", "audit_log", "requests", "members", "dashboard")
    )
    pages += root.get(reverse("connection_edit", args=[server.pk])).content.decode()
    pages += b"".join(root.get(reverse("audit_csv"))).decode()
    logged = "".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    columns = "".join(
        str(bytes(value))
        for model in apps.get_models()
        for row in model._default_manager.values_list()
        for value in row
        if isinstance(value, (bytes, memoryview))
    )
    places = {
        "database": everything() + columns,
        "messages": messages(broker),
        "logs": logged,
        "pages": pages,
    }
    for secret in (CONNECTION_KEY, SECOND_KEY, *values, PASSWORD):
        for place, text in places.items():
            assert secret not in text, place


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_page_of_an_error_has_no_secret(debug, accept, root, account, caplog, settings):
    caplog.set_level(logging.DEBUG)
    server = add_server(root)
    assert sync(server)
    (project,) = server.projects.all()
    settings.DEBUG = debug

    def break_down(_: Any) -> None:
        raise RuntimeError("broken")

    headers = {"accept": accept}
    # The key is in the form and in variables of the frames below it.
    account.fails["/v1/auth/token"] = break_down
    account.fails["/v1/projects"] = break_down
    fields = FIELDS | {"key": SECOND_KEY}
    failed = [root.post(reverse("connection_add"), fields, headers=headers)]
    # The value of the new key is known when reading its facts fails.
    account.fails = {"/keys/k-new-1": break_down}
    new = {"project": project.pk, "comment": "Phone", "scopes": ["member"], "expires": "never"}
    failed.append(root.post(reverse("key_create"), new, headers=headers))
    assert [response.status_code for response in failed] == [500, 500]
    assert account.sent["comment"] == "Phone"
    text = "".join(response.content.decode() for response in failed) + caplog.text
    assert debug == ("RuntimeError at" in "".join(each.content.decode() for each in failed))
    for secret in (CONNECTION_KEY, SECOND_KEY, SECRET, PASSWORD):
        assert secret not in text
