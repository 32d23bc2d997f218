"""Keys, root keys, credit and the log: rules of the accounts over the database."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.accounts.keyfiles import read_or_make
from engine.accounts.keytext import make_key, may_exist
from engine.accounts.ledger import read_prices, record
from engine.accounts.reports import (
    BillingFilters,
    Period,
    UsageFilters,
    billing_breakdown,
    billing_fields,
    usage_breakdown,
    usage_fields,
)
from engine.accounts.setup import (
    accept_invite,
    create_key,
    delete_key,
    ensure_root_key,
)
from engine.env import Environment, Misconfigured
from engine.exchange import ApiRequest, Caller, Exchange, Outcome, Usage
from engine.models import Invite, Key, Member, Project, Request, UsageDay, UsageKind
from network.keyformat import digest, prefix

TODAY = datetime.now(UTC).date()


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(name="Interviews")


def exchange(project: Project, seconds: float = 60.0, **facts: object) -> Exchange:
    """A transcribed minute, charged as nova-3."""
    caller = Caller(uuid.uuid4(), project.pk, uuid.uuid4(), ("member",), ("member",), (), None)
    request = ApiRequest("/v1/listen", "model=nova-3", kind="listen", key_holder=caller)
    usage = Usage(seconds=seconds, channel_seconds=seconds, model="nova-3", **facts)  # type: ignore[arg-type]
    return Exchange(request, Outcome(200, usage))


def test_a_key_is_known_by_its_checksum():
    key = make_key()
    assert may_exist(key)
    assert len({make_key() for _ in range(20)}) == 20
    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert not may_exist(mistyped)
    assert not may_exist(key[:-1])


@pytest.mark.parametrize(("key", "expected"), [("x" * 15, False), ("x" * 16, True), ("", False)])
def test_a_key_of_another_shape_may_be_in_the_file_of_an_operator(key: str, expected: bool):
    assert may_exist(key) is expected


def test_what_is_stored_of_a_key_does_not_give_it_away():
    key = make_key()
    assert key.startswith(prefix(key))
    assert len(prefix(key)) == 12
    assert key[12:] not in digest(key)
    assert len(digest(key)) == 64


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "secret"
    first = read_or_make(path, make_key)
    assert read_or_make(path, make_key) == first
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_damaged_secret_stops_the_start(tmp_path: Path, content: bytes):
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match="restore it from a backup"):
        read_or_make(path, make_key)


@pytest.mark.django_db
def test_the_first_start_makes_a_project_and_an_owner(tmp_path: Path):
    key = ensure_root_key(tmp_path / "engine.key", "")
    assert ensure_root_key(tmp_path / "engine.key", "") == key
    row = Key.objects.get()
    assert (row.digest, row.scopes, row.member.scopes) == (digest(key), ["owner"], ["owner"])
    assert Project.objects.get().name == "Earshot"


@pytest.mark.django_db
def test_the_first_project_gets_the_id_of_the_environment(tmp_path: Path):
    ensure_root_key(tmp_path / "engine.key", "project-of-mine")
    assert Project.objects.get().pk == "project-of-mine"


@pytest.mark.django_db
def test_a_deleted_root_key_leaves_its_file(tmp_path: Path):
    path = tmp_path / "engine.key"
    ensure_root_key(path, "")
    root = Key.objects.select_related("member__project").get()
    delete_key(create_key(root.member, make_key(), "Another key", ["owner"]), path)
    assert path.is_file()
    delete_key(root, path)
    assert not path.exists()
    assert not Key.objects.exists()


@pytest.mark.django_db
def test_a_key_is_deleted_where_the_root_key_has_no_file(tmp_path: Path):
    ensure_root_key(tmp_path / "engine.key", "")
    (tmp_path / "engine.key").unlink()
    delete_key(Key.objects.get(), tmp_path / "engine.key")
    assert not Key.objects.exists()


def test_an_invite_is_accepted_once(project: Project):
    Invite.objects.create(project=project, email="new@example.test", scope="admin")
    key = accept_invite("New@example.test")
    member = Member.objects.get(project=project)
    assert (member.email, member.scopes) == ("new@example.test", ["admin"])
    assert Key.objects.get().digest == digest(key)
    with pytest.raises(Invite.DoesNotExist):
        accept_invite("new@example.test")


@pytest.mark.parametrize("entries", [[], ["a"], ["b", "a", "a"], ["two words", "ü"]])
def test_lists_of_a_kind_are_sorted_text(entries: list[str]):
    assert UsageKind.split(UsageKind.join(entries)) == sorted(set(entries))


@pytest.mark.usefixtures("environment")
def test_requests_of_a_day_add_up(project: Project):
    record([exchange(project), exchange(project, 30.0)])
    days = UsageDay.objects.filter(project=project, day=TODAY).values_list("requests", "seconds")
    assert sum(requests for requests, _ in days) == 2
    assert sum(seconds for _, seconds in days) == 90.0


@pytest.mark.usefixtures("environment")
def test_a_request_is_recorded_once(project: Project):
    one = exchange(project)
    record([one])
    record([one, exchange(project)])
    assert Request.objects.count() == 2
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 2


@pytest.mark.usefixtures("environment")
def test_a_failed_request_is_logged_and_not_counted(project: Project):
    failed = exchange(project)
    failed.outcome.status = 500
    record([failed])
    assert Request.objects.get().code == 500
    assert not UsageDay.objects.exists()


@pytest.fixture
def prices(environment: Environment, settings: Any, tmp_path: Path) -> Iterator[None]:
    """Sixty dollars for an hour of nova-3, which is one for a recorded minute."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"batch::nova-3": 60.0}))
    settings.ENVIRONMENT = replace(environment, prices=path)
    read_prices.cache_clear()
    yield
    read_prices.cache_clear()


@pytest.mark.usefixtures("environment")
def test_usage_is_broken_down_by_day(project: Project):
    record([exchange(project), exchange(project, 30.0)])
    report = usage_breakdown(project, UsageFilters(), "endpoint")
    assert (report.start, report.end) == (TODAY.isoformat(), TODAY.isoformat())
    (row,) = report.results
    assert (row.requests, row.grouping.endpoint) == (2, "listen")
    assert row.hours == pytest.approx(90 / 3600)


@pytest.mark.usefixtures("environment")
def test_usage_of_another_project_is_not_counted(project: Project):
    record([exchange(project)])
    other = Project.objects.create(name="Elsewhere")
    assert usage_breakdown(other, UsageFilters(), "endpoint").results == []


@pytest.mark.usefixtures("environment")
def test_tags_and_features_are_offered_as_filters(project: Project):
    record([exchange(project, tags=["lab"], features=["punctuate"])])
    fields = usage_fields(project, Period(TODAY, TODAY))
    assert (fields["tags"], fields["features"]) == (["lab"], ["punctuate"])
    past = TODAY - timedelta(days=9)
    assert usage_fields(project, Period(past, past))["tags"] == []


@pytest.mark.usefixtures("environment")
def test_without_prices_nothing_costs(project: Project):
    record([exchange(project)])
    assert project.spent_dollars() == 0
    report = billing_breakdown(project, BillingFilters())
    assert sum(row.dollars for row in report.results) == 0


@pytest.mark.usefixtures("prices")
def test_purchases_are_used_up_oldest_first(project: Project):
    first, second = project.add_credit(2.0, "usd"), project.add_credit(3.0, "usd")
    record([exchange(project) for _ in range(3)])
    assert project.spent_dollars() == pytest.approx(3.0)
    remaining = {balance.pk: amount for balance, amount in project.remaining_balances()}
    assert remaining == pytest.approx({first.pk: 0.0, second.pk: 2.0})
    assert project.has_credit()
    record([exchange(project) for _ in range(2)])
    assert not project.has_credit()


@pytest.mark.usefixtures("prices")
def test_a_purchase_pays_for_nothing_before_it(project: Project):
    record([exchange(project) for _ in range(5)])
    balance = project.add_credit(2.0, "usd")
    assert dict(project.remaining_balances()) == {balance: 2.0}


@pytest.mark.usefixtures("prices")
def test_costs_are_broken_down_by_line_item(project: Project):
    record([exchange(project), exchange(project)])
    report = billing_breakdown(project, BillingFilters())
    assert sum(row.dollars for row in report.results) == pytest.approx(2.0)
    fields = billing_fields(project, Period(TODAY, TODAY))
    assert list(fields.line_items) == ["batch::nova-3"]


def test_prices_that_are_none_stop_the_start(environment: Environment, settings: Any):
    path = environment.data / "prices.json"
    path.write_text("[]")
    settings.ENVIRONMENT = replace(environment, prices=path)
    read_prices.cache_clear()
    with pytest.raises(Misconfigured, match="no JSON object of prices"):
        read_prices()
    read_prices.cache_clear()


@pytest.mark.usefixtures("environment")
def test_old_requests_are_removed_and_their_sums_stay(project: Project):
    record([exchange(project), exchange(project)])
    old = Request.objects.first()
    assert old is not None
    Request.objects.filter(pk=old.pk).update(created=datetime.now(UTC) - timedelta(days=40))
    assert Request.objects.purge(30) == 1
    assert Request.objects.count() == 1
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 2
