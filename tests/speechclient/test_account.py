import json
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechclient import InvalidOption, ServiceUnavailable, account
from speechclient.account import BillingFilter, RequestFilter, UsageFilter
from speechclient.fields import Fields
from speechclient.models import Model, Models, Project
from speechclient.records import Record
from tests.speechclient.responses import rejection
from tests.speechclient.test_listen import any_json

MEMBER = {"member_id": "m-1", "email": "ada@example.test", "first_name": None}
KEY_RECORD = {
    "api_key_id": "k-1",
    "comment": "CI",
    "scopes": ["member"],
    "created": "2026-11-21T09:00:00.123456789Z",
}


@pytest.fixture
def of_ada(client):
    return client.account("p-1")


def sent(service):
    request = service.request
    body = json.loads(request.content) if request.content else None
    return request.method, request.url.raw_path.decode().removeprefix("/v1/projects/p-1"), body


def response(service, body):
    service.returns(httpx.Response(200, json=body))


def test_a_project_is_renamed_left_and_deleted(of_ada, service):
    response(service, {"message": "done"})
    of_ada.rename("Ada's")
    assert sent(service) == ("PATCH", "", {"name": "Ada's"})
    of_ada.leave()
    assert sent(service) == ("DELETE", "/leave", None)
    of_ada.delete()
    assert sent(service) == ("DELETE", "", None)


def test_keys_are_listed_with_their_members(of_ada, service):
    response(service, {"api_keys": [{"member": MEMBER, "api_key": KEY_RECORD}]})
    (key,) = of_ada.keys("active")
    assert sent(service)[:2] == ("GET", "/keys?status=active")
    assert (key.member.email, key.member.first_name) == ("ada@example.test", "")
    assert key.api_key.scopes == ("member",)
    assert key.api_key.created == datetime(2026, 11, 21, 9, 0, 0, 123_456, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        {"item": {"member": {**MEMBER, "api_key": KEY_RECORD}}},
        {"member": MEMBER, "api_key": KEY_RECORD},
        {"item": {"member": {**MEMBER, "api_key": KEY_RECORD}}, "api_key": KEY_RECORD},
    ],
)
def test_one_key_is_read_in_every_shape_it_comes_in(of_ada, service, body):
    response(service, body)
    key = of_ada.key("k-1")
    assert (key.member.member_id, key.api_key.api_key_id) == ("m-1", "k-1")


def test_a_new_key_is_told_once_and_not_printed(of_ada, service):
    response(service, {**KEY_RECORD, "key": "the-secret", "tags": ["ci"]})
    until = datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    key = of_ada.create_key("CI", ["member"], tags=["ci"], expiration_date=until)
    assert sent(service) == (
        "POST",
        "/keys",
        {
            "comment": "CI",
            "scopes": ["member"],
            "tags": ["ci"],
            "expiration_date": "2027-01-01T00:00:00+01:00",
        },
    )
    assert key.key == "the-secret"
    assert "the-secret" not in repr(key)


def test_a_key_expires_at_a_time_or_after_one(of_ada, service):
    response(service, KEY_RECORD)
    of_ada.create_key("CI", ["member"], time_to_live_seconds=60)
    assert sent(service)[2] == {
        "comment": "CI",
        "scopes": ["member"],
        "time_to_live_in_seconds": 60,
    }
    with pytest.raises(InvalidOption, match="not both"):
        of_ada.create_key(
            "CI", ["member"], time_to_live_seconds=60, expiration_date=datetime.now(UTC)
        )
    with pytest.raises(InvalidOption, match="no time zone"):
        of_ada.create_key("CI", ["member"], expiration_date=datetime(2027, 1, 1))


def test_people_come_and_go(of_ada, service):
    response(service, {"members": [{**MEMBER, "scopes": ["owner"]}]})
    assert of_ada.members()[0].scopes == ("owner",)
    response(service, {"scopes": ["member"]})
    assert of_ada.member_scopes("m-1") == ("member",)
    response(service, {"message": "done"})
    of_ada.set_member_scope("m-1", "admin")
    assert sent(service) == ("PUT", "/members/m-1/scopes", {"scope": "admin"})
    of_ada.remove_member("m-1")
    assert sent(service) == ("DELETE", "/members/m-1", None)
    of_ada.invite("bob+x@example.test", "member")
    assert sent(service)[2] == {"email": "bob+x@example.test", "scope": "member"}
    of_ada.delete_invite("bob+x@example.test")
    assert sent(service)[:2] == ("DELETE", "/invites/bob%2Bx@example.test")
    response(service, {"invites": [{"email": "bob@example.test", "scope": "member"}]})
    assert of_ada.invites()[0].scope == "member"


def test_the_log_is_read_by_pages(of_ada, service):
    request = {"request_id": "r-1", "code": 200, "path": "/v1/listen", "response": {"a": ["b\0"]}}
    response(service, {"page": 0, "limit": 10, "requests": [request]})
    page = of_ada.requests(RequestFilter(page=0, limit=10, status="succeeded"))
    assert sent(service)[1] == "/requests?limit=10&page=0&status=succeeded"
    assert (page.limit, page.requests[0].code) == (10, 200)
    assert page.requests[0].response == {"a": ["b"]}
    response(service, {"request": request})
    assert of_ada.request("r-1") == page.requests[0]


def test_usage_is_summed_as_asked(of_ada, service):
    grouping = {"start": "2026-11-01", "end": "2026-11-02", "endpoint": "listen", "tags": ["a"]}
    body = {
        "start": "2026-11-01",
        "end": "2026-11-21",
        "resolution": {"units": "day", "amount": 1},
        "results": [{"hours": 1.5, "requests": 12, "grouping": grouping}],
    }
    response(service, body)
    usage = of_ada.usage_breakdown(UsageFilter(start=date(2026, 11, 1)), grouping="endpoint")
    assert sent(service)[1] == "/usage/breakdown?start=2026-11-01&grouping=endpoint"
    assert (usage.end, usage.resolution.units) == (date(2026, 11, 21), "day")
    assert (usage.results[0].hours, usage.results[0].grouping.endpoint) == (1.5, "listen")
    assert (usage.results[0].grouping.tags, usage.results[0].grouping.method) == (("a",), None)
    assert of_ada.usage() == usage
    response(service, {"tags": ["a"], "models": [{"name": "nova-3", "model_id": "u-1"}]})
    assert of_ada.usage_fields().models[0].model_id == "u-1"


def test_money_is_read(of_ada, service):
    balance = {"balance_id": "b-1", "amount": 12.5, "units": "usd"}
    response(service, {"balances": [balance]})
    (first,) = of_ada.balances()
    response(service, balance)
    assert of_ada.balance("b-1") == first
    response(service, {"orders": [{"order_id": "o-1", "amount": 5}]})
    assert of_ada.purchases(limit=10)[0].amount == 5.0
    response(service, {"results": [{"dollars": 0.25, "grouping": {"line_item": "streaming"}}]})
    billing = of_ada.billing_breakdown(BillingFilter(grouping=("line_item", "tags")))
    assert sent(service)[1] == "/billing/breakdown?grouping=line_item&grouping=tags"
    assert (billing.results[0].dollars, billing.results[0].grouping.line_item) == (
        0.25,
        "streaming",
    )
    response(service, {"deployments": ["hosted"], "line_items": {"a": "A"}})
    assert of_ada.billing_fields(date(2026, 11, 1)).line_items == {"a": "A"}


def test_agents_and_their_variables_are_kept(of_ada, service):
    stored = {"agent_id": "a-1", "config": {"greeting": "Hi"}, "metadata": {"team": "x"}}
    response(service, stored)
    agent = of_ada.create_agent({"greeting": "Hi"}, {"team": "x"})
    assert json.loads(sent(service)[2]["config"]) == {"greeting": "Hi"}
    assert of_ada.agent("a-1") == agent
    assert of_ada.update_agent("a-1", {"team": "y"}).agent_id == "a-1"
    assert sent(service) == ("PUT", "/agents/a-1", {"metadata": {"team": "y"}})
    response(service, {"agents": [stored]})
    assert of_ada.agents() == (agent,)
    variable = {"variable_id": "v-1", "key": "DG_NAME", "value": [1, None]}
    response(service, variable)
    assert of_ada.create_agent_variable("DG_NAME", [1, None]).value == [1, None]
    assert of_ada.update_agent_variable("v-1", None) == of_ada.agent_variable("v-1")
    response(service, {"variables": [variable]})
    assert of_ada.agent_variables()[0].key == "DG_NAME"
    response(service, {})
    of_ada.delete_agent("a-1")
    of_ada.delete_agent_variable("v-1")
    assert sent(service) == ("DELETE", "/agent-variables/v-1", None)
    with pytest.raises(InvalidOption, match="JSON"):
        of_ada.create_agent_variable("DG_NAME", float("nan"))


def test_distribution_credentials_are_kept(of_ada, service):
    item = {
        "member": MEMBER,
        "distribution_credentials": {"distribution_credentials_id": "d-1", "provider": "quay"},
    }
    response(service, item)
    made = of_ada.create_distribution_credentials("ours", ["self-hosted:products"], "quay")
    assert sent(service) == (
        "POST",
        "/self-hosted/distribution/credentials?scopes=self-hosted%3Aproducts&provider=quay",
        {"comment": "ours"},
    )
    assert of_ada.distribution_credential("d-1") == made
    assert of_ada.delete_distribution_credentials("d-1") == made
    response(service, {"distribution_credentials": [item]})
    assert of_ada.distribution_credentials() == (made,)


def test_a_grant_is_a_token_for_a_while(client, service):
    response(service, {"access_token": "jwt", "expires_in": 30})
    grant = client.grant(ttl_seconds=30)
    assert (grant.access_token, grant.expires_in) == ("jwt", 30.0)
    assert "jwt" not in repr(grant)
    assert json.loads(service.request.content) == {"ttl_seconds": 30}
    response(service, {})
    with pytest.raises(ServiceUnavailable, match="no access_token"):
        client.grant()


def test_a_change_whose_answer_says_nothing_is_still_made(of_ada, service):
    service.returns(httpx.Response(204))
    of_ada.delete_key("k-1")
    assert sent(service) == ("DELETE", "/keys/k-1", None)


def test_a_change_is_not_sent_twice(of_ada, service):
    service.returns(rejection(503))
    with pytest.raises(ServiceUnavailable):
        of_ada.delete_key("k-1")
    assert len(service.requests) == 1


RECORDS = [
    kind
    for kind in (*vars(account).values(), Model, Models, Project)
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
]


@given(st.sampled_from(RECORDS), st.data())
@pytest.mark.slow
def test_every_record_reads_any_json(kind, data):
    value = data.draw(st.dictionaries(st.sampled_from(list(kind.kinds)), any_json))
    assert kind.read(Fields(value))
