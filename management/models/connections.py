"""Servers that speak Deepgram's API."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from management.servers import crypto, pacing


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def active(self) -> "ConnectionQuerySet":
        """Servers that were not removed."""
        return self.filter(removed_at=None)

    def paused(self) -> "ConnectionQuerySet":
        """Servers to which no job goes now.

        A pause that ends later than any could be set was set by a clock that was ahead.
        """
        longest = timedelta(seconds=pacing.RETRY_AFTER_SECONDS)
        return self.filter(retry_at__gt=Now(), retry_at__lte=Now() + longest)

    def to_sync(self) -> "ConnectionQuerySet":
        """Servers whose accounts may be read now: a failed sync waits before the next."""
        longest = timedelta(seconds=pacing.RETRY_AFTER_SECONDS)
        resting = Q(sync__retry_at__gt=Now(), sync__retry_at__lte=Now() + longest)
        return self.active().exclude(resting)

    def encrypt_again(self) -> int:
        """Encrypt every key with the newest secret; return how many."""
        rows = list(self.only("encrypted_key"))
        for row in rows:
            row.encrypted_key = crypto.rotated(row.encrypted_key)
        return self.bulk_update(rows, ["encrypted_key"])


class Connection(models.Model):
    """A server that speaks Deepgram's API: the engine in the box, the hosted one or another."""

    class Kind(models.TextChoices):
        ENGINE = "engine", "Engine in the box"
        HOSTED = "hosted", "Deepgram"
        SELF_HOSTED = "self_hosted", "Self-hosted"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    base_url = models.URLField()
    management_url = models.CharField(
        max_length=200, blank=True, help_text="address of projects and keys, if it is another"
    )
    agent_url = models.CharField(max_length=200, blank=True)
    from_environment = models.BooleanField(
        default=True, help_text="set by environment variables, not on the page"
    )
    api_key_id = models.CharField(
        max_length=100, blank=True, help_text="id of the key, where the server tells"
    )
    key_scopes = models.JSONField(default=list, help_text="of the key, where the server tells")
    encrypted_key = models.BinaryField()
    seen_at = models.DateTimeField(null=True, help_text="time of the last successful request")
    error = models.TextField(
        blank=True, help_text="message of the last failure; empty after a success"
    )
    failures = models.PositiveIntegerField(
        default=0, help_text="failures since the last successful request"
    )
    retry_at = models.DateTimeField(null=True, help_text="no requests before this time")
    removed_at = models.DateTimeField(
        null=True, help_text="when it was removed; its history stays, its key does not"
    )

    objects = ConnectionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def pause(self, error: Exception, retry_after: float | None = None) -> None:
        """The server is down or too busy: no job goes to it before ``retry_at``.

        All jobs of a server share the pause, so a thousand queued recordings knock once.
        ``retry_after`` is the wait in seconds that the server asked for.
        """
        connection = Connection.objects.filter(pk=self.pk)
        # Jobs that fail side by side are one failure of the server.
        if not connection.paused().exists():
            connection.update(failures=F("failures") + 1)
        self.refresh_from_db(fields=["failures"])
        seconds = pacing.pause_seconds(self.failures, pacing.SERVER_PAUSE_SECONDS, retry_after)
        connection.update(retry_at=Now() + timedelta(seconds=seconds), error=str(error))

    def resume(self) -> None:
        """The server has responded: what fails next is a new failure.

        A pause that it asked for is kept; one that was a guess is over in seconds.
        """
        troubled = Connection.objects.filter(pk=self.pk).exclude(failures=0, error="")
        troubled.update(seen_at=Now(), failures=0, error="")

    def mark_seen(self) -> None:
        """Note that the server has listed its projects and models."""
        Connection.objects.filter(pk=self.pk).update(seen_at=Now(), error="")

    def mark_failed(self, error: Exception) -> None:
        """Note why the server could not list them; jobs are not paused for it."""
        Connection.objects.filter(pk=self.pk).update(error=str(error))

    def move_to(self, base_url: str, agent_url: str, api_key: str) -> bool:
        """Use a new address or key, tried at once; False when both are the present ones."""
        if (self.base_url, self.agent_url) == (base_url, agent_url) and self.has_key(api_key):
            return False
        self.base_url, self.agent_url, self.api_key = base_url, agent_url, api_key
        self.failures, self.retry_at = 0, None
        self.save()
        return True

    def forget(self) -> None:
        """Erase the key and use the server no longer. ``remove_connection`` does the rest."""
        self.removed_at, self.api_key = timezone.now(), ""
        self.api_key_id, self.key_scopes, self.error = "", [], ""
        self.save()

    def has_key(self, api_key: str) -> bool:
        """Return whether ``api_key`` is the stored one; False when that cannot be decrypted."""
        try:
            return self.api_key == api_key
        except crypto.UnreadableKey:
            return False

    @property
    def api_key(self) -> str:
        return crypto.decrypt(self.encrypted_key)

    @api_key.setter
    def api_key(self, value: str) -> None:
        self.encrypted_key = crypto.encrypt(value)
