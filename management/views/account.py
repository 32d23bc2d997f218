"""The account page of the signed-in person."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from management.access import person
from management.forms import EmailForm, ProfileForm
from management.models import Action, AuditEntry, User

PAGE = ["GET", "HEAD", "POST"]


@never_cache
@require_http_methods(PAGE)
def account(request: HttpRequest) -> HttpResponse:
    """The person's profile, sign-in, second factors, sessions and API tokens."""
    user = person(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("account")
    if form.errors:
        user.refresh_from_db()  # the rail shows the stored name
    status = 422 if form.errors else 200
    context = {"form": form} | second_factors(user) | sign_in_facts(user)
    return render(request, "management/account.html", context, status=status)


def second_factors(user: User) -> dict[str, Any]:
    """The authenticators of a person, by kind."""
    kind = Authenticator.Type
    found = list(Authenticator.objects.filter(user=user).order_by("pk"))
    return {
        "totp": next((each for each in found if each.type == kind.TOTP), None),
        "passkeys": [each for each in found if each.type == kind.WEBAUTHN],
        "has_codes": any(each.type == kind.RECOVERY_CODES for each in found),
    }


def sign_in_facts(user: User) -> dict[str, Any]:
    """Sessions that have not ended, newest first, and an address that waits for its link."""
    UserSession.objects.purge_and_list(user)
    waiting = EmailAddress.objects.filter(user=user, verified=False).exclude(
        email__iexact=user.email
    )
    return {
        "tokens": list(user.tokens.all()),
        "sessions": list(user.usersession_set.order_by("-last_seen_at")),
        "waiting_email": waiting.values_list("email", flat=True).first(),
    }


@require_POST
def account_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme that was chosen in the rail's menu."""
    theme = request.POST.get("theme", "")
    if theme in User.Theme.values:
        User.objects.filter(pk=person(request).pk).update(theme=theme)
    return HttpResponse(status=204)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(PAGE)
def account_email(request: HttpRequest) -> HttpResponse:
    """Change the address: by a link that is sent there, or at once without a mail server."""
    user, has_mail = person(request), bool(settings.ENV.email.host)
    form = EmailForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        email, before = form.cleaned_data["email"], user.email
        if has_mail:
            EmailAddress.objects.filter(user=user, verified=False).delete()
            EmailAddress.objects.add_email(request, user, email, confirm=True)
            messages.success(request, f"A link was sent to {email}. Open it to use this address.")
        else:
            user.change_email(email)
            AuditEntry.record(Action.EMAIL_CHANGED, request=request, subject=email, before=before)
            messages.success(request, f"From now on you sign in with {email}.")
        return redirect("account")
    status = 422 if form.errors else 200
    return render(
        request, "management/email.html", {"form": form, "has_mail": has_mail}, status=status
    )


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End another session of this person."""
    session = get_object_or_404(person(request).usersession_set, pk=pk)
    session.end()
    AuditEntry.record(Action.SESSIONS_ENDED, request=request, subject=session.user_agent)
    messages.success(request, "The session has ended.")
    return redirect("account")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """End every session of this person but this one."""
    count = person(request).end_sessions(but=request.session.session_key)
    AuditEntry.record(Action.SESSIONS_ENDED, request=request, count=count)
    messages.success(request, "All other sessions have ended.")
    return redirect("account")
