"""Speech servers: their addresses, their keys and the state of their mirror."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from management.access import administrators_only, get_permitted
from management.account_forms import ConnectionForm
from management.models import Action, AuditEntry, Connection, Project
from management.tasks import request_sync
from management.views.mirror import notes_of_servers


@never_cache
@require_safe
@administrators_only
def connections(request: HttpRequest) -> HttpResponse:
    """Every server, and what its key may read."""
    listed = list(Connection.objects.active().order_by("name", "pk"))
    found = notes_of_servers(listed)
    projects: dict[int, list[Project]] = {each.pk: [] for each in listed}
    for project in Project.objects.present().filter(connection__in=listed).order_by("name"):
        projects[project.connection_id].append(project)
    shown = [(each, projects[each.pk], found[each.pk]) for each in listed]
    return render(request, "management/connections.html", {"connections": shown})


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def connection_add(request: HttpRequest) -> HttpResponse:
    """A new server."""
    initial = {"kind": Connection.Kind.HOSTED, "name": "Deepgram"}
    return edit(request, ConnectionForm(request.POST or None, initial=initial))


@never_cache
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def connection_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Another address or key of a server that was added here."""
    added = Connection.objects.active().filter(from_environment=False)
    return edit(
        request, ConnectionForm(request.POST or None, instance=get_permitted(request, added, pk))
    )


def edit(request: HttpRequest, form: ConnectionForm) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        action = Action.CONNECTION_ADDED if form.is_new else Action.CONNECTION_CHANGED
        saved = form.save()
        changed = [name for name in form.changed_data if name != "region"]
        AuditEntry.record(action, request=request, subject=saved.name, changed=changed)
        request_sync(saved.pk)
        messages.success(
            request,
            f"{saved.name} accepted the key. Its projects appear once they are mirrored.",
        )
        return redirect("connections")
    status = 422 if form.errors else 200
    return render(request, "management/connection_form.html", {"form": form}, status=status)
