"""People who sign in."""

from typing import ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Exists
from django.db.models.functions import Lower, Now


class People(BaseUserManager["User"]):
    """Users, found by e-mail in any case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save()
        return user

    def is_signed_in(self, user_id: int, session_key: str) -> bool:
        """Return whether this session is still one of this active user: one query, for sockets.

        False once the session ended, expired, or its person signed out or was deactivated.
        """
        session = Session.objects.filter(session_key=session_key, expire_date__gt=Now())
        return self.filter(Exists(session), pk=user_id, is_active=True).exists()

    def first_administrator(self) -> "User | None":
        """The oldest active administrator, who owns what nobody else does."""
        return self.filter(is_superuser=True, is_active=True).order_by("pk").first()

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person who signs in with an e-mail address. A superuser administers the team."""

    class Theme(models.TextChoices):
        SYSTEM = "", "System"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)
    theme = models.CharField(max_length=5, choices=Theme, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="of the browser if empty")
    dates_language = models.CharField(max_length=10, blank=True, help_text="English if empty")
    seen_at = models.DateTimeField(null=True, help_text="when a page was last opened")

    objects: ClassVar[People] = People()  # type: ignore[assignment]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_account_an_email_address")]

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def note_seen(self, session_key: str) -> None:
        """Note that this person has just opened a page in this session."""
        User.objects.filter(pk=self.pk).update(seen_at=Now())
        self.usersession_set.filter(session_key=session_key).update(last_seen_at=Now())

    def end_sessions(self, but: str | None = None) -> int:
        """End the sessions of this person, ``but`` the one with that key; return the count."""
        ended = [each for each in self.usersession_set.all() if each.session_key != but]
        for session in ended:
            session.end()
        return len(ended)

    def change_email(self, email: str) -> None:
        """Sign in with another address from now on, and no longer with the present one."""
        with transaction.atomic():
            self.email = email
            self.save(update_fields=["email"])
            self.emailaddress_set.all().delete()

    @property
    def name(self) -> str:
        """The full name as the person writes it."""
        return self.get_full_name()

    @name.setter
    def name(self, value: str) -> None:
        # Not every name has two parts: the whole is kept in the first field.
        self.first_name, self.last_name = value.strip(), ""
