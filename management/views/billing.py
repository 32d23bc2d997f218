"""Balances, purchases and costs of the month."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from management.models import Balance, Purchase
from management.spending import cost_splits, line_items_of, this_month
from management.views.mirror import chosen_projects, mirror_notes

SPLITS = (("model", "By model"), ("key", "By key"), ("tag", "By tag"), ("project", "By project"))
MOST_ROWS = 200


@never_cache
@require_safe
def billing(request: HttpRequest) -> HttpResponse:
    """Money of the projects that the person administers."""
    chosen = chosen_projects(request, administered=True)
    month = this_month()
    parts = ["balances", "purchases", "costs", "billing_fields"]
    notes = mirror_notes(chosen.shown, parts, facts_of="billing_fields")
    names = [name for name, _ in SPLITS]
    charts = cost_splits(chosen.shown, month, names, line_items_of(notes.facts))
    balances = Balance.objects.present().filter(project__among=chosen.shown)
    purchases = Purchase.objects.filter(project__among=chosen.shown)
    return render(
        request,
        "management/billing.html",
        {
            "chosen": chosen,
            "month": month,
            "balances": balances.select_related("project")[:MOST_ROWS],
            "purchases": purchases.select_related("project")[:MOST_ROWS],
            "splits": [
                (label, name, charts[name])
                for name, label in SPLITS
                if any(each.series for each in charts.values())
            ],
            "notes": notes,
        },
    )
