"""Search in everything that was said."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from transcripts.views.access import chosen_project


@never_cache
@require_safe
def search_page(request: HttpRequest) -> HttpResponse:
    return render(request, "transcripts/search.html", {"project": chosen_project(request)})
