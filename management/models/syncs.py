"""State of the mirror: one sync a connection at a time, and what each part of it came to."""

from datetime import timedelta

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from management.models.connections import Connection
from management.models.projects import Project

LEASE = timedelta(seconds=60)
RENEW_SECONDS = 15.0


class LostLease(Exception):
    """Another worker has taken the sync over; this one writes nothing more."""


class SyncQuerySet(models.QuerySet["Sync"]):
    def free(self) -> "SyncQuerySet":
        """Syncs that no worker holds.

        A lease that ends later than any could be set was set by a clock that was ahead.
        """
        ended = Q(lease_until=None) | Q(lease_until__lte=Now())
        return self.filter(ended | Q(lease_until__gt=Now() + 2 * LEASE))

    def claim(self, connection: Connection) -> "Sync | None":
        """Take the sync of a connection; None while another worker holds it."""
        self.get_or_create(connection=connection)
        # One conditional UPDATE: with get-then-save two workers could both win.
        free = self.free().filter(connection=connection)
        if not free.update(lease_until=Now() + LEASE, attempt=F("attempt") + 1):
            return None
        return self.select_related("connection").get(connection=connection)


class Sync(models.Model):
    """Sync of one connection's account. Its moments are those of the database's clock.

    ``position`` is how far the present sync has come, None between two: one that was interrupted
    continues there.
    """

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="sync")
    attempt = models.PositiveIntegerField(default=0, help_text="fences every write of a worker")
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="start of the newest sync")
    finished_at = models.DateTimeField(null=True, help_text="end of the newest complete sync")
    position = models.JSONField(null=True, help_text="id of the project and name of the part")
    steps = models.PositiveIntegerField(default=0, help_text="parts of all projects")
    steps_done = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="in a row, of the server")
    retry_at = models.DateTimeField(null=True, help_text="no sync before this")
    failed_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="why the newest sync did not complete")
    request_id = models.CharField(max_length=100, blank=True)

    objects = SyncQuerySet.as_manager()

    @property
    def is_under_way(self) -> bool:
        return self.position is not None

    def hold(self, **values: object) -> None:
        """Write ``values`` and renew the lease. Raises ``LostLease``.

        Called first in each transaction that writes rows of the mirror: of two workers, only
        the one that holds the lease writes.
        """
        rows = Sync.objects.filter(pk=self.pk, attempt=self.attempt, lease_until__isnull=False)
        if not rows.update(lease_until=Now() + LEASE, **values):
            raise LostLease
        for name, value in values.items():
            setattr(self, name, value)

    def release(self, **values: object) -> None:
        """Write ``values`` and let others take the sync; nothing when it is lost."""
        rows = Sync.objects.filter(pk=self.pk, attempt=self.attempt)
        rows.update(lease_until=None, **values)


class SyncPart(models.Model):
    """Newest outcome of one part of the mirror, of a project or of a connection as a whole.

    A row is written when the outcome changes, so that a sync without changes writes none.
    """

    class State(models.TextChoices):
        OK = "ok", "Up to date"
        SCOPE = "scope", "The key lacks a scope"
        REJECTED = "rejected", "The key is not accepted"
        ABSENT = "absent", "Not offered by this server"
        FAILED = "failed", "Failed"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="sync_parts")
    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="sync_parts")
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.OK)
    status = models.PositiveIntegerField(null=True, help_text="HTTP status of the error")
    scope = models.CharField(max_length=60, blank=True, help_text="scope that the key lacks")
    error = models.TextField(blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    changed_at = models.DateTimeField(default=Now, help_text="when it came to this outcome")
    cursor = models.JSONField(default=dict, help_text="how far an incremental part has come")
    facts = models.JSONField(default=dict, help_text="lists that have no table of their own")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_row_a_part_a_project"),
            models.UniqueConstraint(
                fields=["connection", "name"],
                name="one_row_a_part_a_connection",
                condition=Q(project=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"

    def note(self, sync: Sync, **outcome: object) -> None:
        """Write an outcome if it differs from the present one. Raises ``LostLease``."""
        if all(getattr(self, name) == value for name, value in outcome.items()):
            return
        with transaction.atomic():
            sync.hold()
            moment = {} if self.state == outcome.get("state", self.state) else {"changed_at": Now()}
            SyncPart.objects.filter(pk=self.pk).update(**outcome, **moment)
        for name, value in outcome.items():
            setattr(self, name, value)
