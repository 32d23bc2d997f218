"""`manage.py search`."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.transcripts.search.conftest import hear

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("search", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_hits_are_lines(project):
    hear(project, "Hello.", "The budget meeting.", speaker=1)
    assert run("budget") == ("Monday  0:00:10  Speaker 2: The budget meeting.\n", "")
    assert run("budget", "meeting") == run("budget meeting")


def test_json_is_one_object_a_hit(project):
    recording = hear(project, "Hello.", "Le café.", speaker=1)
    out, _ = run("cafe", "--json")
    assert "é" in out
    assert json.loads(out) == {
        "recording": recording.pk,
        "title": "Monday",
        "speaker": 1,
        "speaker_name": "Speaker 2",
        "start": 10.5,
        "end": 19.0,
        "text": "Le café.",
    }


def test_limit_is_kept_and_told(project):
    hear(project, *["word"] * 230)
    out, err = run("word")
    assert len(out.splitlines()) == 100
    assert "--limit 0" in err
    out, err = run("word", "--limit", "0", "--json", "--order", "relevance")
    assert (len(out.splitlines()), err) == (230, "")


@pytest.mark.parametrize("name", ["elsewhere", "p-2"])
def test_project_is_chosen_by_name_or_id(project, other_project, name):
    hear(project, "word here")
    hear(other_project, "word there")
    out, _ = run("word", "--project", name)
    assert out.endswith("word there\n")
    assert len(out.splitlines()) == 1


def test_unknown_project_names_those_there_are(project):
    with pytest.raises(CommandError, match=r"'nothing'.*p-1 \(Interviews\)"):
        run("word", "--project", "nothing")


def test_finding_nothing_is_said(project):
    assert run("word") == ("", "No results.\n")
    _, err = run("!?")
    assert err.startswith("Type a word")


def test_bad_searches_are_refused(project):
    with pytest.raises(CommandError, match="at most 1,000"):
        run("word " * 1000)
    with pytest.raises(CommandError, match="--limit is -1"):
        run("word", "--limit", "-1")
