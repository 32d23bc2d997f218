"""allauth's adapters: its words, its client addresses, its secrets and who may have an account."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ResetPasswordKeyForm
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from management.models import Action, AuditEntry, User
from management.servers import crypto

WRONG_PASSWORD = "Wrong e-mail address or password. Check both and try again."  # noqa: S105
WRONG_CODE = "This code is not valid, or it was used already. Wait for the next one and try again."
TOO_MANY = "Too many attempts. Try again in a few minutes."


class AccountAdapter(DefaultAccountAdapter):
    """Accounts with a password. Failed attempts are limited by ``webapp.signin.attempts``."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": WRONG_PASSWORD,
        "incorrect_password": "Wrong password. Try again.",
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        # uvicorn sets it from the proxy's headers; it is empty on a Unix socket.
        return request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 an unknown address

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """No limit of allauth's own: it would be a second one with other words."""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")


class NewPasswordForm(ResetPasswordKeyForm):
    """The new password, once: a person who mistypes it gets another link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors, whose secrets are encrypted at rest."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": WRONG_CODE}

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text.encode())

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def _get_site_name(self) -> str:
        return "Earshot"


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Accounts of the team's identity provider: people who have one here, by verified address.

    Others get one if their domain is allowed (``EARSHOT_SIGN_UP_DOMAINS``), which it is not by
    default. They are in no project until somebody makes them a member.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        # allauth makes the account with the first address; the provider has to vouch for it.
        first = next(iter(sociallogin.email_addresses), None)
        if first is None or not first.verified:
            return False
        return first.email.rpartition("@")[2].lower() in settings.ENV.sign_up_domains

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        provider = sociallogin.account.get_provider().name
        AuditEntry.record(
            Action.PERSON_CREATED, request=request, actor=user, subject=user.email, by=provider
        )
        return user
