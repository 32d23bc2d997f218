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
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from transcripts.search.query import Query, Term
from transcripts.text.folding import fold
from transcripts.text.tokens import UNSPACED, are_close, compared, is_unspaced

# Up to so many projects are looked up in the index, which takes longer with each. With more, the
# row of each match is read instead.
INDEXED_PROJECTS = 32
# With more than a few, a page of words is looked for among the newest matches first, by rows: it
# is there unless these projects are a small part of the library. For phrases the index is faster.
FEW_PROJECTS = 8
LOOKED_AT = 2000
PAGE = 50
# Relevance is decided among the newest matches: reading half a million takes a second.
RANKED = 2000

NEWEST = "ORDER BY id DESC LIMIT"

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
    is_page = limit <= PAGE and all(len(term.words) == 1 for term in query.terms)
    return ordered(INDEX, spoken(query), projects, (0, before), limit, is_page=is_page)


def transcripts(
    query: Query,
    projects: Sequence[int] | None,
    before: int | None,
    limit: int,
    until: int,
    among: Sequence[int] | None = None,
) -> list[int]:
    if among is None:
        return ordered(VOCABULARY, known(query), projects, (until, before), limit)
    ids, values = selected(VOCABULARY, known(query), projects, (until, before))
    # The plus keeps the index from being asked again for each of them.
    chosen = "AND +found.rowid IN (SELECT value FROM json_each(%s))"
    rows = fetch(f"{ids} {chosen} {NEWEST} {limit}", [*values, json.dumps(list(among))])
    return [pk for (pk,) in rows]


def runs(utterances: Sequence[int]) -> dict[int, int]:
    rows = fetch(
        """
        SELECT id, transcription_id FROM transcripts_utterance
        WHERE id IN (SELECT value FROM json_each(%s))
        """,
        [json.dumps(list(utterances))],
    )
    return dict(rows)


def within(query: Query, ranges: Sequence[tuple[int, int]], limit: int) -> list[list[int]]:
    bounds = json.dumps(list(ranges))
    found = [
        fetch(
            f"""
            SELECT found.rowid FROM json_each(%s) AS bounds CROSS JOIN {INDEX} AS found
            WHERE found.{INDEX} MATCH %s AND found.rowid BETWEEN
                json_extract(bounds.value, '$[0]') AND json_extract(bounds.value, '$[1]')
            ORDER BY found.rowid LIMIT {limit}
            """,
            [bounds, spoken(part)],
        )
        for part in query.parts
    ]
    return [[pk for (pk,) in rows] for rows in found]


def best(
    query: Query, projects: Sequence[int] | None, after: tuple[float, int] | None, limit: int
) -> list[tuple[float, int]]:
    ids = ordered(INDEX, spoken(query), projects, (0, None), RANKED)
    rows = fetch(
        """
        SELECT id, text FROM transcripts_utterance
        WHERE id IN (SELECT value FROM json_each(%s))
        """,
        [json.dumps(ids)],
    )
    # Ties go to the newer utterance, so the order is that of (score, -id).
    ranked = sorted((score, -pk) for score, pk in scored(query, rows))
    if after is not None:
        ranked = [place for place in ranked if place > (after[0], -after[1])]
    return [(score, -negative) for score, negative in ranked[:limit]]


def count(query: Query, projects: Sequence[int] | None, cap: int) -> tuple[int, int]:
    ids, values = selected(INDEX, spoken(query), projects, (0, None))
    # The transcriptions are counted of fewer than ``cap`` alone: every row has to be read.
    rows = fetch(
        f"""
        WITH found AS MATERIALIZED ({ids} LIMIT {cap})
        SELECT count(*), CASE WHEN count(*) < {cap} THEN (
            SELECT count(DISTINCT transcription_id) FROM transcripts_utterance
            WHERE id IN (SELECT id FROM found)
        ) ELSE 0 END
        FROM found
        """,
        values,
    )
    hits, runs = rows[0]
    return hits, runs


def count_transcripts(query: Query, projects: Sequence[int] | None, cap: int) -> int:
    ids, values = selected(VOCABULARY, known(query), projects, (0, None))
    return int(fetch(f"SELECT count(*) FROM ({ids} LIMIT {cap})", values)[0][0])


def ordered(
    index: str,
    expression: str,
    projects: Sequence[int] | None,
    between: tuple[int, int | None],
    limit: int,
    *,
    is_page: bool = False,
) -> list[int]:
    """The newest matches of an index in these projects, of ids between two others.

    The second is None for the newest of all; ``is_page`` tries the newest of the library first.
    """
    if is_page and projects is not None and FEW_PROJECTS < len(projects) <= INDEXED_PROJECTS:
        ids, values = selected(index, expression, None, between)
        newest_ids = f"{ids} {NEWEST} {LOOKED_AT}"
        found, is_all = permitted(newest_ids, values, projects, limit)
        if is_all or len(found) == limit:
            return found
    ids, values = selected(index, expression, projects, between)
    return [pk for (pk,) in fetch(f"{ids} {NEWEST} {limit}", values)]


def selected(
    index: str,
    expression: str,
    projects: Sequence[int] | None,
    between: tuple[int, int | None],
) -> tuple[str, list[Any]]:
    """A statement for the ``id`` of the matches, as ``ordered`` but in no order, and its values."""
    source = f"FROM {index} AS found"
    where = f"WHERE found.{index} MATCH %s AND found.rowid > %s"
    if projects is not None and len(projects) <= INDEXED_PROJECTS:
        wanted = " OR ".join(f'"{project:d}"' for project in projects)
        expression = f"{expression} AND project_id : ({wanted})"
    after, before = between
    values: list[Any] = [expression, after]
    if before is not None:
        where += " AND found.rowid < %s"
        values.append(before)
    if projects is not None and len(projects) > INDEXED_PROJECTS:
        # CROSS JOIN keeps the order of the tables: the index first, newest first.
        source += " CROSS JOIN transcripts_utterance AS utterance ON utterance.id = found.rowid"
        where += " AND utterance.project_id IN (SELECT value FROM json_each(%s))"
        values.append(json.dumps(list(projects)))
    return f"SELECT found.rowid AS id {source} {where}", values


def permitted(
    statement: str, values: Sequence[Any], projects: Sequence[int], limit: int
) -> tuple[list[int], bool]:
    """The first of the rows that a statement selects, in its order, that are in these projects.

    The second value is whether the statement selects no more than these: it was read to its end
    and has fewer than ``LOOKED_AT`` rows.
    """
    wanted, found, read = set(projects), [], 0
    with connection.cursor() as cursor:
        # CROSS JOIN reads the rows in the order of the statement, each when it is asked for.
        cursor.execute(
            f"SELECT id, project_id FROM ({statement}) CROSS JOIN transcripts_utterance USING (id)",
            values,
        )
        for pk, project in cursor:
            read += 1
            if project in wanted:
                found.append(pk)
                if len(found) == limit:
                    return found, False
    return found, read < LOOKED_AT


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


def limited() -> AbstractContextManager[None]:
    """SQLite has no time limit for a statement."""
    return nullcontext()


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
    """A regular expression for a term in folded text, where ``_`` is no letter.

    It begins with the letters of the first word, which are found faster than a condition.
    """
    words = [fold(word) for word in term.words]
    first = re.escape(words[0])
    source = first
    unspaced = UNSPACED.pattern
    if not is_unspaced(words[0][0]):
        source += rf"(?:(?<![^\W_]{first})|(?<={unspaced}{first}))"
    for before, word in pairwise(words):
        source += (r"[\W_]*" if are_close(before, word) else r"[\W_]+") + re.escape(word)
    if term.prefix or is_unspaced(words[-1][-1]):
        return source
    return rf"{source}(?:(?![^\W_])|(?={unspaced}))"
