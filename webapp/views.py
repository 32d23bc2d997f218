"""Signing in; liveness and readiness of this server."""

import math
import os
from typing import Any

from allauth.account.forms import LoginForm
from allauth.account.views import LoginView
from allauth.mfa.base.views import AuthenticateView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from transcripts import readiness
from webapp.signin import providers, resuming
from webapp.signin.attempts import ACCOUNTS, CLIENTS
from webapp.signin.hashing import TooManyAttempts, place
from webapp.signin.resuming import Unsent

BUSY_SECONDS = 5


class SignInForm(LoginForm):
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            # Without allauth's placeholders, which repeat the labels.
            field.widget.attrs = {"class": "field"}
            if self.is_bound and self.errors:
                field.widget.attrs |= {"aria-invalid": "true", "aria-describedby": "problem"}
            username = {"autocomplete": "username webauthn", "inputmode": "email"}
            password = {"autocomplete": "current-password"}
            field.widget.attrs |= username if name == "login" else password


class SignIn(LoginView):
    """The sign-in page. Passwords are tried at a bounded pace; see ``attempts`` and ``hashing``."""

    form_class = SignInForm
    template_name = "webapp/sign_in.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        client = request.META.get("REMOTE_ADDR", "")
        account = (client, request.POST.get("login", "").strip().lower()[:254])
        if wait := max(ACCOUNTS.wait(account), CLIENTS.wait(client)):
            return self.too_many(wait)
        self.is_accepted = False
        try:
            with place():
                response: HttpResponse = super().post(request, *args, **kwargs)
        except TooManyAttempts:
            return self.too_many(BUSY_SECONDS)
        if self.is_accepted:
            ACCOUNTS.forget(account)
        else:
            ACCOUNTS.count(account)
            CLIENTS.count(client)
        return response

    def form_valid(self, form: SignInForm) -> HttpResponse:
        self.is_accepted = True
        response = super().form_valid(form)
        return resuming.after_sign_in(self.request, response, self.request.POST.get("unsent", ""))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        unsent = self.request.POST.get("unsent", "")
        kept = resuming.read(unsent) is not None
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return (
            context
            | sign_in_context()
            | {
                "next": context["redirect_field_value"] or "",
                "unsent": unsent if kept else "",
            }
        )

    def too_many(self, seconds: float) -> HttpResponse:
        """The page again, with what was typed, and when to try again."""
        form = self.get_form()
        form.is_bound = False
        form.initial["login"] = self.request.POST.get("login", "")[:254]
        wait = math.ceil(seconds)
        context = self.get_context_data(form=form, too_many=wait)
        headers = {"Retry-After": str(wait)}
        response: HttpResponse = self.render_to_response(context, status=429, headers=headers)
        return response


class SecondFactor(AuthenticateView):
    """The second page of signing in, for a person who has a second factor."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        return resuming.after_sign_in(self.request, response)


@method_decorator(login_not_required, name="dispatch")
class SignOut(LogoutView):
    """Ends the session; of one that has ended already too. Stored pages and audio are dropped."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


def sign_in_context() -> dict[str, Any]:
    """Return the ways to sign in without a password that are set up."""
    return {
        "has_mail": bool(settings.ENV.email.host),
        "oidc_name": settings.ENV.oidc.name if settings.ENV.oidc.url else "",
        "oidc_id": providers.OIDC,
        "saml_name": settings.ENV.saml.name if settings.ENV.saml.metadata_url else "",
        "saml_id": providers.SAML,
    }


def sign_in_to_resume(request: HttpRequest, unsent: Unsent) -> HttpResponse:
    """The sign-in page in response to a form, which it keeps."""
    context = sign_in_context() | {
        "form": SignInForm(request=request),
        "next": unsent.page,
        "unsent": unsent.sign(),
        "has_ended": True,
    }
    return render(request, "webapp/sign_in.html", context, status=401)


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Liveness: 200 while this process serves. It says nothing of what it depends on."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 when a recording can be taken and transcribed, else 503 with the reasons."""
    problems = readiness.problems(readiness.CHECKS | {"broker": broker_writable})
    ready = not any(problems.values())
    parts = {name: problem or "ok" for name, problem in problems.items()}
    status = {"status": "ready" if ready else "not ready"}
    return JsonResponse(status | parts, status=200 if ready else 503)


def broker_writable() -> str:
    """The embedded broker is a folder; another broker only wakes workers and may be down."""
    if settings.CELERY_BROKER_URL != "filesystem://":
        return ""
    return "" if os.access(settings.QUEUE, os.W_OK | os.X_OK) else "the queue folder is missing"
