"""Rows by the id in a path."""

from __future__ import annotations

import uuid
from typing import TypeVar

from django.db.models import Model, QuerySet

from engine.wire.errors import ApiError

Row = TypeVar("Row", bound=Model)


def find(rows: QuerySet[Row], key: str, error: ApiError) -> Row:
    """The row of ``rows`` with this UUID; ``error`` is raised when there is none."""
    try:
        row = rows.filter(pk=uuid.UUID(key)).first()
    except ValueError:
        row = None
    if row is None:
        raise error
    return row
