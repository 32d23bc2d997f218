"""The search page without a browser: what its address asks for, and what comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from management.models import Membership, Project, User
from tests.transcripts.search.conftest import hear
from tests.transcripts.views.conftest import address, client_of
from transcripts.search import NOTHING_TO_LOOK_FOR, Hit
from transcripts.views.search import PAGE_HITS, groups

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def hit(recording: int, utterance: int = 0) -> Hit:
    return Hit(
        utterance=utterance, index=0, recording=recording, title=f"Title {recording}",
        recorded_at=datetime(2026, 11, 29, tzinfo=UTC), project=1, project_name="P", channel=0,
        speaker=None, voice=None, start=0.0, end=1.0, text="word", marks=((0, 4),),
    )  # fmt: skip


def test_neighbouring_hits_of_a_recording_stand_together():
    made = groups([hit(1, 5), hit(1, 4), hit(2), hit(1, 3)])
    assert [(one.recording, len(one.hits)) for one in made] == [(1, 2), (2, 1), (1, 1)]
    assert made[0].title == "Title 1"
    assert groups([]) == []


def results(client: Client, query: dict[str, Any]) -> Any:
    return client.get(address("search_results"), query)


def test_the_address_of_the_page_follows_the_words(ada_client: Client, project: Project):
    hear(project, "The budget.")
    response = results(ada_client, {"q": " budget ", "project": project.pk, "order": "relevance"})
    query = parse_qs(urlsplit(response["HX-Replace-Url"]).query)
    assert query == {"q": ["budget"], "project": [str(project.pk)], "order": ["relevance"]}
    plain = parse_qs(urlsplit(results(ada_client, {"q": "budget"})["HX-Replace-Url"]).query)
    assert plain == {"q": ["budget"]}


@pytest.mark.parametrize(
    ("order", "used"), [("newest", "newest"), ("relevance", "relevance"), ("oldest", "newest")]
)
def test_an_order_is_one_of_two(ada_client: Client, project: Project, order: str, used: str):
    hear(project, "The budget.")
    assert results(ada_client, {"q": "budget", "order": order}).context["order"] == used


@pytest.mark.parametrize("words", ["", "   ", "\0"])
def test_without_words_nothing_is_looked_up(ada_client: Client, project: Project, words: str):
    hear(project, "The budget.")
    context = results(ada_client, {"q": words}).context
    assert "results" not in context
    assert "problem" not in context


def test_signs_alone_are_no_words(ada_client: Client, project: Project):
    hear(project, "The budget.")
    assert NOTHING_TO_LOOK_FOR in results(ada_client, {"q": "?!"}).content.decode()


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"q": "x" * 1001}, "at most 1,000 are allowed"),
        ({"q": " ".join(map(str, range(65)))}, "at most 64 are allowed"),
        ({"q": "word", "cursor": "!"}, "The cursor does not belong to this search."),
    ],
)
def test_a_search_that_cannot_be_run_says_why(
    ada_client: Client, project: Project, query: dict[str, str], problem: str
):
    hear(project, "word")
    response = results(ada_client, query)
    assert response.status_code == 200
    assert problem in response.context["problem"]


def test_the_next_page_begins_where_this_one_ends(ada_client: Client, project: Project):
    hear(project, *(f"word {number}" for number in range(PAGE_HITS + 3)))
    first = results(ada_client, {"q": "word"}).context
    assert len(first["results"].hits) == PAGE_HITS
    following = parse_qs(first["more"])
    assert following["q"] == ["word"]
    response = ada_client.get(f"{address('search_results')}?{first['more']}")
    assert not response.has_header("HX-Replace-Url")  # the page stays where it is
    last = response.context
    texts = {one.text for one in (*first["results"].hits, *last["results"].hits)}
    assert len(texts) == PAGE_HITS + 3
    assert last["more"] == ""


def test_words_are_shown_literally(ada_client: Client, project: Project):
    hear(project, "<b>budget</b> {{7*7}}", title="<i>Board</i>")
    text = results(ada_client, {"q": "budget"}).content.decode()
    assert "<i>Board" not in text
    assert "&lt;i&gt;Board" in text
    assert "{{7*7}}" in text


def test_results_are_those_of_the_reader(
    project: Project, other_project: Project, ada: User, vera: User, eve: User
):
    hear(project, "our word")
    hear(other_project, "their word")
    for user, texts in ((ada, ["our word"]), (vera, ["our word"]), (eve, ["their word"])):
        found = results(client_of(user), {"q": "word"}).context["results"]
        assert [one.text for one in found.hits] == texts
    Membership.objects.create(user=ada, project=other_project, role=Membership.Role.VIEWER)
    assert results(client_of(ada), {"q": "word"}).context["results"].count == 2


@pytest.mark.parametrize("name", ["search", "search_results"])
@pytest.mark.parametrize("chosen", ["0", "x", "-1", "9" * 30])
def test_a_project_that_is_not_ones_own_is_a_404(
    ada_client: Client, other_project: Project, name: str, chosen: str
):
    for project in (chosen, str(other_project.pk)):
        assert ada_client.get(address(name), {"q": "word", "project": project}).status_code == 404
