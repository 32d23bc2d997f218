"""Balances and purchases of the speech account."""

from django.db import models

from management.models.mirrored import Mirrored
from management.models.projects import Project


class Balance(Mirrored):
    """Rest of a purchase, in US dollars or in hours."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="balances")
    balance_id = models.CharField(max_length=100)
    amount = models.FloatField(default=0)
    units = models.CharField(max_length=20, blank=True)
    purchase_order_id = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "balance_id"], name="one_row_a_balance")
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.units}"


class Purchase(Mirrored):
    """A purchase of credit."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="purchases")
    order_id = models.CharField(max_length=100)
    created = models.DateTimeField(null=True)
    expiration = models.DateTimeField(null=True)
    amount = models.FloatField(default=0)
    units = models.CharField(max_length=20, blank=True)
    order_type = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-created", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "order_id"], name="one_row_a_purchase")
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.units}"
