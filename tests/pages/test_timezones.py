"""Dates in Chromium: said, and filtered by, in the zone of the reader."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.pages.cast import Cast

# West of UTC with one slash and with two, half an hour off the full ones, and a day ahead.
ZONES = ("America/New_York", "America/Argentina/Ushuaia", "Asia/Kolkata", "Pacific/Auckland")


@pytest.mark.parametrize("zone", ZONES)
def test_dates_and_their_filters_are_those_of_the_browsers_zone(zone, visits, cast: Cast):
    here = ZoneInfo(zone)
    # The first and the last minute of a day of the reader's, and the minutes around it.
    for title, moment in {
        "eve": datetime(2025, 3, 3, 23, 59, tzinfo=here),
        "first": datetime(2025, 3, 4, 0, 1, tzinfo=here),
        "last": datetime(2025, 3, 4, 23, 59, tzinfo=here),
        "next": datetime(2025, 3, 5, 0, 1, tzinfo=here),
    }.items():
        cast.transcribed(title, created_at=moment.astimezone(UTC))
    page = visits.as_user(cast.ada, timezone_id=zone)
    # Right on the very first page, before a cookie was ever there.
    page.goto("/library/?from=2025-03-04&to=2025-03-04")
    expect(page.locator("[data-row-link]")).to_have_text(["last", "first"])
    times = page.locator("[data-rows] time")
    expect(times.first).to_have_text("4 March 2025")
    assert "23:59:00" in times.first.get_attribute("title")
    page.goto("/library/")
    expect(times).to_have_text(["5 March 2025", "4 March 2025", "4 March 2025", "3 March 2025"])
    page.get_by_role("link", name="last").click()
    expect(page.locator(".facts time")).to_have_attribute(
        "title", "Tuesday 4 March 2025, 23:59:00 " + times_zone(here)
    )
    assert visits.complaints == []


def times_zone(here: ZoneInfo) -> str:
    return f"{datetime(2025, 3, 4, 23, 59, tzinfo=here):%Z}"
