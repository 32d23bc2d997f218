"""The tray: what is being processed right now, open from every page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import User
from transcripts.models import (
    OPEN_STATES,
    Recording,
    State,
    Transcription,
    Upload,
)
from transcripts.progress import Row, ended_rows, rows_of
from transcripts.uploads import MAX_OPEN_UPLOADS
from transcripts.views.access import person, visible_projects

SHOWN = 8
COUNTED = 99
FAILURES_SHOWN = 5
FAILURES_FOR = timedelta(days=1)
MOVING_FOR = timedelta(minutes=1)


@dataclass(frozen=True)
class Tray:
    """Open jobs (the first few, and their number), failures within a day, and the unfinished
    uploads of the one who looks."""

    open: list[Row]
    count: int
    failed: list[Row]
    uploads: list[Upload]
    upload_count: int

    @property
    def count_words(self) -> str:
        return f"{COUNTED}+" if self.count > COUNTED else str(self.count)

    @property
    def more(self) -> int:
        return self.count - len(self.open)

    @property
    def more_uploads(self) -> int:
        return self.upload_count - len(self.uploads)

    @property
    def moves(self) -> bool:
        """Return whether it is likely to change soon."""
        since = timezone.now() - MOVING_FOR
        return self.count > 0 or any(each.changed_at > since for each in self.uploads)


def read_tray(user: User, projects: Sequence[int]) -> Tray:
    """The tray of someone who may see these projects."""
    return tray_of(user, projects, tray_rows(projects))


def tray_rows(projects: Sequence[int], *lists: QuerySet[Any, Any]) -> list[Row]:
    """Return the rows of recordings that the tray of these projects shows, and of other lists.

    Each recording has the number of those that are ``waiting``.
    """
    waiting = Recording.objects.filter(project__among=projects).open()
    runs = Transcription.objects.filter(recording__project__among=projects)
    failures = runs.ended_since(timezone.now() - FAILURES_FOR, State.FAILED)
    counted = waiting.order_by().values(all=Value(1)).annotate(count=Count("pk")).values("count")
    return rows_of(
        # Not by the bare id: SQLite would walk the whole library by it for the few that are open.
        waiting.order_by(F("pk") + 0).values("pk")[:SHOWN],
        failures.values("recording")[:FAILURES_SHOWN],
        *lists,
        waiting=Subquery(counted),
    )


def tray_of(user: User, projects: Sequence[int], listed: Iterable[Row]) -> Tray:
    """The tray out of ``tray_rows``."""
    seen = set(projects)
    rows = [row for row in listed if row.recording.project_id in seen]
    waiting = [row for row in rows if row.recording.state in OPEN_STATES]
    waiting.sort(key=lambda row: row.recording.pk)
    count = waiting[0].recording.waiting if waiting else 0  # type: ignore[attr-defined]
    unfinished = user.uploads.unfinished().filter(project__among=projects)
    uploads = list(unfinished.order_by("created_at", "pk")[: MAX_OPEN_UPLOADS + 1])
    return Tray(
        open=waiting[:SHOWN],
        count=min(count, COUNTED + 1),
        failed=ended_rows(rows, State.FAILED, timezone.now() - FAILURES_FOR, FAILURES_SHOWN),
        uploads=uploads[:SHOWN],
        upload_count=len(uploads),
    )


@never_cache
@require_safe
def tray(request: HttpRequest) -> HttpResponse:
    user = person(request)
    tray = read_tray(user, visible_projects(user))
    return render(request, "transcripts/_tray_update.html", {"tray": tray})
