"""Replays of saved calls, and the words that a reply must have."""

from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from management.models import Connection, Project, User
from transcripts.agents.models import AgentVersion
from transcripts.calls.models import Call
from transcripts.calls.record import Entry
from transcripts.queue.leases import (
    Leased,
    LeasedQuerySet,
    State,
    lease_indexes,
    running_has_a_lease,
)
from transcripts.replays.exchanges import Exchange, Pair, exchanges, pairs, problems

MOST_EVENTS = 20_000
SPEEDS = (1, 2, 4)


def events_of(call: Call) -> list[Entry]:
    """Return the messages of a saved call in order."""
    return [each.entry() for each in call.events.order_by("sequence")[:MOST_EVENTS]]


class ReplayQuerySet(LeasedQuerySet["Replay"]):
    def visible_to(self, user: User) -> "ReplayQuerySet":
        """Replays of calls in the projects that this user is in."""
        return self.filter(call__project__in=Project.objects.visible_to(user))

    def writable_by(self, user: User) -> "ReplayQuerySet":
        return self.filter(call__project__in=Project.objects.writable_by(user))

    def on(self, connections: models.QuerySet[Connection]) -> Q:
        versions = AgentVersion.objects.filter(agent__project__connection__in=connections)
        return Q(version__in=versions)

    def connections(self) -> models.QuerySet[Connection]:
        return Connection.objects.filter(projects__agents__versions__replays__in=self)

    def by_share(self) -> "ReplayQuerySet":
        return self.order_by("not_before", "pk")

    def short(self) -> "ReplayQuerySet":
        """None: a replay takes as long as the conversation."""
        return self.none()

    def with_connection(self) -> "ReplayQuerySet":
        return self.select_related(
            "version__agent__project__connection",
            "call__recording",
            "call__project__connection",
            "created_by",
        )


class Replay(Leased):
    """The caller of a saved call again, in a conversation with another version of an agent.

    ``events`` are its messages as those of a call. ``expected`` are words that a reply must have;
    ``problems`` are sentences on what is worse than in the call.
    """

    class Stage(models.TextChoices):
        TALKING = "talking", "Talking"

    waits_in = Stage.TALKING
    task = "transcripts.replay"

    call = models.ForeignKey(Call, models.CASCADE, related_name="replays")
    version = models.ForeignKey(AgentVersion, models.CASCADE, related_name="replays")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    speed = models.PositiveSmallIntegerField(default=1, help_text="of the caller's audio")
    expected = models.JSONField(default=list)
    done = models.FloatField(default=0.0, help_text="part of the caller's turns, 0 to 1")
    events = models.JSONField(default=list)
    problems = models.JSONField(default=list)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = lease_indexes("replays")
        constraints = [running_has_a_lease("running_replay_has_a_lease")]

    def __str__(self) -> str:
        return f"Replay of {self.call} with {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("replay", args=[self.pk])

    @property
    def connection(self) -> Connection:
        return self.version.agent.project.connection

    @property
    def is_passed(self) -> bool:
        return self.state == State.DONE and not self.problems

    @property
    def exchanges(self) -> list[Exchange]:
        return exchanges(Entry(**each) for each in self.events)

    @property
    def pairs(self) -> list[Pair]:
        """The exchanges of the call and of the replay side by side."""
        return pairs(exchanges(events_of(self.call)), self.exchanges)

    def complete(self, response: list[Entry]) -> bool:
        before = exchanges(events_of(self.call))
        found: dict[str, Any] = {
            "events": [each.shown() for each in response],
            "problems": problems(before, exchanges(response), self.expected),
            "done": 1.0,
            "finished_at": Now(),
        }
        with transaction.atomic():
            return self.leave(State.DONE, **found)


class Expectation(models.Model):
    """Words that a reply of every replay of a call must have."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="expectations")
    words = models.CharField(max_length=300)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["call", "words"], name="one_expectation")]

    def __str__(self) -> str:
        return self.words


def order_replay(
    call: Call,
    version: AgentVersion,
    user: User | None,
    *,
    speed: int = 1,
    expected: list[str] | None = None,
) -> Replay:
    """Queue a replay; a worker runs it. The call's own expectations are added to ``expected``."""
    own = call.expectations.values_list("words", flat=True)
    with transaction.atomic():
        replay = Replay.objects.create(
            call=call,
            version=version,
            created_by=user,
            speed=speed,
            expected=list(dict.fromkeys([*own, *(expected or [])])),
        )
        replay.wake()
    return replay
