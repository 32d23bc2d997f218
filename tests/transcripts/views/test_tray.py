"""The tray: what is under way, what failed within a day, and the reader's own uploads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from management.models import Project, User
from tests.transcripts.conftest import add_recording
from transcripts.models import Recording, State, Transcription, Upload
from transcripts.views.tray import COUNTED, FAILURES_SHOWN, SHOWN, Tray, read_tray

pytestmark = pytest.mark.django_db


def tray(user: User, *projects: Project) -> Tray:
    return read_tray(user, [one.pk for one in projects])


def titles(rows: list[Any]) -> list[str]:
    return [row.recording.title for row in rows]


def add_open(project: Project, title: str) -> Recording:
    recording = add_recording(project, b"RIFF", title=title)
    Transcription.objects.create(recording=recording)
    return recording


def add_failed(project: Project, title: str, ago: timedelta = timedelta()) -> Recording:
    recording = add_recording(project, b"RIFF", title=title, state=State.FAILED)
    Transcription.objects.create(
        recording=recording, state=State.FAILED, finished_at=timezone.now() - ago
    )
    return recording


def add_upload(project: Project, owner: User, **facts: Any) -> Upload:
    facts = {"name": "a.wav", "size_bytes": 10} | facts
    return Upload.objects.create(project=project, owner=owner, **facts)


def test_an_empty_tray_is_still(ada: User, project: Project):
    empty = tray(ada, project)
    assert (empty.count_words, empty.more, empty.more_uploads, empty.moves) == ("0", 0, 0, False)


def test_open_recordings_are_listed_oldest_first(ada: User, project: Project):
    for title in ("one", "two", "three"):
        add_open(project, title)
    shown = tray(ada, project)
    assert titles(shown.open) == ["one", "two", "three"]
    assert (shown.count, shown.count_words, shown.moves) == (3, "3", True)


def test_more_than_fit_are_counted(ada: User, project: Project):
    for number in range(SHOWN + 2):
        add_open(project, str(number))
    shown = tray(ada, project)
    assert (len(shown.open), shown.more) == (SHOWN, 2)


def test_more_than_can_be_counted_are_a_number_and_a_plus(ada: User, project: Project):
    recordings = [Recording(project=project, title=str(one)) for one in range(COUNTED + 5)]
    Recording.objects.bulk_create(recordings)
    assert tray(ada, project).count_words == "99+"


def test_failures_of_a_day_are_listed_the_latest_first(ada: User, project: Project):
    add_failed(project, "before", timedelta(hours=23))
    add_failed(project, "now")
    add_failed(project, "long ago", timedelta(hours=25))
    assert titles(tray(ada, project).failed) == ["now", "before"]


def test_a_failure_that_is_tried_again_is_under_way(ada: User, project: Project):
    recording = add_failed(project, "again")
    recording.retry({"model": "nova-3"})
    shown = tray(ada, project)
    assert (titles(shown.open), titles(shown.failed)) == (["again"], [])


def test_only_some_failures_are_listed(ada: User, project: Project):
    for number in range(FAILURES_SHOWN + 3):
        add_failed(project, str(number))
    assert len(tray(ada, project).failed) == FAILURES_SHOWN


def test_uploads_are_those_of_the_reader(ada: User, bob: User, project: Project):
    add_upload(project, ada, name="ada.wav")
    add_upload(project, bob, name="bob.wav")
    add_upload(project, ada, name="stored.wav", state=Upload.State.STORED)
    assert [one.name for one in tray(ada, project).uploads] == ["ada.wav"]
    assert [one.name for one in tray(bob, project).uploads] == ["bob.wav"]


def test_more_uploads_than_fit_are_counted(ada: User, project: Project):
    for number in range(SHOWN + 3):
        add_upload(project, ada, name=f"{number}.wav")
    shown = tray(ada, project)
    assert (len(shown.uploads), shown.more_uploads) == (SHOWN, 3)


def test_a_tray_moves_while_bytes_arrive_and_for_a_minute_after(ada: User, project: Project):
    upload = add_upload(project, ada)
    assert tray(ada, project).moves
    late = timezone.now() - timedelta(minutes=2)
    Upload.objects.filter(pk=upload.pk).update(changed_at=late)
    assert not tray(ada, project).moves


def test_other_projects_are_not_in_it(ada: User, project: Project, other_project: Project):
    add_open(other_project, "theirs")
    add_failed(other_project, "theirs too")
    shown = tray(ada, project)
    assert (shown.open, shown.failed, shown.count) == ([], [], 0)


def test_a_tray_asks_as_many_questions_for_many_rows_as_for_few(ada: User, project: Project):
    counts: list[int] = []
    for more in (1, 20):
        for number in range(more):
            add_open(project, str(number))
            add_failed(project, str(number))
            add_upload(project, ada)
        with CaptureQueriesContext(connection) as queries:
            tray(ada, project)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 12
