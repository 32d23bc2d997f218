"""Prices that an operator sets for work on the servers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from management.access import administrators_only, get_permitted
from management.account_forms import PriceForm
from management.models import Action, AuditEntry, Price

MOST_ROWS = 500


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def prices(request: HttpRequest) -> HttpResponse:
    """Every price, and a form to set one."""
    form = PriceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        price = form.apply()
        record(request, price, dollars=price.dollars)
        messages.success(request, f"{price} on {price.connection}: ${price.dollars:g}.")
        return redirect("prices")
    return render(
        request,
        "management/prices.html",
        {"form": form, "prices": Price.objects.select_related("connection")[:MOST_ROWS]},
        status=422 if form.errors else 200,
    )


@require_POST
@administrators_only
def price_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a price."""
    price = get_permitted(request, Price.objects.select_related("connection"), pk)
    price.delete()
    record(request, price, removed=True)
    messages.success(request, f"{price} on {price.connection} has no price any more.")
    return redirect("prices")


def record(request: HttpRequest, price: Price, **facts: Any) -> None:
    server = price.connection.name
    AuditEntry.record(
        Action.PRICE_CHANGED, request=request, subject=str(price), server=server, **facts
    )
