"""Budgets that hold: reserved before work starts, settled when it ends, warned of in time."""

import threading
from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import (
    AuditEntry,
    Budget,
    Charge,
    Connection,
    CostDay,
    Membership,
    OverBudget,
    Project,
    Reservation,
    UsageDay,
    User,
    Work,
)
from management.models.budgets import extend, hour_price, release, reserve, settle
from management.sync.runs import sync
from tests.management.conftest import day
from tests.management.test_keys import client_of

HOUR = 3600.0


@pytest.fixture
def budget(project: Project) -> Budget:
    """Ten dollars a month, at a dollar an hour."""
    return Budget.objects.create(project=project, dollars=10, hour_price=1)


def audio(seconds: float, model: str = "nova-3") -> Work:
    return Work(Charge.BATCH, model, seconds=seconds)


def spend(project: Project, dollars: float, on: date | None = None) -> None:
    CostDay.objects.create(project=project, day=on or timezone.now().date(), dollars=dollars)
    CostDay.objects.add_up()


def test_work_within_the_budget_is_reserved_and_settled(project, budget):
    reserve(project, "job:1", audio(3 * HOUR))
    assert budget.spent() == 3
    settle("job:1", audio(2 * HOUR))
    assert budget.spent() == 2
    reserve(project, "job:2", audio(HOUR))
    release("job:2")
    assert budget.spent() == 2


def test_work_beyond_the_budget_is_rejected_with_a_sentence(project, budget):
    spend(project, 8)
    reserve(project, "job:1", audio(HOUR))
    with pytest.raises(OverBudget) as caught:
        reserve(project, "job:2", audio(2 * HOUR))
    text = str(caught.value)
    for part in ("The monthly budget of Interviews ($10.00)", "$9.00 are spent or reserved",
                 "needs about $2.00", "An owner can raise it"):  # fmt: skip
        assert part in text
    Budget.objects.update(dollars=12)
    reserve(project, "job:2", audio(2 * HOUR))


def test_a_budget_that_is_used_up_stops_work_of_unknown_cost(project, budget):
    spend(project, 10)
    with pytest.raises(OverBudget):
        reserve(project, "job:1", Work(Charge.BATCH))


def test_work_under_way_reserves_more_as_it_takes_longer(project, budget):
    reserve(project, "live:1", audio(HOUR))
    assert extend(project, "live:1", audio(HOUR / 2)).spent == 0.5
    assert budget.spent() == 1
    usage = extend(project, "live:1", audio(8 * HOUR))
    assert (usage.is_warning, usage.percent, budget.spent()) == (True, 80, 8)
    with pytest.raises(OverBudget, match=r"needs about \$11.00"):
        extend(project, "live:1", audio(11 * HOUR))
    assert budget.spent() == 8


def test_costs_of_others_end_what_is_under_way(project, budget):
    reserve(project, "live:1", audio(HOUR))
    spend(project, 9.5)
    assert extend(project, "live:1", audio(HOUR / 2)).percent == 100
    spend(project, 1, timezone.now().date() + timedelta(days=1))
    with pytest.raises(OverBudget):
        extend(project, "live:1", audio(HOUR / 2))


def test_a_budget_set_meanwhile_counts_work_under_way(project):
    assert extend(project, "live:1", audio(HOUR)) is None
    budget = Budget.objects.create(project=project, dollars=10, hour_price=1)
    team = Budget.objects.create(dollars=2, hour_price=1)
    assert extend(project, "live:1", audio(HOUR)).budget == team
    assert budget.spent() == 1


def test_an_attempt_that_is_repeated_is_reserved_once(project, budget):
    reserve(project, "job:1", audio(8 * HOUR))
    reserve(project, "job:1", audio(8 * HOUR))
    assert budget.spent() == 8


def test_the_team_budget_counts_every_project(project, budget):
    other = Project.objects.create(connection=project.connection, upstream_id="p-2", name="Other")
    Budget.objects.create(dollars=5, hour_price=1)
    spend(other, 4)
    with pytest.raises(OverBudget, match="of the team"):
        reserve(project, "job:1", audio(2 * HOUR))
    reserve(project, "job:1", audio(HOUR))


def test_costs_of_a_project_of_the_team_alone_count_once(project, budget):
    """The server lists them under a project of its own."""
    owner = User.objects.create_user("ada@example.test", "pw")
    local = Project.objects.make_local("Ours", project.connection, owner)
    own = Budget.objects.create(project=local, dollars=10, hour_price=1)
    team = Budget.objects.create(dollars=10, hour_price=1)
    reserve(local, "job:1", audio(3 * HOUR))
    assert (own.spent(), team.spent()) == (3, 3)
    settle("job:1")
    spend(project, 3)
    assert (own.spent(), team.spent()) == (3, 3)


def test_a_session_of_unknown_cost_ends_when_others_use_the_budget_up(project, budget):
    Budget.objects.update(hour_price=0)
    reserve(project, "live:1", audio(HOUR))
    extend(project, "live:1", audio(2 * HOUR))
    spend(project, 10)
    with pytest.raises(OverBudget):
        extend(project, "live:1", audio(3 * HOUR))


def test_work_that_is_renewed_counts_however_long_it_takes(project, budget):
    reserve(project, "live:1", audio(HOUR))
    Reservation.objects.update(renewed_at=Now() - timedelta(hours=25))
    extend(project, "live:1", audio(2 * HOUR))
    assert budget.spent() == 2


def test_many_budgets_are_summed_in_a_few_queries(project, budget, django_assert_max_num_queries):
    owner = User.objects.create_user("ada@example.test", "pw")
    for number, period in enumerate(("day", "week", "month")):
        other = Project.objects.create(
            connection=project.connection, upstream_id=f"o-{number}", name=f"Other {number}"
        )
        Budget.objects.create(project=other, period=period, dollars=100, hour_price=1)
        Budget.objects.create(period=period, dollars=1000, hour_price=1)
        spend(other, 2 + number)
        spend(other, 50, timezone.now().date() - timedelta(days=40))
        reserve(other, f"job:{number}", audio((number + 1) * HOUR))
    local = Project.objects.make_local("Ours", project.connection, owner)
    reserve(local, "job:9", audio(7 * HOUR))
    reserve(local, "job:10", audio(3 * HOUR))
    settle("job:10")
    with django_assert_max_num_queries(2):
        usages = Budget.objects.all().usages()
    assert len(usages) == 7
    for usage in usages:
        assert usage.spent == pytest.approx(usage.budget.spent()), usage.budget


def test_without_a_budget_nothing_is_reserved(project):
    reserve(project, "job:1", audio(1000 * HOUR))
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(("period", "days"), [("day", 1), ("week", 7), ("month", 31)])
def test_costs_before_the_period_do_not_count(period, days, project, budget):
    Budget.objects.update(period=period)
    budget.refresh_from_db()
    spend(project, 100, timezone.now().date() - timedelta(days=days))
    assert budget.spent() == 0
    assert budget.first_day <= timezone.now().date() < budget.next_day


def test_a_reservation_of_work_that_is_gone_ends_after_a_day(project, budget):
    reserve(project, "job:1", audio(8 * HOUR))
    Reservation.objects.update(renewed_at=Now() - timedelta(hours=25))
    Budget.objects.update(period="month")
    assert budget.spent() == 0


def test_an_hour_costs_what_it_cost_lately(project, budget):
    assert hour_price(project, [budget]) == 1
    UsageDay.objects.create(project=project, day=timezone.now().date(), hours=10)
    spend(project, 2.6)
    assert hour_price(project, [budget]) == pytest.approx(0.26)


def test_mirrored_costs_take_the_place_of_reservations(project, budget, account):
    account.projects = [{"project_id": "p-1", "name": "Interviews"}]
    reserve(project, "job:1", audio(2 * HOUR))
    settle("job:1")
    reserve(project, "job:2", audio(HOUR))
    account.costs = {"": [day(timezone.now().date().isoformat(), dollars=1.9)]}
    sync(project.connection)
    assert [each.reference for each in Reservation.objects.all()] == ["job:2"]
    assert budget.spent() == pytest.approx(2.9)


def test_a_hosted_server_is_given_time_to_list_costs(project, budget, account):
    Connection.objects.update(kind="hosted")
    account.projects = [{"project_id": "p-1", "name": "Interviews"}]
    reserve(project, "job:1", audio(2 * HOUR))
    settle("job:1")
    sync(project.connection)
    assert budget.spent() == 2
    Reservation.objects.update(settled_at=Now() - timedelta(hours=2))
    sync(project.connection)
    assert budget.spent() == 0


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_of_ten_jobs_that_start_together_as_many_as_fit_pass(project, budget):
    passed: list[int] = []
    start = threading.Barrier(10)

    def work(number: int) -> None:
        start.wait()
        try:
            reserve(project, f"job:{number}", audio(3 * HOUR))
            passed.append(number)
        except OverBudget:
            pass
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 3
    assert budget.spent() == 9


# The page.


@pytest.mark.slow
def test_an_owner_sets_and_raises_a_budget(project):
    ada = client_of(project, Membership.Role.OWNER)
    fields = {"project": project.pk, "period": "month", "dollars": "50", "hour_price": "0.26"}
    assert ada.post(reverse("budgets"), fields).status_code == 302
    assert ada.post(reverse("budgets"), fields | {"dollars": "80"}).status_code == 302
    budget = Budget.objects.get()
    assert (budget.dollars, budget.hour_price) == (80, 0.26)
    spend(project, 70)
    text = ada.get(reverse("budgets")).content.decode()
    assert "$70.00 of $80.00" in text
    assert "87 %" in text
    assert AuditEntry.objects.filter(action="budget_changed").count() == 2
    assert ada.post(reverse("budgets"), fields | {"remove": "1"}).status_code == 302
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    "facts", [{"dollars": "0"}, {"dollars": ""}, {"dollars": "-5"}, {"period": "x"},
              {"hour_price": "-1"}, {"dollars": "nan"}, {"dollars": "1e300"}],
)  # fmt: skip
@pytest.mark.slow
def test_a_budget_with_a_mistake_is_not_set(facts, project):
    ada = client_of(project, Membership.Role.OWNER)
    fields = {"project": project.pk, "period": "month", "dollars": "50", "hour_price": "0"}
    assert ada.post(reverse("budgets"), fields | facts).status_code == 422
    assert not Budget.objects.exists()


@pytest.mark.slow
def test_an_owner_of_several_projects_is_asked_which(project):
    ada = client_of(project, Membership.Role.OWNER)
    assert "Choose a project" not in ada.get(reverse("budgets")).content.decode()
    second = Project.objects.create(
        connection=project.connection, upstream_id="p-2", name="Lectures"
    )
    second.set_role(User.objects.get(), Membership.Role.OWNER)
    assert "Choose a project" in ada.get(reverse("budgets")).content.decode()


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
@pytest.mark.slow
def test_others_see_the_budget_and_do_not_set_it(role, project, budget):
    bob = client_of(project, role, "bob@example.test")
    text = bob.get(reverse("budgets")).content.decode()
    assert "$0.00 of $10.00" in text
    assert "Save" not in text
    fields = {"project": project.pk, "period": "month", "dollars": "50", "hour_price": "0"}
    assert bob.post(reverse("budgets"), fields).status_code == 404
    assert Budget.objects.get().dollars == 10


@pytest.mark.slow
def test_the_team_budget_is_for_administrators_of_the_team(project):
    ada = client_of(project, Membership.Role.OWNER)
    fields = {"project": "", "period": "month", "dollars": "50", "hour_price": "0"}
    assert ada.post(reverse("budgets"), fields).status_code == 404
    User.objects.update(is_superuser=True)
    assert ada.post(reverse("budgets"), fields).status_code == 302
    assert Budget.objects.get().project is None


@pytest.mark.parametrize(("dollars", "words"), [(8.5, "85 %"), (11, "used up")])
@pytest.mark.slow
def test_everybody_is_warned_on_the_first_page(dollars, words, project, budget):
    vera: Client = client_of(project, Membership.Role.VIEWER, "vera@example.test")
    assert words not in vera.get(reverse("dashboard")).content.decode()
    spend(project, dollars)
    assert words in vera.get(reverse("dashboard")).content.decode()
