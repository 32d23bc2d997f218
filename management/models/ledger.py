"""Ledger of requests: the server's log, kept longer than the server keeps it."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from django.db import connections, models
from django.db.models import Count, F, Q
from django.db.models.functions import Cast, TruncDate

from management.models.people import User
from management.models.projects import Project

FAILED_FROM = 400


class RequestQuerySet(models.QuerySet["Request"]):
    def administered_by(self, user: User) -> "RequestQuerySet":
        """Requests of the projects that this person administers."""
        return self.filter(project__in=Project.objects.administered_by(user))

    def failed(self) -> "RequestQuerySet":
        # Written into the SQL: with a parameter, SQLite reads each row to compare its code again,
        # although the index has no others.
        failed_from = models.Func(template=str(FAILED_FROM), output_field=models.IntegerField())
        return self.filter(code__gte=failed_from)

    def succeeded(self) -> "RequestQuerySet":
        return self.filter(code__lt=300)

    def tagged(self, tag: str) -> "RequestQuerySet":
        """Requests with this tag."""
        if connections[self.db].features.supports_json_field_contains:
            return self.filter(tags__contains=[tag])
        # As text: SQLite has no lookup for the entries of a JSON list.
        return self.annotate(tag_text=Cast("tags", models.TextField())).filter(
            tag_text__contains=json.dumps(tag)
        )

    def below(self, pk: int) -> "RequestQuerySet":
        """Requests below that one in the order of the ledger, newest first."""
        row = Request.objects.filter(pk=pk).values_list("created", "pk").first()
        if row is None:
            return self.none()
        # The first condition alone lets the database walk the index from that moment on.
        created, pk = row
        return self.filter(created__lte=created).exclude(created=created, pk__gte=pk)

    def between(self, start: datetime, end: datetime) -> "RequestQuerySet":
        """Requests from ``start`` on and before ``end``."""
        return self.filter(created__gte=start, created__lt=end)

    def between_ends(self, start: datetime, end: datetime) -> "Iterator[tuple[datetime, datetime]]":
        """Yield beginnings and ends of requests that began from ``start`` on and before ``end``."""
        ended = self.between(start, end).filter(ended__gte=F("created")).order_by("created")
        for created, last in ended.values_list("created", "ended").iterator(2000):
            if last is not None:
                yield created, last

    def counted_by_day(self, field: str) -> "list[tuple[date, Any, int]]":
        """Return triples of a day (UTC), a value of ``field`` and the number of its requests."""
        days = self.annotate(day=TruncDate("created", tzinfo=UTC)).values("day", field)
        counted = days.annotate(count=Count("*")).order_by("day")
        return [(row["day"], row[field], row["count"]) for row in counted]


class Request(models.Model):
    """One request to the server, as its log describes it; rows are added and never changed."""

    # Without an index of its own: SQLite would take it for the newest requests of many projects,
    # and sort all of them. Other indexes begin with the project.
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="requests")
    request_id = models.CharField(max_length=100)
    created = models.DateTimeField()
    ended = models.DateTimeField(null=True, help_text="when it was complete, where the log says")
    endpoint = models.CharField(max_length=20, blank=True)
    method = models.CharField(max_length=20, blank=True)
    path = models.TextField(blank=True, help_text="with its query")
    code = models.IntegerField(default=0)
    api_key_id = models.CharField(max_length=100, blank=True)
    deployment = models.CharField(max_length=40, blank=True)
    callback = models.TextField(blank=True)
    model = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list)
    seconds = models.FloatField(null=True, help_text="length of the audio")
    characters = models.BigIntegerField(null=True)
    dollars = models.FloatField(null=True)
    response = models.JSONField(default=dict, help_text="what the log says of the response")

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "request_id"], name="one_row_a_request")
        ]
        indexes = [
            models.Index(fields=["-created", "-id"], name="ledger_newest"),
            models.Index(fields=["project", "-created", "-id"], name="ledger_of_project"),
            models.Index(fields=["api_key_id", "-created"], name="ledger_of_key"),
            models.Index(fields=["request_id"], name="ledger_by_id"),
            models.Index(
                fields=["project", "-created"],
                name="ledger_failed",
                condition=Q(code__gte=FAILED_FROM),
            ),
        ]

    def __str__(self) -> str:
        return self.request_id

    @property
    def is_failed(self) -> bool:
        return self.code >= FAILED_FROM
