"""Plugin of a test run on PostgreSQL: the tests that use the database, emptied row by row."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not uses_database(item)])
    items[:] = [item for item in items if uses_database(item)]


def uses_database(item: pytest.Item) -> bool:
    """Return whether a fixture or a mark opens the database to the test."""
    fixtures = {"db", "transactional_db"} & {*getattr(item, "fixturenames", ())}
    return bool(fixtures) or item.get_closest_marker("django_db") is not None


def delete_rows(
    operations: DatabaseOperations, style: object, tables: Sequence[str], **options: Any
) -> list[str]:
    """Wait for other transactions as TRUNCATE does, which takes 130 ms to make new files."""
    names = [operations.quote_name(table) for table in tables]
    return [
        "; ".join([f"LOCK TABLE {', '.join(names)}", *(f"DELETE FROM {name}" for name in names)])
    ]


DatabaseOperations.sql_flush = delete_rows  # type: ignore[assignment, method-assign]
