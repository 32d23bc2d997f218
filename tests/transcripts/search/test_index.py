"""The index beside the table: made by the database, kept through what migrations do."""

import pytest
from django.core.management import call_command
from django.db import connection, connections, models
from django.test.utils import CaptureQueriesContext

from tests.transcripts.search.conftest import hear
from transcripts import checks
from transcripts.models import Utterance
from transcripts.search import TOO_SLOW, search, search_everything, sqlite

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
