"""Usage (docs/contract.md, 14.6)."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse

from engine.accounts.reports import (
    BreakdownFilters,
    Period,
    UsageFilters,
    usage_breakdown,
    usage_fields,
)
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Project
from engine.views.models import find_model
from engine.wire.options import read_options
from engine.wire.schemas import DAY, MAYBE_TEXT, NUMBER, TEXT, TEXTS, WHOLE, array, record

_MAYBE_TEXTS = {"type": ["array", "null"], "items": TEXT}
_RESULT = record(
    hours=NUMBER,
    total_hours=NUMBER,
    agent_hours=NUMBER,
    tokens_in=WHOLE,
    tokens_out=WHOLE,
    tts_characters=WHOLE,
    requests=WHOLE,
    grouping=record(
        start=DAY,
        end=DAY,
        accessor=MAYBE_TEXT,
        endpoint=MAYBE_TEXT,
        feature_set=MAYBE_TEXT,
        models=_MAYBE_TEXTS,
        method=MAYBE_TEXT,
        tags=_MAYBE_TEXTS,
        deployment=MAYBE_TEXT,
    ),
)
_REPORT = record(
    start=DAY, end=DAY, resolution=record(units=TEXT, amount=WHOLE), results=array(_RESULT)
)


@operation("usage:read", tag="Usage", query=UsageFilters, answer=_REPORT)
def show_usage(request: ApiRequest, project: Project) -> HttpResponse:
    """Get usage by day

    Deprecated by Deepgram in favour of the breakdown, whose rows without a grouping it has.
    """
    filters = read_options(UsageFilters, request.query)
    return _report(usage_breakdown(project, filters, ""))


@operation("usage:read", tag="Usage", query=BreakdownFilters, answer=_REPORT)
def show_breakdown(request: ApiRequest, project: Project) -> HttpResponse:
    """Break usage down

    Sums a day, split by one grouping. Only calls that succeeded are counted.
    """
    filters = read_options(BreakdownFilters, request.query)
    return _report(usage_breakdown(project, filters, filters.grouping))


@operation(
    "usage:read",
    tag="Usage",
    query=Period,
    answer=record(
        tags=TEXTS,
        models=array(record(name=TEXT, language=TEXT, version=TEXT, model_id=TEXT)),
        processing_methods=TEXTS,
        features=TEXTS,
    ),
)
def show_fields(request: ApiRequest, project: Project) -> JsonResponse:
    """List what usage can be filtered by"""
    found = usage_fields(project, read_options(Period, request.query))
    return JsonResponse(found | {"models": [_describe(model_id) for model_id in found["models"]]})


def _report(content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type="application/json")


def _describe(model_id: str) -> dict[str, str]:
    model = find_model(model_id) or {}
    languages = model.get("languages") or [""]
    return {
        "name": model.get("canonical_name", model_id),
        "language": languages[0],
        "version": model.get("version", ""),
        "model_id": model_id,
    }
