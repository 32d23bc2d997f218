"""Rows that are jobs: the queue itself, claimed for a while by one worker at a time.

Every stage of the work on a recording is such a row, with its own state, attempt, lease and
error. Every moment in it is the database's clock, the one all workers share.
"""

from abc import ABC, ABCMeta, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar, cast

from django.db import models, transaction
from django.db.models import Case, F, Q, When
from django.db.models.base import ModelBase
from django.db.models.functions import Now

from management.models import Connection
from management.servers.pacing import JOB_PAUSE_SECONDS
from transcripts.queue.dispatch import ring_on_commit

# A lease that is not renewed for this long has expired; a worker renews it every RENEW.
LEASE = timedelta(seconds=15)
RENEW = timedelta(seconds=5)
# A lease or a pause that ends later than any could be set was set by a clock that was ahead.
# A worker that is alive renews its lease before another takes the job, so this may be tight.
LEASE_AT_MOST = 2 * LEASE
PAUSE_AT_MOST = timedelta(seconds=JOB_PAUSE_SECONDS + 15)
MAX_DEATHS = 3
CLAIM_TRIES = 8


class State(models.TextChoices):
    """State of a job; a recording shows that of its newest transcription."""

    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Transcribing"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN_STATES = (State.QUEUED, State.RUNNING)

SUSPECT = Q(deaths__gt=0) | Q(failures__gt=0)

Row = TypeVar("Row", bound="Leased")


def due(field: str, at_most: timedelta, late: timedelta = timedelta()) -> Q:
    """Rows whose moment came ``late`` ago, or lies further ahead than ``at_most``.

    The second is left by a clock that was ahead and has been set back.
    """
    return Q(**{f"{field}__lte": Now() - late}) | Q(**{f"{field}__gt": Now() + at_most})


class LeasedQuerySet(models.QuerySet[Row], ABC):
    """Queue of the jobs of one kind; each kind says where its servers and shares are."""

    @abstractmethod
    def on(self, connections: models.QuerySet[Connection]) -> Q:
        """The condition that a job goes to one of these servers.

        Written without a join: it would move the conditions of a claim into a subquery, which
        PostgreSQL does not look at again after waiting for the worker that took the row first.
        """

    @abstractmethod
    def by_share(self) -> Self:
        """In the order in which free threads take them: of those with the least running first.

        A person, then a project, with few running jobs comes before one with many.
        """

    @abstractmethod
    def short(self) -> Self:
        """Jobs that take a thread for a short time only."""

    @abstractmethod
    def with_connection(self) -> Self:
        """With all that a worker needs to reach the server, in one query."""

    def ripe(self) -> Self:
        """Queued jobs whose time has come and whose server is not paused.

        Of the suspects (jobs during which a worker or a server died) one at a time goes to a
        server: the next death then tells which of them is the cause.
        """
        queued = self.filter(due("not_before", PAUSE_AT_MOST), state=State.QUEUED)
        testing = self.model.queue().filter(SUSPECT, state=State.RUNNING)
        held_up = SUSPECT & self.on(testing.connections())
        return queued.exclude(self.on(Connection.objects.paused())).exclude(held_up)

    def overlooked(self, late: timedelta) -> Self:
        """Ripe ones that no worker has taken for that long."""
        return self.ripe().filter(due("not_before", PAUSE_AT_MOST, late))

    @abstractmethod
    def connections(self) -> models.QuerySet[Connection]:
        """The servers that these jobs go to."""

    def abandoned(self) -> Self:
        """Running ones whose worker has let the lease run out."""
        ended = Q(lease_until__lt=Now()) | Q(lease_until__gt=Now() + LEASE_AT_MOST)
        return self.filter(ended, state=State.RUNNING)

    def leased(self) -> Self:
        """Running ones whose worker holds the lease."""
        return self.filter(state=State.RUNNING, lease_until__gt=Now())

    def claim_next(self, short_only: bool) -> Row | None:
        """Take the ripe job that is next by share; None when there is none."""
        free = self.ripe().short() if short_only else self.ripe()
        # Several workers look for the next one at the same time, and only one gets it.
        for pk in free.by_share().values_list("pk", flat=True)[:CLAIM_TRIES]:
            if claimed := self.claim(pk):
                return claimed
        return None

    def claim(self, pk: int, seen_lease: datetime | None = None) -> Row | None:
        """Take a job for LEASE; None when it is not to be had.

        A running one is taken only from a worker that is gone: with ``seen_lease``, the lease
        found run out some seconds ago, and only if it still stands. A worker that lives would
        have renewed it meanwhile, whatever the clocks did.
        """
        if seen_lease is None:
            free = self.ripe()
        else:
            free = self.abandoned().filter(lease_until=seen_lease)
        # While the server works the worker only waits: its death then says nothing about the
        # job it held.
        its_fault = Q(state=State.RUNNING) & ~Q(stage=self.model.waits_in)
        with transaction.atomic():
            # One conditional UPDATE: with get-then-save two workers could both win.
            taken = free.filter(pk=pk).update(
                state=State.RUNNING,
                attempt=F("attempt") + 1,
                deaths=Case(
                    When(its_fault, then=F("deaths") + 1),
                    default=F("deaths"),
                    output_field=models.PositiveIntegerField(),
                ),
                lease_until=Now() + LEASE,
                started_at=Now(),
                sent_at=None,
                bytes_sent=0,
                stage="",
                error="",
            )
            if not taken:
                return None
            row = self.with_connection().get(pk=pk)
            row.moved(State.RUNNING)
            return row


class JobType(ABCMeta, ModelBase):
    """Type of a model that cannot be instantiated while an abstract method is missing."""


class Leased(models.Model, metaclass=JobType):
    """A job: what it is about stands in the concrete models, how it is done stands here.

    They say what a ``stage`` may be and in ``waits_in`` during which one a worker does nothing
    but wait for the server; ``task`` is the Celery task that works on them.
    """

    waits_in: ClassVar[str]
    task: ClassVar[str]

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    stage = models.CharField(max_length=12, blank=True, help_text="step that the worker is at")
    attempt = models.PositiveIntegerField(
        default=0, help_text="number of the attempt; only the newest may write"
    )
    failures = models.PositiveIntegerField(default=0, help_text="attempts that ended in an error")
    deaths = models.PositiveIntegerField(
        default=0, help_text="attempts during which the worker or the server crashed"
    )
    lease_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(
        default=Now, help_text="time at which a user last requested it"
    )
    not_before = models.DateTimeField(default=Now, help_text="no attempt before this time")
    bytes_sent = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=Now)
    started_at = models.DateTimeField(null=True, help_text="start of the present attempt")
    sent_at = models.DateTimeField(null=True, help_text="when the last byte was sent")
    finished_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        is_new = self._state.adding
        super().save(*args, **options)
        if is_new:
            # The database wrote its own moments, see ``Now`` above.
            self.refresh_from_db(fields=["queued_at", "not_before", "created_at"])

    @classmethod
    def queue(cls) -> "LeasedQuerySet[Self]":
        """All rows of the kind."""
        rows: Any = cls._default_manager.all()
        return cast("LeasedQuerySet[Self]", rows)

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """The server that does the work."""

    @property
    def is_short(self) -> bool:
        """Return whether it takes a thread for a short time only."""
        return self.queue().filter(pk=self.pk).short().exists()

    @property
    def is_suspect(self) -> bool:
        """Return whether it may have caused the failure of an attempt."""
        return bool(self.deaths or self.failures)

    def waited_longer_than(self, period: timedelta) -> bool:
        """Return whether that long has passed, by the database's clock, since the last request."""
        return self.queue().filter(pk=self.pk, queued_at__lt=Now() - period).exists()

    def moved(self, state: State) -> None:
        """The job is in this state now; called in the transaction that put it there."""

    def ended(self) -> None:
        """The job has failed for good; called in the transaction that said so."""

    @abstractmethod
    def complete(self, response: Any) -> bool:
        """Store the server's response and the end of the job, all or nothing.

        False when the job is lost: then nothing is stored.
        """

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def wake(self) -> None:
        """Ring for a worker once the transaction is committed."""
        ring_on_commit(self.task, self.pk)

    @property
    def held(self) -> models.QuerySet[Self]:
        """This row while it is still this attempt's: every write of a worker goes through it.

        An UPDATE that finds no row means that the job is lost (taken over or cancelled).
        """
        rows = type(self)._default_manager
        return rows.filter(pk=self.pk, attempt=self.attempt, state=State.RUNNING)

    def renew(self, **progress: Any) -> bool:
        """Extend the lease and note ``progress``; False when the job is lost."""
        return self.held.update(lease_until=Now() + LEASE, **progress) == 1

    def release(
        self, pause: float = 0.0, failed: bool = False, died: bool = False, **trouble: Any
    ) -> None:
        """Return the job to the queue, not to be tried for ``pause`` seconds.

        ``failed`` and ``died`` count the attempt against it; ``trouble`` is its ``error`` and
        ``request_id``.
        """
        self.leave(
            State.QUEUED,
            not_before=Now() + timedelta(seconds=min(pause, JOB_PAUSE_SECONDS)),
            failures=F("failures") + int(failed),
            deaths=F("deaths") + int(died),
            **trouble,
        )

    def fail(self, error: str, request_id: str = "") -> None:
        """End the job for good, with the reason that people read."""
        with transaction.atomic():
            trouble = {"error": error, "request_id": request_id}
            if self.leave(State.FAILED, finished_at=Now(), **trouble):
                self.ended()

    def requeue(self) -> bool:
        """Take a job that failed or was cancelled up again; False when it is neither."""
        rows = type(self)._default_manager
        closed = rows.filter(pk=self.pk, state__in=(State.FAILED, State.CANCELLED))
        taken_up = closed.update(
            state=State.QUEUED,
            stage="",
            failures=0,
            deaths=0,
            queued_at=Now(),
            not_before=Now(),
            finished_at=None,
            error="",
            request_id="",
        )
        if taken_up:
            self.wake()
        return taken_up == 1

    def leave(self, state: State, **values: Any) -> bool:
        """Leave the running state with these values; False when the job is lost."""
        with transaction.atomic():
            if not self.held.update(state=state, lease_until=None, stage="", **values):
                return False
            self.moved(state)
        return True


def lease_indexes(name: str) -> list[models.Index]:
    """Return the indexes that the sweep uses, whatever the number of finished rows."""
    queued, running = Q(state=State.QUEUED), Q(state=State.RUNNING)
    return [
        models.Index(fields=["not_before"], name=f"{name}_queued", condition=queued),
        models.Index(fields=["lease_until"], name=f"{name}_running", condition=running),
    ]


def running_has_a_lease(name: str) -> models.CheckConstraint:
    leased = ~Q(state=State.RUNNING) | Q(lease_until__isnull=False)
    return models.CheckConstraint(condition=leased, name=name)
