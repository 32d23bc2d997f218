"""Sync of a speech account: everything the key may read, once, whatever happens meanwhile."""

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from management.models import (
    AgentConfiguration,
    AgentVariable,
    Balance,
    Connection,
    CostDay,
    CostMonth,
    Invite,
    Key,
    Member,
    Model,
    Project,
    Purchase,
    Request,
    SelfHostedCredential,
    Sync,
    SyncPart,
    UsageDay,
    UsageMonth,
)
from management.sync.parts import PARTS
from management.sync.runs import sync
from tests.management.conftest import NOW, Account, day, key, request

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
MIRRORED = (
    Project, Model, Key, Member, Invite, Request, UsageDay, UsageMonth, CostDay, CostMonth,
    Balance, Purchase, AgentConfiguration, AgentVariable, SelfHostedCredential, SyncPart,
)  # fmt: skip
# Ends of the paths whose part has another name.
ENDS = {
    "usage": "/usage/breakdown",
    "costs": "/billing/breakdown",
    "usage_fields": "/usage/fields",
    "billing_fields": "/billing/fields",
    "variables": "/agent-variables",
    "credentials": "/distribution/credentials",
}
NEW = {"a_new_field": {"b": 1}, "another": None}


@pytest.fixture
def connection(account: Account) -> Connection:
    made = Connection(kind=Connection.Kind.HOSTED, name="Deepgram", base_url="http://speech.test")
    made.api_key = "secret"
    made.save()
    return made


@pytest.fixture
def filled(account: Account) -> Account:
    """An account with something in every part, and fields that no one knows yet."""
    account.lists |= {
        "api_keys": [key("k-1", **NEW), key("k-2", expiration_date="2027-01-01T00:00:00Z")],
        "members": [{"member_id": "u-1", "email": "ada@example.test", "scopes": ["owner"], **NEW}],
        "invites": [{"email": "bob@example.test", "scope": "member"}],
        "balances": [{"balance_id": "b-1", "amount": 12.5, "units": "usd"}],
        "orders": [{"order_id": "o-1", "amount": 20, "units": "usd", "order_type": "promo"}],
        "agents": [{"agent_id": "a-1", "config": {"think": {}}, "metadata": {"name": "Desk"}}],
        "variables": [
            {"variable_id": "v-1", "key": "DG_NAME", "value": ["x"]},
            {"variable_id": "v-2", "key": "DG_PIN", "value": "1234", "is_sensitive": True},
        ],
        "distribution_credentials": [
            {
                "member": {"member_id": "u-1", "email": "ada@example.test"},
                "distribution_credentials": {"distribution_credentials_id": "d-1"},
            }
        ],
    }
    account.log = [request(1), request(2, code=400, response=None, api_key_id=None)]
    account.usage = {
        "": [day("2026-11-20", hours=1.5, requests=12)],
        "tags": [day("2026-11-20", hours=1.5, requests=12, grouping={"tags": ["b", "a"]})],
        "endpoint": [day("2026-11-20", hours=1.5, requests=12, grouping={"endpoint": "a_new_one"})],
    }
    account.costs = {
        "": [day("2026-11-20", dollars=0.4)],
        "line_item": [day("2026-11-20", dollars=0.4, grouping={"line_item": "streaming::nova-3"})],
    }
    return account


def everything() -> dict[str, list[Any]]:
    return {
        model.__name__: list(model._default_manager.order_by("pk").values()) for model in MIRRORED
    }


def rejection(status: int, code: str, **facts: Any) -> httpx.Response:
    body = {"err_code": code, "err_msg": "No.", "request_id": "r-9"}
    return httpx.Response(status, json=body, **facts)


def part(name: str) -> SyncPart:
    return SyncPart.objects.get(name=name)


def test_every_part_of_the_account_is_mirrored(connection, filled):
    assert sync(connection)
    assert {row.api_key_id: (row.email, row.scopes) for row in Key.objects.all()} == {
        "k-1": ("ada@example.test", ["member"]),
        "k-2": ("ada@example.test", ["member"]),
    }
    assert Member.objects.get().scopes == ["owner"]
    assert Invite.objects.get().email == "bob@example.test"
    assert Balance.objects.get().amount == 12.5
    assert Purchase.objects.get().order_type == "promo"
    assert AgentConfiguration.objects.get().metadata == {"name": "Desk"}
    assert SelfHostedCredential.objects.get().email == "ada@example.test"
    found = Request.objects.get(request_id="r-1")
    assert (found.endpoint, found.model, found.tags) == ("listen", "nova-3", ["calls"])
    assert (found.seconds, found.dollars) == (60.0, 0.01)
    assert Request.objects.failed().get().request_id == "r-2"
    assert Key.objects.get(api_key_id="k-1").last_used_at == found.created
    sums = UsageDay.objects.values_list("grouping", "value", "day", "requests")
    assert set(sums) == {
        ("", "", date(2026, 11, 20), 12),
        ("tags", '["a", "b"]', date(2026, 11, 20), 12),
        ("endpoint", "a_new_one", date(2026, 11, 20), 12),
    }
    assert CostDay.objects.get(grouping="line_item").dollars == 0.4
    assert set(UsageMonth.objects.values_list("grouping", "value", "day", "requests")) == {
        (grouping, value, date(2026, 11, 1), 12) for grouping, value, *_ in sums
    }
    assert CostMonth.objects.get(grouping="line_item").dollars == 0.4
    state = Sync.objects.get()
    assert (state.position, state.error) == (None, "")
    assert state.finished_at
    assert state.steps_done == state.steps == len(PARTS)


def test_the_value_of_a_sensitive_variable_is_not_kept(connection, filled):
    sync(connection)
    assert list(AgentVariable.objects.values_list("key", "value")) == [
        ("DG_NAME", ["x"]),
        ("DG_PIN", None),
    ]


def test_a_sync_without_changes_writes_no_row_of_the_mirror(connection, filled):
    sync(connection)
    before = everything()
    with CaptureQueriesContext(
        database,
    ) as captured:
        sync(connection)
    assert everything() == before
    tables = {model._meta.db_table for model in MIRRORED}
    writes = [
        query["sql"]
        for query in captured
        if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert [sql for sql in writes if any(f'"{table}"' in sql for table in tables)] == []


def test_what_vanished_is_marked_and_what_returns_is_unmarked(connection, filled):
    sync(connection)
    pk = Key.objects.get(api_key_id="k-2").pk
    listed = filled.lists["api_keys"]
    filled.lists["api_keys"] = listed[:1]
    sync(connection)
    assert Key.objects.get(pk=pk).gone_at
    assert [row.api_key_id for row in Key.objects.present()] == ["k-1"]
    filled.lists["api_keys"] = listed
    sync(connection)
    assert Key.objects.get(pk=pk).gone_at is None


def test_a_change_is_mirrored(connection, filled):
    sync(connection)
    filled.lists["members"][0]["scopes"] = ["admin"]
    filled.usage[""][0]["requests"] = 13
    filled.usage["tags"][0]["requests"] = 13
    sync(connection)
    assert Member.objects.get().scopes == ["admin"]
    assert set(UsageDay.objects.values_list("grouping", "requests")) == {
        ("", 13), ("tags", 13), ("endpoint", 12)
    }  # fmt: skip
    assert set(UsageMonth.objects.values_list("grouping", "requests")) == {
        ("", 13), ("tags", 13), ("endpoint", 12)
    }  # fmt: skip


def test_sums_that_the_server_no_longer_lists_stay(connection, filled):
    sync(connection)
    filled.usage, filled.costs, filled.log = {}, {}, []
    sync(connection)
    assert UsageDay.objects.count() == 3
    assert Request.objects.count() == 2


@pytest.mark.parametrize("name", [part.name for part in PARTS])
@pytest.mark.parametrize(
    ("status", "code"), [(401, "INSUFFICIENT_PERMISSIONS"), (403, "FORBIDDEN")]
)
def test_a_part_that_the_key_may_not_read_is_named_with_its_scope(
    name, status, code, connection, filled
):
    filled.fails[ENDS.get(name, f"/{name}")] = rejection(status, code)
    assert sync(connection)
    scope = next(each.scope for each in PARTS if each.name == name)
    lacking = SyncPart.objects.exclude(state=SyncPart.State.OK).get()
    assert (lacking.name, lacking.state, lacking.scope) == (name, SyncPart.State.SCOPE, scope)
    assert (lacking.status, lacking.request_id) == (status, "r-9")
    assert Sync.objects.get().finished_at


def test_a_key_that_is_not_accepted_is_told_apart_from_one_without_a_scope(connection, filled):
    filled.fails["/projects"] = rejection(401, "INVALID_AUTH")
    assert sync(connection)
    state = Sync.objects.get()
    assert (state.finished_at, state.error, state.request_id) == (None, "No.", "r-9")
    assert state.failed_at
    assert not Connection.objects.to_sync().exists()


def test_a_key_that_is_deleted_meanwhile_ends_the_sync(connection, filled):
    def reject(_: httpx.Request) -> httpx.Response:
        filled.fails["/projects"] = rejection(401, "INVALID_AUTH")
        return rejection(401, "INVALID_AUTH")

    filled.fails["/members"] = reject
    sync(connection)
    assert part("members").state == SyncPart.State.REJECTED
    assert not any(path.endswith("/invites") for path in filled.paths)


def test_a_list_that_is_missing_in_a_response_deletes_nothing(connection, filled):
    sync(connection)
    filled.fails["/keys"] = httpx.Response(200, json={"message": "maintenance"})
    sync(connection)
    assert Key.objects.present().count() == 2
    assert part("keys").state == SyncPart.State.FAILED
    filled.fails["/keys"] = httpx.Response(200, json={"api_keys": None})
    sync(connection)
    assert not Key.objects.present().exists()


def test_a_part_that_the_server_does_not_offer_is_said_to_be_so(connection, filled):
    filled.fails["/agents"] = rejection(404, "NOT_FOUND")
    assert sync(connection)
    assert part("agents").state == SyncPart.State.ABSENT
    assert part("variables").state == SyncPart.State.OK


def test_a_broken_part_does_not_hold_up_the_others(connection, filled, patience):
    filled.fails["/members"] = rejection(500, "INTERNAL")
    assert sync(connection)
    assert part("members").state == SyncPart.State.FAILED
    assert Balance.objects.exists()
    filled.fails = {}
    sync(connection)
    assert part("members").state == SyncPart.State.OK


@pytest.mark.parametrize(
    "failure",
    [
        rejection(429, "TOO_MANY_REQUESTS", headers={"retry-after": "300"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("no response"),
        httpx.Response(200, content=b'{"api_keys": [{"member"', headers={"content-length": "99"}),
    ],
)
def test_a_sync_resumes_where_a_fault_ended_it(failure, connection, filled, patience):
    filled.log = [request(number) for number in range(5)]
    filled.fails["/requests"] = failure
    sync(connection)
    filled.fails = {}
    filled.paths.clear()
    Sync.objects.update(retry_at=None)
    assert sync(connection)
    assert Request.objects.count() == 5
    assert set(Request.objects.values_list("request_id", flat=True)) == {
        f"r-{number}" for number in range(5)
    }
    state = Sync.objects.get()
    assert (state.position, state.error, state.failures) == (None, "", 0)


def test_a_server_that_asks_for_patience_gets_it(connection, filled, patience):
    filled.fails["/keys"] = rejection(429, "TOO_MANY_REQUESTS", headers={"retry-after": "300"})
    sync(connection)
    state = Sync.objects.get()
    assert state.retry_at - timezone.now() > timedelta(seconds=250)
    assert not Connection.objects.to_sync().exists()


def test_a_sync_that_runs_out_of_time_continues_at_the_same_part(connection, filled):
    assert not sync(connection, seconds=0)
    state = Sync.objects.get()
    assert state.is_under_way
    assert not Key.objects.exists()
    filled.paths.clear()
    assert sync(connection)
    assert "/v1/projects" not in filled.paths
    assert Key.objects.count() == 2


def test_two_workers_do_not_sync_the_same_account(connection, filled):
    held = Sync.objects.claim(connection)
    assert held
    assert Sync.objects.claim(connection) is None
    assert sync(connection)
    assert filled.paths == []
    held.release()
    sync(connection)
    assert Key.objects.count() == 2


def test_a_worker_that_lost_its_lease_writes_nothing_more(connection, filled):
    def overtake(_: httpx.Request) -> None:
        Sync.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert Sync.objects.claim(connection)

    filled.fails["/keys"] = overtake
    sync(connection)
    assert not Key.objects.exists()
    assert Sync.objects.get().lease_until  # of the other worker


def test_every_request_is_in_the_ledger_once(connection, filled):
    filled.most = 10
    # Some of the same moment, more than a page of them.
    filled.log = [request(number) for number in range(35)]
    filled.log += [request(35, request_id=f"same-{number}") for number in range(25)]
    filled.log += [request(number) for number in range(36, 60)]
    sync(connection)
    assert Request.objects.count() == len(filled.log)
    filled.log.insert(0, request(-5))
    sync(connection)
    assert Request.objects.count() == len(filled.log)


def test_a_cut_in_the_middle_of_the_pages_loses_and_doubles_nothing(connection, filled, patience):
    filled.most = 10
    filled.log = [request(number) for number in range(45)]
    pages: Iterator[int] = iter(range(100))

    def cut(_: httpx.Request) -> httpx.Response | None:
        return rejection(429, "TOO_MANY_REQUESTS") if next(pages) >= 2 else None

    filled.fails["/requests"] = cut
    sync(connection)
    assert 0 < Request.objects.count() < 45
    # Meanwhile more requests come in.
    filled.log = [request(-number) for number in range(25, 0, -1)] + filled.log
    filled.fails = {}
    sync(connection)
    assert Request.objects.count() == 45
    sync(connection)
    assert Request.objects.count() == 70


def test_a_request_that_ended_late_is_found_too(connection, filled):
    sync(connection)
    filled.log.append(request(3600, request_id="late"))
    sync(connection)
    assert Request.objects.filter(request_id="late").exists()


def test_clocks_that_differ_lose_no_request(connection, filled):
    """The moments of a pass are all the server's."""
    ahead = NOW + timedelta(days=400)
    filled.log = [request(1, created=ahead.isoformat())]
    sync(connection)
    filled.log.insert(0, request(0, created=(ahead + timedelta(seconds=1)).isoformat()))
    sync(connection)
    assert Request.objects.count() == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"api_keys": [{}, {"api_key": None}, "text", {"api_key": {"api_key_id": 5}}]},
        {"members": [{"member_id": "u-1", "email": None, "scopes": None, "first_name": 5}]},
        {"invites": [{"email": "x" * 5000, "scope": ["member"]}]},
        {"balances": [{"balance_id": "b", "amount": "12", "units": None}]},
        {"orders": [{"order_id": "o", "created": "yesterday", "expiration": 5}]},
        {"agents": [{"agent_id": "a", "config": "text", "metadata": [1]}]},
        {"variables": [{"variable_id": "v", "key": None, "value": {"a": ["\0"]}}]},
        {"distribution_credentials": [{"member": 1, "distribution_credentials": None}]},
    ],
)
def test_entries_of_other_shapes_are_read_as_far_as_they_make_sense(odd, connection, account):
    account.lists |= odd
    assert sync(connection)
    assert not SyncPart.objects.exclude(state=SyncPart.State.OK).exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"path": None, "code": None, "response": "text"},
        {"path": "//[", "code": 10**30, "response": {"details": [1]}},
        {"path": "/v9/?model=&tag=", "response": {"details": {"duration": 1e300, "tags": 5}}},
        {"created": None},
        {"request_id": ""},
        {"deployment": "a new one" * 20, "callback": 5, "api_key_id": ["k"]},
    ],
)
def test_requests_of_other_shapes_are_kept_as_far_as_they_make_sense(facts, connection, account):
    account.log = [request(1)]
    account._page = lambda query: {"requests": [json.loads(json.dumps(request(1) | facts))]}
    assert sync(connection)
    assert part("requests").state == SyncPart.State.OK
    usable = facts.get("created", "") is not None and facts.get("request_id") != ""
    assert Request.objects.count() == int(usable)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"])
def test_moments_at_the_ends_of_the_calendar_are_kept(created, connection, account):
    details = {"duration": 60.0, "method": "streaming"}
    account.log = [request(1), request(2, created=created, response={"details": details})]
    account._page = lambda query: {"requests": account.log}
    assert sync(connection)
    assert sync(connection)
    assert part("requests").state == SyncPart.State.OK
    assert Request.objects.count() == 2


@pytest.mark.parametrize(
    "sums",
    [
        [{}, {"grouping": None, "hours": 1}, "text", None],
        [{"grouping": {"start": "2026-11-20", "endpoint": 5, "tags": "x"}, "hours": None}],
        [day("yesterday", hours=1.0), day("2026-11-20", hours="many", requests=[1])],
        [day("2026-11-20", hours=1e300, dollars=-1, new={"a": 1}, grouping={"tags": [None, 1]})],
    ],
)
def test_sums_of_other_shapes_are_read_as_far_as_they_make_sense(sums, connection, account):
    names = ("", "accessor", "endpoint", "models", "method", "tags", "deployment", "line_item")
    account.usage = account.costs = dict.fromkeys(names, sums)
    assert sync(connection)
    assert not SyncPart.objects.exclude(state=SyncPart.State.OK).exists()


def test_days_that_were_not_asked_for_are_left_out(connection, filled):
    days = [day("2026-11-20", hours=1.5, requests=12), day("2026-08-01", hours=9, requests=1)]
    filled.usage = {"": days, "tags": days}
    filled.costs = {"": [day("2026-11-20", dollars=1), day("2026-08-01", dollars=2)]}
    assert sync(connection)
    before = everything()
    assert sync(connection)
    assert everything() == before
    filled.usage[""] = [day("2026-11-20", hours=2, requests=13), day("2026-08-01", hours=99)]
    assert sync(connection)
    hours = UsageDay.objects.filter(grouping="").order_by("day").values_list("hours", flat=True)
    assert list(hours) == [9, 2]


@pytest.mark.parametrize("hours", [-1, 5, 24 * 400])
def test_a_lease_of_a_clock_that_is_off_does_not_stop_the_sync(hours, connection, filled):
    """A lease that ended, or ends later than any that could have been set."""
    assert sync(connection)
    filled.paths.clear()
    Sync.objects.update(lease_until=timezone.now() + timedelta(hours=hours))
    assert sync(connection)
    assert filled.paths


def test_a_pause_of_a_clock_that_is_off_does_not_stop_the_sync(connection, filled):
    assert sync(connection)
    Sync.objects.update(retry_at=timezone.now() + timedelta(days=400))
    assert Connection.objects.to_sync().exists()


def test_the_key_of_the_connection_is_known(connection, filled):
    sync(connection)
    connection.refresh_from_db()
    assert (connection.api_key_id, connection.key_scopes) == ("k-1", ["owner"])


def test_accounts_of_several_servers_are_apart(connection, filled):
    second = Connection(kind="self_hosted", name="Ours", base_url="http://second.test")
    second.api_key = "another"
    second.save()
    sync(connection)
    sync(second)
    assert Key.objects.count() == 4
    assert set(filled.keys) == {"Token secret", "Token another"}


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_two_syncs_at_once_double_nothing(connection, filled):
    """Workers that start together, on connections to the database of their own."""
    filled.most = 10
    filled.log = [request(number) for number in range(45)]
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        sync(connection)
        database.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sync(connection)
    assert Request.objects.count() == 45
    assert (Key.objects.count(), Member.objects.count()) == (2, 1)
    assert Sync.objects.get().error == ""
