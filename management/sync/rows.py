"""Differences between rows of the mirror and what a server lists."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models, transaction
from django.db.models.functions import Now

BATCH = 500

# What is written of one entry: the fields by name.
Listed = Mapping[str, Mapping[str, Any]]


def reconcile(
    rows: models.QuerySet[Any], key: str, listed: Listed, hold: Callable[[], None], **common: Any
) -> int:
    """Make ``rows`` mirror ``listed``, entries by the field ``key``; return the rows written.

    Only differences are written, in one transaction that ``hold`` begins. Rows that are not
    listed are marked as gone, and unmarked when they are listed again. ``common`` are the fields
    that all rows share.
    """
    model = rows.model
    present = {getattr(row, key): row for row in rows}
    new = [
        model(**{key: name}, **common, **values)
        for name, values in listed.items()
        if name not in present
    ]
    changed, fields = [], {"gone_at"}
    for name, values in listed.items():
        row = present.get(name)
        if row is not None and (row.gone_at is not None or differs(row, values)):
            row.gone_at = None
            for field, value in values.items():
                setattr(row, field, value)
            changed.append(row)
            fields |= set(values)
    gone = [row.pk for name, row in present.items() if name not in listed and row.gone_at is None]
    if new or changed or gone:
        with transaction.atomic():
            hold()
            model._default_manager.bulk_create(new, batch_size=BATCH)
            if changed:
                model._default_manager.bulk_update(changed, sorted(fields), batch_size=BATCH)
            for start in range(0, len(gone), BATCH):
                rows.filter(pk__in=gone[start : start + BATCH]).update(gone_at=Now())
    return len(new) + len(changed) + len(gone)


def differs(row: models.Model, values: Mapping[str, Any]) -> bool:
    return any(getattr(row, field) != value for field, value in values.items())


def add_sums(
    rows: models.QuerySet[Any],
    amounts: tuple[str, ...],
    listed: Mapping[tuple[Any, ...], Mapping[str, float]],
    hold: Callable[[], None],
    **common: Any,
) -> int:
    """Write the sums of ``listed`` that differ, by (day, value), and of their months.

    Return the number of days written. ``common`` are the fields that all rows of a sum share.
    Sums that are not listed stay: the history is kept longer than a server may keep it.
    """
    model = rows.model
    present = {(row.day, row.value): row for row in rows}
    new = [
        model(day=day, value=value, **common, **sums)
        for (day, value), sums in listed.items()
        if (day, value) not in present
    ]
    changed = []
    for key, sums in listed.items():
        row = present.get(key)
        if row is not None and differs(row, sums):
            for field, value in sums.items():
                setattr(row, field, value)
            changed.append(row)
    if new or changed:
        with transaction.atomic():
            hold()
            model._default_manager.bulk_create(new, batch_size=BATCH)
            if changed:
                model._default_manager.bulk_update(changed, amounts, batch_size=BATCH)
            first = min(row.day for row in (*new, *changed)).replace(day=1)
            model._default_manager.filter(day__gte=first, **common).add_up()
    return len(new) + len(changed)
