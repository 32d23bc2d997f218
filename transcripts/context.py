"""Template context of every page: projects, navigation and uploads."""

from functools import cache, partial
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse

from management.access import own_projects
from management.models import Membership, Project
from transcripts.views.tray import read_tray

THEMES = ("light", "dark")


class Place(NamedTuple):
    """A page of the navigation, as the rail links to it."""

    label: str
    icon: str
    url: str
    is_current: bool
    on_phone: bool


# Label, icon, name of the address, whether a phone's bar has it, whether it adds recordings.
PLACES = (
    ("Dashboard", "dashboard", "dashboard", False, False),
    ("Library", "library", "library", True, False),
    ("Upload", "upload", "upload", True, True),
    ("Live", "microphone", "live", True, True),
    ("Speak", "speak", "speak", False, False),
    ("Agents", "agent", "agents", False, False),
    ("Search", "search", "search", True, False),
    ("Settings", "settings", "account", False, False),
)


def navigation(request: HttpRequest, project: Project | None, may_upload: bool) -> list[Place]:
    """The places of the rail that this user has; links stay in the chosen project."""
    stay = f"?project={project.pk}" if project else ""
    places = []
    for label, icon, name, on_phone, adds in PLACES:
        if adds and not may_upload:
            continue
        url = reverse(name)
        # The settings are many pages: their first folder is theirs alone.
        folder = f"/{url.split('/')[1]}/" if url.count("/") > 1 else url
        folders = (folder, "/calls/") if name == "agents" else (folder,)
        is_current = request.path == url if url == "/" else request.path.startswith(folders)
        places.append(Place(label, icon, url + stay, is_current, on_phone))
    return places


def shell(request: HttpRequest) -> dict[str, Any]:
    """Theme for everyone; projects and the tray for those who signed in.

    ``administers`` says whether there is a project whose keys and money this person manages, and
    ``may_upload`` says whether there is a project that this person may add to.
    ``places`` are the pages of the rail. ``shell_project`` is the project that their links stay
    in: the one of this address, else the one chosen last (a cookie that shell.js writes); None is
    all of them.
    """
    theme = request.COOKIES.get("theme", "")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else ""}
    # A server error may be shown before there is a user.
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return context
    context["theme"] = request.user.theme
    projects = own_projects(request)
    roles = [each.role for each in projects]  # type: ignore[attr-defined] # an annotation
    chosen = request.GET.get("project", request.COOKIES.get("project", ""))
    project = next((each for each in projects if str(each.pk) == chosen), None)
    # As ``Project.objects.writable_by`` says, without a query of its own.
    may_upload = any(
        role in Membership.WRITERS and each.archived_at is None
        for role, each in zip(roles, projects, strict=True)
    )
    return context | {
        "shell_projects": [each for each in projects if each.archived_at is None],
        "places": navigation(request, project, may_upload),
        "administers": request.user.is_superuser
        or any(role in Membership.ADMINISTRATORS for role in roles),
        "may_upload": may_upload,
        "shell_project": project,
        # Read once, when a template first needs it.
        "tray": cache(partial(read_tray, request.user, [project.pk for project in projects])),
    }
