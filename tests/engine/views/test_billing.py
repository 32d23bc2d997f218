"""Balances and purchases, in process."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.models import Balance
from engine.runtime.database import in_database
from tests.engine.inprocess import Inside, error

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def buy(inside: Inside, dollars: float, **facts: Any) -> Balance:
    """Record a purchase of Ada's project, made at noon plus so many minutes."""
    balance = Balance.objects.create(
        project=inside.ada.project, amount=dollars, units="usd", **facts
    )
    Balance.objects.filter(pk=balance.pk).update(created=NOON + timedelta(minutes=dollars))
    return balance


async def test_a_project_without_purchases_has_neither_orders_nor_balances(inside: Inside):
    assert (await inside.get(f"{inside.ada.path}/balances")).json() == {"balances": []}
    assert (await inside.get(f"{inside.ada.path}/purchases")).json() == {"orders": []}


async def test_a_purchase_is_an_order_and_a_balance(inside: Inside):
    bought = await in_database(buy, inside, 25.0)
    (order,) = (await inside.get(f"{inside.ada.path}/purchases")).json()["orders"]
    (balance,) = (await inside.get(f"{inside.ada.path}/balances")).json()["balances"]
    assert order["order_id"] == balance["purchase_order_id"] == str(bought.order_id)
    assert (order["amount"], balance["amount"], order["units"]) == (25.0, 25.0, "usd")
    assert order["created"] == "2026-11-20T12:25:00.000Z"
    assert "expiration" not in order


async def test_an_order_that_expires_says_when(inside: Inside):
    await in_database(buy, inside, 1.0, expiration=NOON)
    (order,) = (await inside.get(f"{inside.ada.path}/purchases")).json()["orders"]
    assert order["expiration"] == "2026-11-20T12:00:00.000Z"


@pytest.mark.parametrize(
    ("query", "dollars"),
    [("", [3.0, 2.0, 1.0]), ("limit=2", [3.0, 2.0]), ("limit=1000", [3.0, 2.0, 1.0])],
)
async def test_the_newest_purchases_come_first(inside: Inside, query: str, dollars: list[float]):
    for amount in (1.0, 3.0, 2.0):
        await in_database(buy, inside, amount)
    orders = (await inside.get(f"{inside.ada.path}/purchases?{query}")).json()["orders"]
    assert [order["amount"] for order in orders] == dollars


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "all", "2.5", ""])
async def test_a_number_of_purchases_that_cannot_be_is_rejected(inside: Inside, limit: str):
    assert error(await inside.get(f"{inside.ada.path}/purchases?limit={limit}"))[0] == 400


@pytest.mark.parametrize("change", [str, lambda key: str(key).upper()], ids=["as it is", "capital"])
async def test_a_balance_is_found_by_its_id_in_any_case(inside: Inside, change: Any):
    bought = await in_database(buy, inside, 5.0)
    response = await inside.get(f"{inside.ada.path}/balances/{change(bought.pk)}")
    assert response.json()["balance_id"] == str(bought.pk)


@pytest.mark.parametrize("key", [str(uuid.UUID(int=7)), "none", "0"])
async def test_a_balance_that_is_none_is_a_404(inside: Inside, key: str):
    await in_database(buy, inside, 5.0)
    assert error(await inside.get(f"{inside.ada.path}/balances/{key}")) == (
        404, "BALANCE_NOT_FOUND",
    )  # fmt: skip
