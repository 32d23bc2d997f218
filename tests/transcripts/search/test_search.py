"""Search in the library, on the database of this test run."""
# ruff: noqa: RUF001 letters that look like others are what is tested

import os
from typing import get_args

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from management.models import Membership, Project, User
from tests.transcripts.search.conftest import add_utterances, hear
from transcripts.models import Recording, Transcription, Utterance
from transcripts.search import BadSearch, Order, search, search_everything
from transcripts.text.tokens import word_ranges

pytestmark = pytest.mark.django_db

ORDERS: tuple[Order, ...] = get_args(Order)


def texts(results) -> list[str]:
    return [hit.text for hit in results.hits]


def found(user, query, **options) -> list[str]:
    return texts(search(user, query, **options))


def test_the_database_is_the_one_this_run_is_for():
    wanted = os.environ.get("DATABASE_URL", "sqlite:").split(":")[0]
    assert connection.vendor == wanted


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("budget", ["The budget meeting is in May."]),
        ("BUDGET may", ["The budget meeting is in May."]),
        ("budget june", []),
        ('"budget meeting"', ["The budget meeting is in May."]),
        ('"meeting budget"', []),
        ("meet*", ["The budget meeting is in May."]),
        ('"budget meet*"', ["The budget meeting is in May."]),
        ("creme brulee", ["Crème brûlée at the café — naturally!"]),
        ("café", ["Crème brûlée at the café — naturally!"]),
        ("naturally", ["Crème brûlée at the café — naturally!"]),
        ("don't", ["I don’t send to ada@example.test at 3.14 or -5."]),
        ("example", ["I don’t send to ada@example.test at 3.14 or -5."]),
        ("5", ["I don’t send to ada@example.test at 3.14 or -5."]),
        ("3.14", ["I don’t send to ada@example.test at 3.14 or -5."]),
        ("дом", ["ДОМ стоит. Ёлка."]),
        ("ёлка", ["ДОМ стоит. Ёлка."]),
        ("елка", []),
        ("straße", ["Die Straße von Ødegård."]),
        ("odegard", []),
        ("ødegard", ["Die Straße von Ødegård."]),
        ("हिन्दी", ["यह हिन्दी है"]),
        ("istanbul", ["İstanbul 🙂 calls"]),
    ],
)
def test_words_are_found(ada, project, query, expected, order):
    hear(
        project,
        "The budget meeting is in May.",
        "Crème brûlée at the café — naturally!",
        "I don’t send to ada@example.test at 3.14 or -5.",
        "ДОМ стоит. Ёлка.",
        "Die Straße von Ødegård.",
        "यह हिन्दी है",
        "İstanbul 🙂 calls",
    )
    assert found(ada, query, order=order) == expected


def test_hit_says_who_said_it_where_and_when(ada, project):
    recording = hear(project, "Hello.", "We discuss the budget now.", title="Board", speaker=2)
    (hit,) = search(ada, "budget").hits
    second = Utterance.objects.get(index=1)
    assert (hit.recording, hit.title, hit.project, hit.project_name) == (
        recording.pk, "Board", project.pk, "Interviews",
    )  # fmt: skip
    assert (hit.utterance, hit.index, hit.channel, hit.speaker) == (second.pk, 1, 0, 2)
    assert (hit.start, hit.end) == (11.5, 19)
    assert hit.recorded_at == recording.created_at
    assert hit.pieces == (("We discuss the ", False), ("budget", True), (" now.", False))


def test_hit_starts_with_its_utterance_when_words_cannot_be_followed(ada, project):
    hear(project, "It costs five dollars in the budget.")
    Utterance.objects.update(text="It costs $5 in the budget.")
    assert search(ada, "budget").hits[0].start == 0


def test_excerpt_of_a_long_utterance_shows_the_first_mark(ada, project):
    text = "before " * 100 + "the needle " + "after " * 100
    hear(project, text)
    excerpt = search(ada, "needle").hits[0].excerpt
    shown = "".join(piece for piece, _ in excerpt)
    assert ("needle", True) in excerpt
    assert shown.startswith("… before")
    assert shown.endswith("after …")
    assert len(shown) < 300


def test_newest_come_first(ada, project):
    hear(project, "one word")
    hear(project, "two words", "word three")
    assert found(ada, "word*") == ["word three", "two words", "one word"]


def test_relevance_prefers_what_says_it_often_and_briefly(ada, project):
    hear(
        project,
        "Budget, budget, budget.",
        "A long utterance that speaks of everything under the sun and once of the budget too.",
        "The budget, I said, the budget.",
    )
    first, *_, last = found(ada, "budget", order="relevance")
    assert first == "Budget, budget, budget."
    assert last.startswith("A long")


@pytest.mark.parametrize("order", ORDERS)
def test_pages_show_every_hit_once(ada, project, order):
    hear(project, *(f"word {'word ' * (number % 3)}{number}" for number in range(25)))
    pages, cursor = [], None
    while True:
        results = search(ada, "word", order=order, cursor=cursor, limit=10)
        pages.append(texts(results))
        assert results.count == 25
        cursor = results.cursor
        if cursor is None:
            break
    assert [len(page) for page in pages] == [10, 10, 5]
    everything = [text for page in pages for text in page]
    assert len(set(everything)) == 25
    assert everything == found(ada, "word", order=order, limit=100)


def test_page_does_not_shift_when_a_transcript_arrives(ada, project):
    hear(project, "word 1", "word 2", "word 3")
    first = search(ada, "word", limit=2)
    hear(project, "word 4")
    assert found(ada, "word", cursor=first.cursor, limit=2) == ["word 1"]


def test_count_stops_at_a_thousand(ada, project):
    hear(project, *["word"] * 1001)
    assert search(ada, "word").count_label == "1,000+"
    Utterance.objects.filter(index=0).delete()
    assert search(ada, "word").count_label == "1,000"


@pytest.mark.parametrize("order", ORDERS)
def test_a_stranger_finds_nothing(ada, bob, vera, eve, project, other_project, order):
    hear(project, "our secret word")
    hear(other_project, "their secret word")
    for person in (ada, bob, vera):
        assert found(person, "secret", order=order) == ["our secret word"]
        assert found(person, "secret", order=order, project=other_project) == []
    assert found(eve, "secret", order=order) == ["their secret word"]
    assert found(eve, "secret", order=order, project=project) == []
    assert search(eve, "our").count == 0


def test_a_person_without_projects_finds_nothing(db, project):
    hear(project, "word")
    nobody = User.objects.create_user("nobody@example.test", "pass-word-1")
    assert found(nobody, "word") == []


@pytest.mark.parametrize("order", ORDERS)
def test_a_member_of_many_projects_finds_their_words_alone(ada, server, project, order):
    for number in range(40):
        one = Project.objects.create(connection=server, upstream_id=f"many-{number}", name="P")
        hear(one, f"word {number}")
        if number % 10:
            Membership.objects.create(user=ada, project=one)
    words = found(ada, "word", order=order, limit=100)
    assert len(words) == 36
    assert "word 10" not in words
    assert search(ada, "word", order=order, limit=5).count == 36


def test_one_project_can_be_chosen(ada, project, other_project):
    Membership.objects.create(user=ada, project=other_project)
    hear(project, "word here")
    hear(other_project, "word there")
    assert found(ada, "word") == ["word there", "word here"]
    assert found(ada, "word", project=project) == ["word here"]
    assert found(ada, "word", project=other_project.pk) == ["word there"]


def test_the_id_of_a_project_is_not_a_word(ada, project):
    hear(project, "word")
    assert found(ada, str(project.pk)) == []


def test_only_the_newest_run_is_searched(ada, project):
    recording = hear(project, "the old word")
    run = Transcription.objects.create(recording=recording)
    add_utterances(run, "the new word")
    Utterance.objects.exclude(transcription=run).update(searchable=False)
    assert found(ada, "word") == ["the new word"]
    Utterance.objects.update(searchable=True)
    assert found(ada, "word") == ["the new word", "the old word"]


def test_index_follows_the_text(ada, project, other_project):
    Membership.objects.create(user=ada, project=other_project)
    hear(project, "first words")
    Utterance.objects.update(text="second words")
    assert found(ada, "first") == []
    assert found(ada, "second") == ["second words"]
    Utterance.objects.update(project=other_project)
    assert found(ada, "second", project=project) == []
    assert found(ada, "second", project=other_project) == ["second words"]
    Recording.objects.all().delete()
    assert found(ada, "second") == []


def test_text_is_found_in_the_transaction_that_wrote_it_and_gone_with_it(ada, project):
    with transaction.atomic():
        hear(project, "ephemeral")
        assert found(ada, "ephemeral") == ["ephemeral"]
        transaction.set_rollback(True)
    assert found(ada, "ephemeral") == []


@pytest.mark.full
def test_an_endless_utterance_is_kept_and_its_beginning_found(ada, project):
    hear(project, "beginning " + " ".join(f"w{number}" for number in range(200_000)))
    assert len(search(ada, "beginning w5").hits) == 1
    hear(project, "x" * 1_000_000 + " beginning")
    assert len(search(ada, "beginning").hits) >= 1


def test_nothing_to_look_for_gives_a_hint(ada, project):
    hear(project, "word")
    results = search(ada, "!?")
    assert results.hits == ()
    assert "word" in results.hint


@pytest.mark.parametrize(
    "options",
    [
        {"order": "oldest"},
        {"cursor": "!"},
        {"cursor": "é"},
        {"cursor": "W10"},
        {"cursor": "WyJuZXdlc3QiLDEsLTEsMF0"},  # ["newest",1,-1,0]
        {"cursor": "WyJuZXdlc3QiLDEsMSwxZTk5OV0"},  # ["newest",1,1,1e999]
        {"cursor": "W" * 1000},
        {"cursor": "WyJyZWxldmFuY2UiLDEsMSwwXQ"},  # ["relevance",1,1,0]
    ],
)
def test_bad_options_are_refused(ada, project, options):
    hear(project, "word")
    with pytest.raises(BadSearch):
        search(ada, "word", **options)


ODD = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            ['"', "''", "*", "a*", "NEAR(", "AND", "OR NOT", "text:", "{a b}:", "^a", "a+b", "(",
             ")", ":*", "<->", "a & !b", "\\", "%", "%s", "_", "\0", "\ud800", "🙂", "²*", "①",
             "-a", "\u0301", "e\u0301*", "ß", "İ*", "日本*", "हि*", "1e5", "http://a.b/c?d"]
        ),
    ),
    max_size=6,
).map(" ".join)  # fmt: skip


@pytest.mark.full
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(query=ODD)
@example(query="²*")
@example(query='"a ²*"')
@example(query="word " * 30)
def test_no_query_is_an_error(ada, project, query):
    for order in ORDERS:
        assert search(ada, query, order=order).count >= 0


# European letters: the two databases know different ages of Unicode's rarer scripts.
EUROPEAN = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x52F, exclude_categories=["Cn"]), max_size=60
)


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=EUROPEAN)
@pytest.mark.slow
def test_every_word_of_a_text_finds_it(ada, project, text):
    with transaction.atomic():
        hear(project, text)
        for start, end in word_ranges(text):
            if text[start:end].isalpha():
                assert found(ada, text[start:end]) == [text], text[start:end]
        transaction.set_rollback(True)


def test_the_operator_searches_everything(project, other_project):
    hear(project, "word here")
    hear(other_project, "word there")
    assert texts(search_everything("word")) == ["word there", "word here"]
    assert texts(search_everything("word", project=project)) == ["word here"]
