"""The dashboard: the first page after sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.access import own_projects
from management.models import Budget, Connection, Project, SyncPart
from management.spending import this_month, totals
from transcripts.live.models import LiveSession
from transcripts.models import Recording, State, Transcription
from transcripts.progress import ended_rows
from transcripts.views.access import in_chosen_project, person
from transcripts.views.tray import tray_of, tray_rows

RECENT = 8
ENDED = 8
BUDGETS = 6
VISIT_COOKIE = "visited"
# Of one who was away for longer, what ended in this time is listed.
LONGEST_ABSENCE = timedelta(days=30)
# A page that is loaded again is the same visit.
ONE_VISIT = timedelta(hours=1)


@dataclass(frozen=True)
class ServerHealth:
    """State of a server and of the mirror of its account."""

    connection: Connection
    lacking: int  # parts that the key may not read
    failed: int  # parts that could not be read


@never_cache
@require_safe
@in_chosen_project
def dashboard(request: HttpRequest, project: Project | None) -> HttpResponse:
    """Work under way, news since the last visit, recent recordings, the month and the servers."""
    user = person(request)
    projects = [project] if project else own_projects(request)
    since, visits = last_visit(request)
    own = [each.pk for each in own_projects(request)]
    chosen = [project.pk] if project else own
    newest = Recording.objects.filter(project__among=chosen).order_by("-pk").values("pk")
    # One query for these and for the tray, which every page has.
    listed = tray_rows(
        own,
        newest[: RECENT + ENDED],
        ended_since(chosen, since, State.DONE),
        ended_since(chosen, since, State.FAILED),
    )
    shown = [row for row in listed if row.recording.project_id in chosen]
    finished = ended_rows(shown, State.DONE, since, ENDED)
    is_finished = {row.recording.pk for row in finished}
    recent = [row for row in shown if row.recording.pk not in is_finished]
    recent.sort(key=lambda row: -row.recording.pk)
    usages = Budget.objects.visible_to(user).select_related("project").usages()
    response = render(
        request,
        "transcripts/dashboard.html",
        {
            "project": project,
            "finished": finished,
            "failed": ended_rows(shown, State.FAILED, since, ENDED),
            "recent": recent[:RECENT],
            "tray": cache(lambda: tray_of(user, own, listed)),
            "since": since,
            "month": totals(projects, this_month()),
            "servers": health(projects),
            "budgets": sorted(usages, key=lambda usage: -usage.part)[:BUDGETS],
            "more_budgets": max(0, len(usages) - BUDGETS),
            "live": LiveSession.objects.filter(project__among=chosen).heard_now()[:RECENT],
        },
    )
    response.set_cookie(
        VISIT_COOKIE, visits, max_age=LONGEST_ABSENCE, httponly=True, samesite="Lax"
    )
    return response


@never_cache
@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """The work under way again, for the page that is open."""
    return render(request, "transcripts/_dashboard_progress.html")


def ended_since(projects: list[int], since: datetime, state: State) -> QuerySet[Any, Any]:
    """Return the ids of recordings whose newest run ended so after ``since``, the latest ones."""
    runs = Transcription.objects.filter(recording__project__among=projects)
    return runs.ended_since(since, state).values("recording")[:ENDED]


def last_visit(request: HttpRequest) -> tuple[datetime, str]:
    """Return the time of the visit before this one, and the cookie that remembers both."""
    now = timezone.now()
    before, latest = read_visits(request.COOKIES.get(VISIT_COOKIE, ""), now)
    if now - latest > ONE_VISIT:
        before = latest
    return max(before, now - LONGEST_ABSENCE), f"{before.timestamp():.0f}.{now.timestamp():.0f}"


def read_visits(cookie: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the last two visits of a cookie; both a day ago when there is none."""
    try:
        before, latest = (
            datetime.fromtimestamp(int(text), now.tzinfo) for text in cookie.split(".")
        )
    except (ValueError, OverflowError, OSError):
        return now - timedelta(days=1), now
    return min(before, now), min(latest, now)


def health(projects: list[Project]) -> list[ServerHealth]:
    """The servers of these projects."""
    used = {project.connection_id for project in projects}
    states = {"lacking": SyncPart.State.SCOPE, "failed": SyncPart.State.FAILED}
    connections = Connection.objects.active().filter(pk__in=used).select_related("sync")
    parts = SyncPart.objects.filter(connection=OuterRef("pk")).values("connection")
    # Not counted by a join: that would group all parts by every column of the connection.
    counted = connections.annotate(
        **{
            f"{name}_parts": Coalesce(
                Subquery(parts.filter(state=state).annotate(count=Count("pk")).values("count")), 0
            )
            for name, state in states.items()
        }
    )
    return [
        ServerHealth(each, *(getattr(each, f"{name}_parts") for name in states))
        for each in counted.order_by("name")
    ]
