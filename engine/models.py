"""Models of the engine: accounts, the log of requests and its daily sums."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import models, transaction
from django.db.models import F, Min, Q, Sum, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from engine.scopes import role_of


class LastOwner(Exception):
    """The change would leave a project without an owner."""


class AlreadyMember(Exception):
    """The e-mail address of an invite is that of a member."""


def new_project_id() -> str:
    return str(uuid.uuid4())


class Project(models.Model):
    # Text: the SDK's own tests use an id that is not a UUID (docs/contract.md, 15.6).
    project_id = models.CharField(primary_key=True, max_length=64, default=new_project_id)
    name = models.CharField(max_length=200)
    created = models.DateTimeField(default=timezone.now)

    def spent_dollars(self) -> float:
        """Return the total cost of the project, at the prices of each request's time."""
        return self.usage_days.aggregate(sum=Sum("dollars"))["sum"] or 0.0

    def remaining_balances(self) -> list[tuple[Balance, float]]:
        """Return the remaining amount of each purchase; the oldest is spent first."""
        balances = list(self.balances.order_by("created"))
        dollars = [balance for balance in balances if balance.units == "usd"]
        spent = self.spent_dollars() - dollars[0].spent_before if dollars else 0.0
        remaining = []
        for balance in balances:
            taken = min(spent, balance.amount) if balance.units == "usd" else 0.0
            spent -= taken
            remaining.append((balance, round(balance.amount - taken, 6)))
        return remaining

    def has_credit(self) -> bool:
        """Return whether dollars are left; a project without purchases has no limit."""
        dollars = [left for balance, left in self.remaining_balances() if balance.units == "usd"]
        return not dollars or sum(dollars) > 0

    def add_credit(self, amount: float, units: str) -> Balance:
        """Record a purchase and the balance it opens; earlier costs are not deducted from it."""
        return self.balances.create(amount=amount, units=units, spent_before=self.spent_dollars())

    def invite(self, email: str, scope: str) -> Invite:
        """Invite ``email`` with a role, in place of an earlier invite. Raises ``AlreadyMember``."""
        if self.members.filter(email__iexact=email).exists():
            raise AlreadyMember
        invite, _ = self.invites.update_or_create(email=email.lower(), defaults={"scope": scope})
        return invite


class Member(models.Model):
    """A user in a project. ``scopes`` holds role names, scope names or both."""

    member_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    email = models.EmailField(max_length=254)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="member_once")]

    @property
    def is_owner(self) -> bool:
        return role_of(self.scopes) == "owners"

    def change_scopes(self, scopes: list[str]) -> None:
        """Replace the scopes. Raises ``LastOwner``."""
        with transaction.atomic():
            if role_of(scopes) != "owners":
                self._require_another_owner()
            self.scopes = scopes
            self.save(update_fields=["scopes"])

    def remove(self) -> None:
        """Delete the member with all their keys. Raises ``LastOwner``."""
        with transaction.atomic():
            self._require_another_owner()
            self.delete()

    def _require_another_owner(self) -> None:
        if not self.is_owner:
            return
        # Locked: two owners who leave at the same time would each find the other.
        members = list(Member.objects.select_for_update().filter(project_id=self.project_id))
        if not any(other.is_owner for other in members if other.pk != self.pk):
            raise LastOwner


class Invite(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="invites")
    email = models.EmailField(max_length=254)
    scope = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="invite_once")]

    def accept(self) -> Member:
        """Make the invited user a member, with the scope of the invite, and end the invite."""
        with transaction.atomic():
            member, _ = Member.objects.get_or_create(
                project_id=self.project_id, email=self.email, defaults={"scopes": [self.scope]}
            )
            self.delete()
        return member


class KeyQuerySet(models.QuerySet["Key"]):
    def active(self) -> KeyQuerySet:
        return self.filter(Q(expiration_date=None) | Q(expiration_date__gt=timezone.now()))

    def expired(self) -> KeyQuerySet:
        return self.filter(expiration_date__lte=timezone.now())


class Key(models.Model):
    """An API key: ``prefix`` finds it, ``digest`` (SHA-256) verifies it, its text is not kept."""

    api_key_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="keys")
    member = models.ForeignKey(Member, models.CASCADE, related_name="keys")
    comment = models.CharField(max_length=500)
    scopes = models.JSONField(default=list)
    tags = models.JSONField(default=list)
    prefix = models.CharField(max_length=16, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    created = models.DateTimeField(default=timezone.now)
    expiration_date = models.DateTimeField(null=True, blank=True)
    last_used = models.DateTimeField(null=True, blank=True)

    objects = KeyQuerySet.as_manager()


class RequestQuerySet(models.QuerySet["Request"]):
    def succeeded(self) -> RequestQuerySet:
        return self.filter(code__lt=300)

    def failed(self) -> RequestQuerySet:
        return self.filter(code__gte=400)

    def matching(
        self, start: datetime | None = None, end: datetime | None = None, **columns: Any
    ) -> RequestQuerySet:
        """Requests created from ``start`` to before ``end`` with these ``columns``.

        An empty value is no condition.
        """
        conditions = {"created__gte": start, "created__lt": end, **columns}
        return self.filter(**{name: value for name, value in conditions.items() if value})

    def purge(self, days: int) -> int:
        """Delete requests older than ``days`` and return their number; the daily sums stay."""
        return self.filter(created__lt=timezone.now() - timedelta(days=days)).delete()[0]


class Request(models.Model):
    """A request for listen, speak, read or the agent, written once, when it has ended."""

    request_id = models.UUIDField(primary_key=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="requests")
    # No foreign key: the log outlives the key.
    accessor = models.UUIDField()
    created = models.DateTimeField()
    completed = models.DateTimeField()
    path = models.TextField()
    endpoint = models.CharField(max_length=16)
    method = models.CharField(max_length=16)  # sync, async, streaming
    deployment = models.CharField(max_length=16)
    code = models.PositiveSmallIntegerField()
    callback = models.TextField(blank=True)
    details = models.JSONField(default=dict)  # durations, models, options, tags

    objects = RequestQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["project", "-created"], name="request_newest"),
            models.Index(fields=["project", "endpoint", "-created"], name="request_endpoint"),
        ]


class UsageKind(models.Model):
    """Dimensions of the daily sums: one row for each combination that occurred.

    Lists are texts, ``"\\na\\nb\\n"``: sorted, so that equal combinations are equal rows, with an
    end at every entry, so that any database finds one exactly.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_kinds")
    fingerprint = models.CharField(max_length=64)  # SHA-256 of all the others
    accessor = models.UUIDField()
    endpoint = models.CharField(max_length=16)
    method = models.CharField(max_length=16)
    deployment = models.CharField(max_length=16)
    model_ids = models.TextField()
    feature_set = models.TextField()
    tags = models.TextField()
    language = models.CharField(max_length=16, blank=True)
    line_item = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "fingerprint"], name="usage_kind_once")
        ]

    @staticmethod
    def join(entries: Iterable[str]) -> str:
        """Return a list as its text: sorted, without repetition."""
        return "".join(f"\n{entry}" for entry in sorted(set(entries))) + "\n"

    @staticmethod
    def split(text: str) -> list[str]:
        """Return the entries of a text that ``join`` has made."""
        return text.split("\n")[1:-1]


class UsageDayQuerySet(models.QuerySet["UsageDay"]):
    def period(self, start: date | None, end: date | None) -> tuple[date, date]:
        """Return the first and the last day of a report: by default all days until today."""
        end = end or timezone.now().date()
        if start is None:
            start = min(self.aggregate(first=Min("day"))["first"] or end, end)
        return start, end

    def between(self, start: date, end: date) -> UsageDayQuerySet:
        return self.filter(day__range=(start, end))

    def kinds(self) -> models.QuerySet[UsageKind]:
        return UsageKind.objects.filter(pk__in=self.values("kind"))

    def of_kind(self, **columns: Any) -> UsageDayQuerySet:
        """Days of the kinds with these columns. An empty value is no condition."""
        return self.filter(**{f"kind__{name}": value for name, value in columns.items() if value})

    def with_any(self, column: str, entries: Iterable[str]) -> UsageDayQuerySet:
        """Days of the kinds that have one of ``entries`` in a list; without entries all days."""
        condition = Q()
        for entry in entries:
            condition |= self._has(column, entry)
        return self.filter(condition)

    def without(self, column: str, entries: Iterable[str]) -> UsageDayQuerySet:
        """Days of the kinds that have none of ``entries`` in a list."""
        return self.filter(*(~self._has(column, entry) for entry in entries))

    @staticmethod
    def _has(column: str, entry: str) -> Q:
        # Not `contains`: SQLite compares that without regard to case.
        return Q(GreaterThan(StrIndex(f"kind__{column}", Value(f"\n{entry}\n")), 0))


class UsageDay(models.Model):
    """The sums of one kind on one day (UTC), beside the log and in its transaction."""

    kind = models.ForeignKey(UsageKind, models.CASCADE, related_name="days")
    project = models.ForeignKey(Project, models.CASCADE, related_name="usage_days")
    day = models.DateField()
    requests = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)  # of audio, as long as the recording
    channel_seconds = models.FloatField(default=0)  # of audio, times its processed channels
    agent_seconds = models.FloatField(default=0)
    tokens_in = models.PositiveBigIntegerField(default=0)
    tokens_out = models.PositiveBigIntegerField(default=0)
    characters = models.PositiveBigIntegerField(default=0)
    dollars = models.FloatField(default=0)  # at the prices of the moment

    objects = UsageDayQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "day"], name="usage_day_once")]
        indexes = [models.Index(fields=["project", "day"], name="usage_day_project")]


class Balance(models.Model):
    balance_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="balances")
    amount = models.FloatField()  # what was bought; what is spent is taken off when it is shown
    spent_before = models.FloatField(default=0)  # dollars of the project, not taken off
    units = models.CharField(max_length=8, default="usd")
    order_id = models.UUIDField(default=uuid.uuid4)
    order_type = models.CharField(max_length=32, default="promotional")
    created = models.DateTimeField(default=timezone.now)
    expiration = models.DateTimeField(null=True, blank=True)


class AgentConfiguration(models.Model):
    agent_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="agents")
    config = models.JSONField()
    metadata = models.JSONField(default=dict)
    api_version = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)


class AgentVariable(models.Model):
    """A value that agent configurations of a project refer to (docs/contract.md, 14.8)."""

    KEY = re.compile(r"DG_[A-Z0-9_]+")

    variable_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="agent_variables")
    key = models.CharField(max_length=100)
    value = models.JSONField(null=True)  # null is a value
    api_version = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "key"], name="agent_variable_once")
        ]


class DistributionCredentials(models.Model):
    distribution_credentials_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="distribution_credentials")
    member = models.ForeignKey(Member, models.CASCADE)
    provider = models.CharField(max_length=32)
    comment = models.CharField(max_length=500, blank=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)


class CallbackJobQuerySet(models.QuerySet["CallbackJob"]):
    def due(self, retry_pause: timedelta) -> CallbackJobQuerySet:
        """Jobs that no process works on and whose time has come, the longest due first."""
        now = timezone.now()
        # A time further ahead than any that is ever set comes from a clock that was ahead.
        ripe = Q(due__lte=now) | Q(due__gt=now + retry_pause + CallbackJob.LEASE)
        return self.filter(ripe, leased_until__lte=now).order_by("due")

    def free_leases_ahead(self) -> None:
        """End the leases that a clock which was ahead has set: later than a live engine's."""
        now = timezone.now()
        self.filter(leased_until__gt=now + 2 * CallbackJob.LEASE).update(leased_until=now)

    def claim_due(
        self, places: int, retry_pause: timedelta, has_files: Callable[[CallbackJob], bool]
    ) -> list[CallbackJob]:
        """Lease up to ``places`` due jobs.

        Of several engines with one database, only the one with the files of a job can do it.
        """
        claimed: list[CallbackJob] = []
        for job in self.due(retry_pause)[: 4 * places]:
            if len(claimed) == places:
                break
            if has_files(job) and job.claim():
                claimed.append(job)
        return claimed


class CallbackJob(models.Model):
    """A request that got its id as the response, until its result is delivered or given up.

    Request and result are files, named after the id. ``leased_until`` is renewed while a process
    works on the job: once it is past, another process may take the job.
    """

    LEASE = timedelta(seconds=20)

    request_id = models.UUIDField(primary_key=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="callback_jobs")
    accessor = models.UUIDField()
    created = models.DateTimeField()
    kind = models.CharField(max_length=16)  # listen, read, speak
    path = models.CharField(max_length=32)
    query = models.TextField()
    content_type = models.CharField(max_length=100)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    tags = models.JSONField(default=list)
    url = models.TextField()
    http_method = models.CharField(max_length=4)
    # What is to be delivered; empty until the work is done.
    result_type = models.CharField(max_length=100, blank=True)
    result_headers = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)  # deliveries that failed
    due = models.DateTimeField()
    leased_until = models.DateTimeField(default=timezone.now)

    objects = CallbackJobQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["due"], name="callback_due")]

    def body_file(self, folder: Path) -> Path:
        return folder / f"{self.request_id}.body"

    def result_file(self, folder: Path) -> Path:
        return folder / f"{self.request_id}.result"

    def claim(self) -> bool:
        """Lease a free job; False when another process has it."""
        now = timezone.now()
        free = CallbackJob.objects.filter(pk=self.pk, leased_until__lte=now)
        return free.update(leased_until=now + self.LEASE) == 1

    def renew(self) -> None:
        """Extend the lease of a job that is worked on."""
        rows = CallbackJob.objects.filter(pk=self.pk)
        rows.update(leased_until=timezone.now() + self.LEASE)

    def postpone(self, pause: timedelta) -> None:
        """Count a failed delivery and free the job, due again after ``pause``."""
        now = timezone.now()
        CallbackJob.objects.filter(pk=self.pk).update(
            attempts=F("attempts") + 1, due=now + pause, leased_until=now
        )
