"""`manage.py transcribe`: files in, text out, what is wrong with one is its own error."""

import io
import json
import os
import sys
import threading
from io import StringIO

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.db import connection

from management.models import Project, User
from tests.transcripts.conftest import rejection, transcript, wav_bytes
from transcripts.management.commands import transcribe
from transcripts.models import Recording, State
from transcripts.queue import dispatch as doorbell
from transcripts.stages import transcribing

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def administrator(ada) -> User:
    ada.is_superuser = True
    ada.save()
    return ada


@pytest.fixture
def worker(monkeypatch):
    """A worker thread for each ring."""
    threads = []

    def work(pk):
        try:
            transcribing.transcribe(pk)
        finally:
            connection.close()

    def send_task(name, args=(), **_):
        if name == "transcripts.transcribe":
            threads.append(threading.Thread(target=work, args=args))
            threads[-1].start()

    monkeypatch.setattr(current_app, "send_task", send_task)
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    yield
    for thread in threads:
        thread.join(30)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of the command."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("transcribe", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def wav(tmp_path) -> str:
    (tmp_path / "monday.wav").write_bytes(wav_bytes())
    return str(tmp_path / "monday.wav")


def test_transcript_is_printed(administrator, project, service, worker, wav):
    code, out, _ = run(wav)
    assert (code, out) == (0, "Good morning everyone.\n")
    recording = Recording.objects.get()
    assert (recording.source, recording.owner, recording.title) == (
        Recording.Source.COMMAND,
        administrator,
        "monday",
    )
    assert recording.file.read() == wav_bytes()


def test_json_is_one_object_a_file(administrator, project, service, worker, wav):
    code, out, _ = run(wav, wav, "--json")
    first, second = map(json.loads, out.splitlines())
    assert code == 0
    assert first["transcript"] == "Good morning everyone."
    assert (first["request_id"], first["duration"]) == ("r-1", 1.4)
    assert first["utterances"][0]["words"][0]["word"] == "Good"
    assert first["recording"] != second["recording"]


def test_warnings_of_the_server_are_printed(administrator, project, service, worker, wav):
    message = "The speech sounds like another language than en: es. Set language=es."
    warnings = [
        {"parameter": "language", "type": "other_language", "message": message},
        {"parameter": "audio", "type": "truncated", "message": "The recording ends early."},
    ]
    response = json.loads(transcript().content)
    response["metadata"]["warnings"] = warnings
    service.returns(transcript(**response))
    code, out, err = run(wav, "--language", "en", "--json")
    assert code == 0
    assert json.loads(out)["warnings"] == warnings
    lines = err.splitlines()
    assert f"{wav}: The recording ends early." in lines
    sentence = "This sounds like Spanish, but was transcribed as English."
    assert f"{wav}: {sentence}" in lines


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"\xff\xfe.wav", "Ünï 🫨.wav".encode()])
def test_json_is_valid_utf_8_for_every_file_name(
    administrator, project, service, worker, tmp_path, monkeypatch, name
):
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(wav_bytes())
    printed = io.BytesIO()
    # What a shell without a locale gives us.
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    call_command("transcribe", os.fsdecode(path), "--json")
    found = json.loads(printed.getvalue().decode("utf-8"))
    assert found["file"] == os.fsdecode(tmp_path) + "/" + name.decode("utf-8", "replace")
    assert found["transcript"] == "Good morning everyone."


def test_a_project_is_named_in_any_case(administrator, project, service, worker, wav):
    Project.objects.filter(pk=project.pk).update(name="Gespräche ÜBERSICHT")
    assert run(wav, "--project", "gespräche übersicht")[0] == 0


def test_bad_files_are_named_and_the_others_go_on(
    administrator, project, service, worker, wav, tmp_path
):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("just some text\n" * 500)
    bad = [str(tmp_path / name) for name in ("missing.wav", "empty.wav", "text.mp3")]
    code, out, err = run(*bad, wav, "--json")
    assert code == 1
    assert f"{bad[0]}: No such file or directory" in err
    assert f"{bad[1]}: empty.wav is empty" in err
    assert f"{bad[2]}: This is not an audio or video file" in err
    found = [json.loads(line) for line in out.splitlines()]
    assert [each.get("transcript") for each in found] == [
        None,
        None,
        None,
        "Good morning everyone.",
    ]
    assert "error" in found[0]


def test_failure_names_the_request(administrator, project, service, worker, wav):
    service.returns(rejection(400, "No such model."))
    code, _, err = run(wav)
    assert code == 1
    assert err.strip() == f"{wav}: No such model. (request r-9)"


def test_options_reach_the_server(administrator, project, service, worker, wav):
    run(wav, "--model", "nova-2", "--language", "de", "--feature", "diarize", "--feature=keyterm=a")
    params = service.requests[0].url.params
    assert (params["model"], params["language"]) == ("nova-2", "de")
    assert (params["diarize"], params["keyterm"]) == ("true", "a")


def test_project_is_found_by_name_or_number(
    administrator, project, other_project, service, worker, wav
):
    run(wav, "--project", "elsewhere")
    run(wav, "--project", str(other_project.pk))
    run(wav)
    where = Recording.objects.order_by("pk").values_list("project", flat=True)
    assert list(where) == [other_project.pk, other_project.pk, project.pk]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--project", "Nowhere"], "No project is called 'Nowhere'. There are: Interviews"),
        (["--feature", "diariz"], "diariz"),
        (["--feature", "utt_split=soon"], "utt_split"),
        (["--feature", "callback=http://a.test"], "callback"),
        (["--feature", "=true"], "has no name"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(
    administrator, project, wav, arguments, words
):
    with pytest.raises(CommandError, match=words.replace(".", r"\.")):
        run(wav, *arguments)
    assert not Recording.objects.exists()


def test_missing_setup_is_said(db, wav):
    with pytest.raises(CommandError, match="not ready: there is no project yet"):
        run(wav, "--wait", "0")
    assert not Project.objects.exists()


def test_missing_worker_is_said_and_the_file_waits_in_the_library(
    administrator, project, rings, wav, monkeypatch
):
    monkeypatch.setattr(transcribe, "WORKER_SECONDS", 0.1)
    monkeypatch.setattr(transcribe, "NO_WORKER_SECONDS", 0.5)
    code, _, err = run(wav)
    assert code == 1
    assert "No worker has started on it" in err
    assert "stays in the queue" in err
    assert Recording.objects.get().state == State.QUEUED


def test_several_transcripts_are_told_apart(administrator, project, service, worker, wav):
    service.returns(transcript("Same words."))
    _, out, _ = run(wav, wav)
    assert out == f"== {wav}\nSame words.\n" * 2
