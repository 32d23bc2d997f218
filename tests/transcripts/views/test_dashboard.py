"""The dashboard's own rules: visits, failures since the last one, and the health of servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from management.models import Connection, Project, SyncPart
from tests.transcripts.conftest import add_recording
from tests.transcripts.views.conftest import address
from transcripts.models import Recording, State, Transcription
from transcripts.progress import ended_rows, rows_of
from transcripts.views.dashboard import (
    ENDED,
    LONGEST_ABSENCE,
    ONE_VISIT,
    VISIT_COOKIE,
    ended_since,
    health,
    last_visit,
    read_visits,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def cookie(*moments: datetime) -> str:
    return ".".join(f"{moment.timestamp():.0f}" for moment in moments)


def test_a_cookie_has_the_last_two_visits():
    before, latest = NOW - 3 * DAY, NOW - timedelta(hours=2)
    assert read_visits(cookie(before, latest), NOW) == (before, latest)


@pytest.mark.parametrize(
    "text",
    ["", ".", "1", "1.2.3", "a.b", "1e3.1e3", "9" * 30 + ".1", "-" + "9" * 17 + ".1", "nan.nan"],
)
def test_without_a_cookie_the_last_visit_was_a_day_ago(text: str):
    assert read_visits(text, NOW) == (NOW - DAY, NOW)


def test_a_visit_is_never_in_the_future():
    ahead = NOW + DAY
    assert read_visits(cookie(ahead, ahead), NOW) == (NOW, NOW)


def visit(text: str) -> tuple[datetime, tuple[datetime, datetime]]:
    request = RequestFactory().get("/")
    request.COOKIES[VISIT_COOKIE] = text
    since, kept = last_visit(request)
    return since, read_visits(kept, timezone.now())


def test_a_page_that_is_loaded_again_is_the_same_visit():
    now = timezone.now().replace(microsecond=0)
    before, latest = now - 3 * DAY, now - ONE_VISIT / 2
    since, (kept_before, _) = visit(cookie(before, latest))
    assert since == kept_before == before


def test_a_visit_after_an_hour_is_a_new_one():
    now = timezone.now().replace(microsecond=0)
    before, latest = now - 3 * DAY, now - 2 * ONE_VISIT
    since, (kept_before, kept_latest) = visit(cookie(before, latest))
    assert since == kept_before == latest
    assert kept_latest - now < timedelta(seconds=30)


def test_an_absence_has_an_end():
    now = timezone.now()
    since, _ = visit(cookie(now - 90 * DAY, now - 80 * DAY))
    assert abs(since - (now - LONGEST_ABSENCE)) < timedelta(seconds=30)


def add_failed(project: Project, title: str, ago: timedelta) -> Recording:
    recording = add_recording(project, b"RIFF", title=title, state=State.FAILED)
    Transcription.objects.create(
        recording=recording, state=State.FAILED, finished_at=timezone.now() - ago
    )
    return recording


def ended(projects: list[Project], since: datetime, state: State) -> list[int]:
    """Return the recordings that the dashboard lists as ended so."""
    listed = rows_of(ended_since([each.pk for each in projects], since, state))
    return [row.recording.pk for row in ended_rows(listed, state, since, ENDED)]


@pytest.mark.django_db
def test_failures_since_a_moment_are_listed_once_and_the_latest_first(
    project: Project, other_project: Project
):
    old = add_failed(project, "old", 3 * DAY)
    twice = add_failed(project, "twice", timedelta(hours=2))
    Transcription.objects.create(
        recording=twice, state=State.FAILED, finished_at=timezone.now() - timedelta(hours=1)
    )
    now = add_failed(project, "now", timedelta())
    add_failed(other_project, "theirs", timedelta())
    since = timezone.now() - DAY
    failed = ended([project], since, State.FAILED)
    assert (failed, old.pk in failed) == ([now.pk, twice.pk], False)
    assert ended([project], since, State.DONE) == []
    assert ended([], since, State.FAILED) == []


@pytest.mark.django_db
def test_a_failure_with_a_newer_run_is_no_failure(project: Project):
    recording = add_failed(project, "again", timedelta())
    Transcription.objects.create(recording=recording)
    assert ended([project], timezone.now() - DAY, State.FAILED) == []


@pytest.mark.django_db
def test_the_health_of_a_server_counts_the_parts_that_could_not_be_read(
    project: Project, server: Connection
):
    for number, state in enumerate(["ok", "scope", "scope", "failed"]):
        SyncPart.objects.create(
            connection=server, project=project, name=f"part-{number}",
            state=SyncPart.State(state),
        )  # fmt: skip
    Connection.objects.create(name="Unused", kind=server.kind, base_url="http://x.test")
    (one,) = health([project])
    assert (one.connection, one.lacking, one.failed) == (server, 2, 1)
    assert health([]) == []


@pytest.mark.django_db
@pytest.mark.slow
def test_the_page_remembers_the_visit(ada_client: Client, project: Project):
    add_failed(project, "Broken", timedelta(minutes=5))
    shown = ada_client.get(address("dashboard"))
    assert [row.recording.title for row in shown.context["failed"]] == ["Broken"]
    kept = shown.cookies[VISIT_COOKIE]
    assert (kept["httponly"], kept["samesite"]) == (True, "Lax")
    Transcription.objects.update(finished_at=timezone.now() - 3 * DAY)
    assert ada_client.get(address("dashboard")).context["failed"] == []


@pytest.mark.django_db
@pytest.mark.slow
def test_a_page_of_one_project_has_its_recordings_alone(
    ada_client: Client, project: Project, other_project: Project
):
    add_recording(project, b"RIFF", title="Ours")
    add_recording(other_project, b"RIFF", title="Theirs")
    for query in ({}, {"project": project.pk}):
        shown = ada_client.get(address("dashboard"), query).context
        assert [row.recording.title for row in shown["recent"]] == ["Ours"]
    assert ada_client.get(address("dashboard"), {"project": other_project.pk}).status_code == 404
