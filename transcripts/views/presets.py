"""A project's presets: the options of recordings under a name."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from management.access import get_permitted, person
from management.models import Action, AuditEntry, Project
from transcripts.choices import PresetForm, described
from transcripts.forms import is_id
from transcripts.models import Preset


@require_POST
def presets(request: HttpRequest) -> JsonResponse:
    """Keep options under a name; one of that name is replaced.

    Takes ``project``, ``name``, ``options`` (JSON) and ``is_default``; returns the
    project's presets and the ``id`` of this one, or 422 with ``error``.
    """
    chosen = request.POST.get("project", "")
    writable = Project.objects.writable_by(person(request))
    project = get_permitted(request, writable, int(chosen) if is_id(chosen) else None)
    form = PresetForm(project, request.POST)
    if not form.is_valid():
        problems = [str(each) for errors in form.errors.values() for each in errors]
        return JsonResponse({"error": " ".join(problems)}, status=422)
    return respond_with_presets(project, id=form.save().pk)


@require_POST
def preset_default(request: HttpRequest, pk: int) -> JsonResponse:
    """Make it the project's default, or with ``is_default`` empty no longer."""
    preset = writable_preset(request, pk)
    preset.make_default(bool(request.POST.get("is_default")))
    return respond_with_presets(preset.project)


@require_POST
def preset_delete(request: HttpRequest, pk: int) -> JsonResponse:
    preset = writable_preset(request, pk)
    preset.delete()
    AuditEntry.record(
        Action.PRESET_DELETED, request=request, subject=preset.name, project=preset.project
    )
    return respond_with_presets(preset.project)


def writable_preset(request: HttpRequest, pk: int) -> Preset:
    writable = Preset.objects.writable_by(person(request)).select_related("project")
    return get_permitted(request, writable, pk)


def respond_with_presets(project: Project, **facts: Any) -> JsonResponse:
    return JsonResponse({"presets": described(project.presets.all()), **facts})
