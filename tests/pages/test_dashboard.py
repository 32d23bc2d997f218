"""The dashboard: work under way, failures since the last visit, the month and the servers."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from management.models import Budget, Connection, CostDay, Project, Sync, SyncPart, UsageDay
from management.spending import month_start
from transcripts.live.models import LiveSession
from transcripts.models import Transcription
from transcripts.views.dashboard import BUDGETS, last_visit

pytestmark = pytest.mark.full


@pytest.fixture
def page(cast, client):
    client.force_login(cast.ada)
    return lambda **query: client.get(reverse("dashboard"), query).content.decode()


def test_it_is_the_first_page_after_sign_in(settings):
    assert (reverse("dashboard"), settings.LOGIN_REDIRECT_URL) == ("/", "dashboard")


def test_work_under_way_failures_and_recent_recordings_are_listed(cast, page):
    cast.transcribed("Monday")
    cast.failed("Broken")
    cast.running("Under way")
    html = page()
    assert "Monday" in html
    assert "The file holds no audio." in html
    assert "Transcribing for 0:40" in html


def test_only_failures_since_the_last_visit_are_listed(cast, page, client):
    cast.failed("Old")
    Transcription.objects.update(finished_at=timezone.now() - timedelta(hours=30))
    assert "Failed since" not in page()
    visit = int((timezone.now() - timedelta(days=3)).timestamp())
    client.cookies["visited"] = f"{visit - 100}.{visit}"
    assert "Failed since" in page()


def test_what_finished_since_the_last_visit_is_listed_once(cast, page, client):
    old, new = cast.transcribed("Old"), cast.transcribed("New")
    cast.transcribed("Elsewhere", project=cast.elsewhere)
    now = timezone.now()
    old.transcriptions.update(finished_at=now - timedelta(days=5))
    new.transcriptions.update(finished_at=now - timedelta(days=1))
    visit = int((now - timedelta(days=3)).timestamp())
    client.cookies["visited"] = f"{visit - 100}.{visit}"
    html = page()
    finished, earlier = html.split("Finished since")[1].split("Earlier recordings")
    assert (f"row-{new.pk}" in finished, f"row-{old.pk}" in finished) == (True, False)
    assert (f"row-{new.pk}" in earlier, f"row-{old.pk}" in earlier) == (False, True)
    assert "Elsewhere" not in html


def test_nothing_earlier_has_no_heading(cast, page):
    cast.transcribed("New")
    html = page()
    assert "Finished since" in html
    assert "Earlier recordings" not in html
    assert "All recordings" in html


@pytest.mark.parametrize("cookie", ["", "x", "1", "1.2.3", f"{'9' * 30}.1", "-1.-1"])
def test_a_cookie_that_cannot_be_is_a_first_visit(cookie, rf):
    request = rf.get("/")
    request.COOKIES["visited"] = cookie
    since, _ = last_visit(request)
    assert timezone.now() - timedelta(days=31) < since <= timezone.now()


def test_a_page_that_is_loaded_again_is_the_same_visit(rf):
    request = rf.get("/")
    visit = int((timezone.now() - timedelta(days=2)).timestamp())
    request.COOKIES["visited"] = f"{visit}.{visit}"
    first, request.COOKIES["visited"] = last_visit(request)
    assert last_visit(request)[0] == first


def test_the_month_is_that_of_the_projects_which_the_person_sees(cast, page, client):
    today, before = timezone.now().date(), month_start() - timedelta(days=1)
    for project, day, hours in (
        (cast.project, today, 1.5), (cast.second, today, 2), (cast.project, before, 4),
        (cast.elsewhere, today, 8),
    ):  # fmt: skip
        UsageDay.objects.create(project=project, day=day, hours=hours, requests=10)
    CostDay.objects.create(project=cast.project, day=today, dollars=1234.5)
    UsageDay.objects.add_up()
    CostDay.objects.add_up()
    assert "3.5" in page()
    assert "$1,234.50" in page()
    assert "1.5" in page(project=cast.project.pk)
    client.force_login(cast.eve)
    assert "8.0" in page()
    assert "not known" in page()


def test_health_of_the_server_and_age_of_the_mirror_are_shown(cast, page):
    connection = Connection.objects.get()
    assert "Not reached yet" in page()
    Connection.objects.update(seen_at=timezone.now())
    Sync.objects.create(connection=connection, finished_at=timezone.now() - timedelta(minutes=5))
    SyncPart.objects.create(
        connection=connection, project=cast.project, name="costs", state=SyncPart.State.SCOPE
    )
    html = page()
    assert "Responds" in html
    assert "5\xa0minutes ago" in html
    assert "The key may not read 1 part." in html
    Connection.objects.update(error="no route to host")
    assert "no route to host" in page()


def test_live_sessions_that_are_heard_now_are_listed(cast, page):
    facts = {"project": cast.project, "owner": cast.ada, "served_at": timezone.now()}
    own = LiveSession.objects.create(title="Town hall", **facts)
    other = LiveSession.objects.create(title="Stand-up", **facts | {"owner": cast.bob})
    LiveSession.objects.create(title="Over", state="ended", **facts)
    LiveSession.objects.create(title="Elsewhere", **facts | {"project": cast.elsewhere})
    before = timezone.now() - timedelta(minutes=5)
    LiveSession.objects.create(title="Left", **facts | {"served_at": before})
    text = page()
    for address in (own.get_absolute_url(), other.get_captions_url()):
        assert address in text
    for title in ("Over", "Elsewhere", "Left"):
        assert f">{title}<" not in text


def test_the_month_is_compared_with_the_budgets(cast, page):
    Budget.objects.create(project=cast.project, dollars=50, hour_price=1)
    CostDay.objects.create(project=cast.project, day=timezone.now().date(), dollars=4)
    CostDay.objects.add_up()
    text = " ".join(page().split())
    assert "$4.00 of $50.00" in text


def test_of_many_budgets_those_nearest_to_their_end_are_shown(cast, page):
    for number in range(BUDGETS + 2):
        project = Project.objects.create(
            connection=cast.project.connection, upstream_id=f"p-{number}", name=f"Budget {number}"
        )
        project.set_role(cast.ada, "owner")
        Budget.objects.create(project=project, dollars=100)
        CostDay.objects.create(project=project, day=timezone.now().date(), dollars=number)
    CostDay.objects.add_up()
    text = " ".join(page().split())
    assert f"${BUDGETS + 1}.00 of $100.00" in text
    assert "$2.00 of $100.00" in text
    assert "$1.00 of $100.00" not in text
    assert "2 more budgets" in text


def test_someone_without_a_project_is_told_what_to_do(cast, client):
    cast.eve.memberships.all().delete()
    client.force_login(cast.eve)
    assert "You are not in a project yet" in client.get("/").content.decode()
