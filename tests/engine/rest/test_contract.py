"""Every answer as Deepgram published it, except where the contract knows better."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from engine.options import FluxSpeakOptions, ListenOptions, ReadOptions, SpeakOptions, describe
from tests.contract.published import mismatches, published_operations, published_parameters
from tests.engine.rest.conftest import Engine, run_errand, start_engine

# The engine's own, beside what is published.
OWN = {
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/v1/auth/token"),
}


@pytest.fixture(scope="module")
def account(tmp_path_factory, recording):
    """An engine with something in every list."""
    running = start_engine(tmp_path_factory.mktemp("account"))
    run_errand(running, "credit", "10")
    with running.http() as http:
        http.post("/v1/listen?tag=a&punctuate=true", content=recording).raise_for_status()
    yield running
    running.stop()


@pytest.fixture
def call(account: Engine):
    """Make a call and hold its answer against the published description."""
    with account.http() as http:

        def made(method: str, path: str, **body):
            path = path.replace("{p}", account.project_id)
            answer = http.request(method, path, **body)
            assert answer.status_code == 200, answer.text
            plain = path.partition("?")[0]
            assert mismatches(method, plain, 200, answer.json()) == []
            return answer.json()

        yield made


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects",
        "/v1/projects/{p}",
        "/v1/models",
        "/v1/projects/{p}/models",
        "/v1/projects/{p}/keys",
        "/v1/projects/{p}/members",
        "/v1/projects/{p}/invites",
        "/v1/projects/{p}/requests",
        "/v1/projects/{p}/usage",
        "/v1/projects/{p}/usage/fields",
        "/v1/projects/{p}/usage/breakdown",
        "/v1/projects/{p}/usage/breakdown?grouping=models",
        "/v1/projects/{p}/usage/breakdown?grouping=tags",
        "/v1/projects/{p}/usage/breakdown?grouping=feature_set",
        "/v1/projects/{p}/balances",
        "/v1/projects/{p}/purchases",
        "/v1/projects/{p}/billing/breakdown",
        "/v1/projects/{p}/billing/breakdown?grouping=line_item&grouping=tags",
        "/v1/projects/{p}/billing/fields",
        "/v1/projects/{p}/agents",
        "/v1/projects/{p}/agent-variables",
        "/v1/projects/{p}/self-hosted/distribution/credentials",
        "/v1/agent/settings/think/models",
    ],
)
def test_a_list_is_as_published(call, path):
    call("GET", path)


def test_one_of_each_is_as_published(call):
    models = call("GET", "/v1/models")
    for kind in ("stt", "tts"):
        key = models[kind][0]["uuid"]
        call("GET", f"/v1/models/{key}")
        call("GET", f"/v1/projects/{{p}}/models/{key}")
    request = call("GET", "/v1/projects/{p}/requests")["requests"][0]
    call("GET", f"/v1/projects/{{p}}/requests/{request['request_id']}")
    balance = call("GET", "/v1/projects/{p}/balances")["balances"][0]
    call("GET", f"/v1/projects/{{p}}/balances/{balance['balance_id']}")
    member = call("GET", "/v1/projects/{p}/members")["members"][0]
    call("GET", f"/v1/projects/{{p}}/members/{member['member_id']}/scopes")


def test_keys_and_invites_are_made_and_deleted_as_published(call):
    wanted = {
        "comment": "c",
        "scopes": ["member"],
        "tags": ["t"],
        "expiration_date": "2099-01-01T00:00:00Z",
    }
    made = call("POST", "/v1/projects/{p}/keys", json=wanted)
    call("GET", f"/v1/projects/{{p}}/keys/{made['api_key_id']}")
    call("DELETE", f"/v1/projects/{{p}}/keys/{made['api_key_id']}")
    call("POST", "/v1/projects/{p}/invites", json={"email": "ada@example.org", "scope": "member"})
    call("DELETE", "/v1/projects/{p}/invites/ada@example.org")
    call("PATCH", "/v1/projects/{p}", json={"name": "Renamed"})
    call("POST", "/v1/auth/grant")


def test_agents_and_variables_live_as_published(call):
    config = json.dumps({"think": {"prompt": "{{DG_NAME}}"}})
    made = call("POST", "/v1/projects/{p}/agents", json={"config": config, "metadata": {"a": "b"}})
    assert made["config"] == {"think": {"prompt": "{{DG_NAME}}"}}
    path = f"/v1/projects/{{p}}/agents/{made['agent_id']}"
    assert call("PUT", path, json={"metadata": {"c": "d"}})["metadata"] == {"c": "d"}
    assert call("GET", path)["config"] == made["config"]
    assert call("DELETE", path) == {}
    variable = call("POST", "/v1/projects/{p}/agent-variables", json={"key": "DG_A", "value": [1]})
    path = f"/v1/projects/{{p}}/agent-variables/{variable['variable_id']}"
    assert call("PATCH", path, json={"value": None})["value"] is None
    assert call("GET", path)["key"] == "DG_A"
    assert call("DELETE", path) == {}


def test_distribution_credentials_live_as_published(call):
    path = "/v1/projects/{p}/self-hosted/distribution/credentials"
    made = call("POST", f"{path}?scopes=self-hosted:product:api", json={"comment": "c"})
    credentials = made["distribution_credentials"]
    assert credentials["scopes"] == ["self-hosted:product:api"]
    one = f"{path}/{credentials['distribution_credentials_id']}"
    call("GET", one)
    call("DELETE", one)


def test_a_transcript_with_everything_is_as_published(call, recording):
    query = (
        "smart_format=true&utterances=true&paragraphs=true&diarize=true&search=fox&tag=a"
        "&extra=k:v&detect_entities=true&summarize=v2&sentiment=true&topics=true&intents=true"
    )
    call("POST", f"/v1/listen?{query}", content=recording)


def test_insights_of_a_text_are_as_published(call):
    query = "summarize=true&sentiment=true&topics=true&intents=true"
    call("POST", f"/v1/read?{query}", json={"text": "I love it. Please call me back."})


def test_everything_published_is_answered(account: Engine):
    document = httpx.get(f"{account.url}/openapi.json").json()
    ours = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }

    def unnamed(calls: set[tuple[str, str]]) -> set[tuple[str, str]]:
        return {(method, re.sub(r"{\w+}", "{}", path)) for method, path in calls}

    assert unnamed(ours - OWN) == unnamed(published_operations())


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/v1/listen", ListenOptions),
        ("/v1/read", ReadOptions),
        ("/v1/speak", SpeakOptions),
        ("/v2/speak", FluxSpeakOptions),
    ],
)
def test_every_published_parameter_is_read(path, options):
    ours = {parameter["name"] for parameter in describe(options)}
    assert published_parameters("POST", path) - ours == set()


def test_the_documentation_names_every_call(account: Engine):
    document = httpx.get(f"{account.url}/openapi.json").json()
    page = httpx.get(f"{account.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in document["paths"]:
        assert path in page.text
    assert not re.search(r"<(script|link|img)\b", page.text)  # nothing comes from elsewhere
