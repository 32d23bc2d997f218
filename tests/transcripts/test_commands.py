"""`manage.py transcribe` and `search` without a worker: arguments, choices and output."""

from __future__ import annotations

import argparse
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from management.models import Project, User
from transcripts.management.commands.search import Command as Search
from transcripts.management.commands.search import clock, find_project
from transcripts.management.commands.transcribe import (
    Bar,
    Item,
    read_feature,
    worker_is_busy,
)
from transcripts.management.commands.transcribe import Command as Transcribe
from transcripts.models import Preset, Recording, State, Transcription


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("diarize", ("diarize", "true")),
        ("diarize=false", ("diarize", "false")),
        ("keyterm=Earshot", ("keyterm", "Earshot")),
        ("keyterm=a=b", ("keyterm", "a=b")),
        ("summarize=", ("summarize", "")),
        ("replace=one:two", ("replace", "one:two")),
    ],
)
def test_a_feature_is_a_name_and_a_value(text: str, feature: tuple[str, str]):
    assert read_feature(text) == feature


@pytest.mark.parametrize("text", ["", "=true", "="])
def test_a_feature_without_a_name_is_rejected(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="has no name"):
        read_feature(text)


@given(some.text(), some.text())
def test_a_feature_keeps_its_value(name: str, value: str):
    name = name.replace("=", "") or "diarize"
    assert read_feature(f"{name}={value}") == (name, value)


def arguments(**given: Any) -> dict[str, Any]:
    return {"feature": [], "model": None, "language": None} | given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"model": "nova-3"}),
        ({"model": "nova-2"}, {"model": "nova-2"}),
        ({"language": "de"}, {"language": "de"}),
        ({"feature": [("diarize", "false")]}, {"diarize": None}),
        ({"feature": [("keyterm", "one"), ("keyterm", "two")]}, {"keyterm": ["one", "two"]}),
        ({"model": "nova-2", "feature": [("model", "nova-3")]}, {"model": "nova-2"}),
    ],
)
def test_options_are_those_of_the_arguments(project, given, expected):
    options = Transcribe().options(arguments(**given), project)
    assert {name: options.get(name) for name in expected} == expected


def test_options_are_added_to_the_default_preset_of_the_project(project):
    preset = {"model": "nova-2", "language": "de", "keyterm": ["one"]}
    Preset.objects.create(project=project, name="German", options=preset, is_default=True)
    options = Transcribe().options(arguments(language="fr"), project)
    assert (options["model"], options["language"]) == ("nova-2", "fr")
    assert options["keyterm"] == ["one"]


@pytest.mark.parametrize("feature", [("diarize", "perhaps"), ("colour", "red"), ("utt_split", "x")])
def test_options_that_cannot_be_stop_the_command(project, feature: tuple[str, str]):
    with pytest.raises(CommandError, match="Invalid options"):
        Transcribe().options(arguments(feature=[feature]), project)


def test_without_a_project_there_is_none_to_add_to(db):
    with pytest.raises(CommandError, match="no project yet"):
        Transcribe().project(None)


def test_the_first_project_is_the_default(project, other_project):
    assert Transcribe().project(None) == project


@pytest.mark.parametrize("command", [Transcribe().project, find_project])
def test_a_project_is_found_in_any_case_or_by_its_id(project, other_project, command: Any):
    for named in ("Elsewhere", "elsewhere", "ELSEWHERE"):
        assert command(named) == other_project


@pytest.mark.parametrize("command", [Transcribe().project, find_project])
def test_an_unknown_project_is_named_with_those_there_are(project, other_project, command: Any):
    with pytest.raises(CommandError) as raised:
        command("Nothing")
    assert all(name in str(raised.value) for name in ("'Nothing'", "Interviews", "Elsewhere"))


@pytest.mark.parametrize("command", [Transcribe().project, find_project])
def test_a_name_of_two_projects_names_none(server, project, command: Any):
    Project.objects.create(connection=server, upstream_id="p-9", name="interviews")
    with pytest.raises(CommandError, match=r"(2 projects|Several projects)"):
        command("Interviews")


def test_files_are_those_of_the_first_administrator(db):
    with pytest.raises(CommandError, match="no administrator yet"):
        Transcribe().owner()
    root = User.objects.create_superuser("root@example.test", "pass-word-1")
    assert Transcribe().owner() == root


def test_a_worker_is_busy_while_it_holds_a_lease(queued: Transcription):
    assert not worker_is_busy()
    queued.state, queued.lease_until = State.RUNNING, timezone.now() + timedelta(seconds=30)
    queued.save()
    assert worker_is_busy()


@pytest.mark.parametrize(
    ("name", "problem"),
    [("missing.wav", "No such file"), ("", "Is a directory"), ("empty.wav", "empty")],
)
def test_a_file_that_cannot_be_read_has_its_own_error(ada, project, tmp_path: Path, name, problem):
    (tmp_path / "empty.wav").touch()
    item = Item(str(tmp_path / name))
    Transcribe().submit(item, project, ada, {})
    assert problem.lower() in item.error.lower()
    assert item.recording is None
    assert not Recording.objects.exists()


def test_a_path_is_shown_whatever_its_bytes():
    assert Item("caf\udce9.wav").shown.encode()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00:00"), (9.9, "0:00:09"), (61, "0:01:01"), (3600, "1:00:00"), (86399, "23:59:59")],
)
def test_a_place_is_shown_as_a_clock(seconds: float, shown: str):
    assert clock(seconds) == shown


@given(some.integers(0, 10**6))
def test_a_clock_can_be_read_back(seconds: int):
    hours, minutes, rest = (int(part) for part in clock(seconds).split(":"))
    assert hours * 3600 + minutes * 60 + rest == seconds


def test_no_bar_is_drawn_where_no_terminal_is(recording: Recording, capsys):
    bar = Bar("monday.wav")
    bar.show(recording)
    bar.clear()
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_how_far_a_file_is(recording: Recording, capsys):
    bar = Bar("/home/ada/" + "monday" * 9 + ".wav")
    bar.shown = True
    bar.show(recording)
    shown = capsys.readouterr().err
    assert shown.startswith("\r\x1b[K" + ("monday" * 9)[:30] + ": ")
    assert "queue" in shown.lower()
    bar.clear()
    assert capsys.readouterr().err == "\r\x1b[K"


def test_a_file_without_a_transcript_has_its_error_as_json(recording: Recording):
    item = Item("monday.wav", recording, "No worker is running.")
    assert Transcribe().as_object(item, None) == {
        "file": "monday.wav",
        "recording": recording.pk,
        "request_id": None,
        "duration": recording.duration,
        "error": "No worker is running.",
    }


def test_a_file_that_was_not_stored_has_no_recording_as_json():
    shown = Transcribe().as_object(Item("monday.wav", None, "Empty."), None)
    assert (shown["recording"], shown["error"]) == (None, "Empty.")


def test_a_run_without_utterances_is_an_empty_transcript(recording: Recording):
    run = recording.transcriptions.create(state=State.DONE, request_id="r-1", language="en")
    shown = Transcribe().as_object(Item("monday.wav", recording), run)
    assert (shown["transcript"], shown["utterances"], shown["language"]) == ("", [], "en")


@pytest.mark.parametrize("arguments", [[], ["--limit", "-1", "word"], ["--order", "best", "word"]])
def test_a_search_without_sense_is_rejected(project, arguments: list[str]):
    with pytest.raises(CommandError):
        call_command(Search(), *arguments, stdout=io.StringIO(), stderr=io.StringIO())
