"""Recordings of a person who leaves or of a server that is removed, for administrators."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from management.access import administrators_only, get_permitted
from management.account_forms import RemoveConnectionForm
from management.models import Action, AuditEntry, Connection, Project, User
from management.servers.removal import remove_connection
from transcripts.clips.models import Clip
from transcripts.forms import is_id
from transcripts.models import OPEN_STATES, Recording


@require_POST
@administrators_only
def recordings_reassign(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another person the owner of all recordings of this one."""
    somebody, given = get_object_or_404(User, pk=pk), request.POST.get("to", "")
    active = User.objects.filter(is_active=True).exclude(pk=pk)
    to = get_object_or_404(active, pk=int(given) if is_id(given) else None)
    count = Recording.objects.reassign(somebody, to)
    AuditEntry.record(
        Action.RECORDINGS_REASSIGNED,
        request=request,
        subject=somebody.email,
        to=to.email,
        count=count,
    )
    messages.success(request, f"{to} is the owner of {count} recordings of {somebody} now.")
    return redirect("person", pk)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def connection_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what happens to the projects of a server, then remove it."""
    added = Connection.objects.active().filter(from_environment=False)
    connection = get_permitted(request, added, pk)
    recordings = Recording.objects.filter(project__connection=connection)
    clips = Clip.objects.filter(project__connection=connection)
    used = Project.objects.filter(pk__in=recordings.values("project")) | Project.objects.filter(
        pk__in=clips.values("project")
    )
    form = RemoveConnectionForm(request.POST or None, connection=connection)
    if request.method == "POST" and form.is_valid():
        to: Connection | None = form.cleaned_data["to"]
        if to is None:
            for recording in recordings.filter(state__in=OPEN_STATES):
                recording.cancel()
        remove_connection(connection, used.active(), to)
        AuditEntry.record(
            Action.CONNECTION_REMOVED, request=request, subject=connection.name,
            projects_continue_on=to.name if to else "none, they are archived",
        )  # fmt: skip
        messages.success(request, f"{connection} is removed, and its key erased.")
        return redirect("connections")
    context = {
        "connection": connection,
        "form": form,
        "projects": connection.projects.active().count(),
        "used": used.active(),
        "recordings": recordings.count(),
        "open": recordings.filter(state__in=OPEN_STATES).count(),
        "clips": clips.count(),
    }
    status = 422 if form.errors else 200
    return render(request, "transcripts/connection_remove.html", context, status=status)
