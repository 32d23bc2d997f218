"""Replays of a saved call, and one of them next to its call."""

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from management.access import get_permitted
from management.models import Project
from transcripts.calls.models import Call
from transcripts.queue.leases import State
from transcripts.replays.forms import ExpectationForm, ReplayForm
from transcripts.replays.models import Replay
from transcripts.views.access import person, wants_fragment


@never_cache
@require_safe
def call_replays(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The replays of a call, the form of another one, and the words that a reply must have."""
    row = get_permitted(request, visible_calls(request), pk)
    may_change = Project.objects.writable_by(person(request)).filter(pk=row.project_id).exists()
    return render(
        request,
        "transcripts/call_replays.html",
        {
            "call": row,
            "replays": row.replays.select_related("version__agent", "created_by"),
            "expectations": row.expectations.all(),
            "form": ReplayForm(row) if may_change and is_replayable(row) else None,
            "is_replayable": is_replayable(row),
            "may_change": may_change,
        },
    )


@require_POST
def call_replay(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = get_permitted(request, writable_calls(request), pk)
    if not is_replayable(row):
        messages.error(request, "A call is replayed when it has ended and has its recording.")
        return redirect("call_replays", row.pk)
    form = ReplayForm(row, request.POST)
    if not form.is_valid():
        messages.error(request, f"No replay was started. {problem_of(form)}")
        return redirect("call_replays", row.pk)
    return redirect(form.save(person(request)))


@require_POST
def call_expect(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add words that a reply must have, or remove some."""
    row = get_permitted(request, writable_calls(request), pk)
    if removed := request.POST.get("remove", ""):
        row.expectations.filter(words=removed).delete()
        return redirect("call_replays", row.pk)
    form = ExpectationForm(row, request.POST)
    if form.is_valid():
        form.save(person(request))
    else:
        messages.error(request, problem_of(form))
    return redirect("call_replays", row.pk)


@never_cache
@require_safe
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """A replay and its call side by side; a fragment while it runs."""
    seen = Replay.objects.visible_to(person(request)).select_related(
        "version__agent", "call__version__agent", "call__project", "created_by"
    )
    row = get_permitted(request, seen, pk)
    context = {"replay": row, "call": row.call, "pairs": row.pairs if not row.is_open else []}
    if wants_fragment(request):
        return render(request, "transcripts/_replay.html", context)
    return render(request, "transcripts/replay.html", context)


@require_POST
def replay_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a replay that waits or runs."""
    row = get_permitted(request, Replay.objects.writable_by(person(request)), pk)
    Replay.objects.filter(pk=row.pk, state__in=(State.QUEUED, State.RUNNING)).update(
        state=State.CANCELLED, lease_until=None
    )
    return redirect(row)


def problem_of(form: ReplayForm | ExpectationForm) -> str:
    return " ".join(str(each) for errors in form.errors.values() for each in errors)


def is_replayable(call: Call) -> bool:
    return call.is_ended and call.recording_id is not None


def visible_calls(request: HttpRequest) -> QuerySet[Call]:
    calls = Call.objects.visible_to(person(request))
    return calls.select_related("project__connection", "version__agent")


def writable_calls(request: HttpRequest) -> QuerySet[Call]:
    writable = Project.objects.writable_by(person(request))
    return visible_calls(request).filter(project__in=writable)
