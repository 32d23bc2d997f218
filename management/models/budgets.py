"""Budgets of projects and of the team, and the cost that work under way has reserved."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q, Sum, Value
from django.db.models.functions import Now
from django.utils import timezone

from management.models.connections import Connection
from management.models.people import User
from management.models.prices import Charge, Price, PriceList, Work
from management.models.projects import Project
from management.models.sums import CostDay, CostMonth, UsageDay

WARN_AT = 0.8
# A reservation that was neither settled nor released is that of work that is gone.
HELD_FOR = timedelta(hours=24)
# A hosted server may list the cost of a request this late.
ACCOUNTED_AFTER = timedelta(hours=1)
# Costs of this time tell what an hour of audio costs.
RATE_DAYS = timedelta(days=90)
RATE_HOURS = 0.1  # from fewer hours no price is taken


class OverBudget(Exception):
    """A budget does not allow new work; the message says which one and what to do."""


class BudgetQuerySet(models.QuerySet["Budget"]):
    def visible_to(self, user: User) -> "BudgetQuerySet":
        """The team's budget, and those of projects whose costs this person sees."""
        projects = Project.objects.accounted_to(user)
        return self.filter(Q(project=None) | Q(project__in=projects))

    def usages(self) -> "list[BudgetUsage]":
        """Each budget and what of it is spent, in two queries."""
        budgets = list(self)
        if not budgets:
            return []
        firsts = {budget.period: budget.first_day for budget in budgets}
        first, *others = (part for name, day in firsts.items() for part in spent_since(name, day))
        of_project: defaultdict[tuple[str, int | None], float] = defaultdict(float)
        for period, project, of_its_own, of_team in first.union(*others, all=True):
            of_project[period, project] += of_its_own
            of_project[period, None] += of_team
        return [
            BudgetUsage(budget, of_project[budget.period, budget.project_id]) for budget in budgets
        ]

    def of(self, project_id: int) -> "BudgetQuerySet":
        """Budgets that work of this project counts against."""
        return self.filter(Q(project=project_id) | Q(project=None))


class Budget(models.Model):
    """US dollars that a project may spend in a day, a week or a month; without one, the team."""

    class Period(models.TextChoices):
        DAY = "day", "Daily"
        WEEK = "week", "Weekly"
        MONTH = "month", "Monthly"

    project = models.OneToOneField(Project, models.CASCADE, null=True, related_name="budget")
    period = models.CharField(max_length=5, choices=Period, default=Period.MONTH)
    dollars = models.FloatField()
    hour_price = models.FloatField(
        default=0, help_text="dollars for an hour of audio, until costs are mirrored"
    )

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [
            # Of the rows without a project, one.
            models.UniqueConstraint(
                fields=["period"], name="one_team_budget_a_period", condition=Q(project=None)
            ),
            models.CheckConstraint(condition=Q(dollars__gt=0), name="a_budget_is_more_than_zero"),
        ]

    def __str__(self) -> str:
        name = self.project.name if self.project else "the team"
        return f"the {self.get_period_display().lower()} budget of {name}"

    @property
    def first_day(self) -> date:
        """First day of the present period, as the server counts days (UTC)."""
        today = timezone.now().date()
        if self.period == self.Period.MONTH:
            return today.replace(day=1)
        return today - timedelta(days=today.weekday() if self.period == self.Period.WEEK else 0)

    @property
    def next_day(self) -> date:
        """First day of the next period."""
        first = self.first_day
        if self.period == self.Period.MONTH:
            return (first + timedelta(days=32)).replace(day=1)
        return first + timedelta(days=7 if self.period == self.Period.WEEK else 1)

    def spent(self, but: str = "") -> float:
        """Dollars of the period: mirrored costs, and what is reserved beyond them.

        The reservation with the reference ``but`` is not counted.
        """
        costs = CostDay.objects.filter(grouping="", day__gte=self.first_day)
        reserved = Reservation.objects.since(datetime.combine(self.first_day, time.min, UTC))
        reserved = reserved.exclude(reference=but)
        if self.project_id is not None:
            costs = costs.filter(project=self.project_id)
            reserved = reserved.filter(project=self.project_id)
        else:
            reserved = reserved.of_team()
        mirrored: float = costs.aggregate(sum=Sum("dollars", default=0.0))["sum"]
        return mirrored + reserved.counted().total()


def spent_since(period: str, day: date) -> "list[models.QuerySet[Any, Any]]":
    """Return rows of the period, a project, and dollars of its budget and of the team's.

    ``day`` is the first of the period.
    """
    costs: models.QuerySet[Any] = CostDay.objects.filter(grouping="", day__gte=day)
    if period == Budget.Period.MONTH:
        costs = CostMonth.objects.filter(grouping="", day__gte=day)
    held = Reservation.objects.since(datetime.combine(day, time.min, UTC)).counted()
    dollars, nothing = Sum("dollars", default=0.0), Value(0.0)
    return [
        rows.order_by()
        .values_list(Value(period), "project")
        .annotate(of_project=of_project, of_team=of_team)
        for rows, of_project, of_team in (
            (costs, dollars, dollars),
            (held, dollars, nothing),
            (held.of_team(), nothing, dollars),
        )
    ]


class BudgetUsage:
    """A budget and what of it is spent."""

    def __init__(self, budget: Budget, spent: float) -> None:
        self.budget = budget
        self.spent = spent

    @property
    def part(self) -> float:
        return self.spent / self.budget.dollars

    @property
    def percent(self) -> int:
        return int(self.part * 100)

    @property
    def is_warning(self) -> bool:
        return WARN_AT <= self.part < 1

    @property
    def is_used_up(self) -> bool:
        return self.part >= 1


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def since(self, moment: datetime) -> "ReservationQuerySet":
        return self.filter(created_at__gte=moment)

    def counted(self) -> "ReservationQuerySet":
        """Those of work that has ended, or is still under way."""
        return self.filter(Q(settled_at__isnull=False) | Q(renewed_at__gt=Now() - HELD_FOR))

    def accounted(self) -> "ReservationQuerySet":
        """Those whose cost the server lists by now: an engine at once, others after a while."""
        at_once = Q(project__connection__kind=Connection.Kind.ENGINE, settled_at__isnull=False)
        return self.filter(at_once | Q(settled_at__lt=Now() - ACCOUNTED_AFTER))

    def of_team(self) -> "ReservationQuerySet":
        """Those that count for the team beside the mirrored costs of all its projects.

        The server lists the costs of the team's own projects under one of its own.
        """
        listed = self.accounted().filter(project__is_local=True)
        return self.exclude(pk__in=listed.values("pk"))

    def total(self) -> float:
        total: float = self.aggregate(sum=Sum("dollars", default=0.0))["sum"]
        return total


class Reservation(models.Model):
    """Cost of one job, session or spoken text: an estimate while it runs, then what it took.

    It is deleted once the mirrored costs hold it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="reservations")
    reference = models.CharField(max_length=100, unique=True)
    dollars = models.FloatField(default=0)
    created_at = models.DateTimeField(default=Now)
    # Written by the database's clock; the default is for rows of before.
    renewed_at = models.DateTimeField(
        default=timezone.now, help_text="when its work was last under way"
    )
    settled_at = models.DateTimeField(null=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"], name="reservations_by_time")]


def reserve(project: Project, reference: str, work: Work) -> None:
    """Reserve the estimated cost of work before it starts. Raises ``OverBudget``.

    Work that has a reservation keeps it: an attempt may be repeated. The budgets' rows are locked
    meanwhile, so that jobs which start together do not pass the same check.
    """
    with transaction.atomic():
        budgets = locked(project)
        if not budgets or Reservation.objects.filter(reference=reference).exists():
            return
        dollars = estimate(project, work, budgets)
        for budget in budgets:
            check(budget, dollars, budget.spent())
        Reservation.objects.create(
            project=project, reference=reference, dollars=dollars, renewed_at=Now()
        )


def locked(project: Project) -> "list[Budget]":
    """Return the budgets of a project with their rows locked. Call it in a transaction."""
    return list(Budget.objects.of(project.pk).select_for_update().order_by("pk"))


def extend(project: Project, reference: str, work: Work) -> BudgetUsage | None:
    """Reserve more for work under way, which will amount to ``work`` in all.

    Called again and again by work whose length is not known at its start. Returns the budget that
    is nearest to its end, None where there is none. Raises ``OverBudget``. A reservation never
    becomes smaller. Work that began before there was a budget gets one.
    """
    if not Budget.objects.of(project.pk).exists():
        return None
    with transaction.atomic():
        budgets = locked(project)
        dollars = estimate(project, work, budgets)
        usages = []
        for budget in budgets:
            spent = budget.spent(but=reference)
            check(budget, dollars, spent)
            usages.append(BudgetUsage(budget, spent + dollars))
        Reservation.objects.update_or_create(
            reference=reference,
            defaults={"renewed_at": Now()},
            create_defaults={"project": project, "renewed_at": Now()},
        )
        smaller = Reservation.objects.filter(reference=reference, dollars__lt=dollars)
        smaller.update(dollars=dollars)
    return max(usages, key=lambda usage: usage.part, default=None)


def check(budget: Budget, dollars: float, spent: float) -> None:
    """Raise ``OverBudget`` unless ``dollars`` more than ``spent`` are within the budget."""
    if spent < budget.dollars and spent + dollars <= budget.dollars:
        return
    name = str(budget)
    need = f", this needs about ${dollars:.2f}" if dollars else ""
    raise OverBudget(
        f"{name[0].upper()}{name[1:]} (${budget.dollars:.2f}) does not allow it: ${spent:.2f} are "
        f"spent or reserved{need}. An owner can raise it under Settings, Budgets; a new period "
        f"begins on {budget.next_day.day} {budget.next_day:%B}."
    )


def settle(reference: str, work: Work | None = None) -> None:
    """Note that work has ended, and its cost where the amount is known."""
    reservation = Reservation.objects.filter(reference=reference).select_related("project").first()
    if reservation is None:
        return
    values: dict[str, object] = {"settled_at": Now()}
    if work is not None:
        project = reservation.project
        budgets = list(Budget.objects.of(project.pk).order_by("pk"))
        values["dollars"] = estimate(project, work, budgets)
    Reservation.objects.filter(pk=reservation.pk).update(**values)


def release(reference: str) -> None:
    """Give up the reservation of work that failed or was cancelled."""
    Reservation.objects.filter(reference=reference, settled_at=None).delete()


@contextmanager
def reserved(project: Project, reference: str, work: Work) -> Iterator[None]:
    """Reserve the cost of work while it is done; settle it after a success, else release it.

    Raises ``OverBudget``. A process that dies leaves the reservation to the next attempt.
    """
    reserve(project, reference, work)
    try:
        yield
    except Exception:
        release(reference)
        raise
    settle(reference)


def estimate(project: Project, work: Work, budgets: Sequence[Budget] = ()) -> float:
    """Return the dollars that work will probably cost; 0 where nothing is known.

    By the prices of the server if an operator has set any, else by what work cost lately.
    """
    if prices := Price.objects.of(project.connection_id):
        return prices.cost(work)
    if work.charge.is_audio:
        return work.quantity * hour_price(project, budgets)
    return 0.0


def hour_price(project: Project, budgets: Sequence[Budget] = ()) -> float:
    """Return the dollars for an hour of audio: as mirrored lately, else as the budget says."""
    lately = recent_hour_prices([project.connection_id]).get(project.connection_id)
    return lately or max((budget.hour_price for budget in budgets), default=0.0)


def recent_hour_prices(connections: Iterable[int]) -> dict[int, float]:
    """Return the dollars that an hour of audio cost lately, of servers where that is known."""
    recent = {
        "project__connection__in": list(connections), "grouping": "",
        "day__gte": timezone.now().date() - RATE_DAYS,
    }  # fmt: skip
    server = "project__connection"
    used = UsageDay.objects.filter(**recent).values_list(server).annotate(sum=Sum("hours"))
    paid = CostDay.objects.filter(**recent).values_list(server).annotate(sum=Sum("dollars"))
    dollars = dict(paid.order_by())
    return {
        pk: dollars[pk] / hours
        for pk, hours in used.order_by()
        if hours >= RATE_HOURS and dollars.get(pk, 0) > 0
    }


@dataclass(frozen=True)
class Rate:
    """Prices of an hour of recordings in one project: by model, else the same for all."""

    prices: PriceList
    hour: float = 0.0

    def hour_price(self, model: str) -> float:
        if self.prices:
            return self.prices.unit_price(Charge.BATCH, model) or 0.0
        return self.hour


def rates(projects: Sequence[Project]) -> dict[int, Rate]:
    """Return the rate of each project by id, in four queries."""
    servers = list({project.connection_id for project in projects})
    listed = Price.objects.listed(servers)
    lately = recent_hour_prices(servers)
    own: dict[int | None, float] = dict(Budget.objects.values_list("project", "hour_price"))
    team = own.get(None, 0.0)
    return {
        project.pk: Rate(
            listed.get(project.connection_id, PriceList()),
            lately.get(project.connection_id) or max(own.get(project.pk, 0.0), team),
        )
        for project in projects
    }
