"""Rows that mirror what a speech server lists."""

from typing import Any, ClassVar, Self, TypeVar

from django.db import models

Row = TypeVar("Row", bound="Mirrored")


class MirroredQuerySet(models.QuerySet[Row]):
    def present(self) -> Self:
        """Rows that the server still lists."""
        return self.filter(gone_at=None)


class Mirrored(models.Model):
    """A row that mirrors one entry of a server's list.

    An entry that the server no longer lists is kept, with the time at which that was noticed:
    requests and costs of the past refer to it.
    """

    gone_at = models.DateTimeField(
        null=True, blank=True, help_text="when a sync noticed that the server no longer lists it"
    )

    objects: ClassVar[Any] = MirroredQuerySet.as_manager()

    class Meta:
        abstract = True
