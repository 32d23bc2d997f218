"""The log of requests, in process: each filter alone, and what a row tells."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.models import Request
from engine.runtime.database import in_database
from tests.engine.inprocess import Inside, error

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEYS = [uuid.UUID(int=number) for number in (1, 2)]


def log(inside: Inside, number: int, **facts: Any) -> Request:
    """Write the request of this number, one an hour after the other."""
    at = NOON + timedelta(hours=number)
    row = {
        "request_id": uuid.UUID(int=100 + number),
        "project": inside.ada.project,
        "accessor": KEYS[0],
        "created": at,
        "completed": at + timedelta(seconds=2),
        "path": "/v1/listen?model=nova-3",
        "endpoint": "listen",
        "method": "sync",
        "deployment": "self-hosted",
        "code": 200,
    }
    return Request.objects.create(**row | facts)


def log_four(inside: Inside) -> None:
    log(inside, 0)
    log(inside, 1, endpoint="speak", path="/v1/speak", accessor=KEYS[1])
    log(inside, 2, method="streaming", code=101)
    log(inside, 3, method="async", callback="https://example.test/done", code=502)


async def numbers(inside: Inside, query: str) -> list[int]:
    """Numbers of the listed requests."""
    response = await inside.get(f"{inside.ada.path}/requests?{query}")
    return [uuid.UUID(row["request_id"]).int - 100 for row in response.json()["requests"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [3, 2, 1, 0]),
        ("start=2026-11-20T13:00:00Z", [3, 2, 1]),
        ("end=2026-11-20T13:00:00Z", [0]),
        ("start=2026-11-20T13:00:00Z&end=2026-11-20T15:00:00Z", [2, 1]),
        ("start=2026-11-20", [3, 2, 1, 0]),
        ("end=2026-11-20", []),
        ("endpoint=speak", [1]),
        ("endpoint=read", []),
        ("method=sync", [1, 0]),
        ("method=streaming", [2]),
        ("method=async", [3]),
        ("deployment=self-hosted", [3, 2, 1, 0]),
        ("deployment=hosted", []),
        (f"accessor={KEYS[1]}", [1]),
        (f"accessor={str(KEYS[1]).upper()}", [1]),
        (f"request_id={uuid.UUID(int=102)}", [2]),
        (f"request_id={uuid.UUID(int=999)}", []),
        ("status=succeeded", [2, 1, 0]),
        ("status=failed", [3]),
        ("endpoint=listen&status=succeeded&method=sync", [0]),
        ("limit=3", [3, 2, 1]),
        ("limit=3&page=1", [0]),
        ("limit=3&page=2", []),
        ("limit=1&page=2", [1]),
    ],
)
async def test_each_filter_selects_its_requests(inside: Inside, query: str, expected: list[int]):
    await in_database(log_four, inside)
    assert await numbers(inside, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "start=noon",
        "end=2026-13-01",
        "accessor=1",
        "request_id=latest",
        "endpoint=sing",
        "method=slow",
        "deployment=moon",
        "status=perhaps",
        "limit=0",
        "limit=1001",
        "page=-1",
        "page=1.5",
    ],
)
async def test_a_filter_that_cannot_be_names_itself(inside: Inside, query: str):
    response = await inside.get(f"{inside.ada.path}/requests?{query}")
    assert error(response)[0] == 400
    assert query.partition("=")[0] in response.text


async def test_a_page_repeats_its_number_and_its_size(inside: Inside):
    page = (await inside.get(f"{inside.ada.path}/requests?limit=7&page=3")).json()
    assert page == {"page": 3, "limit": 7, "requests": []}


async def test_a_row_tells_when_how_and_for_whom(inside: Inside):
    details = {"usd": 0.1, "tags": ["lab"]}
    row = await in_database(log, inside, 0, callback="https://example.test/done", details=details)
    shown = (await inside.get(f"{inside.ada.path}/requests/{row.pk}")).json()["request"]
    assert shown == {
        "request_id": str(row.pk),
        "project_uuid": str(inside.ada.project.pk),
        "created": "2026-11-20T12:00:00.000Z",
        "path": "/v1/listen?model=nova-3",
        "api_key_id": str(KEYS[0]),
        "response": {"details": details, "code": 200, "completed": "2026-11-20T12:00:02.000Z"},
        "code": 200,
        "deployment": "self-hosted",
        "callback": "https://example.test/done",
    }


async def test_requests_of_another_project_are_not_listed(inside: Inside):
    await in_database(log, inside, 0, project=inside.eve.project)
    assert await numbers(inside, "") == []
    theirs = await inside.get(f"{inside.eve.path}/requests", as_=inside.eve)
    assert len(theirs.json()["requests"]) == 1


async def test_the_log_is_purged_by_age(inside: Inside):
    now = datetime.now(UTC)
    await in_database(log, inside, 0, created=now - timedelta(days=31))
    await in_database(log, inside, 1, created=now - timedelta(days=29))
    assert await in_database(Request.objects.purge, 30) == 1
    assert await numbers(inside, "") == [1]
