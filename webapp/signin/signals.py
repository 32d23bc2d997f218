"""Sign-ins, failures and changes of an account, recorded in the audit log."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as second_factor
from allauth.mfa.models import Authenticator
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


@receiver(second_factor.authentication_failed)
def record_failed_factor(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    kind = authenticator.get_type_display()
    AuditEntry.record(
        Action.SIGN_IN_FAILED, request=request, subject=user.email, second_factor=str(kind)
    )


@receiver([account.password_changed, account.password_set, account.password_reset])
def record_password(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Every other session ends: whoever knew the old password is signed out."""
    user.end_sessions(but=request.session.session_key)
    AuditEntry.record(Action.PASSWORD_CHANGED, request=request, actor=user)


@receiver([second_factor.authenticator_added, second_factor.authenticator_reset])
def record_added_factor(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    kind = str(authenticator.get_type_display())
    AuditEntry.record(Action.SECOND_FACTOR_ADDED, request=request, actor=user, subject=kind)


@receiver(second_factor.authenticator_removed)
def record_removed_factor(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    kind = str(authenticator.get_type_display())
    AuditEntry.record(Action.SECOND_FACTOR_REMOVED, request=request, actor=user, subject=kind)


@receiver(account.email_changed)
def record_email(
    sender: Any, request: HttpRequest, user: User, to_email_address: Any, **kwargs: Any
) -> None:
    before = getattr(kwargs.get("from_email_address"), "email", "")
    subject = to_email_address.email
    AuditEntry.record(
        Action.EMAIL_CHANGED, request=request, actor=user, subject=subject, before=before
    )
