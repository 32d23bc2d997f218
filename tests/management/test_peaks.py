"""The most requests at once, by day, out of the mirrored log."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from management.models import PeakDay, Project, Request, ServerPeakDay, Sync, SyncPart
from management.spending import Period, totals
from management.sync import peaks as counting
from management.sync.peaks import peaks
from management.sync.runs import sync
from tests.management.conftest import NOW, request

DAY = datetime(2026, 11, 20, tzinfo=UTC)


def at(hours: float, until: float) -> tuple[datetime, datetime]:
    return DAY + timedelta(hours=hours), DAY + timedelta(hours=until)


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([at(1, 2), at(2, 3)], [1]),
        ([at(1, 4), at(2, 3), at(2, 5), at(4.5, 6)], [3]),
        ([at(23, 26), at(23.5, 23.6), at(25, 27)], [2, 2]),
        ([], []),
    ],
)
def test_requests_that_overlap_are_counted_by_day(spans, most):
    assert list(peaks(iter(spans)).values()) == most


def lasting(number: float, seconds: float, **facts) -> dict:
    """A request of the log that ended so long after its beginning."""
    began = NOW - timedelta(seconds=number)
    completed = (began + timedelta(seconds=seconds)).isoformat()
    return request(number, response={"completed": completed, "details": {}}) | facts


def test_the_sync_notes_the_most_at_once(project, account):
    account.log = [lasting(number, 2.5, code=400) for number in range(10)]
    sync(project.connection)
    assert PeakDay.objects.get().requests == 3
    assert Request.objects.exclude(ended=None).count() == 10
    # A request that enters the log later makes the peak higher, and is counted once.
    account.log = [lasting(5.5, 60), *account.log]
    sync(project.connection)
    sync(project.connection)
    assert PeakDay.objects.get().requests == 4
    with CaptureQueriesContext(database) as captured:
        sync(project.connection)
    assert not any("peakday" in query["sql"].lower() for query in captured)


def test_the_projects_of_a_server_are_counted_together(project, account):
    account.projects.append({"project_id": "p-2", "name": "Lectures"})
    account.log = [lasting(number, 2.5) for number in range(10)]
    account.fails["p-2/requests"] = httpx.Response(404, json={})
    sync(project.connection)
    assert ServerPeakDay.objects.get().requests == 3
    # The log of the second project joins that of the first one.
    account.fails.clear()
    sync(project.connection)
    assert [each.requests for each in PeakDay.objects.all()] == [3, 3]
    assert ServerPeakDay.objects.get().requests == 6
    # What a project that went to another server had before is not counted there.
    Project.objects.filter(upstream_id="p-2").update(is_local=True)
    account.projects.pop()
    account.log = [lasting(5.5, 60), *account.log]
    sync(project.connection)
    assert ServerPeakDay.objects.get().requests == 4
    with CaptureQueriesContext(database) as captured:
        sync(project.connection)
    assert not any("peakday" in query["sql"].lower() for query in captured)


def test_a_long_count_keeps_the_lease(project, account, monkeypatch):
    monkeypatch.setattr(counting, "RENEWED_EVERY", 1)
    account.log = [lasting(number, 2.5) for number in range(5)]
    sync(project.connection)
    renewed: list[int] = []
    claimed = Sync.objects.claim(project.connection)
    part = SyncPart.objects.get(name=counting.SERVER)
    part.cursor = {counting.UNCOUNTED: account.log[-1]["created"]}
    part.save()
    counting.count_server(claimed, lambda: renewed.append(1))
    assert len(renewed) == 5


def test_a_pass_that_was_cut_is_counted_when_it_is_complete(project, account, patience):
    account.most = 4
    account.log = [lasting(number, 2.5) for number in range(10)]
    pages: list[httpx.Request] = []

    def cut(page: httpx.Request) -> None:
        pages.append(page)
        if len(pages) > 2:
            raise httpx.ReadError("cut")

    account.fails["/requests"] = cut
    sync(project.connection)
    assert not PeakDay.objects.exists()
    del account.fails["/requests"]
    sync(project.connection)
    assert PeakDay.objects.get().requests == 3


def test_streams_without_an_end_last_as_long_as_their_audio(project, account):
    details = {"duration": 60.0, "method": "streaming"}
    account.log = [request(number, response={"details": details}) for number in (0, 30, 59)]
    account.log.append(request(90, response={"details": {"duration": 60.0}}))
    sync(project.connection)
    assert PeakDay.objects.get().requests == 3


def test_the_highest_peak_of_the_period_is_shown(project):
    for days, most in ((0, 3), (1, 7), (40, 99)):
        PeakDay.objects.create(
            project=project, day=DAY.date() - timedelta(days=days), requests=most
        )
    period = Period(DAY.date() - timedelta(days=30), DAY.date())
    assert totals([project], period).at_once == 7
    assert totals([project], Period(DAY.date(), DAY.date())).at_once == 3
