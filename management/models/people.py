"""People who sign in."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import Exists
from django.db.models.functions import Lower, Now


class LastAdministrator(Exception):
    """The change would leave the team without an active administrator."""


class LastOwner(Exception):
    """The change would leave a project without an active owner."""


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

    # Reverse relations of allauth's rows, which the type checker does not know.
    usersession_set: Any
    emailaddress_set: Any

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

    def set_administrator(self, is_administrator: bool) -> None:
        """Make this person an administrator of the team or not.

        Raises ``LastAdministrator``.
        """
        with transaction.atomic():
            if not is_administrator:
                self.keep_an_administrator()
            self.is_superuser = self.is_staff = is_administrator
            self.save(update_fields=["is_superuser", "is_staff"])

    def set_active(self, is_active: bool) -> None:
        """Let this person sign in or not. Their sessions and tokens end at once.

        Raises ``LastAdministrator`` and ``LastOwner``.
        """
        with transaction.atomic():
            if not is_active:
                self.keep_an_administrator()
                self.keep_owners()
            self.is_active = is_active
            self.save(update_fields=["is_active"])
            if not is_active:
                self.end_sessions()
                self.tokens.all().delete()

    def keep_an_administrator(self) -> None:
        """Raise ``LastAdministrator`` if nobody else is one. Call it in a transaction."""
        # Locked in one order: of two who remove each other, the second sees what the first did.
        administrators = User.objects.select_for_update().filter(is_superuser=True, is_active=True)
        keys = {user.pk for user in administrators.order_by("pk")}
        if keys == {self.pk}:
            raise LastAdministrator(f"{self} is the only administrator. Make another one first.")

    def keep_owners(self) -> None:
        """Raise ``LastOwner`` if a project has no other active one. Call it in a transaction."""
        # The lock that changes of roles take, in one order.
        list(self.projects.order_by("pk").select_for_update(of=("self",)))
        if only := [str(project) for project in self.projects.owned_by_only(self)]:
            names = ", ".join(only)
            raise LastOwner(f"{self} is the only owner of {names}. Make somebody else owner first.")

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
