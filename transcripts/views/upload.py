"""The upload page; the bytes themselves go to `transcripts.views.uploads`."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.access import get_permitted
from management.models import Project
from transcripts.choices import AddressForm, lists, offers
from transcripts.options import DEFAULTS
from transcripts.views.access import in_chosen_project, person


@never_cache
@require_safe
@in_chosen_project
def upload(request: HttpRequest, project: Project | None) -> HttpResponse:
    return upload_page(request, project)


@never_cache
@require_safe
def project_offers(request: HttpRequest, pk: int) -> JsonResponse:
    """All that uploads into a project choose from, with prices and the speed of its server."""
    user = person(request)
    project = get_permitted(request, Project.objects.writable_by(user), pk)
    return JsonResponse(offers(user, project.pk))


def upload_page(
    request: HttpRequest, project: Project | None, form: AddressForm | None = None
) -> HttpResponse:
    """The page; with a ``form`` that has errors, its errors and all that was entered."""
    user = person(request)
    offered = offers(user)
    writable = list(Project.objects.writable_by(user))
    entered = form.entered if form else None
    return render(
        request,
        "transcripts/upload.html",
        {
            "project": project if project in writable else None,
            "projects": writable,
            "form": form,
            "entered": entered,
            "offers": offered,
            **lists(offered, entered or DEFAULTS),
            "max_bytes": settings.ENV.max_upload_bytes,
        },
        status=422 if form else 200,
    )
