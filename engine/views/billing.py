"""Balances, purchases and costs (docs/contract.md, 14.7).

An engine of one's own has prices only where its operator sets them (``ENGINE_PRICES``), and
balances where they record purchases (``python -m engine credit``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse

from engine.accounts.reports import (
    BillingFilters,
    Period,
    billing_breakdown,
    billing_fields,
)
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Balance, Project
from engine.wire.errors import not_found
from engine.wire.options import read_options, whole
from engine.wire.responses import timestamp
from engine.wire.schemas import (
    DAY,
    MAYBE_TEXT,
    MOMENT,
    NUMBER,
    TEXT,
    TEXTS,
    WHOLE,
    array,
    listing,
    record,
)

_BALANCE = record(balance_id=TEXT, amount=NUMBER, units=TEXT, purchase_order_id=TEXT)
_ORDER = record(
    {"expiration": MOMENT},
    order_id=TEXT,
    created=MOMENT,
    amount=NUMBER,
    units=TEXT,
    order_type=TEXT,
)
_COST = record(
    dollars=NUMBER,
    grouping=record(
        start=DAY,
        end=DAY,
        accessor=MAYBE_TEXT,
        deployment=MAYBE_TEXT,
        line_item=MAYBE_TEXT,
        tags={"type": ["array", "null"], "items": TEXT},
    ),
)


@dataclass(frozen=True)
class PurchaseFilters:
    limit: int = whole("Number of entries.", 10, 1, 1000)


@operation("billing:read", tag="Billing", answer=listing("balances", _BALANCE))
def list_balances(request: ApiRequest, project: Project) -> JsonResponse:
    """List balances

    List the balance of each purchase.
    """
    remaining = project.remaining_balances()
    return JsonResponse({"balances": [_shown(*entry) for entry in remaining]})


@operation("billing:read", tag="Billing", answer=_BALANCE)
def show_balance(request: ApiRequest, project: Project, balance_id: str) -> JsonResponse:
    """Get a balance"""
    for balance, amount in project.remaining_balances():
        if str(balance.balance_id) == balance_id.lower():
            return JsonResponse(_shown(balance, amount))
    raise not_found("balance")


@operation("billing:read", tag="Billing", query=PurchaseFilters, answer=listing("orders", _ORDER))
def list_purchases(request: ApiRequest, project: Project) -> JsonResponse:
    """List purchases"""
    limit = read_options(PurchaseFilters, request.query).limit
    newest = project.balances.order_by("-created")
    return JsonResponse({"orders": [_order(balance) for balance in newest[:limit]]})


@operation(
    "billing:read",
    tag="Billing",
    query=BillingFilters,
    answer=record(
        start=DAY, end=DAY, resolution=record(units=TEXT, amount=WHOLE), results=array(_COST)
    ),
)
def show_breakdown(request: ApiRequest, project: Project) -> HttpResponse:
    """Break costs down

    Dollars a day at the prices of the day, split by any of the groupings.
    """
    filters = read_options(BillingFilters, request.query)
    content = billing_breakdown(project, filters)
    return HttpResponse(content, content_type="application/json")


@operation(
    "billing:read",
    tag="Billing",
    query=Period,
    answer=record(
        accessors=TEXTS,
        deployments=TEXTS,
        tags=TEXTS,
        line_items={"type": "object", "additionalProperties": TEXT},
    ),
)
def show_fields(request: ApiRequest, project: Project) -> JsonResponse:
    """List what costs can be filtered by"""
    return JsonResponse(billing_fields(project, read_options(Period, request.query)))


def _shown(balance: Balance, amount: float) -> dict[str, Any]:
    return {
        "balance_id": str(balance.balance_id),
        "amount": amount,
        "units": balance.units,
        "purchase_order_id": str(balance.order_id),
    }


def _order(balance: Balance) -> dict[str, Any]:
    order = {
        "order_id": str(balance.order_id),
        "created": timestamp(balance.created),
        "amount": balance.amount,
        "units": balance.units,
        "order_type": balance.order_type,
    }
    if balance.expiration is not None:
        order["expiration"] = timestamp(balance.expiration)
    return order
