"""The library's list: filters, order, pages, and how much it asks of the database."""

from datetime import datetime

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from tests.pages.cast import Cast
from transcripts.models import Recording, State
from transcripts.views.library import PAGE_ROWS

pytestmark = pytest.mark.slow


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
    moment = datetime(2026, 3, 9, 15, 30, tzinfo=timezone.get_default_timezone())
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
    client.get(reverse("search"))  # writes that the user has been seen, once in a while
    with django_assert_max_num_queries(16):
        client.get(reverse("library"))


def test_an_empty_library_says_what_to_do(cast, client):
    client.force_login(cast.ada)
    assert "Drop audio or video files" in client.get(reverse("library")).content.decode()
    client.force_login(cast.vera)
    assert (
        "Recordings that members of your project upload" in client.get("/library/").content.decode()
    )


def test_no_hit_of_a_filter_leads_back_to_all(cast, client):
    cast.recording("Here")
    client.force_login(cast.ada)
    response = client.get(reverse("library"), {"q": "nowhere"}).content.decode()
    assert "No recordings match these filters" in response


def test_an_open_row_says_how_far_it_is(cast, client):
    cast.running()
    client.force_login(cast.ada)
    response = client.get(reverse("library")).content.decode()
    assert "Transcribing for 0:40" in response
    assert "usually" not in response


@pytest.fixture
def change(client, cast: Cast):
    """Change recordings in bulk; what is said about it."""
    client.force_login(cast.ada)

    def changed(action: str, *ids: int) -> list[str]:
        response = client.post(reverse("recordings_change"), {"action": action, "ids": ids})
        return [str(message) for message in get_messages(response.wsgi_request)][-1:]

    return changed


def test_a_bulk_action_says_how_many_it_changed_and_left(cast, change):
    ready, running, failed = cast.transcribed(), cast.running(), cast.failed()
    others = cast.failed(project=cast.elsewhere)
    ids = [each.pk for each in (ready, running, failed, others)]
    assert change("cancel", *ids) == [
        "1 recording stopped. 3 left unchanged: not being transcribed."
    ]
    assert change("retry", *ids) == [
        "2 recordings queued again. 2 left unchanged: neither failed nor cancelled."
    ]
    assert change("delete", *ids[:3]) == ["3 recordings deleted."]
    assert change("delete", *ids) == [
        "0 recordings deleted. 4 left unchanged: already deleted, or you may not change them."
    ]
    assert Recording.objects.get() == others


def test_a_bulk_action_on_too_many_changes_none(cast, change):
    recording = cast.failed()
    said = change("delete", recording.pk, *range(10_000, 10_500))
    assert said == ["Nothing was changed. Select at most 500 recordings at once."]
    assert Recording.objects.exists()


def test_a_retry_in_bulk_reaches_a_ready_recording_whose_last_run_failed(cast, change):
    recording = cast.transcribed()
    recording.transcriptions.create(state=State.FAILED, error="No such model.")
    assert change("retry", recording.pk) == ["1 recording queued again."]
    recording.refresh_from_db()
    assert recording.state == State.QUEUED


def test_viewers_are_not_shown_what_they_cannot_do(cast, client):
    ready, failed = cast.transcribed(), cast.failed()
    client.force_login(cast.vera)
    pages = [client.get("/library/"), client.get(ready.get_absolute_url())]
    pages += [client.get(failed.get_absolute_url()), client.get(reverse("tray"))]
    words = "".join(page.content.decode() for page in pages)
    for name in ("retry", "cancel", "delete", "rename"):
        assert reverse(f"recording_{name}", args=[failed.pk]) not in words
        assert reverse(f"recording_{name}", args=[ready.pk]) not in words
    assert reverse("upload") not in words
    for what in ("data-tick", "data-bulk", "Select it", ">Upload<"):
        assert what not in words
    # What they can do is offered.
    assert reverse("recording_file", args=[ready.pk]) in pages[0].content.decode()
    client.force_login(cast.bob)
    assert reverse("upload") in client.get("/library/").content.decode()


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.QUEUED])
def test_a_recording_whose_audio_never_arrived_offers_none(state, cast, client):
    recording = cast.recording("Radio", source_url="https://radio.test/a.mp3", state=state)
    recording.transcriptions.create(state=state, error="No host.", finished_at=timezone.now())
    client.force_login(cast.ada)
    for address in ("/library/", recording.get_absolute_url()):
        page = client.get(address).content.decode()
        assert reverse("recording_file", args=[recording.pk]) not in page
        assert reverse("recording_audio", args=[recording.pk]) not in page
        assert "audio is saved" not in page


def test_the_page_of_an_open_run_says_its_state_in_one_place(cast, client):
    recording = cast.running()
    recording.transcriptions.update(stage="sending", bytes_sent=400)
    client.force_login(cast.ada)
    page = client.get(recording.get_absolute_url()).content.decode()
    facts = page[
        page.index("recording-facts") : page.index("</header>", page.index("recording-facts"))
    ]
    assert "state-" not in facts
    assert "Sending 40 %" in page


def test_a_failed_further_run_stands_in_the_tray_and_beside_the_transcript(cast, client):
    recording = cast.transcribed()
    now = timezone.now()
    recording.transcriptions.create(state=State.FAILED, error="No such model.", finished_at=now)
    client.force_login(cast.ada)
    assert "No such model." in client.get(reverse("tray")).content.decode()
    page = client.get(recording.get_absolute_url()).content.decode()
    assert "The last attempt failed" in page
    assert "data-transcript" in page
    recording.transcriptions.create(state=State.DONE, finished_at=now)
    assert "No such model." not in client.get(reverse("tray")).content.decode()


def test_a_failed_row_says_why_and_can_be_tried_again(cast, client):
    recording = cast.failed()
    client.force_login(cast.ada)
    assert "The file holds no audio." in client.get(reverse("library")).content.decode()
    response = client.post(
        reverse("recording_retry", args=[recording.pk]), headers={"HX-Request": "true"}
    )
    assert "In the queue (1st)" in response.content.decode()
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
