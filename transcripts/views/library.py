"""The library: every recording a person may see, newest first."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.models import Project
from transcripts.forms import BulkForm, LibraryFilters, is_id
from transcripts.models import Preset, Recording
from transcripts.progress import rows
from transcripts.views.access import (
    in_chosen_project,
    person,
    visible_projects,
    wants_fragment,
    writable_projects,
)
from transcripts.views.recording import record_deletion

PAGE_ROWS = 50
MOST_AT_ONCE = 200


@never_cache
@require_safe
@in_chosen_project
def library(request: HttpRequest, project: Project | None) -> HttpResponse:
    """A page of the list; ``before`` continues below the row with that id."""
    user = person(request)
    filters = LibraryFilters(request.GET)
    # Ids rather than a subquery: the database then walks the newest rows and stops.
    projects = [project.pk] if project else visible_projects(user)
    listed = filters.narrow(Recording.objects.filter(project__among=projects))
    writable = writable_projects(user)
    page = rows(listed.select_related("project").order_by("-pk")[: PAGE_ROWS + 1])
    older = page[PAGE_ROWS - 1].recording.pk if len(page) > PAGE_ROWS else None
    # Files dropped on the list go to its project, or to the only one they may go to.
    only = next(iter(writable)) if len(writable) == 1 else 0
    upload_project = writable.get(project.pk if project else only)
    presets = Preset.objects.filter(project__in=writable)
    query = request.GET.copy()
    query["before"] = str(older)
    return render(
        request,
        "transcripts/_library_page.html"
        if wants_fragment(request) and "before" in request.GET
        else "transcripts/library.html",
        {
            "rows": page[:PAGE_ROWS],
            "older": query.urlencode() if older else None,
            "filters": filters,
            "project": project,
            "writable": writable,
            "upload_project": upload_project,
            "may_drop": upload_project is not None or (not project and bool(writable)),
            "presets": presets.projects_with_default(),
            "max_bytes": settings.ENV.max_upload_bytes,
            "most_at_once": BulkForm.MOST,
        },
    )


@never_cache
@require_safe
def library_rows(request: HttpRequest) -> HttpResponse:
    """The rows with these ids again: facts of those still open, whole rows of the others.

    Those that were deleted, or may no longer be seen, are taken out of the list.

    With ``whole`` all come whole, as a page that has just uploaded them needs.
    """
    user = person(request)
    texts = request.GET.get("ids", "").split(",")
    ids = [int(each) for each in texts if is_id(each)][:MOST_AT_ONCE]
    seen = Recording.objects.visible_to(user).filter(pk__in=ids)
    listed = rows(seen.select_related("project"))
    facts = [row for row in listed if row.progress and "whole" not in request.GET]
    return render(
        request,
        "transcripts/_library_update.html",
        {
            "open_rows": facts,
            "gone": set(ids) - {row.recording.pk for row in listed},
            "whole_rows": [row for row in listed if row not in facts],
            "writable": writable_projects(user),
        },
    )


@require_POST
def recordings_change(request: HttpRequest) -> HttpResponse:
    """Retry, cancel or delete the selected recordings, as far as this person may."""
    form = BulkForm(request.POST, user=person(request))
    if form.is_valid():
        selected = list(form.recordings.select_related("project"))
        changed, sentence = form.apply()
        if form.cleaned_data["action"] == "delete":
            for each in selected:
                record_deletion(request, each)
        messages.add_message(request, messages.SUCCESS if changed else messages.WARNING, sentence)
    else:
        problem = form.errors.get("ids", ["Select recordings and choose what to do."])
        messages.error(request, f"Nothing was changed. {problem[0]}")
    target = request.POST.get("next", "")
    # Only back to a page of ours.
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(target if safe else reverse("library"))
