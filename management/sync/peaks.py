"""The most requests that were under way at once, by day."""

import heapq
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from management.models import PeakDay, Project

DAY = timedelta(days=1)


def note_peaks(project: Project, since: datetime) -> None:
    """Write the peaks of the days from ``since`` on, out of the ledger."""
    first = since.astimezone(UTC).date()
    # Of requests that began the day before, those still under way count.
    before = max(first, date.min + DAY) - DAY
    start = datetime.combine(before, time.min, UTC)
    found = peaks(project.requests.between_ends(start, datetime.max.replace(tzinfo=UTC)))
    rows = [
        PeakDay(project=project, day=day, requests=most)
        for day, most in found.items()
        if day >= first
    ]
    PeakDay.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True,
        unique_fields=["project", "day"], update_fields=["requests"],
    )  # fmt: skip


def peaks(requests: Iterable[tuple[datetime, datetime]]) -> dict[date, int]:
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
