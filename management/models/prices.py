"""Prices that an operator sets, and the quantities of work that they are for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import models

from management.models.connections import Connection

SECONDS_PER_HOUR = 3600


class Charge(models.TextChoices):
    """Kinds of work that are charged, by their names in the engine's line items."""

    BATCH = "batch", "Recordings"
    STREAMING = "streaming", "Live speech"
    SPEAK = "speak", "Spoken text"
    READ = "read", "Text intelligence"
    AGENT = "agent", "Agent calls"

    @property
    def unit(self) -> str:
        """The quantity that a price is for."""
        units = {Charge.SPEAK: "1,000 characters", Charge.READ: "1,000 tokens"}
        return units.get(self, "an hour of audio")

    @property
    def is_audio(self) -> bool:
        return self not in (Charge.SPEAK, Charge.READ)


@dataclass(frozen=True)
class Work:
    """An amount of work: seconds of audio (of every channel), characters or tokens."""

    charge: Charge
    model: str = ""
    seconds: float = 0.0
    characters: int = 0
    tokens: int = 0

    @property
    def quantity(self) -> float:
        """The amount in the unit of its price."""
        match self.charge:
            case Charge.SPEAK:
                return self.characters / 1000
            case Charge.READ:
                return self.tokens / 1000
            case _:
                return self.seconds / SECONDS_PER_HOUR


@dataclass(frozen=True)
class PriceList:
    """Prices of one server; without any, nothing is known of what work costs there."""

    dollars: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.dollars)

    def unit_price(self, charge: str, model: str = "") -> float | None:
        """Return the price for a model: the one of the longest name that it begins with.

        ``nova-3`` is also the price of ``nova-3-general``; an empty name is that of every model.
        """
        pieces = model.lower().split("-") if model else []
        for count in range(len(pieces), -1, -1):
            price = self.dollars.get((charge, "-".join(pieces[:count])))
            if price is not None:
                return price
        return None

    def cost(self, work: Work) -> float:
        """Return the dollars for ``work``; what has no price is free."""
        return work.quantity * (self.unit_price(work.charge, work.model) or 0.0)


class PriceQuerySet(models.QuerySet["Price"]):
    def listed(
        self, connections: "models.QuerySet[Connection] | list[int]"
    ) -> dict[int, PriceList]:
        """Return the prices of servers by id, of those that have any."""
        found: dict[int, dict[tuple[str, str], float]] = {}
        for row in self.filter(connection__in=connections):
            found.setdefault(row.connection_id, {})[row.charge, row.model] = row.dollars
        return {pk: PriceList(dollars) for pk, dollars in found.items()}

    def of(self, connection_id: int) -> PriceList:
        return self.listed([connection_id]).get(connection_id, PriceList())


class Price(models.Model):
    """US dollars for a unit of work on a server."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="prices")
    charge = models.CharField(max_length=10, choices=Charge)
    model = models.CharField(
        max_length=200, blank=True, help_text="beginning of the model's name; empty is every model"
    )
    dollars = models.FloatField()

    objects = PriceQuerySet.as_manager()

    class Meta:
        ordering = ["connection__name", "connection", "charge", "model"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "charge", "model"], name="one_price_a_model"
            ),
            models.CheckConstraint(
                condition=models.Q(dollars__gte=0), name="a_price_is_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_charge_display()}, {self.model or 'every model'}"

    @property
    def unit(self) -> str:
        return Charge(self.charge).unit
