"""The dashboard: the first page after sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Budget, Connection, Project, SyncPart
from management.spending import this_month, totals
from transcripts.live.models import LiveSession
from transcripts.models import Recording, State, Transcription
from transcripts.progress import rows
from transcripts.views.access import in_chosen_project, own_projects, person

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
    finished = ended_since(projects, since, State.DONE)
    failed = ended_since(projects, since, State.FAILED)
    recordings = Recording.objects.filter(project__in=projects).select_related("project")
    ended = recordings.filter(pk__in=[*finished, *failed])
    recent = list(recordings.exclude(pk__in=finished).order_by("-pk")[:RECENT])
    found = {row.recording.pk: row for row in rows({*ended, *recent})}
    usages = Budget.objects.visible_to(user).select_related("project").usages()
    response = render(
        request,
        "transcripts/dashboard.html",
        {
            "project": project,
            "finished": [found[pk] for pk in finished if pk in found],
            "failed": [found[pk] for pk in failed if pk in found],
            "recent": [found[each.pk] for each in recent],
            "since": since,
            "month": totals(projects, this_month()),
            "servers": health(projects),
            "budgets": sorted(usages, key=lambda usage: -usage.part)[:BUDGETS],
            "more_budgets": max(0, len(usages) - BUDGETS),
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


def ended_since(projects: list[Project], since: datetime, state: State) -> list[int]:
    """Return the ids of recordings whose newest run ended so after ``since``, the latest first."""
    runs = Transcription.objects.filter(recording__project__in=projects)
    return list(runs.ended_since(since, state).values_list("recording", flat=True)[:ENDED])


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
    counted = connections.annotate(
        **{
            f"{name}_parts": Count("sync_parts", filter=Q(sync_parts__state=state))
            for name, state in states.items()
        }
    )
    return [
        ServerHealth(each, *(getattr(each, f"{name}_parts") for name in states))
        for each in counted.order_by("name")
    ]
