"""Budgets: what is spent of each, and a form for those who may change it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from management.access import person
from management.account_forms import BudgetForm
from management.models import Action, AuditEntry, Budget, Project
from management.views.mirror import mirror_notes
from management.views.usage import usage_projects


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def budgets(request: HttpRequest) -> HttpResponse:
    """Budgets of the team and of the projects that the person is in."""
    user = person(request)
    chosen = usage_projects(request)
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
    listed = Budget.objects.visible_to(user).select_related("project").order_by("project__name")
    context = {
        "usages": listed.usages(),
        "form": form,
        "notes": mirror_notes(chosen.shown, ["costs"]),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "management/budgets.html", context, status=status)
