"""API tokens of people: what a program uses in place of a session."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from management import tokentext
from management.models.people import User
from network import keyformat

USE_IS_NOTED_EVERY = timedelta(minutes=1)


class TokenQuerySet(models.QuerySet["Token"]):
    def usable(self) -> "TokenQuerySet":
        """Tokens that have not expired, of people who may sign in."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
        return self.filter(unexpired, user__is_active=True)

    def of(self, text: str) -> "Token | None":
        """Return the token that was sent as ``text``, with its user; None when it is not valid.

        One query, and none for a text that has not the form of a token.
        """
        if not keyformat.is_whole(text, tokentext.PERSON):
            return None
        return self.usable().select_related("user").filter(digest=keyformat.digest(text)).first()

    def make(
        self, user: User, name: str, *, may_write: bool, days: int | None
    ) -> "tuple[Token, str]":
        """Make a token for ``days``, or without an end; return it and its text, shown once."""
        text = keyformat.make(tokentext.PERSON)
        token = self.create(
            user=user,
            name=name,
            prefix=keyformat.prefix(text),
            digest=keyformat.digest(text),
            may_write=may_write,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        return token, text


class Token(models.Model):
    """A personal API token: it may do what its person may, or only read it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20)
    digest = models.CharField(max_length=64, unique=True)
    may_write = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        """Return whether it no longer works for its age."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def note_use(self) -> None:
        """Note that it was used just now; written at most once a minute."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > USE_IS_NOTED_EVERY:
            Token.objects.filter(pk=self.pk).update(last_used_at=now)
