"""Every REST method of Deepgram's Python SDK; each response has the contract's shape."""

from __future__ import annotations

import inspect
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from deepgram import DeepgramClient

from tests.contract.rest import OPERATIONS, departures, operation_name
from tests.engine.rest.conftest import Engine, Site, run_errand, start_engine

pytestmark = pytest.mark.full

SPOKEN = "The quick brown fox jumps over the lazy dog."
EMAIL = "ada+lab@example.org"


@dataclass
class Account:
    """An engine with something in every list, and the SDK as its client."""

    engine: Engine
    project_id: str
    recording: bytes
    wrong: list[str] = field(default_factory=list)  # what departs from the contract
    sent: set[str] = field(default_factory=set)  # operations

    def sdk(self, key: str | None = None) -> DeepgramClient:
        http = httpx.Client(timeout=120, event_hooks={"response": [self._hold]})
        return self.engine.client(key, httpx_client=http)

    def _hold(self, response: httpx.Response) -> None:
        request, kind = response.request, response.headers["content-type"]
        self.sent.add(operation_name(request.method, request.url.path))
        if response.is_success and kind == "application/json":
            response.read()
            self.wrong += departures(request.method, request.url.path, response.json())


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, recording: bytes) -> Iterator[Account]:
    running = start_engine(
        tmp_path_factory.mktemp("account"),
        ENGINE_FETCH_PRIVATE_HOSTS="true",
        INTELLIGENCE_URL="http://127.0.0.1:9/v1",
        INTELLIGENCE_MODEL="llama-3.1-8b",
    )
    run_errand(running, "credit", "10")
    with running.http() as http:
        http.post("/v1/listen?tag=a&punctuate=true", content=recording).raise_for_status()
    yield Account(running, running.project_id, recording)
    running.stop()


Drive = Callable[[DeepgramClient, Account, Site], Any]
DRIVES: dict[str, Drive] = {}
LAST = "manage.v1.projects.delete"  # it ends the account


def drives(name: str) -> Callable[[Drive], Drive]:
    """Mark a test that shows that the SDK's method ``name`` works."""

    def add(drive: Drive) -> Drive:
        DRIVES[name] = drive
        return drive

    return add


def rest_methods(client: Any, name: str = "") -> Iterator[str]:
    """The dotted names of the SDK's methods; ``connect`` opens sockets."""
    for part, member in inspect.getmembers(type(client)):
        if part.startswith("_") or part in ("with_raw_response", "connect"):
            continue
        if isinstance(member, property):
            yield from rest_methods(getattr(client, part), f"{name}{part}.")
        elif inspect.isfunction(member):
            yield f"{name}{part}"


METHODS = sorted(rest_methods(DeepgramClient(api_key="x")), key=lambda name: (name == LAST, name))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_works_and_its_responses_have_their_shape(
    account: Account, site: Site, method: str
):
    account.wrong.clear()
    account.sent.clear()
    DRIVES[method](account.sdk(), account, site)
    named = {name for name, operation in OPERATIONS.items() if operation.sdk_method == method}
    assert account.sent
    assert named <= account.sent
    assert sorted(set(account.wrong)) == []


def test_no_drive_is_left_of_a_method_that_is_gone():
    assert set(DRIVES) == set(METHODS)


@drives("listen.v1.media.transcribe_file")
def transcribe_file(sdk: DeepgramClient, account: Account, site: Site) -> None:
    response = sdk.listen.v1.media.transcribe_file(
        request=account.recording,
        smart_format=True,
        utterances=True,
        paragraphs=True,
        diarize_model="latest",
        search=["fox"],
        tag=["a"],
        extra=["k:v"],
        detect_entities=True,
        summarize="v2",
        sentiment=True,
        topics=True,
        intents=True,
    )
    assert "quick brown fox" in response.results.channels[0].alternatives[0].transcript


@drives("listen.v1.media.transcribe_url")
def transcribe_url(sdk: DeepgramClient, account: Account, site: Site) -> None:
    site.pages["/fox.wav"] = (200, {"content-type": "audio/wav"}, account.recording)
    response = sdk.listen.v1.media.transcribe_url(url=f"{site.url}/fox.wav", model="nova-3")
    assert "quick brown fox" in response.results.channels[0].alternatives[0].transcript


@drives("speak.v1.audio.generate")
def generate(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert len(b"".join(sdk.speak.v1.audio.generate(text=SPOKEN, model="aura-arcas-en"))) > 5000


@drives("speak.v2.audio.generate")
def generate_flux(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert len(b"".join(sdk.speak.v2.audio.generate(text=SPOKEN, model="flux-jack-en"))) > 5000


@drives("read.v1.text.analyze")
def analyze(sdk: DeepgramClient, account: Account, site: Site) -> None:
    response = sdk.read.v1.text.analyze(
        request={"text": "I love it. Please call me back."},
        summarize=True,
        sentiment=True,
        topics=True,
        intents=True,
        language="en",
    )
    assert response.results.summary.text == "I love it. Please call me back."
    assert response.results.sentiments.average.sentiment_score > 0


@drives("agent.v1.settings.think.models.list")
def list_think_models(sdk: DeepgramClient, account: Account, site: Site) -> None:
    model, librarian = sdk.agent.v1.settings.think.models.list().models
    assert (model.id, model.provider) == ("llama-3.1-8b", "open_ai")
    assert (librarian.id, librarian.provider) == ("librarian", "open_ai")


@drives("auth.v1.tokens.grant")
def grant(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert sdk.auth.v1.tokens.grant(ttl_seconds=5).expires_in == 5


@drives("manage.v1.models.list")
def list_models(sdk: DeepgramClient, account: Account, site: Site) -> None:
    models = sdk.manage.v1.models.list(include_outdated=True)
    assert "nova-3-general" in [model.canonical_name for model in models.stt]
    assert "aura-2-thalia-en" in [model.canonical_name for model in models.tts]


@drives("manage.v1.models.get")
def get_model(sdk: DeepgramClient, account: Account, site: Site) -> None:
    models = sdk.manage.v1.models.list()
    for model in (models.stt[0], models.tts[0]):
        assert sdk.manage.v1.models.get(model.uuid_).canonical_name == model.canonical_name


@drives("manage.v1.projects.models.list")
def list_project_models(sdk: DeepgramClient, account: Account, site: Site) -> None:
    found = sdk.manage.v1.projects.models.list(account.project_id)
    assert len(found.stt) == len(sdk.manage.v1.models.list().stt)


@drives("manage.v1.projects.models.get")
def get_project_model(sdk: DeepgramClient, account: Account, site: Site) -> None:
    model = sdk.manage.v1.models.list().tts[-1]
    assert sdk.manage.v1.projects.models.get(account.project_id, model.uuid_).name == model.name


@drives("manage.v1.projects.list")
def list_projects(sdk: DeepgramClient, account: Account, site: Site) -> None:
    (project,) = sdk.manage.v1.projects.list().projects
    assert project.project_id == account.project_id


@drives("manage.v1.projects.get")
def get_project(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert sdk.manage.v1.projects.get(account.project_id, limit=5, page=1).mip_opt_out is True


@drives("manage.v1.projects.update")
def update_project(sdk: DeepgramClient, account: Account, site: Site) -> None:
    sdk.manage.v1.projects.update(account.project_id, name="Field notes")
    assert sdk.manage.v1.projects.get(account.project_id).name == "Field notes"


@drives("manage.v1.projects.leave")
def leave_project(sdk: DeepgramClient, account: Account, site: Site) -> None:
    as_ada = account.sdk(join_project(sdk, account))
    as_ada.manage.v1.projects.leave(account.project_id)
    assert member(sdk, account) is None


@drives(LAST)
def delete_project(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert sdk.manage.v1.projects.delete(account.project_id).message


def new_key(sdk: DeepgramClient, account: Account) -> Any:
    wanted = {
        "comment": "for tests",
        "scopes": ["member"],
        "tags": ["lab"],
        "expiration_date": "2099-01-01T00:00:00Z",
    }
    return sdk.manage.v1.projects.keys.create(account.project_id, request=wanted)


@drives("manage.v1.projects.keys.create")
def create_key(sdk: DeepgramClient, account: Account, site: Site) -> None:
    made = new_key(sdk, account)
    assert account.sdk(made.key).manage.v1.projects.list().projects
    assert (made.scopes, made.tags) == (["member"], ["lab"])


@drives("manage.v1.projects.keys.list")
def list_keys(sdk: DeepgramClient, account: Account, site: Site) -> None:
    made = new_key(sdk, account)
    found = sdk.manage.v1.projects.keys.list(account.project_id, status="active").api_keys
    assert made.api_key_id in [entry.api_key.api_key_id for entry in found]


@drives("manage.v1.projects.keys.get")
def get_key(sdk: DeepgramClient, account: Account, site: Site) -> None:
    made = new_key(sdk, account)
    shown = sdk.manage.v1.projects.keys.get(account.project_id, made.api_key_id)
    assert shown.item.member.api_key.comment == "for tests"


@drives("manage.v1.projects.keys.delete")
def delete_key(sdk: DeepgramClient, account: Account, site: Site) -> None:
    made = new_key(sdk, account)
    assert sdk.manage.v1.projects.keys.delete(account.project_id, made.api_key_id).message


def join_project(sdk: DeepgramClient, account: Account) -> str:
    """The first key of an invited person."""
    invites = sdk.manage.v1.projects.members.invites
    invites.create(account.project_id, email=EMAIL, scope="member")
    return run_errand(account.engine, "accept", EMAIL)


def member(sdk: DeepgramClient, account: Account) -> Any:
    found = sdk.manage.v1.projects.members.list(account.project_id).members
    return next((one for one in found if one.email == EMAIL), None)


@drives("manage.v1.projects.members.list")
def list_members(sdk: DeepgramClient, account: Account, site: Site) -> None:
    found = sdk.manage.v1.projects.members.list(account.project_id).members
    assert ["owner"] in [one.scopes for one in found]


@drives("manage.v1.projects.members.delete")
def delete_member(sdk: DeepgramClient, account: Account, site: Site) -> None:
    join_project(sdk, account)
    ada = member(sdk, account)
    sdk.manage.v1.projects.members.delete(account.project_id, ada.member_id)
    assert member(sdk, account) is None


@drives("manage.v1.projects.members.scopes.list")
def list_scopes(sdk: DeepgramClient, account: Account, site: Site) -> None:
    owner = sdk.manage.v1.projects.members.list(account.project_id).members[0]
    scopes = sdk.manage.v1.projects.members.scopes.list(account.project_id, owner.member_id)
    assert scopes.scopes == ["owner"]


@drives("manage.v1.projects.members.scopes.update")
def update_scopes(sdk: DeepgramClient, account: Account, site: Site) -> None:
    join_project(sdk, account)
    ada, members = member(sdk, account), sdk.manage.v1.projects.members
    members.scopes.update(account.project_id, ada.member_id, scope="admin")
    assert member(sdk, account).scopes == ["admin"]
    members.delete(account.project_id, ada.member_id)


@drives("manage.v1.projects.members.invites.list")
@drives("manage.v1.projects.members.invites.create")
@drives("manage.v1.projects.members.invites.delete")
def invite_and_withdraw(sdk: DeepgramClient, account: Account, site: Site) -> None:
    invites = sdk.manage.v1.projects.members.invites
    invites.create(account.project_id, email="bob+lab@example.org", scope="admin")
    (bob,) = invites.list(account.project_id).invites
    assert (bob.email, bob.scope) == ("bob+lab@example.org", "admin")
    invites.delete(account.project_id, "bob+lab@example.org")
    assert invites.list(account.project_id).invites == []


@drives("manage.v1.projects.requests.list")
@drives("manage.v1.projects.requests.get")
def list_and_get_requests(sdk: DeepgramClient, account: Account, site: Site) -> None:
    requests = sdk.manage.v1.projects.requests
    first = requests.list(account.project_id, limit=1, endpoint="listen").requests[0]
    assert requests.get(account.project_id, first.request_id).request.code == 200


@drives("manage.v1.projects.usage.get")
def get_usage(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert sdk.manage.v1.projects.usage.get(account.project_id).results[0]["requests"] >= 1


@drives("manage.v1.projects.usage.fields.list")
def list_usage_fields(sdk: DeepgramClient, account: Account, site: Site) -> None:
    assert "a" in sdk.manage.v1.projects.usage.fields.list(account.project_id).tags


@drives("manage.v1.projects.usage.breakdown.get")
def get_usage_breakdown(sdk: DeepgramClient, account: Account, site: Site) -> None:
    breakdown = sdk.manage.v1.projects.usage.breakdown
    for grouping in "accessor endpoint feature_set models method tags deployment".split():
        rows = breakdown.get(account.project_id, grouping=grouping, punctuate=True).results
        assert sum(row.requests for row in rows) >= 1
        assert getattr(rows[0].grouping, grouping) is not None


@drives("manage.v1.projects.billing.balances.list")
@drives("manage.v1.projects.billing.balances.get")
def list_and_get_balances(sdk: DeepgramClient, account: Account, site: Site) -> None:
    balances = sdk.manage.v1.projects.billing.balances
    (balance,) = balances.list(account.project_id).balances
    assert balances.get(account.project_id, balance.balance_id).amount == 10


@drives("manage.v1.projects.billing.purchases.list")
def list_purchases(sdk: DeepgramClient, account: Account, site: Site) -> None:
    (order,) = sdk.manage.v1.projects.billing.purchases.list(account.project_id, limit=3).orders
    assert order.amount == 10


@drives("manage.v1.projects.billing.breakdown.list")
def list_billing_breakdown(sdk: DeepgramClient, account: Account, site: Site) -> None:
    groupings = ["accessor", "deployment", "line_item", "tags"]
    costs = sdk.manage.v1.projects.billing.breakdown
    row = costs.list(account.project_id, grouping=groupings).results[0]
    assert row.grouping.line_item
    assert row.dollars == 0


@drives("manage.v1.projects.billing.fields.list")
def list_billing_fields(sdk: DeepgramClient, account: Account, site: Site) -> None:
    fields = sdk.manage.v1.projects.billing.fields.list(account.project_id)
    assert fields.deployments == ["self-hosted"]


@drives("voice_agent.configurations.create")
@drives("voice_agent.configurations.list")
@drives("voice_agent.configurations.get")
@drives("voice_agent.configurations.update")
@drives("voice_agent.configurations.delete")
def keep_a_configuration(sdk: DeepgramClient, account: Account, site: Site) -> None:
    agents, config = sdk.voice_agent.configurations, {"think": {"prompt": "{{DG_NAME}}"}}
    made = agents.create(account.project_id, config=json.dumps(config), metadata={"a": "b"})
    assert made.config == config
    assert made.agent_id in [one.agent_id for one in agents.list(account.project_id).agents]
    changed = agents.update(account.project_id, made.agent_id, metadata={"c": "d"})
    assert changed.metadata == {"c": "d"}
    assert agents.get(account.project_id, made.agent_id).config == config
    assert agents.delete(account.project_id, made.agent_id) == {}


@drives("voice_agent.variables.create")
@drives("voice_agent.variables.list")
@drives("voice_agent.variables.get")
@drives("voice_agent.variables.update")
@drives("voice_agent.variables.delete")
def keep_a_variable(sdk: DeepgramClient, account: Account, site: Site) -> None:
    variables, key = sdk.voice_agent.variables, f"DG_{uuid.uuid4().hex.upper()}"
    made = variables.create(account.project_id, key=key, value=[1])
    assert key in [one.key for one in variables.list(account.project_id).variables]
    assert variables.update(account.project_id, made.variable_id, value=None).value is None
    assert variables.get(account.project_id, made.variable_id).key == key
    assert variables.delete(account.project_id, made.variable_id) == {}


@drives("self_hosted.v1.distribution_credentials.create")
@drives("self_hosted.v1.distribution_credentials.list")
@drives("self_hosted.v1.distribution_credentials.get")
@drives("self_hosted.v1.distribution_credentials.delete")
def keep_distribution_credentials(sdk: DeepgramClient, account: Account, site: Site) -> None:
    credentials, scopes = sdk.self_hosted.v1.distribution_credentials, ["self-hosted:product:api"]
    made = credentials.create(account.project_id, scopes=scopes, comment="c")
    key = made.distribution_credentials.distribution_credentials_id
    assert made.distribution_credentials.scopes == scopes
    assert len(credentials.list(account.project_id).distribution_credentials) == 1
    assert credentials.get(account.project_id, key).distribution_credentials.comment == "c"
    credentials.delete(account.project_id, key)
    assert credentials.list(account.project_id).distribution_credentials == []
