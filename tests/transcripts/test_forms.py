"""Forms of the library's pages: what they accept, how they clean it, and what they select."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from management.models import Membership
from transcripts.forms import (
    BulkForm,
    LibraryFilters,
    MoveForm,
    SpeakerForm,
    TitleForm,
    day_starts,
    is_id,
)
from transcripts.models import Recording, State, Transcription


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1", True),
        ("0", True),
        ("9" * 18, True),
        ("9" * 19, False),
        ("", False),
        ("-1", False),
        ("1.0", False),
        (" 1", False),
        ("\uff11", False),
        ("²", False),
    ],
)
def test_an_id_is_a_number_that_the_database_holds(text: str, is_one: bool):
    assert is_id(text) is is_one


@given(st.text(max_size=20))
def test_every_id_is_read_as_a_number(text: str):
    if is_id(text):
        assert 0 <= int(text) < 2**63


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 28, 10, tzinfo=UTC)),
    ],
)
def test_a_day_starts_where_its_reader_is(zone: str, start: datetime):
    with timezone.override(ZoneInfo(zone)):
        assert day_starts(date(2026, 3, 29)) == start


@pytest.mark.parametrize(
    ("title", "clean"),
    [
        ("Monday", "Monday"),
        ("  Monday  ", "Monday"),
        ("Two\nlines", "Two lines"),
        ("Left\u202eright", "Leftright"),
        ("a" * 255, "a" * 255),
    ],
)
def test_a_title_is_one_visible_line(title: str, clean: str):
    form = TitleForm({"title": title})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["title"] == clean


@pytest.mark.parametrize(
    ("title", "problem"),
    [
        ("", "Enter a title."),
        ("   ", "Enter a title."),
        ("\u202e\u200b", "Enter a title with visible characters."),
        ("a" * 256, "A title has at most 255 characters, this one has 256."),
    ],
)
def test_a_title_that_cannot_be_shown_is_rejected(title: str, problem: str):
    assert TitleForm({"title": title}).errors["title"] == [problem]


@pytest.mark.parametrize(
    ("voice", "key"), [("0-0", (0, 0)), ("1-12", (1, 12)), ("0-", (0, None)), ("12-345", (12, 345))]
)
def test_a_voice_is_a_channel_and_a_speaker(voice: str, key: tuple[int, int | None]):
    form = SpeakerForm({"voice": voice, "name": " Ada\n"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"voice": key, "name": "Ada"}


@pytest.mark.parametrize("voice", ["", "0", "-0", "a-0", "0-a", "0-0-0", "99999-0", "0-999999"])
def test_a_voice_that_is_none_is_rejected(voice: str):
    assert "voice" in SpeakerForm({"voice": voice, "name": "Ada"}).errors


def filters(**query: str) -> LibraryFilters:
    return LibraryFilters({name.rstrip("_"): text for name, text in query.items()})


@pytest.mark.parametrize(
    "query",
    [
        {"q": "Monday"},
        {"state": "failed"},
        {"from_": "2026-11-20"},
        {"to": "2026-11-20"},
        {"q": "a", "from_": "2026-11-20", "to": "2026-11-21"},
    ],
)
def test_a_filter_that_can_be_is_active(query: dict[str, str]):
    form = filters(**query)
    assert form.is_valid(), form.errors
    assert form.active


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "\0"}, {"before": "7"}, {"colour": "red"}])
def test_a_page_of_the_whole_library_has_no_active_filter(query: dict[str, str]):
    form = filters(**query)
    assert form.is_valid(), form.errors
    assert not form.active


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "lost"}, "state"),
        ({"from_": "soon"}, "since"),
        ({"from_": "1899-12-31"}, "since"),
        ({"to": "3000-01-01"}, "until"),
        ({"to": "2026-02-30"}, "until"),
        ({"before": "0"}, "before"),
        ({"before": "x"}, "before"),
        ({"before": str(2**63)}, "before"),
        ({"q": "x" * 256}, "q"),
    ],
)
def test_a_filter_that_cannot_be_is_an_error_and_selects_nothing_less(
    query: dict[str, str], field: str
):
    form = filters(**query)
    assert list(form.errors) == [field]
    assert not form.active


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("2026-11-20", "2026-11-20"), ("20.11.2026", ""), ("soon", ""), ("2026-02-30", "2026-02-30")],
)
def test_a_date_field_shows_what_it_can(typed: str, shown: str):
    assert filters(from_=typed).dates == {"since": shown, "until": ""}


@given(st.dictionaries(st.sampled_from(["q", "state", "from", "to", "before"]), st.text()))
def test_no_address_breaks_the_filters(query: dict[str, str]):
    form = LibraryFilters(query)
    assert form.is_valid() or form.errors


def on(day: str, project: Any, title: str = "Monday", **facts: Any) -> Recording:
    recording = Recording.objects.create(project=project, title=title, **facts)
    created = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    Recording.objects.filter(pk=recording.pk).update(created_at=created)
    return recording


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, ["Élan", "Tuesday", "Monday"]),
        ({"q": "day"}, ["Tuesday", "Monday"]),
        ({"q": "ELAN"}, ["Élan"]),
        ({"q": "no such"}, []),
        ({"state": "done"}, ["Élan"]),
        ({"from_": "2026-11-21"}, ["Élan", "Tuesday"]),
        ({"to": "2026-11-21"}, ["Tuesday", "Monday"]),
        ({"from_": "2026-11-21", "to": "2026-11-21"}, ["Tuesday"]),
        ({"from_": "2026-11-22", "to": "2026-11-20"}, []),
    ],
)
def test_each_filter_narrows_the_list(project, query: dict[str, str], titles: list[str]):
    on("2026-11-20", project, "Monday")
    on("2026-11-21", project, "Tuesday")
    on("2026-11-22", project, "Élan", state=State.DONE)
    rows = filters(**query).narrow(Recording.objects.order_by("-pk"))
    assert [row.title for row in rows] == titles


def test_the_next_page_starts_below_the_last_row(project):
    first, second = on("2026-11-20", project), on("2026-11-21", project)
    assert list(filters(before=str(second.pk)).narrow(Recording.objects.all())) == [first]
    assert list(filters(before=str(first.pk)).narrow(Recording.objects.all())) == []


def bulk(user: Any, action: str, *ids: object) -> BulkForm:
    data = QueryDict(mutable=True)
    data["action"] = action
    data.setlist("ids", [str(each) for each in ids])
    form = BulkForm(data, user)
    form.is_valid()
    return form


def with_run(project, state: State, **facts: Any) -> Recording:
    recording = Recording.objects.create(project=project, title="Monday", state=state)
    Transcription.objects.create(recording=recording, state=state, **facts)
    return recording


@pytest.mark.parametrize(
    ("action", "changed", "sentence"),
    [
        ("delete", 3, "3 recordings deleted."),
        ("cancel", 1, "1 recording stopped. 2 left unchanged: not being transcribed."),
        ("retry", 1, "1 recording queued again. 2 left unchanged: neither failed nor cancelled."),
    ],
)
def test_an_action_changes_those_that_it_applies_to(
    ada, project, rings, action: str, changed: int, sentence: str
):
    states = (State.QUEUED, State.FAILED, State.DONE)
    made = [with_run(project, state) for state in states]
    form = bulk(ada, action, *(each.pk for each in made))
    assert form.apply() == (changed, sentence)


@pytest.mark.parametrize("who", ["vera", "eve"])
@pytest.mark.parametrize("action", ["delete", "cancel", "retry"])
def test_who_may_not_write_changes_nothing(request, project, who: str, action: str):
    user = request.getfixturevalue(who)
    recording = with_run(project, State.QUEUED)
    changed, sentence = bulk(user, action, recording.pk).apply()
    assert changed == 0
    assert "1 left unchanged" in sentence
    assert Recording.objects.get().state == State.QUEUED


def test_an_id_that_is_sent_twice_counts_once(ada, project):
    recording = with_run(project, State.DONE)
    form = bulk(ada, "delete", recording.pk, recording.pk)
    assert form.apply() == (1, "1 recording deleted.")


@pytest.mark.parametrize("wrong", ["x", "-1", "", "9" * 30])
def test_a_selection_with_what_is_no_id_is_rejected(ada, project, wrong: str):
    recording = with_run(project, State.DONE)
    assert "ids" in bulk(ada, "delete", recording.pk, wrong).errors


def test_a_selection_has_a_limit(ada, project):
    form = bulk(ada, "delete", *range(1, BulkForm.MOST + 2))
    assert form.errors["ids"] == [f"Select at most {BulkForm.MOST} recordings at once."]
    assert bulk(ada, "delete", *range(1, BulkForm.MOST + 1)).is_valid()


@pytest.mark.parametrize("action", ["", "share", "DELETE"])
def test_an_unknown_action_is_rejected(ada, project, action: str):
    assert "action" in bulk(ada, action, 1).errors


def test_a_recording_moves_to_other_projects_that_its_mover_may_add_to(
    ada, project, other_project, server
):
    recording = with_run(project, State.DONE)
    form = MoveForm({"project": other_project.pk}, user=ada, recording=recording)
    assert "project" in form.errors
    Membership.objects.create(user=ada, project=other_project, role=Membership.Role.MEMBER)
    assert MoveForm({"project": other_project.pk}, user=ada, recording=recording).is_valid()
    same = MoveForm({"project": project.pk}, user=ada, recording=recording)
    assert "project" in same.errors


def test_the_day_after_the_last_is_still_a_day():
    assert filters(to="2999-12-31").cleaned_data["until"] + timedelta(days=1) == date(3000, 1, 1)
