"""Projects (docs/contract.md, 14.1)."""

from dataclasses import dataclass
from typing import Any

from django.http import JsonResponse

from engine.accounts.credentials import CREDENTIALS
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Project
from engine.views.members import owner_remains
from engine.wire.errors import insufficient_scope
from engine.wire.payloads import describe, read_payload, required, text
from engine.wire.schemas import MESSAGE, TEXT, listing, record

PROJECT = record(project_id=TEXT, name=TEXT)


@dataclass(frozen=True)
class ProjectChange:
    name: str = required(text(200, 1), "The new name.")


@operation("project:read", tag="Projects", answer=listing("projects", PROJECT))
def list_projects(request: ApiRequest) -> JsonResponse:
    """List projects

    The projects of the key: the one it was made in.
    """
    project = Project.objects.get(pk=request.caller.project_id)
    return JsonResponse({"projects": [_shown(project)]})


@operation(
    "project:read",
    tag="Projects",
    answer=record(project_id=TEXT, name=TEXT, mip_opt_out={"type": "boolean"}),
)
def show_project(request: ApiRequest, project: Project) -> JsonResponse:
    """Get a project"""
    # Nothing sent to this engine trains anything.
    return JsonResponse(_shown(project) | {"mip_opt_out": True})


@operation("project:write", tag="Projects", body=describe(ProjectChange), answer=MESSAGE)
def change_project(request: ApiRequest, project: Project) -> JsonResponse:
    """Rename a project"""
    project.name = read_payload(ProjectChange, request.body.data).name
    project.save(update_fields=["name"])
    return JsonResponse({"message": "Successfully updated project info."})


@operation("project:write:destroy", tag="Projects", answer=MESSAGE)
def delete_project(request: ApiRequest, project: Project) -> JsonResponse:
    """Delete a project

    With its members, keys, requests and usage. Every key of it is refused at once.
    """
    project.delete()
    CREDENTIALS.forget()
    return JsonResponse({"message": "Successfully deleted project."})


@operation("", tag="Projects", answer=MESSAGE)
def leave_project(request: ApiRequest, project: Project) -> JsonResponse:
    """Leave a project

    The member behind the key is removed, with all their keys. The last owner stays.
    """
    caller = request.caller
    if caller.is_token:
        raise insufficient_scope()
    with owner_remains():
        project.members.get(pk=caller.member_id).remove()
    CREDENTIALS.forget()
    return JsonResponse({"message": "Successfully left project."})


def _shown(project: Project) -> dict[str, Any]:
    return {"project_id": project.project_id, "name": project.name}
