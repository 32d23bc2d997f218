"""Sign-ins, failed ones and sign-outs, recorded in the audit log."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from management.models import Action, AuditEntry, User


@receiver(user_logged_in)
def record_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    AuditEntry.record(Action.SIGN_IN, request=request, actor=user)


@receiver(user_logged_out)
def record_sign_out(
    sender: Any, request: HttpRequest, user: User | None = None, **kwargs: Any
) -> None:
    if user is not None:
        AuditEntry.record(Action.SIGN_OUT, request=request, actor=user)


@receiver(user_login_failed)
def record_failure(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """The address that was entered, which may be that of nobody."""
    entered = str(credentials.get("email") or credentials.get("username") or "")
    AuditEntry.record(Action.SIGN_IN_FAILED, request=request, subject=entered)
