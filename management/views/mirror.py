"""Parts that every page about the speech account has: its projects, and the mirror's age."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from management.access import account_projects, person
from management.models import Connection, Membership, Project, Sync, SyncPart
from management.sync.parts import PARTS
from management.tasks import request_sync

MOST_PARTS = 500
LABELS = {part.name: part.label for part in PARTS} | {"models": "Models"}


@dataclass(frozen=True)
class ChosenProjects:
    """Projects of a page: all that the person may see there, and the one of the address."""

    all: list[Project]
    project: Project | None

    @property
    def shown(self) -> list[Project]:
        return [self.project] if self.project else self.all

    @property
    def choices(self) -> list[tuple[int, str]]:
        return [(each.pk, each.name) for each in self.all]


def chosen_projects(
    request: HttpRequest, *, administered: bool = False, present: bool = False
) -> ChosenProjects:
    """Return the projects of a page; 404 for a person who is in none of them.

    Those whose usage the person sees, or only those whose keys and money they administer, or
    that the server still lists. ``?project=ID`` is one of them, or a 404.
    """
    projects = account_projects(request)
    if administered and not person(request).is_superuser:
        # As ``Project.objects.administered_by`` says, without a query of its own.
        roles = Membership.ADMINISTRATORS
        projects = [each for each in projects if each.role in roles]  # type: ignore[attr-defined]
    if present:
        projects = [each for each in projects if each.is_present]
    if not projects:
        raise Http404
    given = request.GET.get("project", "")
    one = next((each for each in projects if str(each.pk) == given), None)
    if given and one is None:
        raise Http404
    return ChosenProjects(projects, one)


@dataclass(frozen=True)
class Lacking:
    """A part that is not up to date, in some of the projects."""

    label: str
    part: SyncPart
    projects: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MirrorNotes:
    """Age and gaps of the mirror behind a page."""

    synced_at: datetime | None
    under_way: Sync | None
    stopped: list[Sync]
    lacking: list[Lacking]
    facts: list[dict[str, Any]] = field(default_factory=list)


def mirror_notes(
    projects: Sequence[Project], names: Sequence[str], facts_of: str = ""
) -> MirrorNotes:
    """Return how fresh and how complete these parts of the mirror are, in one query.

    ``projects`` are those of ``chosen_projects``. The notes have the facts of the part
    ``facts_of``, one of ``names``.
    """
    servers = {
        project.connection_id: project.connection
        for project in projects
        if project.connection.removed_at is None
    }
    syncs = [each.sync for each in servers.values() if hasattr(each, "sync")]
    of_them = Q(project__among=projects) | Q(project=None, connection__in=servers)
    wanted = ~Q(state=SyncPart.State.OK) | Q(name=facts_of)
    parts = SyncPart.objects.filter(of_them, wanted, name__in=names)
    found = list(parts.select_related("project", "connection").order_by("pk"))
    lacking = [part for part in found if part.state != SyncPart.State.OK]
    facts = [part.facts for part in found if part.name == facts_of]
    return replace(notes(syncs, lacking, len(servers)), facts=facts)


def notes_of_servers(connections: Sequence[Connection]) -> dict[int, MirrorNotes]:
    """Return the notes of each server by id, in two queries."""
    syncs = {
        sync.connection_id: sync
        for sync in Sync.objects.filter(connection__in=connections).select_related("connection")
    }
    parts: dict[int, list[SyncPart]] = {}
    gone = Q(project__gone_at__isnull=False)
    for part in lacking_parts().filter(connection__in=connections).exclude(gone):
        parts.setdefault(part.connection_id, []).append(part)
    return {
        each.pk: notes([syncs[each.pk]] if each.pk in syncs else [], parts.get(each.pk, []), 1)
        for each in connections
    }


def lacking_parts() -> QuerySet[SyncPart]:
    parts = SyncPart.objects.exclude(state=SyncPart.State.OK)
    return parts.select_related("project", "connection").order_by("pk")


def notes(syncs: Sequence[Sync], parts: Iterable[SyncPart], servers: int) -> MirrorNotes:
    """Return what to say of the syncs of so many servers, and of the parts that they lack."""
    # Times are None until the first complete sync of a connection.
    ends = [sync.finished_at for sync in syncs]
    known = len(ends) == servers and all(ends)
    lacking: dict[tuple[str, ...], Lacking] = {}
    for part in islice(parts, MOST_PARTS):
        key = (part.name, part.state, part.error, part.scope)
        entry = lacking.setdefault(key, Lacking(LABELS.get(part.name, part.name), part))
        entry.projects.append(str(part.project or part.connection))
    return MirrorNotes(
        synced_at=min(end for end in ends if end) if known and ends else None,
        under_way=next((sync for sync in syncs if sync.is_under_way and not sync.error), None),
        stopped=[sync for sync in syncs if sync.error],
        lacking=list(lacking.values()),
    )


@require_POST
def sync_now(request: HttpRequest) -> HttpResponse:
    """Wake a worker for the accounts of the person's projects."""
    projects = Project.objects.accounted_to(person(request))
    connections = Connection.objects.active().filter(projects__in=projects).distinct()
    for pk in connections.values_list("pk", flat=True):
        request_sync(pk)
    messages.success(request, "The sync has been requested. This page shows it once it is done.")
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return HttpResponseRedirect(target if safe else reverse("account"))
