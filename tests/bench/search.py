"""Search over 1,000,000 utterances in 200 projects, of which the person may see 20.

    python -m tests.bench.search

Utterances have 12 words of a Zipf distribution. Each figure is the 95th percentile in
milliseconds of 60 searches of its kind, top 20, by the statements that the product runs,
fetched to the end: on a warm server, one after the other. Tantivy, a search engine without a
database's transactions or permissions, is beside them with the same data and filter.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import astuple

import numpy as np
import pytest

from tests.bench.results import Result, at_most
from tests.services import postgresql
from transcripts.text.tokens import IndexedText, indexed

UTTERANCES, WORDS, PROJECTS, PERMITTED, IN_A_RECORDING = 1_000_000, 12, 200, 20, 250
VOCABULARY = 50_000
SEARCHES, HITS = 60, 20
SYLLABLES = "ba ke li mo tu ra se ni po du va ge hi lo zu ta me ri so nu".split()
# Of a common word and a phrase, which most recordings say apart: not among all kinds.
WORD_AND_PHRASE = "word and phrase"
# In milliseconds; a subject that has none is told for comparison.
TARGETS = {
    ("sqlite", "newest"): 5,
    ("sqlite", "relevance"): 60,
    ("postgresql", "newest"): 15,
}


class Corpus:
    """Texts to search, the same in every run: ``words`` is (utterances, 12) of numbers."""

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        self.vocabulary = [spell(rank) for rank in range(VOCABULARY)]
        odds = 1 / np.arange(1, VOCABULARY + 1)
        self.words = random.choice(VOCABULARY, (UTTERANCES, WORDS), p=odds / odds.sum())
        recordings = UTTERANCES // IN_A_RECORDING
        # Numbers from 1, as the rows are numbered.
        self.project_of = random.integers(1, PROJECTS + 1, recordings)
        self.permitted = sorted(int(pk) for pk in random.choice(PROJECTS, PERMITTED, False) + 1)

    def said(self, row: int) -> list[str]:
        return [self.vocabulary[word] for word in self.words[row]]

    def indexed(self) -> Iterator[IndexedText]:
        """Return the indexed text of each utterance besides its own."""
        for first in range(0, UTTERANCES, IN_A_RECORDING):
            rows = range(first, first + IN_A_RECORDING)
            yield from indexed([" ".join(self.said(row)) for row in rows])

    def rows(self) -> Iterator[tuple[int, int, int, str]]:
        """(id, recording, project, text) of each utterance, ids from 1."""
        for row in range(UTTERANCES):
            recording = row // IN_A_RECORDING
            yield row + 1, recording + 1, int(self.project_of[recording]), " ".join(self.said(row))

    def queries(self) -> dict[str, list[str]]:
        """Searches of each kind, as somebody would type them."""
        random = np.random.default_rng(1)
        lines = [self.said(int(row)) for row in random.integers(0, UTTERANCES, SEARCHES)]
        rare = random.integers(2_000, VOCABULARY, SEARCHES)
        return {
            "common word": self.vocabulary[:SEARCHES],
            "rare word": [self.vocabulary[rank] for rank in rare],
            "two words": [f"{line[2]} {line[7]}" for line in lines],
            "phrase": [f'"{line[2]} {line[3]}"' for line in lines],
            "prefix": [f"{line[4][:3]}*" for line in lines],
            WORD_AND_PHRASE: [
                f'{word} "{line[2]} {line[3]}"'
                for word, line in zip(self.vocabulary, lines, strict=False)
            ],
        }


def spell(rank: int) -> str:
    """A word of one syllable for the twenty commonest, of two for the next, and so on."""
    word, rank = "", rank + 1
    while rank:
        rank, syllable = divmod(rank - 1, len(SYLLABLES))
        word += SYLLABLES[syllable]
    return word


def run() -> Iterator[Result]:
    with ExitStack() as stack:
        databases = {"sqlite": ""}
        try:
            databases["postgresql"] = stack.enter_context(postgresql())
        except pytest.skip.Exception as reason:
            print(f"PostgreSQL is left out: {reason}")
        for database, url in databases.items():
            for (subject, kind), value in measured_apart(database, url).items():
                name = f"{database}, {subject}, {kind}"
                limit = TARGETS.get((database, subject)) if kind != WORD_AND_PHRASE else None
                yield (
                    Result(name, value, "ms")
                    if limit is None
                    else at_most(name, value, limit, "ms")
                )
    corpus = Corpus()
    for (subject, kind), value in percentiles(tantivy_searches(corpus), corpus).items():
        yield Result(f"tantivy, {subject}, {kind}", value, "ms")


def measured_apart(database: str, url: str) -> dict[tuple[str, str], float]:
    """The figures of one database, from a process of its own: settings are read once."""
    with tempfile.TemporaryDirectory(prefix="earshot-bench-") as data:
        environ = os.environ | {"EARSHOT_DATA": data, "DATABASE_URL": url}
        environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.search", database],
            env=environ,
            stdout=subprocess.PIPE,
            check=True,
        )
    return {(subject, kind): value for subject, kind, value in json.loads(done.stdout)}


def measure_database() -> dict[tuple[str, str], float]:
    """Fill the database of this process and search it as the product does."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    corpus = Corpus()
    fill(corpus)

    from management.models import User
    from transcripts import search
    from transcripts.search.index import database_index
    from transcripts.search.query import parse

    user = User.objects.get()

    def places(query: str, order: search.Order, projects: list[int]) -> object:
        with database_index().limited():
            return search.places(parse(query), projects, order, None, HITS + 1)

    def count(query: str) -> object:
        with database_index().limited():
            return search.counted(parse(query), corpus.permitted)

    searches: dict[str, Callable[[str], object]] = {
        "newest": lambda query: places(query, "newest", corpus.permitted),
        "relevance": lambda query: places(query, "relevance", corpus.permitted),
        "count to 1,000+": count,
        "newest in one project": lambda query: places(query, "newest", corpus.permitted[:1]),
        "the whole call, newest": lambda query: search.search(user, query, limit=HITS),
        "the whole call, relevance": lambda query: search.search(
            user, query, order="relevance", limit=HITS
        ),
    }
    return percentiles(searches, corpus)


def percentiles(
    searches: dict[str, Callable[[str], object]], corpus: Corpus
) -> dict[tuple[str, str], float]:
    """The 95th percentile in milliseconds of each subject and kind, and over all kinds."""
    figures = {}
    for subject, search in searches.items():
        every: list[float] = []
        for kind, queries in corpus.queries().items():
            times = []
            for query in queries:
                started = time.perf_counter()
                search(query)
                times.append((time.perf_counter() - started) * 1000)
            figures[subject, kind] = percentile(times)
            if kind != WORD_AND_PHRASE:
                every += times
        figures[subject, "all kinds"] = percentile(every)
    return figures


def percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def fill(corpus: Corpus) -> None:
    """Write the corpus as finished transcripts, the index last: the quickest way to the same."""
    from django.db import connection

    from management.models import Connection, Membership, Project, User
    from transcripts.models import Recording, State, Transcription
    from transcripts.search import postgres, sqlite

    index = postgres if connection.vendor == "postgresql" else sqlite
    user = User.objects.create_user("ada@example.test")
    server = Connection(name="Bench", kind=Connection.Kind.ENGINE, base_url="http://bench.test")
    server.api_key = "bench"
    server.save()
    Project.objects.bulk_create(
        Project(pk=pk, connection=server, upstream_id=str(pk), name=f"Project {pk}")
        for pk in range(1, PROJECTS + 1)
    )
    Membership.objects.bulk_create(Membership(user=user, project_id=pk) for pk in corpus.permitted)
    Recording.objects.bulk_create(
        Recording(pk=pk, project_id=project, title=f"Recording {pk}", state=State.DONE)
        for pk, project in enumerate(corpus.project_of, 1)
    )
    Transcription.objects.bulk_create(
        Transcription(pk=pk, recording_id=pk, state=State.DONE)
        for pk in range(1, len(corpus.project_of) + 1)
    )
    index.uninstall(connection)
    # fmt: off
    columns = ("id", "transcription_id", "project_id", "text", "words", '"index"', "channel",
               "speaker", "start", '"end"', "confidence", "searchable", "spaced", "seam",
               "vocabulary")
    # fmt: on
    words = [["word", 12.25, 12.5, 0.9871]] * WORDS
    rest = (json.dumps(words), 0, 0, 1, 12.25, 18.25, 0.9871, True)
    lines = (
        (pk, recording, project, text, rest[0], pk % IN_A_RECORDING, *rest[2:], *extra)
        for (pk, recording, project, text), extra in zip(
            corpus.rows(), map(astuple, corpus.indexed()), strict=True
        )
    )
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY transcripts_utterance ({names}) FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)
        else:
            cursor.execute("BEGIN")
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f"INSERT INTO transcripts_utterance ({names}) VALUES ({marks})", list(lines)
            )
            cursor.execute("COMMIT")
    index.install(connection)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # As autovacuum does after so many new rows.
            cursor.execute("VACUUM ANALYZE")


def tantivy_searches(corpus: Corpus) -> dict[str, Callable[[str], object]]:
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("text")
    schema.add_integer_field("project", indexed=True, fast=True)
    schema.add_integer_field("id", fast=True)
    index = tantivy.Index(schema.build())
    writer = index.writer(200_000_000)
    for pk, _, project, text in corpus.rows():
        writer.add_document(tantivy.Document(text=text, project=project, id=pk))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    permitted = " ".join(map(str, corpus.permitted))

    def asked(query: str) -> tantivy.Query:
        if query.endswith("*"):
            text = tantivy.Query.regex_query(index.schema, "text", query[:-1] + ".*")
        else:
            text = index.parse_query(query, ["text"], conjunction_by_default=True)
        projects = index.parse_query(f"project: IN [{permitted}]")
        return tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, text),
                (tantivy.Occur.Must, tantivy.Query.const_score_query(projects, 0.0)),
            ]
        )

    return {
        "newest": lambda query: searcher.search(
            asked(query), HITS + 1, count=False, order_by_field="id"
        ),
        "relevance": lambda query: searcher.search(asked(query), HITS + 1, count=False),
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump([[*key, value] for key, value in measure_database().items()], sys.stdout)
