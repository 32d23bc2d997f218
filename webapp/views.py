"""Signing in, and whether this server is well."""

import os
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


class SignInForm(AuthenticationForm):
    """E-mail address and password."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not belong together. "
        "Check both and try again.",
        "inactive": "This account is switched off. Ask an administrator of your team.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "field"
            if self.is_bound and self.errors:
                field.widget.attrs |= {"aria-invalid": "true", "aria-describedby": "problem"}
            if name == "username":
                field.widget.attrs |= {"autocomplete": "username", "inputmode": "email"}


class SignIn(LoginView):
    form_class = SignInForm
    template_name = "webapp/sign_in.html"
    redirect_authenticated_user = True


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the server and what it needs are up, else 503; says which part is not."""
    checks = {"database": database_answers, "migrations": migrations_ran, "broker": broker_writable}
    found = {name: problem_of(check) for name, check in checks.items()}
    well = not any(found.values())
    parts = {name: problem or "ok" for name, problem in found.items()}
    return JsonResponse(
        {"status": "ok" if well else "unavailable", **parts}, status=200 if well else 503
    )


def problem_of(check: Callable[[], str]) -> str:
    try:
        return check()
    except DatabaseError:
        # The driver's words may name hosts and users; the log has them.
        return "the database does not answer"


def database_answers() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def migrations_ran() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} migrations have not run; run manage.py migrate" if waiting else ""


def broker_writable() -> str:
    """The embedded broker is a folder; another broker is only a doorbell and may be down."""
    if settings.CELERY_BROKER_URL != "filesystem://":
        return ""
    return "" if os.access(settings.QUEUE, os.W_OK | os.X_OK) else "the queue folder is not there"
