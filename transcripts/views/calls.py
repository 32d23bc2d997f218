"""Pages of calls: their start, the conversation, and the record of its messages."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.models import Action, AuditEntry, Project, User
from transcripts.calls.forms import CallForm
from transcripts.calls.models import Call
from transcripts.views.access import chosen_of, in_chosen_project, person, visible_projects
from transcripts.views.recording import SPEEDS

RECENT = 50


@never_cache
@require_safe
@in_chosen_project
def calls(request: HttpRequest, project: Project | None) -> HttpResponse:
    """List the calls of the user's projects, and offer to start one."""
    user = person(request)
    chosen = chosen_of(list(Project.objects.writable_by(user)), project)
    return calls_page(request, CallForm(user, project=chosen, initial=request.GET), project)


@require_POST
def call_start(request: HttpRequest) -> HttpResponse:
    form = CallForm(person(request), request.POST)
    if form.is_unseen and form.version is not None:
        return redirect(f"{reverse('calls')}?agent={form.version.agent_id}")
    if not form.is_valid():
        return calls_page(request, form, None, status=422)
    return redirect(form.save())


def calls_page(
    request: HttpRequest, form: CallForm, project: Project | None, status: int = 200
) -> HttpResponse:
    user = person(request)
    found = Call.objects.filter(project__among=visible_projects(user))
    if project is not None:
        found = found.filter(project=project)
    begun = found.exclude(started_at=None).with_first_words()
    context = {
        "form": form,
        "may_start": Project.objects.writable_by(user).exists(),
        "calls": begun.select_related("project", "owner", "recording")[:RECENT],
    }
    return render(request, "transcripts/calls.html", context, status=status)


@never_cache
@require_safe
def call(request: HttpRequest, pk: Any) -> HttpResponse:
    """Show the conversation to its user while it can be held, else the record of its messages."""
    user = person(request)
    shown = visible_call(user, pk)
    if not shown.is_ended and Call.objects.held_by(user).filter(pk=pk).exists():
        return render(request, "transcripts/call.html", {"call": shown})
    context = {"call": shown, "recording": shown.recording, "speeds": SPEEDS}
    return render(request, "transcripts/call_record.html", context)


@never_cache
@require_safe
def call_messages(request: HttpRequest, pk: Any) -> HttpResponse:
    """Send the messages of a call as JSON lines, each an object with time and direction."""
    shown = visible_call(person(request), pk)
    response = HttpResponse("".join(lines(shown)), content_type="application/x-ndjson")
    if "download" in request.GET:
        if request.method == "GET":
            AuditEntry.record(
                Action.CALL_EXPORTED, request=request, subject=str(shown), project=shown.project
            )
        response["Content-Disposition"] = f'attachment; filename="call-{shown.pk}.jsonl"'
    return response


def visible_call(user: User, pk: Any) -> Call:
    seen = Call.objects.visible_to(user).select_related(
        "project", "owner", "recording", "version__agent"
    )
    return get_object_or_404(seen, pk=pk)


def lines(shown: Call) -> Iterator[str]:
    for event in shown.events.order_by("sequence").iterator(chunk_size=500):
        yield json.dumps(event.entry().shown(), ensure_ascii=False) + "\n"
