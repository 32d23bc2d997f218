"""Usage, costs, balances, the log, models and documentation, in process."""

import uuid
from datetime import UTC, datetime

import pytest

from engine.accounts.ledger import record
from engine.exchange import ApiRequest, Caller, Exchange, Outcome, Usage
from engine.gateway.openapi import operations
from engine.models import Balance
from engine.runtime.database import in_database
from engine.views import billing, documentation, health, models, requests, usage
from tests.engine.inprocess import Holder, Inside

VIEWS = (billing, documentation, health, models, requests, usage)
TODAY = datetime.now(UTC).date().isoformat()


async def use(holder: Holder, status: int = 200, **facts: object) -> Exchange:
    """Record a minute of listen for a project."""
    caller = Caller(
        uuid.uuid4(), holder.project.pk, holder.member.pk, ("member",), ("member",), (), None
    )
    request = ApiRequest("/v1/listen", "model=nova-3", kind="listen", key_holder=caller)
    used = Usage(seconds=60.0, channel_seconds=60.0, model="nova-3", **facts)  # type: ignore[arg-type]
    exchange = Exchange(request, Outcome(status, used))
    await in_database(record, [exchange])
    return exchange


@pytest.mark.usefixtures("inside")
def test_every_view_is_declared():
    declared = {view.__module__ for _, _, view, _ in operations()}
    assert {module.__name__ for module in VIEWS} <= declared


@pytest.mark.parametrize("path", ["usage", "usage/breakdown"])
async def test_usage_counts_the_project_alone(inside: Inside, path: str):
    await use(inside.ada)
    await use(inside.ada)
    await use(inside.eve)
    report = (await inside.get(f"{inside.ada.path}/{path}")).json()
    assert sum(row["requests"] for row in report["results"]) == 2
    assert (report["start"], report["end"]) == (TODAY, TODAY)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("tag=lab", 1),
        ("tag=la", 0),
        ("endpoint=listen", 2),
        ("endpoint=speak", 0),
        ("method=sync", 2),
        ("method=streaming", 0),
        ("punctuate=true", 1),
        ("start=2020-01-01&end=2020-01-02", 0),
    ],
)
async def test_usage_is_filtered(inside: Inside, query: str, count: int):
    await use(inside.ada, tags=["lab"], features=["punctuate"])
    await use(inside.ada)
    report = (await inside.get(f"{inside.ada.path}/usage?{query}")).json()
    assert sum(row["requests"] for row in report["results"]) == count


@pytest.mark.parametrize("query", ["start=yesterday", "endpoint=sing", "accessor=ada", "method="])
async def test_filters_that_cannot_be_are_rejected(inside: Inside, query: str):
    assert (await inside.get(f"{inside.ada.path}/usage?{query}")).status_code == 400


async def test_filters_of_usage_are_listed(inside: Inside):
    await use(inside.ada, tags=["lab"])
    fields = (await inside.get(f"{inside.ada.path}/usage/fields")).json()
    assert fields["tags"] == ["lab"]


async def test_the_log_is_newest_first_in_pages(inside: Inside):
    made = [await use(inside.ada) for _ in range(3)]
    ids = [exchange.request.request_id for exchange in reversed(made)]
    path = f"{inside.ada.path}/requests"
    first = (await inside.get(f"{path}?limit=2")).json()["requests"]
    last = (await inside.get(f"{path}?limit=2&page=1")).json()["requests"]
    assert [row["request_id"] for row in first + last] == ids


@pytest.mark.parametrize(("status", "found"), [("succeeded", 200), ("failed", 500)])
async def test_the_log_is_filtered_by_outcome(inside: Inside, status: str, found: int):
    await use(inside.ada)
    await use(inside.ada, status=500)
    rows = (await inside.get(f"{inside.ada.path}/requests?status={status}")).json()["requests"]
    assert [row["code"] for row in rows] == [found]


async def test_a_request_of_another_project_does_not_exist(inside: Inside):
    theirs = (await use(inside.eve)).request.request_id
    assert (await inside.get(f"{inside.ada.path}/requests/{theirs}")).status_code == 404
    own = (await use(inside.ada)).request.request_id
    assert (await inside.get(f"{inside.ada.path}/requests/{own}")).status_code == 200


async def test_balances_are_those_of_the_project(inside: Inside):
    balance = await Balance.objects.acreate(project=inside.ada.project, amount=5.0, units="usd")
    listed = (await inside.get(f"{inside.ada.path}/balances")).json()["balances"]
    assert [(row["balance_id"], row["amount"]) for row in listed] == [(str(balance.pk), 5.0)]
    assert (await inside.get(f"{inside.ada.path}/balances/{balance.pk}")).json() == listed[0]
    other = f"{inside.eve.path}/balances/{balance.pk}"
    assert (await inside.get(other, as_=inside.eve)).status_code == 404
    assert (await inside.get(f"{inside.ada.path}/balances", as_=inside.bob)).status_code == 401


async def test_purchases_are_listed_newest_first(inside: Inside):
    for amount in (1.0, 2.0):
        await Balance.objects.acreate(project=inside.ada.project, amount=amount, units="usd")
    orders = (await inside.get(f"{inside.ada.path}/purchases?limit=1")).json()["orders"]
    assert [order["amount"] for order in orders] == [2.0]


async def test_models_are_listed_and_found_by_their_id(inside: Inside):
    listed = (await inside.get("/v1/models", key="-")).json()
    assert {"stt", "tts"} <= set(listed)
    for entry in (listed["stt"][0], listed["tts"][0]):
        found = await inside.get(f"/v1/models/{entry['uuid']}", key="-")
        assert found.json()["canonical_name"] == entry["canonical_name"]
        own = await inside.get(f"{inside.ada.path}/models/{entry['uuid']}")
        assert own.json() == found.json()
    assert (await inside.get(f"/v1/models/{uuid.uuid4()}", key="-")).status_code == 404


async def test_health_needs_no_key(inside: Inside):
    response = await inside.get("/healthz", key="-")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


async def test_the_documentation_names_every_path(inside: Inside):
    page = (await inside.get("/docs", key="-")).text
    document = (await inside.get("/openapi.json", key="-")).json()
    for path in document["paths"]:
        assert path in page


async def test_usage_is_split_by_one_grouping(inside: Inside):
    await use(inside.ada, tags=["lab"])
    await use(inside.ada)
    path = f"{inside.ada.path}/usage/breakdown"
    whole = (await inside.get(path)).json()["results"]
    assert [row["requests"] for row in whole] == [2]
    by_tag = (await inside.get(f"{path}?grouping=tags")).json()["results"]
    assert sum(row["requests"] for row in by_tag) == 2
    assert len(by_tag) == 2
    assert (await inside.get(f"{path}?grouping=weather")).status_code == 400


async def test_models_of_usage_have_their_names(inside: Inside):
    listed = (await inside.get("/v1/models")).json()["stt"][0]
    gone = str(uuid.uuid4())
    await use(inside.ada, models=[listed["uuid"], gone])
    fields = (await inside.get(f"{inside.ada.path}/usage/fields")).json()
    names = {entry["model_id"]: entry["name"] for entry in fields["models"]}
    assert names == {listed["uuid"]: listed["canonical_name"], gone: gone}


async def test_a_failed_request_costs_and_counts_nothing(inside: Inside):
    await use(inside.ada, status=500)
    assert (await inside.get(f"{inside.ada.path}/usage")).json()["results"] == []
    costs = (await inside.get(f"{inside.ada.path}/billing/breakdown")).json()["results"]
    assert sum(row["dollars"] for row in costs) == 0


async def test_costs_can_be_split_and_filtered(inside: Inside):
    await use(inside.ada, tags=["lab"])
    path = f"{inside.ada.path}/billing"
    fields = (await inside.get(f"{path}/fields")).json()
    assert fields["tags"] == ["lab"]
    rows = (await inside.get(f"{path}/breakdown?grouping=tags&tag=lab")).json()["results"]
    assert all(row["grouping"]["tags"] == ["lab"] for row in rows)
    assert (await inside.get(f"{path}/breakdown?grouping=weather")).status_code == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=many", "page=-1"])
async def test_a_page_of_the_log_has_a_size(inside: Inside, query: str):
    assert (await inside.get(f"{inside.ada.path}/requests?{query}")).status_code == 400


async def test_a_request_of_the_log_has_its_facts(inside: Inside):
    exchange = await use(inside.ada, tags=["lab"])
    path = f"{inside.ada.path}/requests/{exchange.request.request_id}"
    shown = (await inside.get(path)).json()["request"]
    assert (shown["code"], shown["project_uuid"]) == (200, str(inside.ada.project.pk))
    assert shown["path"].startswith("/v1/listen")
    assert shown["response"]["details"]["tags"] == ["lab"]
