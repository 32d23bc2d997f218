"""System checks: what the transcripts cannot work without."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.db import connection


@register
def search_has_an_index(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the database has the text index that search is built on."""
    if connection.vendor == "sqlite" and not has_fts5():
        return [
            Error(
                f"SQLite {sqlite3.sqlite_version} of this Python was built without FTS5.",
                hint="Use a Python whose SQLite has FTS5, version 3.25 or newer, "
                "or set DATABASE_URL to a postgresql:// address.",
                id="transcripts.E001",
            )
        ]
    return []


def has_fts5() -> bool:
    """Return whether this Python's SQLite has FTS5 with a choice of categories."""
    memory = sqlite3.connect(":memory:")
    try:
        memory.execute(
            "CREATE VIRTUAL TABLE words USING fts5(text, tokenize=\"unicode61 categories 'L*'\")"
        )
    except sqlite3.OperationalError:
        return False
    finally:
        memory.close()
    return True
