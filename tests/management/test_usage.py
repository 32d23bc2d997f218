"""The usage page: what a person's projects used and cost, as a chart, a table and CSV."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import (
    CostDay,
    Key,
    Membership,
    Model,
    Project,
    Request,
    ServerPeakDay,
    Sync,
    SyncPart,
    UsageDay,
    User,
)
from management.spending import Period, breakdown, first_of, totals

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 20)
PERIOD = Period(date(2026, 11, 1), date(2026, 11, 30))
RANGE = {"period": "range", "start": "2026-11-01", "end": "2026-11-30"}


@pytest.fixture
def ada(project: Project) -> Client:
    user = User.objects.create_user("ada@example.test", "pw")
    Membership.objects.create(user=user, project=project, role=Membership.Role.MEMBER)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def used(project: Project) -> Project:
    """A month with usage by every dimension, costs, and failed requests."""

    def use(grouping: str, value: object, hours: float, day: date = DAY) -> None:
        UsageDay.objects.create(
            project=project, day=day, grouping=grouping, value=UsageDay.written(value),
            hours=hours, requests=hours * 10,
        )  # fmt: skip

    for value, hours in (("", 3.0),):
        use("", value, hours)
    use("endpoint", "listen", 2.0)
    use("endpoint", "speak", 1.0)
    use("models", ["m-1"], 3.0)
    use("accessor", "k-1", 3.0)
    use("tags", ["calls", "berlin"], 2.0)
    use("tags", [], 1.0)
    CostDay.objects.create(project=project, day=DAY, dollars=4.5)
    CostDay.objects.create(
        project=project, day=DAY, grouping="line_item", value="streaming::nova-3", dollars=4.5
    )
    Key.objects.create(
        project=project, api_key_id="k-1", comment="Dialler", email="bob@example.test"
    )
    Model.objects.create(
        connection=project.connection, uuid="m-1", canonical_name="nova-3-general", kind="stt"
    )
    SyncPart.objects.create(
        connection=project.connection, project=project, name="billing_fields",
        facts={"line_items": {"streaming::nova-3": "Nova-3 streaming"}},
    )  # fmt: skip
    Request.objects.create(
        project=project, request_id="r-1", code=400, endpoint="listen", api_key_id="k-1",
        created=datetime(2026, 11, 20, 23, 59, tzinfo=UTC),
    )  # fmt: skip
    UsageDay.objects.add_up()
    CostDay.objects.add_up()
    return project


@pytest.mark.parametrize(
    ("measure", "dimension", "names"),
    [
        ("hours", "endpoint", {"listen": 2.0, "speak": 1.0}),
        ("hours", "model", {"nova-3-general": 3.0}),
        ("hours", "key", {"Dialler": 3.0}),
        ("hours", "person", {"bob@example.test": 3.0}),
        ("hours", "tag", {"berlin + calls": 2.0, "No tag": 1.0}),
        ("requests", "project", {"Interviews": 30.0}),
        ("dollars", "model", {"Nova-3 streaming": 4.5}),
        ("dollars", "project", {"Interviews": 4.5}),
        ("errors", "endpoint", {"listen": 1.0}),
        ("errors", "key", {"Dialler": 1.0}),
        ("errors", "project", {"Interviews": 1.0}),
        ("errors", "tag", {"No tag": 1.0}),
    ],
)
def test_each_measure_is_split_by_each_dimension(measure, dimension, names, used):
    drawn = breakdown([used], PERIOD, measure, dimension, "day")
    assert {each.name: each.total for each in drawn.series} == names
    assert drawn.series[0].amounts[19] > 0


@pytest.mark.parametrize(
    ("step", "first"),
    [("day", date(2026, 11, 20)), ("week", date(2026, 11, 16)), ("month", date(2026, 11, 1))],
)
def test_days_are_added_up_to_weeks_and_months(step, first, used):
    assert first_of(DAY, step) == first
    drawn = breakdown([used], PERIOD, "hours", "endpoint", step)
    assert drawn.total == 3.0
    assert len(drawn.bins) == {"day": 30, "week": 6, "month": 1}[step]


PERIODS = {
    "whole months": Period(date(2026, 9, 1), date(2026, 10, 31)),
    "from the middle of a month": Period(date(2026, 8, 17), date(2026, 10, 31)),
    "to the middle of a month": Period(date(2026, 9, 1), date(2026, 10, 30)),
    "both": Period(date(2026, 8, 31), date(2026, 11, 1)),
    "within a month": Period(date(2026, 9, 2), date(2026, 9, 29)),
    "two parts of months": Period(date(2026, 9, 2), date(2026, 10, 30)),
    "one day": Period(date(2026, 9, 30), date(2026, 9, 30)),
}


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
def test_months_and_days_add_up_to_the_period(period, project):
    days = Period(date(2026, 8, 1), date(2026, 11, 20)).days
    for number, day in enumerate(days):
        for grouping, value in (("", ""), ("accessor", f"k-{number % 2}")):
            facts = {"project": project, "day": day, "grouping": grouping, "value": value}
            UsageDay.objects.create(**facts, hours=number**2 + 1)
            CostDay.objects.create(**facts, dollars=number)
    UsageDay.objects.add_up()
    CostDay.objects.add_up()
    hours = {day: number**2 + 1 for number, day in enumerate(days) if day in period.days}
    sums = totals([project], period)
    assert sums.hours == sum(hours.values())
    assert sums.dollars == sum(number for number, day in enumerate(days) if day in period.days)
    drawn = breakdown([project], period, "hours", "key", "month")
    of_bins = [
        sum(each.amounts[place] for each in drawn.series) for place in range(len(drawn.bins))
    ]
    expected = [
        sum(hours[day] for day in hours if first_of(day, "month") == first)
        for first, _ in period.bins("month")
    ]
    assert of_bins == expected
    assert len(drawn.series) == min(2, len(hours))


@pytest.mark.slow
def test_a_year_by_key_reads_the_days_of_whole_months_from_sums(ada, used):
    UsageDay.objects.all().delete()
    year = {"period": "range", "start": "2025-12-15", "end": "2026-11-30", "by": "key"}
    drawn = ada.get(reverse("usage"), year).context["chart"]
    assert (drawn.series[0].name, drawn.total) == ("Dialler", 3.0)
    assert len(drawn.bins) == 12


@pytest.mark.slow
def test_figures_of_the_period_are_shown(ada, used):
    text = ada.get(reverse("usage"), RANGE).content.decode()
    for part in ("3", "30", "$4.50", "listen", "speak", "20 Nov"):
        assert part in text
    assert "<svg" in text
    sums = totals([used], PERIOD)
    assert (sums.hours, sums.dollars, sums.errors) == (3.0, 4.5, 1)


@pytest.mark.slow
def test_the_csv_has_the_numbers_of_the_chart(ada, used):
    response = ada.get(reverse("usage_csv"), RANGE)
    rows = list(csv.reader(io.StringIO(response.content.decode())))
    assert rows[0] == ["day", "listen", "speak", "total"]
    assert rows[20] == ["2026-11-20", "2", "1", "3"]
    assert len(rows) == 31


@pytest.mark.slow
def test_no_cost_is_shown_as_not_known(ada, project):
    assert "not known" in ada.get(reverse("usage")).content.decode()


def numbers(text: str) -> list[str]:
    """The numbers that a page shows by themselves, and its hours."""
    return re.findall(r">\s*(\d+)(?:\.0\sh)?\s*<", text)


@pytest.mark.slow
def test_usage_of_other_projects_is_not_seen(ada, used):
    other = Project.objects.create(connection=used.connection, upstream_id="p-2", name="Secret")
    UsageDay.objects.create(project=other, day=DAY, hours=77.0)
    UsageDay.objects.add_up()
    text = ada.get(reverse("usage"), RANGE).content.decode()
    assert "Secret" not in text
    assert "80" not in numbers(text)
    assert ada.get(reverse("usage"), {"project": other.pk}).status_code == 404
    User.objects.update(is_superuser=True)
    text = ada.get(reverse("usage"), RANGE).content.decode()
    assert "Secret" in text
    assert "80" in numbers(text)


@pytest.mark.slow
def test_administrators_see_the_most_at_once_of_each_server(ada, used):
    Project.objects.create(connection=used.connection, upstream_id="p-2", name="Lectures")
    Membership.objects.create(
        user=User.objects.get(), project=Project.objects.get(upstream_id="p-2"), role="viewer"
    )
    for days, most in ((0, 41), (1, 57), (60, 99)):
        ServerPeakDay.objects.create(
            connection=used.connection, day=DAY - timedelta(days=days), requests=most
        )
    assert "All projects of Engine" not in ada.get(reverse("usage"), RANGE).content.decode()
    User.objects.update(is_superuser=True)
    text = ada.get(reverse("usage"), RANGE).content.decode()
    _, row = text.split("All projects of Engine")
    assert "57" in numbers(row)
    # One project is not all of its server's.
    text = ada.get(reverse("usage"), RANGE | {"project": used.pk}).content.decode()
    assert "All projects of Engine" not in text


@pytest.mark.slow
def test_someone_in_no_project_sees_no_usage(ada, project):
    Membership.objects.all().delete()
    assert ada.get(reverse("usage")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"period": "range"},
        {"period": "range", "start": "2026-11-30", "end": "2026-11-01"},
        {"period": "range", "start": "1990-01-01", "end": "2026-11-01"},
        {"period": "x", "by": "x", "step": "x", "measure": "\0"},
    ],
)
@pytest.mark.slow
def test_a_choice_that_cannot_be_shows_this_month(query, ada, project):
    response = ada.get(reverse("usage"), query)
    assert response.status_code == 200
    assert response.context["period"].start.day == 1


@pytest.mark.parametrize("period", ["last", "30", "90", "365"])
@pytest.mark.slow
def test_other_periods_are_shown(period, ada, used):
    response = ada.get(reverse("usage"), {"period": period})
    assert response.context["chart"].bins


@pytest.mark.slow
def test_the_selects_show_what_was_chosen(ada, used):
    chosen = {"measure": "requests", "by": "endpoint", "step": "month", "period": "last"}
    page = ada.get(reverse("usage"), chosen).content.decode()
    assert re.findall(r'<option value="([^"]*)"\s+selected', page) == list(chosen.values())


@pytest.mark.slow
def test_another_period_has_another_step_unless_one_was_chosen(ada, used):
    year = {"period": "range", "start": "2025-12-15", "end": "2026-11-30"}
    for step, bins in (("", 12), ("week", 51)):
        response = ada.get(reverse("usage"), year | {"step": step})
        assert len(response.context["chart"].bins) == bins
        listed = re.findall(
            r'<select[^>]*name="step">(.*?)</select>', response.content.decode(), re.S
        )
        assert re.findall(r'value="(\w*)"\s+selected', listed[0]) == ([step] if step else [])


@pytest.mark.slow
def test_age_and_gaps_of_the_mirror_are_told(ada, used):
    Sync.objects.create(
        connection=used.connection, finished_at=timezone.now() - timedelta(minutes=10)
    )
    SyncPart.objects.create(
        connection=used.connection, project=used, name="costs", state=SyncPart.State.SCOPE,
        scope="billing:read", status=401, request_id="r-5",
    )  # fmt: skip
    text = ada.get(reverse("usage")).content.decode()
    assert "10\xa0minutes ago" in text
    assert "lacks the scope <code>billing:read</code>" in text
    assert "r-5" in text
    Sync.objects.update(error="no route to host", failed_at=timezone.now(), request_id="r-6")
    text = ada.get(reverse("usage")).content.decode()
    assert "no route to host" in text
    assert "r-6" in text


@pytest.mark.slow
def test_a_page_takes_few_queries(ada, used, django_assert_max_num_queries):
    ada.get(reverse("usage"))  # the first page of a session notes when the user was seen
    with django_assert_max_num_queries(12):
        ada.get(reverse("usage"), RANGE)
