"""Models of the engine: accounts, the log of requests and its daily sums."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone


def new_project_id() -> str:
    return str(uuid.uuid4())


class Project(models.Model):
    # Text: the SDK's own tests use an id that is not a UUID (docs/contract.md, 15.6).
    project_id = models.CharField(primary_key=True, max_length=64, default=new_project_id)
    name = models.CharField(max_length=200)
    created = models.DateTimeField(default=timezone.now)


class Member(models.Model):
    """A person in a project. ``scopes`` holds role names, scope names or both."""

    member_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, models.CASCADE, related_name="members")
    email = models.EmailField(max_length=254)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    scopes = models.JSONField(default=list)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="member_once")]


class Invite(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="invites")
    email = models.EmailField(max_length=254)
    scope = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="invite_once")]


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


class Request(models.Model):
    """One call of listen, speak, read or the agent; written once, when it is over."""

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

    class Meta:
        indexes = [
            models.Index(fields=["project", "-created"], name="request_newest"),
            models.Index(fields=["project", "endpoint", "-created"], name="request_endpoint"),
        ]


class UsageKind(models.Model):
    """Dimensions of the daily sums: one row for each combination that occurred.

    Lists are texts, ``"\\na\\nb\\n"``: sorted, so that equal combinations are equal rows, with an
    end at every entry, so that any database finds one exactly (``usage.join`` and ``split``).
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


class CallbackJob(models.Model):
    """A call that was answered with its id, until its result is delivered or given up.

    Request and result are files in ``ENVIRONMENT.jobs``, named after the id.
    ``leased_until`` is renewed while a process works on the job: when it is past, the job is
    free, whatever became of who had it.
    """

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

    class Meta:
        indexes = [models.Index(fields=["due"], name="callback_due")]
