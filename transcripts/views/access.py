"""The current user, and the objects that they may see."""

from collections.abc import Callable, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django_htmx.middleware import HtmxDetails

from management.access import get_permitted
from management.access import person as person
from management.models import Project, User
from transcripts.forms import is_id
from transcripts.models import Recording, Transcription


def wants_fragment(request: HttpRequest) -> bool:
    """Return whether htmx requests a part of the page."""
    htmx = getattr(request, "htmx", None)
    return isinstance(htmx, HtmxDetails) and bool(htmx)


def invalid(request: HttpRequest, form: Form, page: Recording) -> HttpResponse:
    """Respond to a form of ``page`` with its errors: 422 to htmx, else the page with a message."""
    text = " ".join(str(each) for errors in form.errors.values() for each in errors)
    if wants_fragment(request):
        return JsonResponse({"error": text}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.error(request, f"Nothing was changed. {text}")
    return redirect(page)


def in_chosen_project(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Pass the project of the address, ``?project=ID``, to ``view``; without one, None.

    A project that the user is not in is a 404.
    """

    @wraps(view)
    def with_project(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen, project = request.GET.get("project", ""), None
        if chosen:
            visible = Project.objects.visible_to(person(request))
            project = get_permitted(request, visible, int(chosen) if is_id(chosen) else None)
        return view(request, project, *args, **kwargs)

    return with_project


def visible_projects(user: User) -> list[int]:
    """Ids for a filter: with a list the database walks an index where a subquery may not."""
    return list(Project.objects.visible_to(user).values_list("pk", flat=True))


def writable_projects(user: User) -> dict[int, Project]:
    return {project.pk: project for project in Project.objects.writable_by(user)}


def chosen_of(writable: Sequence[Project], project: Project | None) -> Project | None:
    """The project to add to: that of the address, or the only one; None leaves it to the user."""
    if project in writable:
        return project
    return writable[0] if len(writable) == 1 else None


def visible_recording(request: HttpRequest, pk: int) -> Recording:
    seen = Recording.objects.visible_to(person(request)).select_related(
        "project__connection", "owner", "live_session"
    )
    return get_permitted(request, seen, pk)


def writable_recording(request: HttpRequest, pk: int) -> Recording:
    return get_permitted(request, Recording.objects.writable_by(person(request)), pk)


def finished_run(request: HttpRequest, recording: Recording) -> Transcription | None:
    """The run whose text is shown: the version of the address, else the newest finished one."""
    version = request.GET.get("version", "")
    if not version:
        return recording.finished_transcription
    if not is_id(version):
        raise Http404
    return get_object_or_404(recording.finished_runs, pk=int(version))
