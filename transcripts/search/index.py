"""Interface of the text index that a database has."""
# ruff: noqa: S608 statements are put together of our own pieces; what was typed is a parameter

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from django.db import connection

from transcripts.search import postgres, sqlite
from transcripts.search.query import Query


class Index(Protocol):
    """Interface of a database's index. ``projects`` is a list of ids, None for every project.

    Ids are those of utterances, newest first; lower scores are better. ``newest`` and ``best``
    give utterances that hold every term, a phrase also when it only begins there and passes into
    the next ones. ``within`` gives those that hold each term, about ``limit`` of each and oldest
    first; it looks in ranges of ids, each with its last one. ``transcripts`` gives the first
    utterance of each transcript that has every word of the terms, anywhere, if it is newer than
    ``until`` and one of ``among``. ``runs`` are the transcriptions of utterances. ``count`` gives
    the number of utterances and, where that is less than ``cap``, of their transcriptions;
    ``count_transcripts`` counts ``transcripts``. Statements in a block of ``limited`` may raise
    ``TooSlow`` there.
    """

    def limited(self) -> AbstractContextManager[None]: ...

    def newest(
        self, query: Query, projects: Sequence[int] | None, before: int | None, limit: int
    ) -> list[int]: ...

    def best(
        self,
        query: Query,
        projects: Sequence[int] | None,
        after: tuple[float, int] | None,
        limit: int,
    ) -> list[tuple[float, int]]: ...

    def within(
        self, query: Query, ranges: Sequence[tuple[int, int]], limit: int
    ) -> list[list[int]]: ...

    def transcripts(
        self,
        query: Query,
        projects: Sequence[int] | None,
        before: int | None,
        limit: int,
        until: int,
        among: Sequence[int] | None = None,
    ) -> list[int]: ...

    def runs(self, utterances: Sequence[int]) -> dict[int, int]: ...

    def count(self, query: Query, projects: Sequence[int] | None, cap: int) -> tuple[int, int]: ...

    def count_transcripts(self, query: Query, projects: Sequence[int] | None, cap: int) -> int: ...


def database_index() -> Index:
    return postgres if connection.vendor == "postgresql" else sqlite


def bounds_of(runs: Collection[int]) -> dict[int, tuple[int, int]]:
    """The first and the last utterance of transcriptions, by the id of the transcription."""
    if not runs:
        return {}
    # One step in the index of places for each: the greatest id would read all its utterances.
    end = """(
        SELECT id FROM transcripts_utterance
        WHERE transcription_id = run ORDER BY "index" {order} LIMIT 1
    )"""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH wanted(run) AS (VALUES {", ".join(["(%s)"] * len(runs))})
            SELECT run, {end.format(order="ASC")}, {end.format(order="DESC")} FROM wanted
            """,
            list(runs),
        )
        return {run: (first, last) for run, first, last in cursor if first is not None}
