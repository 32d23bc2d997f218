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

from transcripts.models import OPEN_STATES, Recording, State
from transcripts.progress import Row, rows
from transcripts.views.access import person, visible_projects

SHOWN = 8
COUNTED = 99
FAILURES_SHOWN = 5
FAILURES_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Tray:
    """What is open (the first few, and how many) and what failed within a day."""

    open: list[Row]
    count: int
    failed: list[Row]

    @property
    def count_words(self) -> str:
        return f"{COUNTED}+" if self.count > COUNTED else str(self.count)

    @property
    def more(self) -> int:
        return self.count - len(self.open)


def read_tray(projects: Sequence[int]) -> Tray:
    """The tray of someone who may see these projects."""
    recordings = Recording.objects.select_related("project")
    waiting = recordings.filter(project__in=projects, state__in=OPEN_STATES)
    # Not by the bare id: SQLite would walk the whole library by it for the few that are open.
    waiting = waiting.order_by(F("pk") + 0)
    ids = list(waiting.values_list("pk", flat=True)[: COUNTED + 1])
    failed = recordings.filter(
        project__in=projects, state=State.FAILED, created_at__gt=timezone.now() - FAILURES_FOR
    ).order_by("-pk")[:FAILURES_SHOWN]
    # One list, so that the runs of both are read together.
    shown = list(recordings.filter(pk__in=ids[:SHOWN]).order_by("pk")) if ids else []
    listed = rows([*shown, *failed])
    return Tray(open=listed[: len(shown)], count=len(ids), failed=listed[len(shown) :])


@never_cache
@require_safe
def tray(request: HttpRequest) -> HttpResponse:
    tray = read_tray(visible_projects(person(request)))
    return render(request, "transcripts/_tray_update.html", {"tray": tray})
