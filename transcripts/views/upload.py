"""The upload page; the bytes themselves go to `transcripts.views.uploads`."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Project
from transcripts.choices import FEATURES, GROUPS, RARE_GROUPS, AddressForm, Feature, offers
from transcripts.options import DEFAULTS, DETECT
from transcripts.text import warned
from transcripts.views.access import chosen_project, person

DEFAULT_LANGUAGE = "en"


def chosen_features(options: Mapping[str, Any]) -> list[Feature]:
    """The features that are switched on in ``options``."""
    return [feature for feature in FEATURES if feature.is_chosen_in(options)]


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
    return upload_page(request)


def upload_page(request: HttpRequest, form: AddressForm | None = None) -> HttpResponse:
    """The page; with a ``form`` that has errors, its errors and all that was entered."""
    user = person(request)
    offered = offers(user)
    servers = offered["servers"].values()
    models = dict.fromkeys(name for server in servers for name in server["models"])
    tags = {tag for server in servers for tags in server["models"].values() for tag in tags}
    models = models or {DEFAULTS["model"]: None}
    if form and form.entered["model"] in models:
        models = {form.entered["model"]: None, **models}  # the first one is selected
    languages = sorted((language_label(tag), tag) for tag in {DEFAULT_LANGUAGE, *tags})
    return render(
        request,
        "transcripts/upload.html",
        {
            "project": form.chosen_project if form else chosen_project(request),
            "projects": list(Project.objects.writable_by(user)),
            "form": form,
            "entered": form.entered if form else None,
            "chosen": chosen_features(form.entered) if form else (),
            "offers": offered,
            "groups": GROUPS,
            "rare_groups": RARE_GROUPS,
            "models": models,
            "languages": [(language_label(DETECT), DETECT), *languages],
            "default_language": (form and form.entered["language"]) or DEFAULT_LANGUAGE,
            "max_bytes": settings.ENV.max_upload_bytes,
        },
        status=422 if form else 200,
    )
