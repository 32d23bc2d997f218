"""The most requests that were under way at once, by day."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models, transaction

from management.models import (
    PeakDay,
    Project,
    Request,
    RequestQuerySet,
    ServerPeakDay,
    Sync,
    SyncPart,
)
from management.models.sums import Peak

DAY = timedelta(days=1)
# Of a cursor: the first moment of requests that no peak counts yet.
UNCOUNTED = "uncounted"
RENEWED_EVERY = 10_000  # requests
SERVER = "peaks"  # name of the part of a server

Spans = Iterable[tuple[datetime, datetime]]


def parts_of_servers() -> models.QuerySet[SyncPart]:
    return SyncPart.objects.filter(project=None)


def uncounted(part: SyncPart) -> datetime | None:
    moment = part.cursor.get(UNCOUNTED)
    return datetime.fromisoformat(moment) if moment else None


def count_project(sync: Sync, project: Project, part: SyncPart) -> None:
    """Write a project's peaks at the end of a pass; those of its server are then out of date."""
    since = uncounted(part)
    if since is None:
        return
    server, _ = parts_of_servers().get_or_create(connection=sync.connection, name=SERVER)
    cursor = {name: value for name, value in part.cursor.items() if name != UNCOUNTED}
    earliest = min(since, uncounted(server) or since)
    with transaction.atomic():
        sync.hold()
        write(PeakDay, {"project": project}, since, peaks(spans(project.requests.all(), since)))
        SyncPart.objects.filter(pk=part.pk).update(cursor=cursor)
        SyncPart.objects.filter(pk=server.pk).update(cursor={UNCOUNTED: earliest.isoformat()})
    part.cursor = cursor


def count_server(sync: Sync, renew: Callable[[], None]) -> None:
    """Write the peaks over all projects of a server at the end of a sync.

    ``renew`` is called again and again: of a first sync these are all requests of the account.
    """
    server = parts_of_servers().filter(connection=sync.connection, name=SERVER).first()
    since = uncounted(server) if server else None
    if server is None or since is None:
        return
    requests = Request.objects.filter(project__in=sync.connection.projects.mirrored())
    found = peaks(renewing(spans(requests, since), renew))
    with transaction.atomic():
        sync.hold()
        write(ServerPeakDay, {"connection": sync.connection}, since, found)
        SyncPart.objects.filter(pk=server.pk).update(cursor={})


def spans(requests: RequestQuerySet, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return beginnings and ends of the requests that count for the day of ``since`` or later."""
    # Of requests that began the day before, those still under way count.
    before = max(since.astimezone(UTC).date(), date.min + DAY) - DAY
    start = datetime.combine(before, time.min, UTC)
    return requests.between_ends(start, datetime.max.replace(tzinfo=UTC))


def renewing(requests: Spans, renew: Callable[[], None]) -> Iterator[tuple[datetime, datetime]]:
    for number, each in enumerate(requests):
        if number % RENEWED_EVERY == 0:
            renew()
        yield each


def write(kind: type[Peak], of: dict[str, Any], since: datetime, found: dict[date, int]) -> None:
    """Write the peaks of the day of ``since`` and later ones."""
    first = since.astimezone(UTC).date()
    rows = [kind(day=day, requests=most, **of) for day, most in found.items() if day >= first]
    kind._default_manager.bulk_create(
        rows, batch_size=500, update_conflicts=True,
        unique_fields=[*of, "day"], update_fields=["requests"],
    )  # fmt: skip


def peaks(requests: Spans) -> dict[date, int]:
    """Return the most requests at once of each day (UTC) on which one began.

    ``requests`` are pairs of a beginning and an end, in the order of their beginnings. Memory
    holds those under way alone.
    """
    found: dict[date, int] = {}
    ends: list[datetime] = []
    for began, ended in requests:
        while ends and ends[0] <= began:
            heapq.heappop(ends)
        heapq.heappush(ends, ended)
        day = began.astimezone(UTC).date()
        found[day] = max(found.get(day, 0), len(ends))
    return found
