"""Speech servers on their page: tested before they are saved, keys never shown again."""

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from management.models import AuditEntry, Connection, User
from management.servers import crypto
from management.sync.runs import sync
from tests.management.conftest import Account

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
KEY = "the-key-of-the-new-connection"
FIELDS = {
    "kind": "self_hosted", "name": "Data centre", "base_url": "http://speech.test/", "key": KEY,
    "management_url": "", "agent_url": "", "region": "",
}  # fmt: skip


@pytest.fixture
def root(account: Account) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ada@example.test", "pw"))
    return client


@pytest.fixture
def encryption(settings, tmp_path):
    settings.ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"


def test_a_server_is_tested_saved_and_mirrored(root, account):
    assert root.post(reverse("connection_add"), FIELDS).status_code == 302
    saved = Connection.objects.get()
    assert (saved.base_url, saved.api_key, saved.from_environment) == (
        "http://speech.test", KEY, False
    )  # fmt: skip
    assert account.paths == ["/v1/projects", "/v1/models", "/v1/auth/token"]
    assert saved.key_scopes == ["owner"]
    sync(saved)
    text = root.get(reverse("connections")).content.decode()
    assert "Interviews" in text
    assert KEY not in text
    assert AuditEntry.objects.filter(action="connection_added", subject="Data centre").exists()
    assert KEY not in repr(list(AuditEntry.objects.values()))


def test_an_address_without_a_scheme_is_http(root, account):
    assert (
        root.post(reverse("connection_add"), FIELDS | {"base_url": "speech.test"}).status_code
        == 302
    )
    assert Connection.objects.get().base_url == "http://speech.test"


@pytest.mark.parametrize(
    ("region", "speech", "management", "agent"),
    [
        ("", "https://api.deepgram.com", "", "https://agent.deepgram.com"),
        ("eu", "https://api.eu.deepgram.com", "https://api.deepgram.com",
         "https://api.eu.deepgram.com"),
    ],
)  # fmt: skip
def test_a_region_has_its_addresses(region, speech, management, agent, root, account):
    fields = FIELDS | {"kind": "hosted", "region": region, "base_url": ""}
    assert root.post(reverse("connection_add"), fields).status_code == 302
    saved = Connection.objects.get()
    assert (saved.base_url, saved.management_url, saved.agent_url) == (speech, management, agent)


@pytest.mark.parametrize(
    ("failure", "path", "sentence"),
    [
        (httpx.Response(401, json={"err_code": "INVALID_AUTH", "err_msg": "Invalid."}),
         "/v1/projects", "does not accept this key (401)"),
        (httpx.Response(403, json={"err_msg": "Forbidden."}), "/v1/projects", "(403)"),
        (httpx.Response(404, json={"err_msg": "Not found."}), "/v1/projects", "(404)"),
        (httpx.Response(200, json={"projects": []}), "/v1/projects", "opens no project"),
        (httpx.ConnectError("refused"), "/v1/projects", "does not respond"),
        (httpx.Response(404, json={"err_msg": "Not found."}), "/v1/models", "(404)"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_used_is_not_saved(
    failure, path, sentence, root, account, patience
):
    account.fails[path] = failure
    response = root.post(reverse("connection_add"), FIELDS)
    assert response.status_code == 422
    text = response.content.decode()
    assert sentence in text
    assert KEY not in text
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"base_url": ""}, "Enter the address"),
        ({"base_url": "ftp://speech.test"}, "address"),
        ({"key": "not the key"}, "The API key has spaces"),
        ({"base_url": "nonsense"}, "valid URL"),
        ({"key": ""}, "Enter the key"),
        ({"name": ""}, "required"),
        ({"management_url": "ftp://x"}, "address"),
    ],
)
def test_a_form_with_a_mistake_is_shown_again(facts, sentence, root, account):
    response = root.post(reverse("connection_add"), FIELDS | facts)
    assert response.status_code == 422
    assert not Connection.objects.exists()


def test_an_edited_server_keeps_its_key_unless_another_is_entered(root, account):
    root.post(reverse("connection_add"), FIELDS)
    saved = Connection.objects.get()
    url = reverse("connection_edit", args=[saved.pk])
    assert KEY not in root.get(url).content.decode()
    root.post(url, FIELDS | {"name": "Ours", "key": ""})
    saved.refresh_from_db()
    assert (saved.name, saved.api_key) == ("Ours", KEY)
    root.post(url, FIELDS | {"key": "another-key-of-the-server"})
    saved.refresh_from_db()
    assert saved.api_key == "another-key-of-the-server"
    account.fails["/v1/projects"] = httpx.Response(401, json={"err_msg": "Invalid."})
    root.post(url, FIELDS | {"key": "a-key-that-is-wrong"})
    saved.refresh_from_db()
    assert saved.api_key == "another-key-of-the-server"


def test_the_server_of_the_environment_is_not_edited_here(root, account):
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    assert root.get(reverse("connection_edit", args=[connection.pk])).status_code == 404


def test_many_servers_take_few_queries(root, account, django_assert_max_num_queries):
    account.fails["/members"] = httpx.Response(403, json={"err_msg": "No.", "request_id": "r-7"})
    for number in range(5):
        server = Connection(kind="hosted", name=f"S{number}", base_url="http://speech.test")
        server.api_key = "secret"
        server.save()
        sync(server)
    root.get(reverse("connections"))
    with django_assert_max_num_queries(12):
        text = root.get(reverse("connections")).content.decode()
    assert text.count("lacks the scope <code>members:read</code>") == 5


def test_only_administrators_of_the_team_see_servers(account):
    client = Client()
    client.force_login(User.objects.create_user("bob@example.test", "pw"))
    for name in ("connections", "connection_add"):
        assert client.get(reverse(name)).status_code == 404


def test_keys_are_encrypted_again_with_a_new_secret(encryption, settings, account):
    connection = Connection(kind="engine", name="Engine", base_url="http://speech.test")
    connection.api_key = "secret"
    connection.save()
    crypto.add_key()
    assert Connection.objects.get().api_key == "secret"
    assert Connection.objects.encrypt_again() == 1
    crypto.drop_old_keys()
    assert len(settings.ENCRYPTION_KEY_FILE.read_text().split()) == 1
    assert settings.ENCRYPTION_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert Connection.objects.get().api_key == "secret"
