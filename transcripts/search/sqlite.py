"""The text index of SQLite: FTS5 over the utterances, kept in step by triggers.

Beside the text it indexes the project's id as a word, so that a search in few projects
walks their utterances alone instead of every match in the library. Utterances that are not
searchable are not in it.
"""
# ruff: noqa: S608 statements are put together of our own pieces; what was typed is a parameter

import json
import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from transcripts.folding import fold
from transcripts.search.query import Query, Term

# Up to so many projects are looked up in the index; more are filtered row by row, which is
# faster when a good part of the matches may be seen.
INDEXED_PROJECTS = 32
# Relevance is decided among the newest matches: reading half a million takes a second.
RANKED = 2000

# Of the small pages (pgsz), a search for two words decodes fewer places that it does not need.
TABLE = (
    """
    CREATE VIRTUAL TABLE transcripts_utterance_index USING fts5(
        text, project_id, content='transcripts_utterance', content_rowid='id',
        prefix='2 3 4', columnsize=0,
        tokenize="unicode61 remove_diacritics 2 categories 'L* M* N* Co'"
    )
    """,
    """
    INSERT INTO transcripts_utterance_index(transcripts_utterance_index, rank)
        VALUES ('pgsz', 512)
    """,
)
ADD = """
    INSERT INTO transcripts_utterance_index(rowid, text, project_id)
        SELECT new.id, new.text, new.project_id WHERE new.searchable;
"""
REMOVE = """
    INSERT INTO transcripts_utterance_index(
        transcripts_utterance_index, rowid, text, project_id
    )
        SELECT 'delete', old.id, old.text, old.project_id WHERE old.searchable;
"""
TRIGGERS = {
    "transcripts_utterance_added": ("AFTER INSERT", ADD),
    "transcripts_utterance_removed": ("AFTER DELETE", REMOVE),
    "transcripts_utterance_changed": (
        "AFTER UPDATE OF id, text, project_id, searchable",
        REMOVE + ADD,
    ),
}
EMPTY = """
    INSERT INTO transcripts_utterance_index(transcripts_utterance_index) VALUES ('delete-all')
"""
FILL = """
    INSERT INTO transcripts_utterance_index(rowid, text, project_id)
        SELECT id, text, project_id FROM transcripts_utterance WHERE searchable
"""


def install(database: BaseDatabaseWrapper) -> None:
    """Make the index and its triggers where they are missing.

    Altering a table on SQLite means making it anew, and its triggers go with the old one:
    this also runs after every ``migrate``, and fills the index again when they were gone.
    """
    with database.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'transcripts_utterance_%'")
        there = {name for (name,) in cursor.fetchall()}
        if TRIGGERS.keys() <= there:
            return
        if "transcripts_utterance_index" not in there:
            for statement in TABLE:
                cursor.execute(statement)
        for name, (event, body) in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(
                f"CREATE TRIGGER {name} {event} ON transcripts_utterance BEGIN {body} END"
            )
        cursor.execute(EMPTY)
        cursor.execute(FILL)


def uninstall(database: BaseDatabaseWrapper) -> None:
    with database.cursor() as cursor:
        for name in TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute("DROP TABLE IF EXISTS transcripts_utterance_index")


def newest(
    query: Query, projects: Sequence[int] | None, before: int | None, limit: int
) -> list[int]:
    source, values = matching(query, projects)
    if before is not None:
        source += " AND found.rowid < %s"
        values.append(before)
    rows = fetch(f"SELECT found.rowid {source} ORDER BY found.rowid DESC LIMIT {limit}", values)
    return [pk for (pk,) in rows]


def best(
    query: Query, projects: Sequence[int] | None, after: tuple[float, int] | None, limit: int
) -> list[tuple[float, int]]:
    source, values = matching(query, projects)
    rows = fetch(
        f"""
        SELECT utterance.id, utterance.text
        FROM (SELECT found.rowid AS id {source} ORDER BY found.rowid DESC LIMIT {RANKED})
            CROSS JOIN transcripts_utterance AS utterance USING (id)
        """,
        values,
    )
    # Ties go to the newer utterance, so the order is that of (score, -id).
    ranked = sorted((score, -pk) for score, pk in scored(query, rows))
    if after is not None:
        ranked = [place for place in ranked if place > (after[0], -after[1])]
    return [(score, -negative) for score, negative in ranked[:limit]]


def count(query: Query, projects: Sequence[int] | None, cap: int) -> int:
    source, values = matching(query, projects)
    return fetch(f"SELECT count(*) FROM (SELECT 1 {source} LIMIT {cap})", values)[0][0]


def matching(query: Query, projects: Sequence[int] | None) -> tuple[str, list[Any]]:
    """From where to select ``found.rowid`` of the matches in these projects, and its values."""
    expression = f"text : ({' AND '.join(map(quoted, query.terms))})"
    source = "FROM transcripts_utterance_index AS found"
    where = "WHERE found.transcripts_utterance_index MATCH %s"
    if projects is None:
        return f"{source} {where}", [expression]
    if len(projects) <= INDEXED_PROJECTS:
        wanted = " OR ".join(f'"{project:d}"' for project in projects)
        return f"{source} {where}", [f"{expression} AND project_id : ({wanted})"]
    # CROSS JOIN keeps the order of the tables: the index first, newest first.
    source += " CROSS JOIN transcripts_utterance AS utterance ON utterance.id = found.rowid"
    where += " AND utterance.project_id IN (SELECT value FROM json_each(%s))"
    return f"{source} {where}", [expression, json.dumps(list(projects))]


def quoted(term: Term) -> str:
    """A term as FTS5 reads it. Words hold letters, marks and digits alone: nothing escapes."""
    return f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")


def fetch(statement: str, values: Sequence[Any]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def scored(query: Query, rows: Sequence[tuple[int, str]]) -> list[tuple[float, int]]:
    """(score, id) of each (id, text): BM25 over the terms, lower is better.

    All rows hold all terms, so how rare a term is in the library does not tell them apart;
    how often it is said does, and in how few words. FTS5's own bm25() counts the whole
    library's matches first, which takes longer than all of this.
    """
    terms = [re.compile(pattern(term)) for term in query.terms]
    result = []
    for pk, text in rows:
        plain = text.lower() if text.isascii() else fold(text)
        # Against an utterance of usual length, some 80 characters.
        length = 1.2 * (0.25 + 0.75 * len(plain) / 80)
        said = [len(term.findall(plain)) for term in terms]
        result.append((-sum(2.2 * often / (often + length) for often in said), pk))
    return result


def pattern(term: Term) -> str:
    """A regular expression for a term in folded text, where ``_`` is no letter."""
    words = r"[\W_]+".join(re.escape(fold(word)) for word in term.words)
    return rf"(?<![^\W_]){words}" + ("" if term.prefix else r"(?![^\W_])")
