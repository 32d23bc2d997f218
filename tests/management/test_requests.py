"""Pages of the ledger and of the money: searched, shown, and only for administrators."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.urls import reverse

from management.account_forms import RequestFilters
from management.models import (
    Balance,
    CostDay,
    Key,
    Membership,
    Project,
    Purchase,
    Request,
    User,
)
from management.spending import month_start
from tests.management.test_keys import client_of
from transcripts.models import Recording, State

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def ada(project: Project) -> Client:
    return client_of(project, Membership.Role.ADMIN)


def log(project: Project, name: str, **facts) -> Request:
    values = {
        "created": NOON, "endpoint": "listen", "code": 200, "api_key_id": "k-1",
        "path": "/v1/listen?model=nova-3&keyterm=Skerry&tag=calls", "model": "nova-3",
    } | facts  # fmt: skip
    return Request.objects.create(project=project, request_id=name, **values)


@pytest.fixture
def logged(project: Project) -> list[Request]:
    Key.objects.create(project=project, api_key_id="k-1", comment="Dialler")
    return [
        log(project, "r-1"),
        log(project, "r-2", code=429, endpoint="speak", created=NOON - timedelta(days=2)),
        log(project, "r-3", api_key_id="k-2", tags=["calls", "béla"], created=NOON),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["r-3", "r-1", "r-2"]),
        ({"q": " r-2 "}, ["r-2"]),
        ({"status": "failed"}, ["r-2"]),
        ({"status": "succeeded"}, ["r-3", "r-1"]),
        ({"endpoint": "speak"}, ["r-2"]),
        ({"key": "k-2"}, ["r-3"]),
        ({"tag": "calls"}, ["r-3"]),
        ({"tag": "béla"}, ["r-3"]),
        ({"tag": "call"}, []),
        ({"since": "2026-11-19"}, ["r-3", "r-1"]),
        ({"until": "2026-11-18"}, ["r-2"]),
        ({"before": "999"}, []),
        ({"since": "x", "status": "x", "q": "\0"}, ["r-3", "r-1", "r-2"]),
    ],
)
def test_requests_are_found_by_filters(query, found, ada, logged):
    rows = ada.get(reverse("requests"), query).context["rows"]
    assert [row.request_id for row, _ in rows] == found


def test_the_selects_show_what_was_chosen(ada, logged):
    page = ada.get(reverse("requests"), {"status": "failed", "endpoint": "speak"}).content.decode()
    chosen = re.findall(r'<option value="([^"]*)"\s+selected', page)
    assert chosen == ["failed", "speak"]


@pytest.mark.skipif(database.vendor != "sqlite", reason="other databases count their rows")
@pytest.mark.parametrize("query", [{}, {"status": "failed"}])
def test_the_newest_requests_of_many_projects_are_read_by_an_ordered_index(query, project):
    projects = [project]
    for number in range(2):
        facts = {"upstream_id": f"many-{number}", "name": f"Project {number}"}
        projects.append(Project.objects.create(connection=project.connection, **facts))
    plan = RequestFilters(query).narrow(Request.objects.filter(project__in=projects)).explain()
    assert re.search(r"USING INDEX ledger_\w+ \(project_id=\?", plan), plan


def test_the_list_continues_below_its_last_row(ada, project):
    for number in range(70):
        log(project, f"r-{number}", created=NOON - timedelta(seconds=number // 3))
    first = ada.get(reverse("requests"))
    second = ada.get(f"{reverse('requests')}?{first.context['older']}")
    rows = [row.request_id for page in (first, second) for row, _ in page.context["rows"]]
    assert len(rows) == len(set(rows)) == 70
    assert second.context["older"] == ""


def test_one_request_is_shown_with_its_parameters_and_its_response(ada, project, logged):
    Request.objects.filter(request_id="r-1").update(
        response={"details": {"duration": 12}}, seconds=75, dollars=0.0042
    )
    url = reverse("request_detail", args=[logged[0].pk])
    text = ada.get(url).content.decode()
    for part in ("r-1", "Dialler", "keyterm", "Skerry", "1:15", "$0.0042", "duration"):
        assert part in text
    assert "It made the transcript" not in text


def test_a_request_leads_to_the_recording_that_it_made(ada, project, logged):
    recording = Recording.objects.create(project=project, title="Monday", state=State.DONE)
    recording.transcriptions.create(state=State.DONE, request_id="r-1")
    url = reverse("request_detail", args=[logged[0].pk])
    assert recording.get_absolute_url() in ada.get(url).content.decode()
    # Of a project that this administrator of the account is not in.
    other = Project.objects.create(connection=project.connection, upstream_id="p-2", name="Other")
    Recording.objects.update(project=other)
    assert recording.get_absolute_url() not in ada.get(url).content.decode()


def test_a_transcript_shows_what_it_cost(ada, project, logged):
    recording = Recording.objects.create(project=project, title="Monday", state=State.DONE)
    recording.transcriptions.create(state=State.DONE, request_id="r-1", options={})
    assert "Cost of this transcript" not in ada.get(recording.get_absolute_url()).content.decode()
    Request.objects.filter(request_id="r-1").update(dollars=0.42)
    assert "$0.42" in ada.get(recording.get_absolute_url()).content.decode()


def test_balances_purchases_and_costs_of_the_month_are_shown(ada, project):
    Balance.objects.create(project=project, balance_id="b", amount=172.5, units="usd")
    Balance.objects.create(project=project, balance_id="c", amount=12, units="hour")
    Purchase.objects.create(
        project=project, order_id="o", amount=200, units="usd", created=NOON, order_type="promo"
    )
    CostDay.objects.create(project=project, day=month_start(), dollars=3.25)
    CostDay.objects.create(
        project=project, day=month_start(), grouping="tags", value='["calls"]', dollars=3.25
    )
    CostDay.objects.add_up()
    text = ada.get(reverse("billing")).content.decode()
    for part in ("$172.50", "12 hour", "$200.00", "promo", "20 November 2026", "calls", "$3.25"):
        assert part in text


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_administrators_see_the_ledger_and_the_money(role, project, logged):
    bob = client_of(project, role, "bob@example.test")
    for url in (
        reverse("requests"), reverse("billing"), reverse("request_detail", args=[logged[0].pk])
    ):  # fmt: skip
        assert bob.get(url).status_code == 404
    assert bob.get(reverse("usage")).status_code == 200


def test_an_administrator_of_another_project_sees_no_request(project, logged):
    other = Project.objects.create(connection=project.connection, upstream_id="p-2", name="Other")
    eve = client_of(other, Membership.Role.OWNER, "eve@example.test")
    assert eve.get(reverse("requests"), {"q": "r-1"}).context["rows"] == []
    assert eve.get(reverse("request_detail", args=[logged[0].pk])).status_code == 404


def test_pages_take_few_queries(ada, logged, django_assert_max_num_queries):
    ada.get(reverse("usage"))  # the first page of a session notes when the user was seen
    detail = reverse("request_detail", args=[logged[0].pk])
    for url in (reverse("requests"), detail, reverse("billing")):
        with django_assert_max_num_queries(12):
            ada.get(url)


def test_a_team_administrator_sees_every_project(ada, project, logged):
    Membership.objects.all().delete()
    assert ada.get(reverse("requests")).status_code == 404
    User.objects.update(is_superuser=True)
    assert len(ada.get(reverse("requests")).context["rows"]) == 3
