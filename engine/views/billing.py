"""Balances, purchases and costs (docs/contract.md, 14.7).

An engine of one's own has prices only where its operator sets them (``ENGINE_PRICES``), and
balances where they record purchases (``python -m engine credit``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from engine.accounts.reports import (
    BillingFilters,
    Period,
    billing_breakdown,
    billing_fields,
)
from engine.exchange import ApiRequest
from engine.gateway.operations import operation
from engine.models import Balance, Project
from engine.wire import account as shapes
from engine.wire.errors import not_found
from engine.wire.query import About, read_options
from engine.wire.shapes import UNSET, timestamp


@dataclass(frozen=True)
class PurchaseFilters:
    limit: Annotated[int, Meta(ge=1, le=1000), About("Number of entries.")] = 10


@operation("billing:read", tag="Billing")
def list_balances(request: ApiRequest, project: Project) -> shapes.Balances:
    """List balances

    List the balance of each purchase.
    """
    remaining = project.remaining_balances()
    return shapes.Balances(balances=[_shown(*entry) for entry in remaining])


@operation("billing:read", tag="Billing")
def show_balance(request: ApiRequest, project: Project, balance_id: str) -> shapes.Balance:
    """Get a balance"""
    for balance, amount in project.remaining_balances():
        if str(balance.balance_id) == balance_id.lower():
            return _shown(balance, amount)
    raise not_found("balance")


@operation("billing:read", tag="Billing", query=PurchaseFilters)
def list_purchases(request: ApiRequest, project: Project) -> shapes.Orders:
    """List purchases"""
    limit = read_options(PurchaseFilters, request.query).limit
    newest = project.balances.order_by("-created")
    return shapes.Orders(orders=[_order(balance) for balance in newest[:limit]])


@operation("billing:read", tag="Billing", query=BillingFilters)
def show_billing_breakdown(request: ApiRequest, project: Project) -> shapes.Costs:
    """Break costs down

    Dollars a day at the prices of the day, split by any of the groupings.
    """
    return billing_breakdown(project, read_options(BillingFilters, request.query))


@operation("billing:read", tag="Billing", query=Period)
def show_billing_fields(request: ApiRequest, project: Project) -> shapes.CostFields:
    """List what costs can be filtered by"""
    return billing_fields(project, read_options(Period, request.query))


def _shown(balance: Balance, amount: float) -> shapes.Balance:
    return shapes.Balance(
        balance_id=str(balance.balance_id),
        amount=amount,
        units=balance.units,
        purchase_order_id=str(balance.order_id),
    )


def _order(balance: Balance) -> shapes.Order:
    expiration = balance.expiration
    return shapes.Order(
        order_id=str(balance.order_id),
        created=timestamp(balance.created),
        amount=balance.amount,
        units=balance.units,
        order_type=balance.order_type,
        expiration=UNSET if expiration is None else timestamp(expiration),
    )
