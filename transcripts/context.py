"""Template context of every page: projects, navigation and uploads."""

from functools import partial
from typing import Any

from django.http import HttpRequest

from management.models import Membership, Project
from transcripts.views.tray import read_tray

THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Theme for everyone; projects and the tray for those who signed in.

    ``administers`` says whether there is a project whose keys and money this person manages, and
    ``may_upload`` says whether there is a project that this person may add to.
    ``shell_project`` is the project that the rail's links stay in: the one of this address,
    else the one chosen last (a cookie that shell.js writes); None is all of them.
    """
    theme = request.COOKIES.get("theme", "")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else ""}
    # A server error may be shown before there is a user.
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return context
    context["theme"] = request.user.theme
    projects = list(Project.objects.visible_to(request.user).with_role())
    administered = [each for each in projects if each.role in Membership.ADMINISTRATORS]
    chosen = request.GET.get("project", request.COOKIES.get("project", ""))
    return context | {
        "shell_projects": [each for each in projects if each.archived_at is None],
        "administers": request.user.is_superuser or bool(administered),
        "may_upload": Project.objects.writable_by(request.user).exists(),
        "shell_project": next((each for each in projects if str(each.pk) == chosen), None),
        "tray": partial(read_tray, request.user, [project.pk for project in projects]),
    }
