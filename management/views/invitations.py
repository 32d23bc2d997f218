"""Accepting an invitation."""

from allauth.account.utils import perform_login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from management.forms import AcceptForm
from management.models import Action, AuditEntry, Invitation


@never_cache
@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Make the account of an invitation and sign its person in. The link works once."""
    found = Invitation.objects.of(token)
    if found is None:
        return render(request, "management/invitation_gone.html", status=410)
    if request.user.is_authenticated:
        return render(request, "management/invitation_signed_in.html", {"invitation": found})
    form = AcceptForm(request.POST or None, email=found.email)
    if request.method == "POST" and form.is_valid():
        user = found.accept(**form.cleaned_data)
        if user is None:
            return render(request, "management/invitation_gone.html", status=410)
        AuditEntry.record(Action.INVITATION_ACCEPTED, request=request, actor=user)
        response: HttpResponse = perform_login(request, user)
        return response
    status = 422 if form.errors else 200
    context = {"form": form, "invitation": found}
    return render(request, "management/invitation.html", context, status=status)
