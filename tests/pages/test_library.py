"""The library's list: filters, order, pages, and how much it asks of the database."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.pages.cast import Cast
from transcripts.models import Recording, State
from transcripts.views.library import PAGE_ROWS


@pytest.fixture
def titles(client, cast: Cast):
    """The titles the library lists for Ada, top to bottom."""
    client.force_login(cast.ada)

    def listed(**query) -> list[str]:
        found = client.get(reverse("library"), query).context["rows"]
        return [row.recording.title for row in found]

    return listed


def test_newest_come_first(cast, titles):
    for title in ("one", "two", "three"):
        cast.recording(title)
    assert titles() == ["three", "two", "one"]


def test_filters_narrow_the_list_and_add_up(cast, titles):
    cast.recording("Monday call", state=State.DONE)
    cast.recording("Tuesday call", state=State.FAILED)
    cast.recording("Tuesday call", state=State.DONE, project=cast.second)
    assert titles(q="CALL", state="done") == ["Tuesday call", "Monday call"]
    assert titles(q="tues", project=cast.second.pk) == ["Tuesday call"]
    assert titles(state="failed", project=cast.second.pk) == []


@pytest.mark.parametrize("typed", ["übersicht", "UBERSICHT", "ÄRZTE", "u\u0308bersicht", "arzte"])
def test_titles_are_found_in_any_case_with_and_without_accents(typed, cast, titles):
    cast.recording("ÜBERSICHT Ärzte")
    cast.recording("Москва")
    cast.recording("Cafe\u0301")
    assert titles(q=typed) == ["ÜBERSICHT Ärzte"]
    assert titles(q="МОСКВА") == ["Москва"]  # noqa: RUF001 Cyrillic
    assert titles(q="café") == ["Cafe\u0301"]
    assert titles(q="%") == []


def test_the_filter_follows_every_way_a_title_is_changed(cast, titles, client):
    recording = cast.recording("First")
    client.post(reverse("recording_rename", args=[recording.pk]), {"title": "Žluťoučký"})
    assert titles(q="zlutoucky") == ["Žluťoučký"]
    Recording.objects.filter(pk=recording.pk).update(title="École")
    assert titles(q="ecole") == ["École"]
    Recording.objects.bulk_create([Recording(project=cast.project, title="Ångström")])
    assert titles(q="angstrom") == ["Ångström"]


def test_dates_are_those_of_the_readers_zone(cast, titles, client):
    # Half past midnight of the 10th in Tokyo is still the 9th in UTC.
    moment = timezone.datetime(2026, 3, 9, 15, 30, tzinfo=timezone.get_default_timezone())
    cast.recording("Late", created_at=moment)
    assert titles(**{"from": "2026-03-10"}) == []
    for written in ("Asia/Tokyo", "Asia%2FTokyo"):
        client.cookies["timezone"] = written
        assert titles(**{"from": "2026-03-10", "to": "2026-03-10"}) == ["Late"]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"state": "sleeping"},
        {"before": "-3"},
        {"q": "\0"},
        {"to": "0001"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
    ],
)
def test_a_filter_that_cannot_be_is_told_not_applied(query, cast, titles, client):
    cast.recording("Here")
    client.cookies["timezone"] = "Pacific%2FAuckland"
    assert titles(**query) == ["Here"]


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "../../etc/passwd", "", "a" * 5000, "America", "%00", "%2E%2E%2Fx", "%"],
)
def test_an_odd_time_zone_is_ignored(zone, cast, titles, client):
    cast.recording("Here")
    client.cookies["timezone"] = zone
    assert titles() == ["Here"]


def test_older_rows_follow_without_gap_or_repetition_while_new_ones_arrive(cast, titles, client):
    for number in range(PAGE_ROWS + 10):
        cast.recording(str(number))
    first = client.get(reverse("library"))
    cast.recording("newer")
    older = client.get(f"{reverse('library')}?{first.context['older']}")
    seen = [row.recording.title for row in (*first.context["rows"], *older.context["rows"])]
    assert seen == [str(number) for number in reversed(range(PAGE_ROWS + 10))]
    assert older.context["older"] is None


def test_a_full_page_asks_few_questions_however_many_rows_are_open(
    cast, client, django_assert_max_num_queries
):
    for number in range(PAGE_ROWS // 2):
        cast.running(str(number))
        cast.failed(str(number), project=cast.second)
    client.force_login(cast.ada)
    with django_assert_max_num_queries(16):
        client.get(reverse("library"))


def test_an_empty_library_says_what_to_do(cast, client):
    client.force_login(cast.ada)
    assert "Drop audio or video files" in client.get(reverse("library")).content.decode()
    client.force_login(cast.vera)
    assert "What the members of your project upload" in client.get("/").content.decode()


def test_no_hit_of_a_filter_leads_back_to_all(cast, client):
    cast.recording("Here")
    client.force_login(cast.ada)
    answer = client.get(reverse("library"), {"q": "nowhere"}).content.decode()
    assert "No recording fits these filters" in answer


def test_an_open_row_says_how_far_it_is(cast, client):
    for _ in range(3):
        done = cast.transcribed(duration=100.0)
        now = timezone.now()
        done.transcriptions.update(sent_at=now - timedelta(seconds=70), finished_at=now)
    cast.running()
    client.force_login(cast.ada)
    answer = client.get(reverse("library")).content.decode()
    assert "Transcribing for 0:40, usually done after about 1:10" in answer


def test_a_failed_row_says_why_and_can_be_tried_again(cast, client):
    recording = cast.failed()
    client.force_login(cast.ada)
    assert "The file holds no audio." in client.get(reverse("library")).content.decode()
    answer = client.post(
        reverse("recording_retry", args=[recording.pk]), headers={"HX-Request": "true"}
    )
    assert "Waiting for its turn" in answer.content.decode()
    recording.refresh_from_db()
    assert recording.state == State.QUEUED


def test_the_list_is_read_by_an_index(cast, client):
    Recording.objects.bulk_create(
        Recording(project=cast.project, title=f"Row {number}", state=State.DONE)
        for number in range(3000)
    )
    client.force_login(cast.ada)
    for query in ({}, {"project": cast.project.pk}, {"state": "done"}):
        listed = Recording.objects.filter(project__in=[cast.project.pk])
        if "state" in query:
            listed = listed.filter(state="done")
        plan = listed.order_by("-pk")[:51].explain()
        assert "SCAN" not in plan or "USING" in plan
        assert client.get(reverse("library"), query).status_code == 200
