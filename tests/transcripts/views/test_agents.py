"""The pages of agents: list, builder, versions and the speech account."""

from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from management.models import (
    Action,
    AgentConfiguration,
    AgentVariable,
    AuditEntry,
    Connection,
)
from management.servers import speech
from tests.transcripts.agents.conftest import agent as agent
from transcripts.agents.draft import values_of
from transcripts.agents.models import Agent
from transcripts.agents.settings import settings_of
from transcripts.calls.record import without_secrets

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


class Account:
    """A speech server with language models and stored configurations."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.variables: list[dict[str, Any]] = []
        self.error: httpx.Response | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/think/models"):
            models = [{"id": "librarian", "name": "Librarian", "provider": "open_ai"}]
            models += [{"id": "qwen2.5-1.5b", "name": "Qwen 2.5 1.5B", "provider": "open_ai"}]
            return httpx.Response(200, json={"models": models})
        if request.method == "GET":
            return httpx.Response(200, json={"variables": self.variables})
        body = httpx.Response(200, content=request.content).json() if request.content else None
        self.requests.append((request.method, path, body))
        if path.endswith("/agents"):
            return self.error or httpx.Response(200, json={"agent_id": "a-1", "config": {}})
        return self.error or httpx.Response(200, json={"variable_id": "v-1", "key": "DG_SHOP"})


@pytest.fixture(autouse=True)
def account(monkeypatch) -> Account:
    account = Account()
    monkeypatch.setattr(speech, "transport", httpx.MockTransport(account))
    return account


@pytest.fixture
def client(ada) -> Client:
    return signed_in(ada)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(**fields: str) -> dict[str, str]:
    """Return the fields of a new agent."""
    return {
        "name": "Orders",
        "greeting": "Hello.",
        "prompt": "Be brief.",
        "speak_model": "",
        "listen_model": "flux-general-en",
        "think_model": "open_ai/librarian",
        **fields,
    }


def lookup(**fields: str) -> dict[str, str]:
    """Return the fields of a function with one parameter."""
    return {
        "function-0-name": "lookup_order",
        "function-0-answered_by": "hand",
        "function-0-parameters_as": "rows",
        "function-0-parameter-0-name": "id",
        "function-0-parameter-0-type": "string",
        "function-0-parameter-0-required": "on",
        **fields,
    }


PARAMETER = "function-0-parameter-0"


def made(client: Client, **fields: str) -> Agent:
    response = client.post(reverse("agent_new"), typed(**fields))
    assert response.status_code == 302, response.content.decode()
    return Agent.objects.get(is_default=False)


def posted(agent: Agent, **fields: str) -> dict[str, str]:
    return {**values_of(agent.version), **fields}


def test_the_list_has_the_default_agent_without_any_setup(client):
    text = client.get(reverse("agents")).content.decode()
    assert "Librarian" in text
    assert "Version 1" in text


def test_an_agent_is_made_of_what_was_typed(client, project, ada):
    agent = made(client, temperature="0,3", keyterms="oak\nelm", eot_threshold="0.8", **lookup())
    version = agent.version
    assert (agent.project, agent.created_by, version.number) == (project, ada, 1)
    assert version.settings == {
        "greeting": "Hello.",
        "listen": {
            "provider": {
                "type": "deepgram",
                "version": "v2",
                "model": "flux-general-en",
                "eot_threshold": 0.8,
                "keyterms": ["oak", "elm"],
            }
        },
        "think": {
            "prompt": "Be brief.",
            "provider": {"type": "open_ai", "model": "librarian", "temperature": 0.3},
        },
    }
    assert version.declared[0].parameters == {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
    }


def test_a_change_is_a_new_version_and_in_the_audit_log(client, ada):
    agent = made(client)
    response = client.post(agent.get_absolute_url(), posted(agent, prompt="Be kind.", note="Kind"))
    assert response.status_code == 302
    assert (agent.version.number, agent.version.note) == (2, "Kind")
    assert agent.version.settings["think"]["prompt"] == "Be kind."
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert [each for each in actions if each.startswith("agent")] == [
        Action.AGENT_CHANGED,
        Action.AGENT_CREATED,
    ]


def test_the_same_again_is_no_new_version(client):
    agent = made(client, **lookup())
    client.post(agent.get_absolute_url(), posted(agent, name="Shop"))
    agent.refresh_from_db()
    assert (agent.name, agent.version.number) == ("Shop", 1)


def test_a_version_saved_meanwhile_is_not_replaced_unseen(client, bob):
    agent = made(client)
    draft = posted(agent, prompt="Mine.")
    signed_in(bob).post(agent.get_absolute_url(), posted(agent, prompt="Bob's."))
    response = client.post(agent.get_absolute_url(), draft)
    assert response.status_code == 409
    assert "Version 2 was saved by bob@example.test" in response.content.decode()
    assert "Mine." in response.content.decode()
    client.post(agent.get_absolute_url(), draft | {"based_on": "2"})
    assert agent.version.settings["think"]["prompt"] == "Mine."


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Enter a name."),
        ({"speak_model": "aura-9"}, "“aura-9” is not in the list"),
        ({"listen_model": "whisper"}, "“whisper” is not in the list"),
        ({"eot_threshold": "2"}, "“2” cannot be used: a number from 0.5 to 1 is allowed"),
        ({"eot_timeout_ms": "9.5"}, "“9.5” cannot be used: a whole number from 500 to 60,000"),
        ({"eager_eot_threshold": "0.9"}, "“0.9” cannot be used: at most the end of turn, 0.7"),
        ({"temperature": "hot"}, "“hot” cannot be used: a number from 0 to 2"),
        ({"language_hints": "en, d&e"}, "“d&amp;e” is no language"),
        ({"prompt": "Sell {{THING}}."}, "“{{THING}}” has no value. Add the variable THING below."),
        ({"think_model": "endpoint", "endpoint_url": "ftp://x"}, "“ftp://x” cannot be used"),
        (
            {"think_model": "endpoint", "endpoint_url": "http://x:99999/"},
            "“http://x:99999/”",
        ),
        ({"think_model": "endpoint"}, "Enter the name of the model at this address."),
        ({"endpoint_headers": "Bearer"}, "“Bearer” is no header"),
        (lookup(**{"function-0-name": "look up"}), "“look up” cannot be used: letters, digits"),
        (lookup(**{"function-0-name": ""}), "Enter a name, or remove it."),
        (lookup(**{"function-0-answered_by": "webhook"}), "Enter the address of the webhook."),
        (
            lookup(**{"function-0-answered_by": "webhook", "function-0-url": "http://a:22/"}),
            "“http://a:22/” cannot be used. Only ports",
        ),
        (lookup(**{"function-1-name": "lookup_order"}), "“lookup_order” is there twice"),
        (lookup(**{"function-0-parameter-1-name": "id"}), "“id” is there twice"),
        (
            lookup(
                **{"function-0-parameter-0-type": "number", "function-0-parameter-0-values": "1"}
            ),
            "Only a text has a list of values",
        ),
        (
            lookup(**{"function-0-parameters_as": "json", "function-0-schema": '{"type":'}),
            "Line 1 is not JSON",
        ),
        (
            lookup(**{"function-0-parameters_as": "json", "function-0-schema": '{"type": "text"}'}),
            "type is &quot;text&quot;; it has to be &quot;object&quot;",
        ),
        ({"variable-0-name": "shop"}, "“shop” cannot be used: capitals, digits"),
        (
            {"variable-0-name": "A", "variable-0-kind": "json", "variable-0-value": "{"},
            "“{” is not JSON",
        ),
    ],
)
def test_an_error_names_the_value_and_nothing_typed_is_lost(client, fields, words):
    response = client.post(reverse("agent_new"), typed(greeting="Typed before.") | fields)
    text = response.content.decode()
    assert response.status_code == 422
    assert words in text
    assert "Typed before." in text
    assert not Agent.objects.filter(is_default=False).exists()


def test_rows_are_added_and_removed_without_a_check(client):
    fields = typed(name="", **lookup())

    def press(edit: str) -> str:
        return client.post(reverse("agent_new"), fields | {"edit": edit}).content.decode()

    text = press("add:function")
    assert 'name="function-0-name" value="lookup_order"' in text
    assert 'name="function-1-name"' in text
    assert "Enter a name" not in text
    row = "function-0-parameter"
    text = client.post(reverse("agent_new"), fields | {"edit": f"add:{row}"}).content.decode()
    assert f'name="{row}-1-name"' in text
    text = client.post(reverse("agent_new"), fields | {"edit": f"remove:{row}-0"}).content.decode()
    assert f'name="{row}-0-name"' not in text
    text = client.post(
        reverse("agent_new"), fields | {"edit": "remove:function-0"}
    ).content.decode()
    assert "lookup_order" not in text
    assert not Agent.objects.filter(is_default=False).exists()


def test_a_schema_that_rows_cannot_express_stays_as_it_is(client):
    schema = '{"type": "object", "properties": {"at": {"type": "object"}}}'
    fields = {"function-0-parameters_as": "json", "function-0-schema": schema}
    agent = made(client, **lookup(**fields))
    assert values_of(agent.version)["function-0-parameters_as"] == "json"
    client.post(agent.get_absolute_url(), posted(agent, prompt="New."))
    assert agent.version.declared[0].parameters["properties"] == {"at": {"type": "object"}}


def test_other_settings_than_those_of_the_form_are_kept(client, agent):
    settings = agent.version.settings | {"think_live": {"provider": {"type": "deepgram"}}}
    settings["think"] = [{"provider": {"type": "groq", "model": "llama"}}, settings["think"]]
    settings["speak"] = {
        "provider": {"type": "open_ai", "voice": "alloy"},
        "endpoint": {"url": "x"},
    }
    agent.add_version(settings=settings, functions=[], variables={"SHOP": "Elm Street"})
    client.post(agent.get_absolute_url(), posted(agent, prompt="New."))
    assert agent.version.number == 3
    assert agent.version.settings == settings | {
        "think": [settings["think"][0] | {"prompt": "New."}, settings["think"][1]],
        "listen": {
            "provider": settings["listen"]["provider"] | {"language": "en", "smart_format": False}
        },
    }


def test_the_page_says_how_good_a_small_model_is(client):
    agent = made(client, think_model="open_ai/qwen2.5-1.5b")
    text = client.get(agent.get_absolute_url()).content.decode()
    assert "Qwen 2.5 1.5B (small: follows short instructions, often wrong)" in text
    assert "Small: follows short instructions, often wrong." in text


def test_headers_of_an_endpoint_are_sent_to_its_host_alone_and_never_shown(client):
    endpoint = {
        "think_model": "endpoint",
        "endpoint_model": "m",
        "endpoint_url": "https://llm.example/v1",
        "endpoint_headers": "Authorization: Bearer secret",
    }
    agent = made(client, **endpoint)
    assert "secret" not in client.get(agent.get_absolute_url()).content.decode()
    assert "secret" not in str(agent.version.configuration)
    message = settings_of(agent.version)
    sent = message["agent"]["think"]["endpoint"]
    assert sent == {
        "url": "https://llm.example/v1",
        "headers": {"authorization": "Bearer secret"},
    }
    assert "secret" not in str(without_secrets(message))
    client.post(agent.get_absolute_url(), posted(agent, endpoint_url="https://eve.example/v1"))
    assert "secret" not in str(settings_of(agent.version))
    client.post(agent.get_absolute_url(), posted(agent, endpoint_url=endpoint["endpoint_url"]))
    assert "secret" in str(settings_of(agent.version))
    client.post(agent.get_absolute_url(), posted(agent, drop_headers="yes"))
    agent.refresh_from_db()
    assert agent.encrypted_headers is None


def test_the_host_of_an_endpoint_can_be_a_variable(client):
    endpoint = {
        "think_model": "endpoint",
        "endpoint_model": "m",
        "endpoint_url": "https://{{HOST}}/v1",
        "endpoint_headers": "Authorization: Bearer secret",
        "variable-0-name": "HOST",
        "variable-0-value": "llm.example",
    }
    agent = made(client, **endpoint)
    assert settings_of(agent.version)["agent"]["think"]["endpoint"] == {
        "url": "https://llm.example/v1",
        "headers": {"authorization": "Bearer secret"},
    }
    assert "secret" not in str(settings_of(agent.version, {"HOST": "eve.example"}))


def test_kept_headers_are_encrypted_again_with_a_new_key(agent):
    agent.keep_headers("https://llm.example/v1", {"a": "b"})
    agent.save()
    before = bytes(agent.encrypted_headers)
    assert Agent.objects.encrypt_again() == 1
    agent.refresh_from_db()
    assert bytes(agent.encrypted_headers) != before
    assert agent.headers_for("https://llm.example/other") == {"a": "b"}


def test_two_versions_are_compared_line_by_line(client):
    agent = made(client)
    client.post(agent.get_absolute_url(), posted(agent, prompt="Be kind."))
    text = client.get(reverse("agent_versions", args=[agent.pk])).content.decode()
    assert '<del class="diff-line" dir="auto">settings.think.prompt: Be brief.</del>' in text
    assert '<ins class="diff-line" dir="auto">settings.think.prompt: Be kind.</ins>' in text
    assert "1 line differs" in text
    address = reverse("agent_versions", args=[agent.pk])
    assert "are the same" in client.get(address + "?old=1&new=1").content.decode()
    assert client.get(address + "?old=7").status_code == 404


def test_a_viewer_reads_settings_and_versions_and_changes_nothing(client, vera, account):
    agent = made(client)
    viewer = signed_in(vera)
    text = viewer.get(agent.get_absolute_url()).content.decode()
    assert "settings.think.prompt: Be brief." in text
    assert 'class="builder"' not in text
    assert viewer.post(agent.get_absolute_url(), posted(agent, prompt="x")).status_code == 404
    assert viewer.post(reverse("agent_archive", args=[agent.pk])).status_code == 404
    assert "New agent" not in viewer.get(reverse("agents")).content.decode()


def test_an_archived_agent_is_in_a_list_of_its_own(client):
    agent = made(client)
    client.post(reverse("agent_archive", args=[agent.pk]))
    assert agent.get_absolute_url() not in client.get(reverse("agents")).content.decode()
    archived = client.get(reverse("agents") + "?show=archived").content.decode()
    assert agent.get_absolute_url() in archived
    client.post(reverse("agent_archive", args=[agent.pk]), {"restore": "yes"})
    assert agent.get_absolute_url() in client.get(reverse("agents")).content.decode()


class TestAccount:
    def test_a_version_is_saved_with_its_variables(self, client, agent, account):
        response = client.post(reverse("agent_store", args=[agent.pk]), follow=True)
        assert "Saved in the speech account as a-1" in response.content.decode()
        (_, _, variable), (_, path, body) = account.requests
        assert variable == {"key": "DG_SHOP", "value": "Elm Street"}
        assert path == "/v1/projects/p-1/agents"
        assert '"greeting": "Hello, this is {{DG_SHOP}}."' in body["config"]
        assert body["metadata"] == {"name": "Orders", "version": "1"}
        assert AgentConfiguration.objects.get().agent_id == "a-1"
        assert AuditEntry.objects.filter(action=Action.AGENT_STORED).exists()

    def test_deepgram_gets_the_bare_names_of_variables(self, client, agent, account, server):
        server.kind = Connection.Kind.HOSTED
        server.save()
        settings = agent.version.settings | {"greeting": "{{HELLO}}"}
        settings["think"] = settings["think"] | {"prompt": "Work for {{SHOP}}."}
        variables = {"SHOP": "Elm Street", "HELLO": 'Say "hi"'}
        agent.add_version(settings=settings, functions=[], variables=variables)
        client.post(reverse("agent_store", args=[agent.pk]))
        (_, _, variable), (_, _, body) = account.requests
        assert variable == {"key": "DG_HELLO", "value": 'Say "hi"'}
        assert '"greeting": DG_HELLO' in body["config"]
        assert '"prompt": "Work for Elm Street."' in body["config"]

    def test_a_variable_with_another_value_is_not_changed(self, client, agent, account):
        account.variables = [{"variable_id": "v", "key": "DG_SHOP", "value": "Oak Street"}]
        response = client.post(reverse("agent_store", args=[agent.pk]), follow=True)
        assert "has the variable DG_SHOP with another value" in response.content.decode()
        assert account.requests == []

    def test_an_error_of_the_server_is_told(self, client, agent, account):
        account.error = httpx.Response(403, json={"err_msg": "No."})
        response = client.post(reverse("agent_store", args=[agent.pk]), follow=True)
        assert "Nothing was saved in the speech account." in response.content.decode()
        assert not AgentConfiguration.objects.exists()

    def test_members_cannot_save_there(self, agent, bob):
        assert signed_in(bob).post(reverse("agent_store", args=[agent.pk])).status_code == 404
        assert "speech account" not in signed_in(bob).get(agent.get_absolute_url()).content.decode()

    def test_a_configuration_is_read_as_a_new_agent(self, client, project):
        functions = [
            {"name": "lookup", "parameters": {}},
            {"name": "cancel", "endpoint": {"url": "https://x.test/"}, "defer_until_eot": True},
            {"name": "search_library"},
        ]
        endpoint = {"url": "https://llm.example/", "headers": {"authorization": "secret"}}
        think = {"provider": {"type": "open_ai", "model": "m"}, "functions": functions}
        config = {
            "greeting": "Hi from DG_SHOP, {{DG_SHOP}}",
            "think": think | {"endpoint": endpoint},
        }
        row = AgentConfiguration.objects.create(
            project=project, agent_id="a-7", config=config, metadata={"name": "Shop"}
        )
        AgentVariable.objects.create(
            project=project, variable_id="v", key="DG_SHOP", value="Elm Street"
        )
        client.post(reverse("configuration_read", args=[row.pk]))
        agent = Agent.objects.get(is_default=False)
        version = agent.version
        assert agent.name == "Shop"
        assert version.variables == {"SHOP": "Elm Street"}
        assert version.settings["greeting"] == "Hi from DG_SHOP, {{SHOP}}"
        assert [(each.name, each.answered_by, each.changes) for each in version.declared] == [
            ("lookup", "hand", False),
            ("cancel", "webhook", True),
            ("search_library", "search_library", False),
        ]
        assert "secret" not in str(version.configuration)
        assert settings_of(version)["agent"]["think"]["endpoint"] == endpoint

    def test_a_configuration_is_deleted_there_by_those_who_manage_the_project(
        self, client, project, bob, account
    ):
        row = AgentConfiguration.objects.create(project=project, agent_id="a-7", config={})
        address = reverse("configuration_delete", args=[row.pk])
        assert "breaks the sessions" in client.get(reverse("agents")).content.decode()
        assert signed_in(bob).post(address).status_code == 404
        client.post(address)
        assert account.requests[-1][:2] == ("DELETE", "/v1/projects/p-1/agents/a-7")
        assert not AgentConfiguration.objects.present().exists()
