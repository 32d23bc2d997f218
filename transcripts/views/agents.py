"""Voice agents of the projects: their list, the builder, their versions, and the speech account."""

from http import HTTPStatus

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from management.access import get_permitted
from management.models import Action, AgentConfiguration, AuditEntry, Project, User
from management.servers.key_changes import NotChanged
from transcripts.agents.comparison import compare, folded, lines_of
from transcripts.agents.draft import (
    AgentDraft,
    Conflict,
    edited,
    empty_values,
    values_of,
)
from transcripts.agents.models import Agent, AgentVersion
from transcripts.agents.stored import delete_from_account, read_from_account, save_to_account
from transcripts.views.access import chosen_of, in_chosen_project, person


@never_cache
@require_safe
@in_chosen_project
def agents(request: HttpRequest, project: Project | None) -> HttpResponse:
    user = person(request)
    projects = Project.objects.visible_to(user)
    Agent.objects.add_defaults(projects.active())
    chosen = projects.filter(pk=project.pk) if project else projects
    all_agents = Agent.objects.visible_to(user).filter(project__in=chosen)
    archived = all_agents.exclude(archived_at=None)
    show_archived = request.GET.get("show") == "archived"
    listed = archived if show_archived else all_agents.active()
    listed = listed.select_related("project").prefetch_related("versions__created_by")
    return render(
        request,
        "transcripts/agents.html",
        {
            "agents": listed.annotate(calls=Count("versions__calls")),
            "show_archived": show_archived,
            "has_archived": archived.exists(),
            "project": project,
            "writable": set(Project.objects.writable_by(user).values_list("pk", flat=True)),
            "administered": set(administered(user).values_list("pk", flat=True)),
            "stored": readable_configurations(user).filter(project__in=chosen),
        },
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@in_chosen_project
def agent_new(request: HttpRequest, project: Project | None) -> HttpResponse:
    """The builder for an agent that does not exist yet."""
    writable = list(Project.objects.writable_by(person(request)).select_related("connection"))
    posted = request.POST.get("project", "")
    chosen = chosen_of(writable, project)
    chosen = next((each for each in writable if str(each.pk) == posted), chosen)
    if chosen is None:
        return render(request, "transcripts/agent_new.html", {"projects": writable})
    if request.method != "POST":
        draft = AgentDraft(chosen, empty_values())
    else:
        return change(request, chosen, None, writable)
    return builder(request, draft, None, writable)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def agent(request: HttpRequest, pk: int) -> HttpResponse:
    """An agent: the builder for those who may change it, its settings for the others."""
    if request.method == "POST":
        row = get_permitted(request, writable_agents(request), pk)
        return change(request, row.project, row, [])
    row = get_permitted(request, visible_agents(request), pk)
    version = row.version
    if not writable_agents(request).filter(pk=pk).exists():
        context = {"agent": row, "version": version, "lines": lines_of(version.configuration)}
        return render(request, "transcripts/agent_settings.html", context)
    draft = AgentDraft(row.project, values_of(version), version.settings)
    return builder(request, draft, row, [])


def change(
    request: HttpRequest, project: Project, row: Agent | None, projects: list[Project]
) -> HttpResponse:
    """Add or remove a row of the form, or save what was typed."""
    values = {name: str(request.POST[name]) for name in request.POST}
    settings = row.version.settings if row else None
    if edit := values.pop("edit", ""):
        draft = AgentDraft(project, edited(values, edit), settings)
        draft.focus(edit)
        return builder(request, draft, row, projects)
    draft = AgentDraft(project, values, settings, bound=True)
    if not draft.is_valid():
        return builder(request, draft, row, projects, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        saved, version = draft.save(row, person(request))
    except Conflict as conflict:
        draft.values["based_on"] = str(conflict.newest.number)
        return builder(request, draft, row, projects, HTTPStatus.CONFLICT, conflict)
    record_change(request, saved, version, is_new=row is None)
    said = f"Version {version.number} is saved." if version else "Saved. The version is the same."
    messages.success(request, said)
    return redirect(saved)


def builder(
    request: HttpRequest,
    draft: AgentDraft,
    row: Agent | None,
    projects: list[Project],
    status: int = HTTPStatus.OK,
    conflict: Conflict | None = None,
) -> HttpResponse:
    """Render the builder with a draft."""
    user = person(request)
    context = {
        "agent": row,
        "version": row.version if row else None,
        "draft": draft,
        "projects": projects,
        "conflict": conflict,
        "may_store": row is not None and administered(user).filter(pk=row.project_id).exists(),
    }
    return render(request, "transcripts/agent.html", context, status=status)


@never_cache
@require_safe
def agent_versions(request: HttpRequest, pk: int) -> HttpResponse:
    """The versions of an agent, and two of them line by line."""
    row = get_permitted(request, visible_agents(request), pk)
    versions = list(row.versions.select_related("created_by"))
    new = chosen_version(versions, request.GET.get("new", ""), versions[0])
    before = next((each for each in versions if each.number < new.number), versions[-1])
    old = chosen_version(versions, request.GET.get("old", ""), before)
    rows = compare(lines_of(old.configuration), lines_of(new.configuration))
    return render(
        request,
        "transcripts/agent_versions.html",
        {
            "agent": row,
            "versions": versions,
            "old": old,
            "new": new,
            "rows": folded(rows),
            "changes": sum(not each.is_same for each in rows),
        },
    )


def chosen_version(
    versions: list[AgentVersion], number: str, default: AgentVersion
) -> AgentVersion:
    """Return the version with this number; none of that number is a 404."""
    if not number:
        return default
    for each in versions:
        if str(each.number) == number:
            return each
    raise Http404


@require_POST
def agent_archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Archive an agent, or restore it."""
    row = get_permitted(request, writable_agents(request), pk)
    is_archived = "restore" not in request.POST
    row.set_archived(is_archived)
    action = Action.AGENT_ARCHIVED if is_archived else Action.AGENT_RESTORED
    AuditEntry.record(action, request=request, subject=row.name, project=row.project)
    said = "archived" if is_archived else "back in the list"
    messages.success(request, f"{row} is {said}.")
    return redirect("agents")


@require_POST
def agent_store(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the newest version as a configuration of the speech account."""
    row = get_permitted(request, visible_agents(request), pk)
    get_permitted(request, administered(person(request)), row.project_id)
    try:
        configuration = save_to_account(row.version)
    except NotChanged as error:
        messages.error(request, f"Nothing was saved in the speech account. {error}")
        return redirect(row)
    AuditEntry.record(
        Action.AGENT_STORED,
        request=request,
        subject=row.name,
        project=row.project,
        agent_id=configuration.agent_id,
        version=row.version.number,
    )
    messages.success(
        request, f"Saved in the speech account as {configuration.agent_id}. It cannot change there."
    )
    return redirect(row)


@require_POST
def configuration_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an agent of a configuration of the speech account."""
    user = person(request)
    configuration = get_permitted(request, readable_configurations(user), pk)
    row = read_from_account(configuration, user)
    record_change(request, row, row.version, is_new=True)
    messages.success(request, f"{row} is read from the speech account.")
    return redirect(row)


@require_POST
def configuration_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a configuration of the speech account."""
    permitted = AgentConfiguration.objects.present().filter(
        project__in=administered(person(request))
    )
    configuration = get_permitted(request, permitted, pk)
    try:
        delete_from_account(configuration)
    except NotChanged as error:
        messages.error(request, str(error))
        return redirect("agents")
    AuditEntry.record(
        Action.AGENT_UNSTORED,
        request=request,
        subject=configuration.agent_id,
        project=configuration.project,
    )
    messages.success(request, f"{configuration.agent_id} is deleted from the speech account.")
    return redirect("agents")


def record_change(
    request: HttpRequest, row: Agent, version: AgentVersion | None, is_new: bool
) -> None:
    action = Action.AGENT_CREATED if is_new else Action.AGENT_CHANGED
    number = version.number if version else None
    AuditEntry.record(
        action, request=request, subject=row.name, project=row.project, version=number
    )


def administered(user: User) -> QuerySet[Project]:
    """Projects of the user whose stored configurations they may add and delete."""
    return Project.objects.administered_by(user).filter(
        pk__in=Project.objects.visible_to(user).active()
    )


def readable_configurations(user: User) -> QuerySet[AgentConfiguration]:
    """Configurations of the speech account in the projects that this user may add to."""
    found: QuerySet[AgentConfiguration] = AgentConfiguration.objects.present().filter(
        project__in=Project.objects.writable_by(user)
    )
    return found.select_related("project__connection")


def visible_agents(request: HttpRequest) -> QuerySet[Agent]:
    return Agent.objects.visible_to(person(request)).select_related("project__connection")


def writable_agents(request: HttpRequest) -> QuerySet[Agent]:
    return Agent.objects.writable_by(person(request)).select_related("project__connection")
