"""The tray: what is being processed right now, open from every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import User
from transcripts.models import Recording, State, Transcription, Upload
from transcripts.progress import Row, rows
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
    recordings = Recording.objects.select_related("project")
    waiting = recordings.filter(project__in=projects).open()
    # Not by the bare id: SQLite would walk the whole library by it for the few that are open.
    waiting = waiting.order_by(F("pk") + 0)
    ids = list(waiting.values_list("pk", flat=True)[: COUNTED + 1])
    runs = Transcription.objects.filter(recording__project__in=projects)
    failures = runs.ended_since(timezone.now() - FAILURES_FOR, State.FAILED)
    failed_ids = list(failures.values_list("recording", flat=True)[:FAILURES_SHOWN])
    # One list, so that the runs of both are read together.
    by_id = recordings.in_bulk([*ids[:SHOWN], *failed_ids])
    shown = [by_id[pk] for pk in ids[:SHOWN] if pk in by_id]
    failed = [by_id[pk] for pk in failed_ids if pk in by_id]
    listed = rows([*shown, *failed])
    unfinished = user.uploads.unfinished().filter(project__in=projects)
    uploads = list(unfinished.order_by("created_at", "pk")[: MAX_OPEN_UPLOADS + 1])
    return Tray(
        open=listed[: len(shown)],
        count=len(ids),
        failed=listed[len(shown) :],
        uploads=uploads[:SHOWN],
        upload_count=len(uploads),
    )


@never_cache
@require_safe
def tray(request: HttpRequest) -> HttpResponse:
    user = person(request)
    tray = read_tray(user, visible_projects(user))
    return render(request, "transcripts/_tray_update.html", {"tray": tray})
