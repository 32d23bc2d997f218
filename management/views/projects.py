"""Projects: who is in them and as what, their names, and the archive."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management.access import administrators_only, get_permitted, person
from management.forms import MemberForm, ProjectForm, first_error
from management.models import Action, AuditEntry, LastOwner, Membership, Project, User
from management.servers.key_changes import NotChanged
from management.servers.project_changes import rename_project

PAGE = ["GET", "HEAD", "POST"]


@never_cache
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """The projects of a person with their role; administrators of the team see all."""
    user = person(request)
    mine = {each.project_id: each for each in user.memberships.all()}
    administered = set(Project.objects.administered_by(user).values_list("pk", flat=True))
    shown = Project.objects.filter(pk__in=administered | mine.keys())
    rows = [
        {
            "project": project,
            "role": mine[project.pk].get_role_display() if project.pk in mine else "",
            "is_administered": project.pk in administered,
            "members": len(project.memberships.all()),
        }
        for project in shown.order_by("archived_at", "name").prefetch_related("memberships")
    ]
    return render(request, "management/projects.html", {"rows": rows})


@never_cache
@require_http_methods(PAGE)
@administrators_only
def project_create(request: HttpRequest) -> HttpResponse:
    """Make a project of the team, which uses a connection but is not known to its server."""
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        connection = form.cleaned_data["connection"] or form.initial["connection"]
        if connection is None:
            form.add_error("name", "Add a connection to a speech server first.")
        else:
            name = form.cleaned_data["name"]
            project = Project.objects.make_local(name, connection, person(request))
            AuditEntry.record(
                Action.PROJECT_CREATED, request=request, subject=name, project=project
            )
            return redirect("project", project.pk)
    status = 422 if form.errors else 200
    return render(request, "management/project_form.html", {"form": form}, status=status)


@never_cache
@require_http_methods(PAGE)
def project_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A project's name and members, for its owners and admins. A POST renames it."""
    user = person(request)
    project = get_permitted(request, Project.objects.administered_by(user), pk)
    form = ProjectForm(request.POST or None, project=project)
    if request.method == "POST" and form.is_valid():
        before = project.name
        try:
            rename_project(project, form.cleaned_data["name"])
        except NotChanged as error:
            form.add_error("name", str(error))
        else:
            AuditEntry.record(
                Action.PROJECT_RENAMED, request=request, project=project, before=before
            )
            messages.success(request, f"The project is called {project.name} now.")
            return redirect("project", pk)
    memberships = project.memberships.select_related("user").order_by("user__email")
    grantable = project.grantable_by(user)
    roles = {role for role, _ in grantable}
    members = [{"membership": each, "may_change": each.role in roles} for each in memberships]
    add_form = MemberForm(project=project, by=user)
    outside = User.objects.filter(is_active=True).exclude(memberships__project=project)
    add_form.fields["user"].queryset = outside.order_by("first_name", "email")  # type: ignore[attr-defined]
    context = {
        "project": project,
        "form": form,
        "members": members,
        "grantable": grantable,
        "add_form": add_form,
    }
    status = 422 if form.errors else 200
    return render(request, "management/project.html", context, status=status)


@require_POST
def project_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person a role in a project, or take them out of it with an empty one."""
    user = person(request)
    project = get_permitted(request, Project.objects.administered_by(user), pk)
    if request.POST.get("role") == "":
        return remove_member(request, project)
    form = MemberForm(request.POST, project=project, by=user)
    if not form.is_valid():
        messages.error(request, f"Nothing was changed. {first_error(form)}")
        return redirect("project", pk)
    somebody, role = form.cleaned_data["user"], form.cleaned_data["role"]
    before = project.role_of(somebody)
    if before and before not in {each for each, _ in project.grantable_by(user)}:
        messages.error(request, "Only an owner changes the role of an owner.")
        return redirect("project", pk)
    try:
        project.set_role(somebody, role)
    except LastOwner as error:
        messages.error(request, str(error))
        return redirect("project", pk)
    AuditEntry.record(
        Action.ROLE_CHANGED if before else Action.MEMBER_ADDED,
        request=request,
        subject=somebody.email,
        project=project,
        role=role,
        before=before,
    )
    label = Membership.Role(role).label.lower()
    messages.success(request, f"{somebody} is {label} of {project} now.")
    return redirect("project", pk)


def remove_member(request: HttpRequest, project: Project) -> HttpResponse:
    members = User.objects.filter(memberships__project=project)
    given = request.POST.get("user", "")
    somebody = get_object_or_404(members, pk=int(given) if given.isdecimal() else None)
    before = project.role_of(somebody)
    if before not in {each for each, _ in project.grantable_by(person(request))}:
        messages.error(request, "Only an owner takes an owner out of a project.")
        return redirect("project", project.pk)
    try:
        project.remove_member(somebody)
    except LastOwner as error:
        messages.error(request, str(error))
        return redirect("project", project.pk)
    AuditEntry.record(
        Action.MEMBER_REMOVED,
        request=request,
        subject=somebody.email,
        project=project,
        before=before,
    )
    messages.success(request, f"{somebody} is no longer in {project}.")
    is_still_ours = Project.objects.administered_by(person(request)).filter(pk=project.pk)
    return redirect("project", project.pk) if is_still_ours.exists() else redirect("projects")


@require_POST
def project_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a project to new and changed recordings, or open it again."""
    administered = Project.objects.administered_by(person(request))
    project = get_permitted(request, administered, pk)
    is_archived = request.POST.get("archived") == "yes"
    if not is_archived and project.connection.removed_at is not None:
        messages.error(request, f"{project} stays archived. Its server was removed.")
        return redirect("project", pk)
    project.set_archived(is_archived)
    action = Action.PROJECT_ARCHIVED if is_archived else Action.PROJECT_RESTORED
    AuditEntry.record(action, request=request, project=project)
    words = "archived: its recordings can be read, not changed" if is_archived else "open again"
    messages.success(request, f"{project} is {words}.")
    return redirect("project", pk)


@require_POST
def project_live(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose for new live sessions whether their recordings are transcribed again."""
    administered = Project.objects.administered_by(person(request))
    project = get_permitted(request, administered, pk)
    transcribes_again = "again" in request.POST
    project.set_live_default(transcribes_again)
    AuditEntry.record(
        Action.PROJECT_CHANGED,
        request=request,
        project=project,
        transcribes_live_again=transcribes_again,
    )
    messages.success(request, "Saved. It holds for new live sessions.")
    return redirect("project", pk)
