"""The dashboard: the first page after sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Budget, Connection, Project, SyncPart
from management.spending import this_month, totals
from transcripts.live.models import LiveSession
from transcripts.models import Recording, Transcription
from transcripts.progress import Row, rows
from transcripts.views.access import in_chosen_project, person, writable_projects

RECENT = 8
FAILED = 8
VISIT_COOKIE = "visited"
# Of one who was away for longer, the failures of this time are listed.
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
    projects = [project] if project else list(Project.objects.visible_to(user))
    since, visits = last_visit(request)
    recordings = Recording.objects.filter(project__in=projects).select_related("project")
    recent = rows(recordings.order_by("-pk")[:RECENT])
    response = render(
        request,
        "transcripts/dashboard.html",
        {
            "project": project,
            "recent": recent,
            "failed": failed_since(projects, since),
            "since": since,
            "writable": writable_projects(user),
            "month": totals(projects, this_month()),
            "servers": health(projects),
            "budgets": Budget.objects.visible_to(user).select_related("project").usages(),
            "live": LiveSession.objects.filter(project__in=projects).heard_now()[:RECENT],
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


def failed_since(projects: list[Project], since: datetime) -> list[Row]:
    """Recordings whose newest run failed after ``since``, the latest first."""
    runs = Transcription.objects.filter(recording__project__in=projects).failed_since(since)
    ids = list(runs.values_list("recording", flat=True)[:FAILED])
    found = Recording.objects.select_related("project").in_bulk(ids)
    return rows([found[pk] for pk in ids if pk in found])


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
    connections = (
        Connection.objects.active().filter(pk__in=used).select_related("sync").order_by("name")
    )
    parts = SyncPart.objects.filter(connection__in=used).exclude(state=SyncPart.State.OK)
    states: dict[int, list[str]] = {}
    for connection, state in parts.values_list("connection", "state"):
        states.setdefault(connection, []).append(state)
    return [
        ServerHealth(
            each,
            lacking=states.get(each.pk, []).count(SyncPart.State.SCOPE),
            failed=states.get(each.pk, []).count(SyncPart.State.FAILED),
        )
        for each in connections
    ]
