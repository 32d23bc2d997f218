"""The text index of SQLite: FTS5 over the utterances, kept in step by triggers.

Beside the text it indexes how an utterance passes into the next one, and the project's id as a
word, so that a search in few projects walks their utterances alone instead of every match in
the library. A second index has the vocabulary of each transcript, under its first utterance.
Utterances that are not searchable are in neither.
"""
# ruff: noqa: S608 statements are put together of our own pieces; what was typed is a parameter

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from transcripts.search.query import Query, Term
from transcripts.text.folding import fold
from transcripts.text.tokens import UNSPACED, are_close, compared, is_unspaced

# Up to so many projects are looked up in the index; more are filtered row by row, which is
# faster when a good part of the matches may be seen.
INDEXED_PROJECTS = 32
# Relevance is decided among the newest matches: reading half a million takes a second.
RANKED = 2000

TOKENIZE = "unicode61 remove_diacritics 2 categories 'L* M* N* Co'"
INDEX, VOCABULARY = "transcripts_utterance_index", "transcripts_vocabulary_index"
# Of the small pages (pgsz), a search for two words decodes fewer places that it does not need.
TABLES = {
    INDEX: (
        f"""
        CREATE VIRTUAL TABLE {INDEX} USING fts5(
            text, seam, project_id, content='transcripts_utterance', content_rowid='id',
            prefix='2 3 4', columnsize=0, tokenize="{TOKENIZE}"
        )
        """,
        f"INSERT INTO {INDEX}({INDEX}, rank) VALUES ('pgsz', 512)",
    ),
    VOCABULARY: (
        f"""
        CREATE VIRTUAL TABLE {VOCABULARY} USING fts5(
            vocabulary, project_id, content='transcripts_utterance', content_rowid='id',
            prefix='2 3 4', columnsize=0, detail=column, tokenize="{TOKENIZE}"
        )
        """,
    ),
}
# The columns of each index, of a row of the table, and which rows are in it.
UTTERANCES = (
    "id, CASE WHEN {row}spaced = '' THEN {row}text ELSE {row}spaced END,"
    " {row}seam, {row}project_id",
    "rowid, text, seam, project_id",
    "{row}searchable",
)
TRANSCRIPTS = (
    "id, {row}vocabulary, {row}project_id",
    "rowid, vocabulary, project_id",
    "{row}searchable AND {row}vocabulary <> ''",
)


def fill(index: str, source: tuple[str, str, str], row: str, table: str = "") -> str:
    """A statement that adds to an index: one ``row`` of a trigger, or those of a ``table``."""
    values, columns, condition = source
    return (
        f"INSERT INTO {index}({columns}) SELECT {row}{values.format(row=row)}"
        f" {table} WHERE {condition.format(row=row)};"
    )


def empty(index: str, source: tuple[str, str, str]) -> str:
    """A statement of a trigger that takes the old row out of an index."""
    values, columns, condition = source
    return (
        f"INSERT INTO {index}({index}, {columns}) SELECT 'delete', old.{values.format(row='old.')}"
        f" WHERE {condition.format(row='old.')};"
    )


ADD = fill(INDEX, UTTERANCES, "new.") + fill(VOCABULARY, TRANSCRIPTS, "new.")
REMOVE = empty(INDEX, UTTERANCES) + empty(VOCABULARY, TRANSCRIPTS)
TRIGGERS = {
    "transcripts_utterance_added": ("AFTER INSERT", ADD),
    "transcripts_utterance_removed": ("AFTER DELETE", REMOVE),
    "transcripts_utterance_changed": (
        "AFTER UPDATE OF id, text, spaced, seam, vocabulary, project_id, searchable",
        REMOVE + ADD,
    ),
}
FILL = (
    fill(INDEX, UTTERANCES, "", "FROM transcripts_utterance"),
    fill(VOCABULARY, TRANSCRIPTS, "", "FROM transcripts_utterance"),
)


def install(database: BaseDatabaseWrapper) -> None:
    """Make the index and its triggers where they are missing.

    Altering a table on SQLite means making it anew, and its triggers go with the old one:
    this also runs after every ``migrate``, and fills the index again when they were gone.
    """
    with database.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'transcripts_%'")
        there = {name for (name,) in cursor.fetchall()}
        if TRIGGERS.keys() <= there:
            return
        for table, statements in TABLES.items():
            for statement in statements if table not in there else ():
                cursor.execute(statement)
            cursor.execute(f"INSERT INTO {table}({table}) VALUES ('delete-all')")
        for name, (event, body) in TRIGGERS.items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            cursor.execute(
                f"CREATE TRIGGER {name} {event} ON transcripts_utterance BEGIN {body} END"
            )
        for statement in FILL:
            cursor.execute(statement)


def uninstall(database: BaseDatabaseWrapper) -> None:
    with database.cursor() as cursor:
        for name in TRIGGERS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")


def newest(
    query: Query, projects: Sequence[int] | None, before: int | None, limit: int
) -> list[int]:
    rows = fetch(*ordered(INDEX, spoken(query), projects, before, limit))
    return [pk for (pk,) in rows]


def transcripts(
    query: Query, projects: Sequence[int] | None, before: int | None, limit: int
) -> list[int]:
    rows = fetch(*ordered(VOCABULARY, known(query), projects, before, limit))
    return [pk for (pk,) in rows]


def within(query: Query, first: int, last: int, limit: int) -> list[int]:
    rows = fetch(
        f"""
        SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH %s AND rowid BETWEEN %s AND %s
        ORDER BY rowid LIMIT {limit}
        """,
        [spoken(query), first, last],
    )
    return [pk for (pk,) in rows]


def best(
    query: Query, projects: Sequence[int] | None, after: tuple[float, int] | None, limit: int
) -> list[tuple[float, int]]:
    ids, values = ordered(INDEX, spoken(query), projects, None, RANKED)
    rows = fetch(
        f"""
        SELECT utterance.id, utterance.text
        FROM ({ids}) CROSS JOIN transcripts_utterance AS utterance USING (id)
        """,
        values,
    )
    # Ties go to the newer utterance, so the order is that of (score, -id).
    ranked = sorted((score, -pk) for score, pk in scored(query, rows))
    if after is not None:
        ranked = [place for place in ranked if place > (after[0], -after[1])]
    return [(score, -negative) for score, negative in ranked[:limit]]


def count_transcripts(query: Query, projects: Sequence[int] | None, cap: int) -> int:
    source, values = matching(VOCABULARY, known(query), projects)
    return int(fetch(f"SELECT count(*) FROM (SELECT 1 {source} LIMIT {cap})", values)[0][0])


def ordered(
    index: str, expression: str, projects: Sequence[int] | None, before: int | None, limit: int
) -> tuple[str, list[Any]]:
    """A statement for the ``id`` of the newest matches of an index, and its values."""
    source, values = matching(index, expression, projects)
    if before is not None:
        source += " AND found.rowid < %s"
        values.append(before)
    return f"SELECT found.rowid AS id {source} ORDER BY found.rowid DESC LIMIT {limit}", values


def matching(index: str, expression: str, projects: Sequence[int] | None) -> tuple[str, list[Any]]:
    """From where to select ``found.rowid`` of the matches in these projects, and its values."""
    source = f"FROM {index} AS found"
    where = f"WHERE found.{index} MATCH %s"
    if projects is None:
        return f"{source} {where}", [expression]
    if len(projects) <= INDEXED_PROJECTS:
        wanted = " OR ".join(f'"{project:d}"' for project in projects)
        return f"{source} {where}", [f"{expression} AND project_id : ({wanted})"]
    # CROSS JOIN keeps the order of the tables: the index first, newest first.
    source += " CROSS JOIN transcripts_utterance AS utterance ON utterance.id = found.rowid"
    where += " AND utterance.project_id IN (SELECT value FROM json_each(%s))"
    return f"{source} {where}", [expression, json.dumps(list(projects))]


def spoken(query: Query) -> str:
    """A query as FTS5 reads it, for the index of utterances."""
    single = [quoted(term.words, term.prefix) for term in query.terms if len(term.words) == 1]
    # One column filter for all of them: each walks the index on its own.
    expressions = [f"text : ({' AND '.join(single)})"] if single else []
    return " AND ".join(
        [*expressions, *(phrase(term) for term in query.terms if len(term.words) > 1)]
    )


def phrase(term: Term) -> str:
    """A phrase in a text, or from its end over the seam."""
    ways = [f"text : {quoted(term.words, term.prefix)}"]
    for crossing in term.crossings():
        seam = [quoted([word]) for word in crossing.seam[:-1]]
        seam.append(quoted(crossing.seam[-1:], crossing.prefix))
        way = f"seam : ({' AND '.join(seam)})"
        if len(crossing.before) > 1:
            way += f" AND text : {quoted(crossing.before)}"
        ways.append(f"({way})")
    return f"({' OR '.join(ways)})"


def known(query: Query) -> str:
    """A query as FTS5 reads it, for the index of vocabularies: every word of every term."""
    words = [
        quoted([compared(word)], term.prefix and place == len(term.words))
        for term in query.terms
        for place, word in enumerate(term.words, 1)
    ]
    return f"vocabulary : ({' AND '.join(dict.fromkeys(words))})"


def quoted(words: Sequence[str], prefix: bool = False) -> str:
    """Words that follow each other. They hold letters, marks and digits alone: nothing escapes."""
    return f'"{" ".join(words)}"' + (" *" if prefix else "")


def fetch(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


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
        # Compared with an utterance of usual length, about 80 characters.
        length = 1.2 * (0.25 + 0.75 * len(plain) / 80)
        counts = [len(term.findall(plain)) for term in terms]
        result.append((-sum(2.2 * often / (often + length) for often in counts), pk))
    return result


def pattern(term: Term) -> str:
    """A regular expression for a term in folded text, where ``_`` is no letter."""
    words = [fold(word) for word in term.words]
    source = re.escape(words[0])
    for before, word in pairwise(words):
        source += (r"[\W_]*" if are_close(before, word) else r"[\W_]+") + re.escape(word)
    unspaced = UNSPACED.pattern
    start = "" if is_unspaced(words[0][0]) else rf"(?:(?<![^\W_])|(?<={unspaced}))"
    is_open = term.prefix or is_unspaced(words[-1][-1])
    end = "" if is_open else rf"(?:(?![^\W_])|(?={unspaced}))"
    return f"{start}{source}{end}"
