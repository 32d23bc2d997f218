"""Dates at the edges of the calendar are errors of their sender, in every place that takes one."""

from __future__ import annotations

import pytest

from engine.gateway.openapi import document
from tests.engine.inprocess import Inside

# A request of each kind for every date.
pytestmark = pytest.mark.full

EDGES = (
    "0001-01-01", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-14:00",
    "0001-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999999+14:00",
    "9999-12-31T23:59:59.999999-14:00", "9999-12-31T23:59:59Z", "10000-01-01", "-001-01-01",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00-23:59:59.999999", "1900-01-01T00:00:00+14:00",
    "8999-12-31T23:59:59-14:00",
)  # fmt: skip


def dated(inside: Inside) -> dict[str, list[str]]:
    """The addresses of the engine's own description that take dates, with their parameters."""
    found = {
        path.replace("{project_id}", str(inside.ada.project.pk)): [
            each["name"]
            for each in item["get"].get("parameters", [])
            if each["schema"].get("format") in ("date", "date-time")
        ]
        for path, item in document()["paths"].items()
        if "get" in item
    }
    return {path: names for path, names in found.items() if names}


def test_every_report_takes_dates(inside: Inside):
    endings = {path.removeprefix(inside.ada.path) for path in dated(inside)}
    assert endings == {
        "/requests", "/usage", "/usage/fields", "/usage/breakdown", "/billing/fields",
        "/billing/breakdown",
    }  # fmt: skip


@pytest.mark.parametrize("date", EDGES)
async def test_a_date_at_the_edge_of_the_calendar_is_no_failure(inside: Inside, date: str):
    for path, names in dated(inside).items():
        for given in (*({name: date} for name in names), dict.fromkeys(names, date)):
            response = await inside.get(path, params=given)
            assert response.status_code in (200, 400), (path, given, response.text)
            if date[:4] in ("0001", "9999"):
                assert response.status_code == 400, (path, given)


@pytest.mark.parametrize("date", EDGES)
async def test_a_key_that_ends_at_the_edge_of_the_calendar_is_no_failure(inside: Inside, date: str):
    fields = {"comment": "edge", "scopes": ["usage:read"], "expiration_date": date}
    keys = f"{inside.ada.path}/keys"
    made = await inside.post(keys, json=fields)
    assert made.status_code in (200, 400), made.text
    if date[:4] in ("0001", "9999"):
        assert made.status_code == 400
    for status in ("active", "expired"):
        assert (await inside.get(f"{keys}?status={status}")).status_code == 200
