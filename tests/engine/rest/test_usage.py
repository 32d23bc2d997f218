"""The log of requests, usage and costs, through Deepgram's own SDK."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from deepgram.core.api_error import ApiError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.engine.rest.conftest import Engine, run_errand, start_engine

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def priced(tmp_path_factory):
    """An engine whose operator has set prices and recorded a purchase."""
    folder = tmp_path_factory.mktemp("priced")
    prices = folder / "prices.json"
    prices.write_text(json.dumps({"batch::nova-3-general": 360.0, "speak::*": 2.0}))
    running = start_engine(folder / "data", ENGINE_PRICES=str(prices))
    run_errand(running, "credit", "100")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def worked(priced: Engine, recording):
    """Requests for the reports."""
    client = priced.client()
    seconds = 0.0
    for options in (
        {"model": "nova-3", "smart_format": True, "tag": ["a", "b"]},
        {"model": "nova-3", "tag": ["A"]},
        {"model": "nova-2", "punctuate": True, "multichannel": True},
    ):
        response = client.listen.v1.media.transcribe_file(request=recording, **options)
        seconds += response.metadata.duration
    b"".join(client.speak.v1.audio.generate(text="Good morning.", model="aura-zeus-en"))
    client.read.v1.text.analyze(request={"text": "A fine day."}, sentiment=True, language="en")
    with pytest.raises(ApiError):
        client.listen.v1.media.transcribe_file(request=b"nothing", model="nova-3")
    return seconds


def breakdown(engine: Engine, **filters):
    usage = engine.client().manage.v1.projects.usage
    return usage.breakdown.get(engine.project_id, **filters).results


def test_requests_are_listed_newest_first_and_filtered(priced: Engine, worked):
    requests = priced.client().manage.v1.projects.requests
    every = requests.list(priced.project_id, limit=100).requests
    assert [one.created for one in every] == sorted((one.created for one in every), reverse=True)
    assert len(every) == 6
    assert len(requests.list(priced.project_id, endpoint="listen").requests) == 4
    assert len(requests.list(priced.project_id, status="failed").requests) == 1
    assert len(requests.list(priced.project_id, limit=2, page=1).requests) == 2
    assert requests.list(priced.project_id, method="async").requests == []
    later = datetime.now(UTC) + timedelta(hours=1)
    assert requests.list(priced.project_id, start=later).requests == []
    one = requests.get(priced.project_id, every[0].request_id).request
    assert one.request_id == every[0].request_id
    assert one.project_uuid == priced.project_id
    assert one.path.startswith("/v1/")


def test_usage_is_counted_once_a_call(priced: Engine, worked):
    (total,) = breakdown(priced)
    assert total.requests == 5  # the failed one is logged, not counted
    assert total.hours == pytest.approx(worked / 3600, abs=1e-5)
    assert total.tts_characters == len("Good morning.")
    assert total.tokens_in > 0
    assert total.grouping.start == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("grouping", "values"),
    [
        ("endpoint", {"listen", "speak", "read"}),
        ("method", {"sync"}),
        ("deployment", {"self-hosted"}),
        ("feature_set", {"smart_format", "multichannel,punctuate", "", "sentiment"}),
        ("tags", {("a", "b"), ("A",), ()}),
    ],
)
def test_usage_can_be_grouped(priced: Engine, worked, grouping, values):
    rows = breakdown(priced, grouping=grouping)
    found = [getattr(row.grouping, grouping) for row in rows]
    assert {tuple(one) if isinstance(one, list) else one for one in found} == values
    assert sum(row.requests for row in rows) == 5


def test_usage_can_be_filtered(priced: Engine, worked):
    def count(**filters) -> int:
        return sum(row.requests for row in breakdown(priced, **filters))

    assert count(endpoint="listen") == 3
    assert count(tag="a") == 1  # not "A"
    assert count(smart_format=True, multichannel=True) == 2  # either
    assert count(smart_format=False, multichannel=False) == 3  # neither
    assert count(start="2020-01-01", end="2020-12-31") == 0
    models = {
        model for row in breakdown(priced, grouping="models") for model in row.grouping.models
    }
    assert sum(count(model=model) for model in models) == 5


def test_the_old_usage_has_the_same_rows(priced: Engine, worked):
    usage = priced.client().manage.v1.projects.usage.get(priced.project_id)
    assert usage.resolution.units == "day"
    assert usage.results[0]["requests"] == 5


def test_fields_name_what_was_used(priced: Engine, worked):
    fields = priced.client().manage.v1.projects.usage.fields.list(priced.project_id)
    assert set(fields.tags) == {"a", "b", "A"}
    assert fields.processing_methods == ["sync"]
    assert {"smart_format", "multichannel", "sentiment"} <= set(fields.features)
    assert "whisper-tiny.en" in [model.name for model in fields.models]


def test_costs_follow_the_prices(priced: Engine, worked):
    billing = priced.client().manage.v1.projects.billing
    rows = billing.breakdown.list(priced.project_id, grouping=["line_item"]).results
    dollars = {row.grouping.line_item: row.dollars for row in rows}
    assert dollars["speak::aura-zeus-en"] == pytest.approx(0.026)
    assert dollars["batch::nova-3-general"] == pytest.approx(worked * 2 / 3 / 10, rel=0.01)
    assert dollars["batch::nova-2-general"] == 0
    fields = billing.fields.list(priced.project_id)
    assert fields.deployments == ["self-hosted"]
    assert "batch::nova-3-general" in fields.line_items
    (total,) = billing.breakdown.list(priced.project_id).results
    (balance,) = billing.balances.list(priced.project_id).balances
    assert balance.amount == pytest.approx(100 - total.dollars)
    assert billing.balances.get(priced.project_id, balance.balance_id).units == "usd"
    (order,) = billing.purchases.list(priced.project_id, limit=5).orders
    assert (order.amount, order.order_id) == (100, balance.purchase_order_id)


def test_no_speech_is_recognised_beyond_the_credit(tmp_path, recording):
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"batch::*": 360.0}))
    running = start_engine(tmp_path / "data", ENGINE_PRICES=str(prices))
    try:
        with running.http() as http:
            free = [http.post("/v1/listen", content=recording).status_code for _ in range(2)]
            assert free == [200, 200]  # no credit is sold where no purchase is recorded
            run_errand(running, "credit", "0.01")
            assert balances(running) == [0.01]
            assert http.post("/v1/listen", content=recording).is_success  # there was some left
            assert balances(running) == [0]
            rejected = http.post("/v1/listen", content=recording)
            assert (rejected.status_code, rejected.json()["err_code"]) == (
                402,
                "ASR_PAYMENT_REQUIRED",
            )
            assert rejected.json()["request_id"] == rejected.headers["dg-request-id"]
            for path in ("/v1/listen?model=nova-3", "/v2/listen?model=flux-general-en"):
                assert rejected_handshake(running, path) == 402
            assert http.post("/v1/read?sentiment=true", json={"text": "Good."}).is_success
            run_errand(running, "credit", "100")
            assert http.post("/v1/listen", content=recording).is_success
            assert balances(running)[0] == 0
    finally:
        running.stop()


def balances(engine: Engine) -> list[float]:
    found = engine.client().manage.v1.projects.billing.balances.list(engine.project_id).balances
    return [balance.amount for balance in found]


def rejected_handshake(engine: Engine, path: str) -> int:
    headers = {"authorization": f"Token {engine.key}"}
    with pytest.raises(InvalidStatus) as rejected:
        connect(f"{engine.socket_url}{path}", additional_headers=headers)
    return rejected.value.response.status_code


@pytest.mark.parametrize(
    "query", ["start=yesterday", "grouping=colour", "accessor=me", "diarize=1"]
)
def test_a_wrong_filter_is_a_400(priced: Engine, query):
    with priced.http() as http:
        response = http.get(f"/v1/projects/{priced.project_id}/usage/breakdown?{query}")
    assert (response.status_code, response.json()["err_code"]) == (400, "INVALID_QUERY_PARAMETER")


def test_concurrent_calls_are_all_counted(engine: Engine):
    def total() -> int:
        return sum(row.requests for row in breakdown(engine, tag="together"))

    def call() -> None:
        with engine.http() as http:
            response = http.post("/v1/read?sentiment=true&tag=together", json={"text": "Good."})
            assert response.is_success

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total() == 8
