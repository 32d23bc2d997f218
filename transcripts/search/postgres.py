"""The text index of PostgreSQL: generated tsvectors with GIN, written with the row.

``search`` holds the words of an utterance and how it passes into the next one, ``known`` the
vocabulary of a transcript, in the row of its first utterance. Beside them stands the project's
id as a lexeme of its own (``/17``: no word has a slash), so that an index alone tells what is in
a person's projects.

Letters are folded by a function of ours rather than the extension *unaccent*: any owner of
a database may make it, it is immutable, and it does not depend on the database's locale.
"""
# ruff: noqa: S608 statements are put together of our own pieces; what was typed is a parameter

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from transcripts.search.query import Crossing, Query, TooSlow
from transcripts.text.tokens import compared

TIMEOUT_MS = 3000

# Like SQLite's unicode61 with remove_diacritics: lower case, Latin letters without their
# accents, and everything but letters and digits a separator, since PostgreSQL's own parser
# would keep addresses, paths and signed numbers whole. A tsvector holds at most 1 MB: of an
# utterance longer than any real one, the beginning is found.
FUNCTION = r"""
CREATE OR REPLACE FUNCTION transcripts_fold(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $function$
    SELECT regexp_replace(
        lower(
            normalize(
                regexp_replace(
                    normalize(left($1, 100000), NFD), '([A-Za-z])[\u0300-\u036f]+', '\1', 'g'
                ),
                NFC
            ) COLLATE {collation}
        ),
        '[^[:alnum:]]+', ' ', 'g'
    )
$function$
"""
INSTALL = (
    """
    ALTER TABLE transcripts_utterance
        ADD COLUMN search tsvector GENERATED ALWAYS AS (
            to_tsvector(
                'simple', transcripts_fold(CASE WHEN spaced = '' THEN text ELSE spaced END)
            )
            || array_to_tsvector(string_to_array(seam, ' '))
            || array_to_tsvector(ARRAY['/' || project_id])
        ) STORED,
        ADD COLUMN known tsvector GENERATED ALWAYS AS (
            array_to_tsvector(string_to_array(vocabulary, ' '))
            || array_to_tsvector(ARRAY['/' || project_id])
        ) STORED
    """,
    """
    CREATE INDEX transcripts_utterance_search ON transcripts_utterance
        USING gin (search) WITH (fastupdate = off) WHERE searchable
    """,
    """
    CREATE INDEX transcripts_utterance_known ON transcripts_utterance
        USING gin (known) WITH (fastupdate = off) WHERE searchable AND vocabulary <> ''
    """,
    # The planner guesses how frequent a prefix is from the lexemes it has counted: with the
    # usual thousand it takes frequent ones for rare, and reads far too much of the index.
    "ALTER TABLE transcripts_utterance ALTER COLUMN search SET STATISTICS 1000",
)
UNINSTALL = (
    "ALTER TABLE transcripts_utterance DROP COLUMN IF EXISTS search",
    "ALTER TABLE transcripts_utterance DROP COLUMN IF EXISTS known",
    "DROP FUNCTION IF EXISTS transcripts_fold(text)",
)


def install(database: BaseDatabaseWrapper) -> None:
    with database.cursor() as cursor:
        # A database in the C locale lowers only ASCII by itself; nearly every server has ICU.
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")
        collation = '"und-x-icu"' if cursor.fetchone() else '"default"'
        cursor.execute(FUNCTION.replace("{collation}", f"pg_catalog.{collation}"))
        for statement in INSTALL:
            cursor.execute(statement)


def uninstall(database: BaseDatabaseWrapper) -> None:
    with database.cursor() as cursor:
        for statement in UNINSTALL:
            cursor.execute(statement)


def newest(
    query: Query, projects: Sequence[int] | None, before: int | None, limit: int
) -> list[int]:
    return ordered(*matching(query, projects), before, limit)


def transcripts(
    query: Query,
    projects: Sequence[int] | None,
    before: int | None,
    limit: int,
    until: int,
    among: Sequence[int] | None = None,
) -> list[int]:
    where, values = knowing(query, projects)
    if among is not None:
        where, values = f"{where} AND id = ANY(%s)", [*values, list(among)]
    return ordered(f"{where} AND id > %s", [*values, until], before, limit)


def ordered(where: str, values: list[Any], before: int | None, limit: int) -> list[int]:
    """The newest utterances under a condition."""
    if before is not None:
        where, values = f"{where} AND id < %s", [*values, before]
    rows = fetch(
        f"SELECT id FROM transcripts_utterance WHERE {where} ORDER BY id DESC LIMIT {limit}",
        values,
    )
    return [pk for (pk,) in rows]


def runs(utterances: Sequence[int]) -> dict[int, int]:
    rows = fetch(
        "SELECT id, transcription_id FROM transcripts_utterance WHERE id = ANY(%s)",
        [list(utterances)],
    )
    return dict(rows)


def within(query: Query, ranges: Sequence[tuple[int, int]], limit: int) -> list[list[int]]:
    terms = [tsquery(part) for part in query.parts]
    held = ", ".join(f"search @@ {expression}" for expression, _ in terms)
    any_of = " || ".join(expression for expression, _ in terms)
    values = [value for _, values in terms for value in values]
    places = limit * len(terms)
    # Each range is read by itself, once for all terms: together they would be a search in the
    # whole library.
    rows = fetch(
        f"""
        SELECT found.* FROM unnest(%s::bigint[], %s::bigint[]) AS bounds(first, last)
            CROSS JOIN LATERAL (
                SELECT id, ARRAY[{held}] FROM transcripts_utterance
                WHERE id BETWEEN bounds.first AND bounds.last
                    AND searchable AND search @@ ({any_of})
                ORDER BY id LIMIT {places}
            ) AS found
        ORDER BY found.id LIMIT {places}
        """,
        [[first for first, _ in ranges], [last for _, last in ranges], *values, *values],
    )
    return [[pk for pk, holds in rows if holds[term]] for term in range(len(terms))]


def best(
    query: Query, projects: Sequence[int] | None, after: tuple[float, int] | None, limit: int
) -> list[tuple[float, int]]:
    expression, wanted = tsquery(query)
    where, values = matching(query, projects)
    later = ""
    if after is not None:
        later = "WHERE score > %s OR (score = %s AND id < %s)"
        values += [after[0], *after]
    # Divided by the logarithm of the words, of about six letters, so that a long monologue does
    # not win by them. That of ts_rank itself would count what stands on seams.
    return fetch(
        f"""
        SELECT score, id FROM (
            SELECT -ts_rank(search, {expression})::float8
                / (1 + ln(1 + octet_length(text) / 6.0::float8)) AS score, id
            FROM transcripts_utterance WHERE {where}
        ) AS ranked {later} ORDER BY score, id DESC LIMIT {limit}
        """,
        [*wanted, *values],
    )


def count(query: Query, projects: Sequence[int] | None, cap: int) -> tuple[int, int]:
    where, values = matching(query, projects)
    statement = f"SELECT transcription_id FROM transcripts_utterance WHERE {where} LIMIT {cap}"
    rows = fetch(
        f"SELECT count(*), count(DISTINCT transcription_id) FROM ({statement}) AS found", values
    )
    hits, runs = rows[0]
    return hits, runs


def count_transcripts(query: Query, projects: Sequence[int] | None, cap: int) -> int:
    where, values = knowing(query, projects)
    statement = f"SELECT 1 FROM transcripts_utterance WHERE {where} LIMIT {cap}"
    return int(fetch(f"SELECT count(*) FROM ({statement}) AS found", values)[0][0])


def matching(query: Query, projects: Sequence[int] | None) -> tuple[str, list[Any]]:
    """The condition on an utterance to match in these projects, and its values."""
    expression, values = tsquery(query)
    # A phrase is estimated to be as frequent as its words anywhere, and so the planner reads
    # the table backwards for it. Asked for twice, it is taken for rare and looked up.
    phrases = any(len(term.words) > 1 for term in query.terms)
    conditions = ["searchable", *[f"search @@ {expression}"] * (2 if phrases else 1)]
    values = values * (2 if phrases else 1)
    if projects is not None:
        conditions.append("search @@ %s::tsquery")
        values.append(members(projects))
    return " AND ".join(conditions), values


def knowing(query: Query, projects: Sequence[int] | None) -> tuple[str, list[Any]]:
    """The condition on a first utterance: its transcript has every word, in these projects."""
    words = [
        lexeme(compared(word), term.prefix and place == len(term.words))
        for term in query.terms
        for place, word in enumerate(term.words, 1)
    ]
    values = [" & ".join(dict.fromkeys(words))]
    if projects is not None:
        values.append(members(projects))
    conditions = ["known @@ %s::tsquery"] * len(values)
    return " AND ".join(["searchable", "vocabulary <> ''", *conditions]), values


def members(projects: Sequence[int]) -> str:
    return " | ".join(f"'/{project:d}'" for project in projects)


def lexeme(word: str, prefix: bool = False) -> str:
    """A word as a tsquery has it. It holds letters, marks and digits alone: nothing escapes."""
    return f"'{word}'" + (":*" if prefix else "")


def tsquery(query: Query) -> tuple[str, list[Any]]:
    """The query as an expression of type tsquery, folded by the same function as the text."""
    phrase = "phraseto_tsquery('simple', transcripts_fold(%s))"
    # What folds to nothing asks for nothing; an empty quoted word would be an error.
    prefix = (
        "to_tsquery('simple', "
        "coalesce(quote_literal(nullif(btrim(transcripts_fold(%s)), '')) || ':*', ''))"
    )
    pieces: list[str] = []
    values: list[Any] = []
    for term in query.terms:
        whole = term.words[:-1] if term.prefix else term.words
        steps = [phrase] * bool(whole) + [prefix] * term.prefix
        ways = [f"({' <-> '.join(steps)})"]
        values += [" ".join(whole)] * bool(whole) + [term.words[-1]] * term.prefix
        for crossing in term.crossings():
            ways.append(f"(%s::tsquery && {phrase})" if len(crossing.before) > 1 else "%s::tsquery")
            values.append(seam(crossing))
            values += [" ".join(crossing.before)] * (len(crossing.before) > 1)
        pieces.append(f"({' || '.join(ways)})")
    return f"({' && '.join(pieces)})", values


def seam(crossing: Crossing) -> str:
    words = [lexeme(word) for word in crossing.seam[:-1]]
    return " & ".join([*words, lexeme(crossing.seam[-1], crossing.prefix)])


@contextmanager
def limited() -> Iterator[None]:
    try:
        with transaction.atomic():
            fetch("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise TooSlow from error
        raise


def fetch(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
