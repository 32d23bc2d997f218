"""Rules of the engine's rows: credit, owners, invites, the log, daily sums and callback jobs."""

import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from engine.models import (
    AlreadyMember,
    CallbackJob,
    LastOwner,
    Member,
    Project,
    Request,
    UsageDay,
    UsageKind,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="Ada's")


def spend(project: Project, dollars: float, day: date | None = None, **columns: Any) -> UsageDay:
    columns = {"endpoint": "listen", "method": "sync", "deployment": "self-hosted"} | columns
    lists = {name: columns.pop(name, []) for name in ("model_ids", "feature_set", "tags")}
    kind = UsageKind.objects.create(
        project=project,
        fingerprint=uuid.uuid4().hex,
        accessor=uuid.uuid4(),
        line_item="batch::nova-3",
        **columns,
        **{name: UsageKind.join(entries) for name, entries in lists.items()},
    )
    day = day or timezone.now().date()
    return UsageDay.objects.create(project=project, kind=kind, day=day, dollars=dollars)


def test_a_project_without_purchases_has_credit(project: Project):
    spend(project, 100.0)
    assert project.has_credit()


def test_the_oldest_purchase_is_spent_first(project: Project):
    first, second = project.add_credit(10.0, "usd"), project.add_credit(5.0, "usd")
    spend(project, 12.0)
    assert project.remaining_balances() == [(first, 0.0), (second, 3.0)]
    assert project.has_credit()
    spend(project, 3.0)
    assert not project.has_credit()


def test_costs_before_the_first_purchase_are_not_deducted_from_it(project: Project):
    spend(project, 8.0)
    balance = project.add_credit(10.0, "usd")
    assert project.remaining_balances() == [(balance, 10.0)]


def test_a_balance_of_another_unit_is_never_spent(project: Project):
    hours = project.add_credit(10.0, "hour")
    spend(project, 4.0)
    assert project.remaining_balances() == [(hours, 10.0)]
    assert project.has_credit()


def test_the_last_owner_can_neither_leave_nor_become_an_admin(project: Project):
    ada = project.members.create(email="ada@example.com", scopes=["owner"])
    project.members.create(email="bob@example.com", scopes=["admin"])
    with pytest.raises(LastOwner):
        ada.remove()
    with pytest.raises(LastOwner):
        ada.change_scopes(["admin"])
    ada.refresh_from_db()
    assert ada.scopes == ["owner"]


def test_one_of_two_owners_may_leave(project: Project):
    ada = project.members.create(email="ada@example.com", scopes=["owner"])
    bob = project.members.create(email="bob@example.com", scopes=["owners:write"])
    bob.change_scopes(["owner"])
    ada.remove()
    assert list(project.members.all()) == [bob]


def test_an_owner_of_another_project_does_not_count(project: Project):
    ada = project.members.create(email="ada@example.com", scopes=["owner"])
    Project.objects.create(name="Eve's").members.create(email="eve@example.com", scopes=["owner"])
    with pytest.raises(LastOwner):
        ada.remove()


def test_an_invite_makes_a_member_with_its_scope(project: Project):
    invite = project.invite("Bob@Example.com", "admin")
    member = invite.accept()
    assert (member.email, member.scopes, member.is_owner) == ("bob@example.com", ["admin"], False)
    assert not project.invites.exists()
    with pytest.raises(AlreadyMember):
        project.invite("BOB@example.com", "member")


def test_a_second_invite_of_an_address_replaces_the_first(project: Project):
    project.invite("bob@example.com", "member")
    project.invite("BOB@example.com", "admin")
    assert [invite.scope for invite in project.invites.all()] == ["admin"]


def log(project: Project, **columns: Any) -> Request:
    now = timezone.now()
    values = {"code": 200, "created": now, "endpoint": "listen", "method": "sync"} | columns
    return Request.objects.create(
        request_id=uuid.uuid4(), project=project, accessor=uuid.uuid4(), completed=now, **values
    )


def test_requests_succeed_below_300_and_fail_from_400(project: Project):
    good, upgraded, bad = log(project), log(project, code=101), log(project, code=400)
    log(project, code=304)
    assert set(Request.objects.succeeded()) == {good, upgraded}
    assert list(Request.objects.failed()) == [bad]


def test_requests_match_a_period_that_excludes_its_end(project: Project):
    now = timezone.now()
    old, new = log(project, created=now - timedelta(days=2)), log(project, created=now)
    of_project = Request.objects.filter(project=project)
    assert list(of_project.matching(end=now)) == [old]
    assert list(of_project.matching(start=now, endpoint="listen", method="")) == [new]
    assert not of_project.matching(endpoint="speak").exists()


def test_old_requests_are_purged_and_their_sums_stay(project: Project):
    spend(project, 1.0)
    log(project, created=timezone.now() - timedelta(days=31))
    new = log(project)
    assert Request.objects.purge(30) == 1
    assert list(Request.objects.all()) == [new]
    assert project.spent_dollars() == 1.0


def test_a_report_covers_all_days_until_today_by_default(project: Project):
    today = timezone.now().date()
    assert project.usage_days.period(None, None) == (today, today)
    spend(project, 1.0, today - timedelta(days=40))
    assert project.usage_days.period(None, None) == (today - timedelta(days=40), today)
    end = today - timedelta(days=50)
    assert project.usage_days.period(None, end) == (end, end)


def test_list_filters_compare_whole_entries_with_their_case(project: Project):
    web = spend(project, 1.0, tags=["web", "team"])
    app = spend(project, 1.0, tags=["Web", "webapp"])
    days = project.usage_days.order_by("pk")
    assert list(days.with_any("tags", ["web"])) == [web]
    assert list(days.with_any("tags", ["team", "webapp"])) == [web, app]
    assert list(days.with_any("tags", [])) == [web, app]
    assert list(days.without("tags", ["Web"])) == [web]
    assert UsageKind.split(web.kind.tags) == ["team", "web"]


def test_days_are_filtered_by_the_columns_of_their_kind(project: Project):
    listened, spoken = spend(project, 1.0), spend(project, 1.0, endpoint="speak")
    days = project.usage_days.order_by("pk")
    assert list(days.of_kind(endpoint="speak", method="")) == [spoken]
    assert list(days.of_kind()) == [listened, spoken]
    assert set(days.filter(pk=spoken.pk).kinds()) == {spoken.kind}


PAUSE = timedelta(seconds=30)


def job(project: Project, **columns: Any) -> CallbackJob:
    now = timezone.now()
    return CallbackJob.objects.create(
        **{
            "request_id": uuid.uuid4(),
            "project": project,
            "accessor": uuid.uuid4(),
            "created": now,
            "size_bytes": 0,
            "due": now,
            "leased_until": now,
        }
        | columns
    )


def claim(places: int = 8) -> list[CallbackJob]:
    return CallbackJob.objects.claim_due(places, PAUSE, lambda job: True)


def test_a_callback_job_is_claimed_once_until_its_lease_ends(project: Project):
    one = job(project)
    assert claim() == [one]
    assert claim() == []
    assert not one.claim()
    CallbackJob.objects.update(leased_until=timezone.now())
    assert claim() == [one]


def test_a_postponed_callback_job_is_free_again_after_the_pause(project: Project):
    one = job(project)
    assert one.claim()
    one.postpone(PAUSE)
    one.refresh_from_db()
    assert (one.attempts, claim()) == (1, [])
    CallbackJob.objects.update(due=timezone.now())
    assert claim() == [one]


def test_a_renewed_lease_outlasts_the_first(project: Project):
    one = job(project)
    one.renew()
    assert claim() == []


def test_a_callback_job_is_left_to_the_engine_that_has_its_files(project: Project):
    first, second = job(project), job(project)
    assert CallbackJob.objects.claim_due(1, PAUSE, lambda job: job == second) == [second]
    assert claim(0) == []
    assert claim() == [first]


def test_jobs_and_leases_of_a_clock_that_was_ahead_are_freed(project: Project):
    ahead = timezone.now() + timedelta(hours=1)
    late, leased = job(project, due=ahead), job(project, leased_until=ahead)
    assert claim() == [late]
    CallbackJob.objects.free_leases_ahead()
    assert leased in CallbackJob.objects.due(PAUSE)


def test_the_files_of_a_callback_job_are_named_after_its_request(project: Project, tmp_path: Path):
    one = job(project)
    assert one.body_file(tmp_path).name == f"{one.request_id}.body"
    assert one.result_file(tmp_path).name == f"{one.request_id}.result"


def test_members_are_owners_by_role_or_by_scope():
    assert Member(scopes=["owner"]).is_owner
    assert Member(scopes=["owners:write"]).is_owner
    assert not Member(scopes=["admin", "usage:write"]).is_owner
