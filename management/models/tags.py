"""Tags that requests to a server carried on a day: servers take a limited number of them."""

from collections.abc import Sequence
from datetime import date

from django.db import models, transaction
from django.utils import timezone

from management.models.connections import Connection
from speechclient.options import TAG_LENGTH

MOST_A_DAY = 500
KEPT_FREE = 20  # of them for tags of features, which are few and not noted


class UsedTagQuerySet(models.QuerySet["UsedTag"]):
    def admit(self, connection_id: int, tags: Sequence[str]) -> set[str]:
        """Return those of ``tags`` that requests to this server may carry today, and note them.

        Those that were used today, and others up to the limit in their order.
        """
        today = timezone.now().date()
        of_server = self.filter(connection=connection_id)
        if len(known := of_server.known(today, tags)) == len(set(tags)):
            return known
        with transaction.atomic():
            # Its lock makes those who note tags at once wait for each other.
            Connection.objects.select_for_update(no_key=True).get(pk=connection_id)
            of_server.filter(day__lt=today).delete()
            known = of_server.known(today, tags)
            room = MOST_A_DAY - KEPT_FREE - of_server.filter(day=today).count()
            new = [tag for tag in dict.fromkeys(tags) if tag not in known][: max(0, room)]
            self.bulk_create(
                UsedTag(connection_id=connection_id, day=today, tag=tag) for tag in new
            )
        return known.union(new)

    def known(self, day: date, tags: Sequence[str]) -> set[str]:
        return set(self.filter(day=day, tag__in=tags).values_list("tag", flat=True))


class UsedTag(models.Model):
    """A tag that requests to a server carried on a day (UTC); earlier days are deleted."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="used_tags")
    day = models.DateField()
    tag = models.CharField(max_length=TAG_LENGTH)

    objects = UsedTagQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "day", "tag"], name="one_row_a_used_tag")
        ]

    def __str__(self) -> str:
        return f"{self.tag} on {self.day}"
