"""Projects: the contract's section 14.1."""

from django.http import HttpRequest, JsonResponse

from engine.calls import call_of
from engine.models import Project
from engine.operations import operation


@operation("project:read", tag="Projects")
def list_projects(request: HttpRequest) -> JsonResponse:
    """The projects of the key: the one it was made in."""
    found = Project.objects.filter(pk=call_of(request).caller.project_id)
    shown = [{"project_id": project.project_id, "name": project.name} for project in found]
    return JsonResponse({"projects": shown})


@operation("project:read", tag="Projects")
def show_project(request: HttpRequest, project_id: str) -> JsonResponse:
    """One project."""
    project = Project.objects.get(pk=call_of(request).caller.project_id)
    return JsonResponse(
        {"project_id": project.project_id, "name": project.name, "mip_opt_out": True}
    )
