"""Django's declaration of the recordings and transcripts application."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class TranscriptsConfig(AppConfig):
    name = "transcripts"

    def import_models(self) -> None:
        super().import_models()
        import_module("transcripts.live.models")
        import_module("transcripts.clips.models")
        import_module("transcripts.agents.models")
        import_module("transcripts.calls.models")
        import_module("transcripts.replays.models")

    def ready(self) -> None:
        from transcripts import checks  # noqa: F401 registers itself

        post_migrate.connect(keep_search_index, sender=self)


def keep_search_index(using: str, **kwargs: Any) -> None:
    """Put back the triggers of SQLite's text index if a migration made the table anew."""
    from transcripts.search import sqlite

    database = connections[using]
    if database.vendor == "sqlite":
        sqlite.install(database)
