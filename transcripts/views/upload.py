"""The upload page; the bytes themselves go to `transcripts.views.uploads`."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Project
from transcripts import warned
from transcripts.choices import GROUPS, RARE_GROUPS, offers
from transcripts.options import DEFAULTS, DETECT
from transcripts.views.access import chosen_project, person

DEFAULT_LANGUAGE = "en"


def language_label(tag: str) -> str:
    """A choice of language as people call it."""
    if tag == DETECT:
        return "Detect the language"
    if tag == "multi":
        return "Several, mixed"
    return warned.language_name(tag)


@never_cache
@require_safe
def upload(request: HttpRequest) -> HttpResponse:
    user = person(request)
    offered = offers(user)
    servers = offered["servers"].values()
    models = dict.fromkeys(name for server in servers for name in server["models"])
    tags = {tag for server in servers for tags in server["models"].values() for tag in tags}
    languages = sorted((language_label(tag), tag) for tag in {DEFAULT_LANGUAGE, *tags})
    return render(
        request,
        "transcripts/upload.html",
        {
            "project": chosen_project(request),
            "projects": list(Project.objects.writable_by(user)),
            "offers": offered,
            "groups": GROUPS,
            "rare_groups": RARE_GROUPS,
            "models": models or [DEFAULTS["model"]],
            "languages": [(language_label(DETECT), DETECT), *languages],
            "default_language": DEFAULT_LANGUAGE,
            "max_bytes": settings.ENV.max_upload_bytes,
        },
    )
