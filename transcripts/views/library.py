"""The library: every recording a person may see, newest first."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from transcripts.forms import LibraryFilters
from transcripts.models import OPEN_STATES, Recording
from transcripts.progress import rows
from transcripts.views.access import (
    chosen_project,
    is_id,
    person,
    visible_projects,
    writable_projects,
)

PAGE_ROWS = 50


@never_cache
@require_safe
def library(request: HttpRequest) -> HttpResponse:
    """A page of the list; ``before`` continues below the row with that id."""
    user, project = person(request), chosen_project(request)
    filters = LibraryFilters(request.GET)
    # Ids rather than a subquery: the database then walks the newest rows and stops.
    projects = [project.pk] if project else visible_projects(user)
    listed = filters.narrow(Recording.objects.filter(project__in=projects))
    page = rows(listed.select_related("project").order_by("-pk")[: PAGE_ROWS + 1])
    older = page[PAGE_ROWS - 1].recording.pk if len(page) > PAGE_ROWS else None
    query = request.GET.copy()
    query["before"] = str(older)
    return render(
        request,
        "transcripts/_library_page.html"
        if request.htmx and "before" in request.GET
        else "transcripts/library.html",
        {
            "rows": page[:PAGE_ROWS],
            "older": query.urlencode() if older else None,
            "filters": filters,
            "project": project,
            "writable": writable_projects(user),
        },
    )


@never_cache
@require_safe
def library_rows(request: HttpRequest) -> HttpResponse:
    """The rows with these ids again: facts of those still open, whole rows of the others."""
    user = person(request)
    ids = [int(each) for each in request.GET.get("ids", "").split(",") if is_id(each)]
    shown = Recording.objects.visible_to(user).filter(pk__in=ids[:200]).select_related("project")
    listed = rows(shown)
    return render(
        request,
        "transcripts/_library_update.html",
        {
            "open_rows": [row for row in listed if row.recording.state in OPEN_STATES],
            "closed_rows": [row for row in listed if row.recording.state not in OPEN_STATES],
            "writable": writable_projects(user),
        },
    )
