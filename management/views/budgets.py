"""Budgets: what is spent of each, and a form for those who may change it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from management.access import person
from management.account_forms import BudgetForm
from management.models import Action, AuditEntry, Budget, Project
from management.models.budgets import BudgetQuerySet
from management.views.mirror import chosen_projects, mirror_notes

PAGE_ROWS = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: HttpRequest) -> HttpResponse:
    """Budgets of the team and of the projects that the person is in."""
    user = person(request)
    chosen = chosen_projects(request)
    owned = Project.objects.owned_by(user)
    form = None
    if request.method == "POST":
        form = BudgetForm(request.POST, owned=owned, user=user)
        if not form.is_permitted:
            raise Http404
        if form.is_valid():
            form.apply()
            AuditEntry.record(
                Action.BUDGET_CHANGED, request=request, subject=form.subject,
                project=form.cleaned_data["project"], **form.facts,
            )  # fmt: skip
            messages.success(request, form.sentence)
            return redirect("budgets")
    elif user.is_superuser or owned.exists():
        form = BudgetForm(owned=owned, user=user)
    by_name = F("project__name").asc(nulls_first=True)
    listed = Budget.objects.visible_to(user).select_related("project").order_by(by_name, "pk")
    page = Paginator(listed, PAGE_ROWS).get_page(request.GET.get("page"))
    shown = page.object_list
    assert isinstance(shown, BudgetQuerySet)
    context = {
        "usages": shown.usages(),
        "page": page,
        "form": form,
        "notes": mirror_notes(chosen.shown, ["costs"]),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "management/budgets.html", context, status=status)
