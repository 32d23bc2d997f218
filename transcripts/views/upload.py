"""The upload page; the bytes themselves go to `transcripts.views.uploads`."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from transcripts.views.access import chosen_project


@never_cache
@require_safe
def upload(request: HttpRequest) -> HttpResponse:
    return render(request, "transcripts/upload.html", {"project": chosen_project(request)})
