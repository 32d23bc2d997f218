"""The zone of a reader, from the cookie that their browser writes."""

import zoneinfo
from collections.abc import Iterator

import pytest

from webapp.http.timezones import zone_of


@pytest.fixture
def bare_machine() -> Iterator[None]:
    """A machine without a time zone database, as a small container is."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize(
    "name",
    [
        "America/New_York",
        "America/Argentina/Ushuaia",
        # Old names, which browsers still give.
        "Asia/Calcutta",
        "America/Buenos_Aires",
        "Europe/Kiev",
    ],
)
def test_every_zone_of_a_browser_is_known_on_any_machine(name, bare_machine):
    for written in (name, name.replace("/", "%2F"), name.replace("/", "%2f")):
        assert str(zone_of(written)) == name


@pytest.mark.parametrize(
    "cookie", ["", "%", "%00", "America", "Mars%2FOlympus", "..%2F..%2Fetc%2Fpasswd", "a" * 5000]
)
def test_what_is_no_zone_is_none(cookie):
    assert zone_of(cookie) is None
