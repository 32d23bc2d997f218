"""Search in everything that was said."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Project
from transcripts.search import BadSearch, Hit, Order, Results, search
from transcripts.views.access import in_chosen_project, person

PAGE_HITS = 20
ORDERS = (("newest", "Newest first"), ("relevance", "Best match first"))


@dataclass(frozen=True)
class Group:
    """Neighbouring hits of one recording."""

    recording: int
    title: str
    hits: list[Hit]


def groups(hits: Iterable[Hit]) -> list[Group]:
    groups = []
    for pk, together in groupby(hits, key=lambda hit: hit.recording):
        listed = list(together)
        groups.append(Group(pk, listed[0].title, listed))
    return groups


@never_cache
@require_safe
@in_chosen_project
def search_page(request: HttpRequest, project: Project | None) -> HttpResponse:
    """The page, with the results of ``q`` when there is one."""
    return render(request, "transcripts/search.html", looked_up(request, project))


@never_cache
@require_safe
@in_chosen_project
def search_results(request: HttpRequest, project: Project | None) -> HttpResponse:
    """Results as one types; with ``cursor`` the next ones of a list."""
    context = looked_up(request, project)
    if request.GET.get("cursor"):
        return render(request, "transcripts/_search_more.html", context)
    response = render(request, "transcripts/_search_results.html", context)
    response["HX-Replace-Url"] = f"{reverse('search')}?{context['query'].urlencode()}"
    return response


def looked_up(request: HttpRequest, project: Project | None) -> dict[str, Any]:
    words = request.GET.get("q", "").replace("\0", " ").strip()
    order: Order = "relevance" if request.GET.get("order") == "relevance" else "newest"
    query = request.GET.copy()
    query.clear()
    query["q"] = words
    if project:
        query["project"] = str(project.pk)
    if order == "relevance":
        query["order"] = order
    context: dict[str, Any] = {
        "words": words,
        "project": project,
        "order": order,
        "orders": ORDERS,
        "query": query,
    }
    if not words:
        return context
    try:
        results = search(
            person(request),
            words,
            project=project,
            order=order,
            cursor=request.GET.get("cursor") or None,
            limit=PAGE_HITS,
        )
    except BadSearch as error:
        return context | {"problem": str(error)}
    return context | {
        "results": results,
        "groups": groups(results.hits),
        "more": more(query, results),
    }


def more(query: Any, results: Results) -> str:
    """The query string of the next page; empty at the end."""
    if not results.cursor:
        return ""
    following = query.copy()
    following["cursor"] = results.cursor
    return str(following.urlencode())
