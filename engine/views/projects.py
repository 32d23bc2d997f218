"""Projects (docs/contract.md, 14.1)."""

from typing import Annotated

from msgspec import Meta

from engine.accounts.credentials import CREDENTIALS
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Project
from engine.views.members import owner_remains
from engine.wire import account as shapes
from engine.wire.errors import insufficient_scope
from engine.wire.payloads import read_payload
from engine.wire.query import About
from engine.wire.reading import Trimmed
from engine.wire.shapes import Shape


class ProjectChange(Shape):
    name: Annotated[Trimmed, Meta(min_length=1, max_length=200), About("The new name.")]


@operation("project:read", tag="Projects")
def list_projects(request: ApiRequest) -> shapes.Projects:
    """List projects

    The projects of the key: the one it was made in.
    """
    project = Project.objects.get(pk=request.caller.project_id)
    return shapes.Projects(
        projects=[shapes.Project(project_id=project.project_id, name=project.name)]
    )


@operation("project:read", tag="Projects")
def show_project(request: ApiRequest, project: Project) -> shapes.ProjectDetails:
    """Get a project"""
    # Nothing sent to this engine trains anything.
    return shapes.ProjectDetails(project_id=project.project_id, name=project.name, mip_opt_out=True)


@operation("project:write", tag="Projects", body=ProjectChange)
def change_project(request: ApiRequest, project: Project) -> shapes.Message:
    """Rename a project"""
    project.name = read_payload(ProjectChange, request.body.data).name
    project.save(update_fields=["name"])
    return shapes.Message(message="Successfully updated project info.")


@operation("project:write:destroy", tag="Projects")
def delete_project(request: ApiRequest, project: Project) -> shapes.Message:
    """Delete a project

    With its members, keys, requests and usage. Every key of it is rejected at once.
    """
    project.delete()
    CREDENTIALS.forget()
    return shapes.Message(message="Successfully deleted project.")


@operation("", tag="Projects")
def leave_project(request: ApiRequest, project: Project) -> shapes.Message:
    """Leave a project

    The member behind the key is removed, with all their keys. The last owner stays.
    """
    caller = request.caller
    if caller.is_token:
        raise insufficient_scope()
    with owner_remains():
        project.members.get(pk=caller.member_id).remove()
    CREDENTIALS.forget()
    return shapes.Message(message="Successfully left project.")
