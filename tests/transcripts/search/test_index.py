"""The index beside the table: made by the database, kept through what migrations do."""

import pytest
from django.core.management import call_command
from django.db import connection, connections, models
from django.test.utils import CaptureQueriesContext

from management.models import Project
from tests.transcripts.search.conftest import hear
from transcripts import checks
from transcripts.models import Utterance
from transcripts.search import TOO_SLOW, search, search_everything, sqlite
from transcripts.search.query import parse

TABLE = Utterance._meta.db_table


@pytest.mark.django_db(transaction=True)
def test_index_survives_a_migration_that_alters_the_table(ada, project):
    hear(project, "before the change")
    old, new = Utterance._meta.get_field("channel"), models.BigIntegerField(default=0)
    new.set_attributes_from_name("channel")
    new.model = Utterance
    with connection.schema_editor() as editor:
        editor.alter_field(Utterance, old, new)
    Utterance.objects.update(text="after the change")
    call_command("migrate", verbosity=0)
    hear(project, "after all")
    with connection.schema_editor() as editor:
        editor.alter_field(Utterance, new, old)
    call_command("migrate", verbosity=0)
    assert [hit.text for hit in search(ada, "after").hits] == ["after all", "after the change"]
    assert search(ada, "before").hits == ()


@pytest.mark.django_db
def test_a_page_of_hits_takes_a_fixed_number_of_queries(ada, project):
    hear(project, *["word"] * 50)
    with CaptureQueriesContext(connection) as few:
        search(ada, "word", limit=5)
    with CaptureQueriesContext(connection) as many:
        search(ada, "word", limit=40)
    assert len(few) == len(many)


@pytest.fixture
def sqlite_index(db):
    if connection.vendor != "sqlite":
        pytest.skip("This run is on another database.")
    return sqlite


@pytest.fixture
def locked_table(transactional_db):
    """The table of utterances, held by a migration that does not end."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no time limit of its own to test.")
    other = connections["default"].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        yield
        cursor.execute("ROLLBACK")
    other.close()


def test_a_search_that_takes_too_long_says_so(locked_table):
    for order in ("newest", "relevance"):
        results = search_everything("word", order=order)
        assert (results.hits, results.hint) == ((), TOO_SLOW)


def test_index_is_filled_when_it_was_lost(sqlite_index, ada, project):
    hear(project, "kept", "hidden")
    Utterance.objects.filter(text="hidden").update(searchable=False)
    sqlite_index.uninstall(connection)
    sqlite_index.install(connection)
    assert len(search(ada, "kept").hits) == 1
    assert search(ada, "hidden").hits == ()


@pytest.mark.parametrize(
    ("few", "most", "looked_at"),
    [
        (3, 9, 100),  # in the index
        (0, 9, 100),  # by the rows of all matches
        (0, 9, 6),  # by the rows of the newest matches, then in the index
        (0, 2, 100),  # more than are looked up in the index
    ],
)
def test_every_way_to_look_in_projects_finds_the_same(
    sqlite_index, monkeypatch, server, few, most, looked_at
):
    names = ("FEW_PROJECTS", few), ("INDEXED_PROJECTS", most), ("LOOKED_AT", looked_at)
    for name, value in names:
        monkeypatch.setattr(sqlite_index, name, value)
    projects = [
        Project.objects.create(connection=server, upstream_id=f"p-{number}", name=f"{number}")
        for number in range(5)
    ]
    for number in range(15):
        hear(projects[number * number % 5], "word " * 3, "else", "a word", title=f"{number}")
    chosen = [projects[0].pk, projects[3].pk, projects[4].pk]
    said = Utterance.objects.filter(project__in=chosen, text__contains="word").order_by("-pk")
    expected = list(said.values_list("pk", flat=True))
    query = parse("word")
    for limit in (1, 5, len(expected), 51):
        assert sqlite_index.newest(query, chosen, None, limit) == expected[:limit]
    middle = expected[4]
    assert sqlite_index.newest(query, chosen, middle, 3) == expected[5:8]
    firsts = list(said.filter(pk__gt=middle, index=0).values_list("pk", flat=True))
    assert firsts
    assert sqlite_index.transcripts(query, chosen, None, 50, middle) == firsts


def test_index_holds_no_words_of_what_was_deleted(sqlite_index, project):
    hear(project, "gone", "changed")
    Utterance.objects.filter(text="changed").update(text="else")
    Utterance.objects.filter(text="else").update(searchable=False)
    Utterance.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE VIRTUAL TABLE temp.words"
            " USING fts5vocab(main, transcripts_utterance_index, row)"
        )
        cursor.execute("SELECT term FROM temp.words")
        assert cursor.fetchall() == []
        cursor.execute("DROP TABLE temp.words")


def test_the_check_for_the_index_passes_here():
    assert checks.search_has_an_index() == []
