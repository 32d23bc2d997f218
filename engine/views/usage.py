"""Usage (docs/contract.md, 14.6)."""

from __future__ import annotations

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
from engine.wire import account as shapes
from engine.wire.query import read_options


@operation("usage:read", tag="Usage", query=UsageFilters)
def show_usage(request: ApiRequest, project: Project) -> shapes.Usage:
    """Get usage by day

    Deprecated by Deepgram in favour of the breakdown, whose rows without a grouping it has.
    """
    filters = read_options(UsageFilters, request.query)
    return usage_breakdown(project, filters, None)


@operation("usage:read", tag="Usage", query=BreakdownFilters)
def show_usage_breakdown(request: ApiRequest, project: Project) -> shapes.Usage:
    """Break usage down

    Sums a day, split by one grouping. Only calls that succeeded are counted.
    """
    filters = read_options(BreakdownFilters, request.query)
    return usage_breakdown(project, filters, filters.grouping)


@operation("usage:read", tag="Usage", query=Period)
def show_usage_fields(request: ApiRequest, project: Project) -> shapes.UsageFields:
    """List what usage can be filtered by"""
    used = usage_fields(project, read_options(Period, request.query))
    return shapes.UsageFields(
        tags=used["tags"],
        models=[_model_name(model_id) for model_id in used["models"]],
        processing_methods=used["processing_methods"],
        features=used["features"],
    )


def _model_name(model_id: str) -> shapes.ModelName:
    model = find_model(model_id)
    if model is None:
        return shapes.ModelName(name=model_id, language="", version="", model_id=model_id)
    return shapes.ModelName(
        name=model.canonical_name,
        language=model.languages[0],
        version=model.version,
        model_id=model_id,
    )
