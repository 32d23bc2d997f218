"""Uploads: bytes in order, safe before they are acknowledged, one recording at the end."""

import base64
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import Membership
from tests.transcripts.conftest import read_json, wav_bytes
from transcripts import uploads
from transcripts.media import fetch, storage
from transcripts.models import Recording, State, Transcription, Upload
from transcripts.stages.transcribing import transcribe

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

AUDIO = wav_bytes(1.0)
SIZE = len(AUDIO)


def create(client, project, size=SIZE, name="monday.wav", **options):
    body = {"name": name, "size": size, "project": project.pk, "options": options}
    return client.post(reverse("uploads"), json.dumps(body), content_type="application/json")


def patch(client, url, offset, chunk, **headers):
    return client.patch(
        url,
        chunk,
        content_type="application/offset+octet-stream",
        headers={"upload-offset": str(offset)} | headers,
    )


@pytest.fixture
def ada_client(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def url(ada_client, project):
    return create(ada_client, project)["Location"]


def test_chunks_become_a_recording_that_is_queued(
    ada_client, project, ada, url, rings, django_capture_on_commit_callbacks
):
    first = patch(ada_client, url, 0, AUDIO[:20_000])
    assert (first.status_code, first["Upload-Offset"]) == (204, "20000")
    with django_capture_on_commit_callbacks(execute=True):
        last = patch(ada_client, url, 20_000, AUDIO[20_000:])
    assert last.status_code == 200
    recording = Recording.objects.get()
    assert read_json(last) == {
        "recording": recording.pk,
        "url": f"/recordings/{recording.pk}/",
        "duplicate_of": None,
    }
    assert recording.sha256 == hashlib.sha256(AUDIO).hexdigest()
    assert recording.file.read() == AUDIO
    assert (recording.title, recording.original_name) == ("monday", "monday.wav")
    assert (recording.project, recording.owner, recording.size_bytes) == (project, ada, len(AUDIO))
    assert recording.state == State.QUEUED
    assert rings == [("transcripts.transcribe", Transcription.objects.get().pk)]


def test_upload_goes_on_where_the_server_stands(ada_client, url):
    patch(ada_client, url, 0, AUDIO[:10_000])
    head = ada_client.head(url)
    assert (head["Upload-Offset"], head["Upload-Length"]) == ("10000", str(len(AUDIO)))
    assert head["Cache-Control"].startswith("max-age=0")


@pytest.mark.parametrize("offset", [0, 5_000, 9_999, 10_001, len(AUDIO)])
def test_bytes_that_do_not_continue_are_refused_with_the_offset(ada_client, url, offset):
    patch(ada_client, url, 0, AUDIO[:10_000])
    response = patch(ada_client, url, offset, b"x")
    assert response.status_code in (409, 413)
    assert ada_client.head(url)["Upload-Offset"] == "10000"
    if offset < len(AUDIO):
        assert (response.status_code, response["Upload-Offset"]) == (409, "10000")


def test_more_bytes_than_announced_are_refused(ada_client, url):
    response = patch(ada_client, url, 0, AUDIO + b"more")
    assert response.status_code == 413
    assert ada_client.head(url)["Upload-Offset"] == "0"


def test_more_bytes_than_the_header_tells_are_noticed(ada, project, folders):
    upload = uploads.begin(ada, project, "a.wav", 10, {})
    with pytest.raises(uploads.Rejected) as rejected:
        uploads.append(upload, 0, _Stream(b"x" * 11))
    assert rejected.value.status == 413
    assert storage.staging(upload.pk).stat().st_size == 0


def test_deleted_recordings_are_no_unfinished_uploads(ada_client, project, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_OPEN_UPLOADS", 2)
    for _ in range(4):
        made = patch(ada_client, create(ada_client, project)["Location"], 0, AUDIO)
        address = reverse("recording_delete", args=[read_json(made)["recording"]])
        assert ada_client.post(address).status_code == 302
    assert create(ada_client, project).status_code == 201
    assert len(read_json(ada_client.get(reverse("uploads")))["uploads"]) == 1


def test_the_upload_of_a_deleted_recording_stays_finished(ada_client, url, caplog):
    patch(ada_client, url, 0, AUDIO)
    Recording.objects.get().remove()
    again = patch(ada_client, url, SIZE, b"")
    assert again.status_code == 410
    assert "was deleted" in read_json(again)["error"]
    assert read_json(ada_client.get(url))["state"] == "stored"
    Upload.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    uploads.sweep_uploads()
    assert not Recording.objects.exists()
    assert not [each for each in caplog.records if each.name == "transcripts.uploads"]


def test_unfinished_uploads_are_listed_with_what_is_known_of_their_bytes(ada_client, url, client):
    patch(ada_client, url, 0, AUDIO[:10_000])
    (listed,) = read_json(ada_client.get(reverse("uploads")))["uploads"]
    assert listed == {
        "url": url,
        "name": "monday.wav",
        "size": SIZE,
        "offset": 10_000,
        "sha256": hashlib.sha256(AUDIO[:10_000]).hexdigest(),
        "state": "open",
        "made": None,
    }
    assert read_json(ada_client.get(url)) == listed
    assert ada_client.head(url)["ETag"] == f'"{listed["sha256"]}"'
    patch(ada_client, url, 10_000, AUDIO[10_000:])
    assert read_json(ada_client.get(reverse("uploads")))["uploads"] == []
    assert read_json(ada_client.get(url))["made"]["recording"] == Recording.objects.get().pk


@pytest.mark.parametrize("restarted", [False, True])
def test_a_resumed_upload_never_mixes_two_files(ada_client, url, restarted):
    other = bytes(reversed(AUDIO))
    patch(ada_client, url, 0, AUDIO[:10_000])
    if restarted:
        uploads.hashers.kept.clear()
    etag = f'"{hashlib.sha256(other[:10_000]).hexdigest()}"'
    mixed = patch(ada_client, url, 10_000, other[10_000:], **{"if-match": etag})
    assert mixed.status_code == 412
    assert "another file" in read_json(mixed)["error"]
    assert ada_client.head(url)["Upload-Offset"] == "10000"
    right = patch(
        ada_client, url, 10_000, AUDIO[10_000:], **{"if-match": ada_client.head(url)["ETag"]}
    )
    assert right.status_code == 200
    assert Recording.objects.get().file.read() == AUDIO


def test_three_files_of_one_name_and_size_are_three_recordings(ada_client, project):
    for content in (AUDIO, bytes(SIZE), bytes(reversed(AUDIO))):
        patch(ada_client, create(ada_client, project)["Location"], 0, content)
    stored = Recording.objects.all()
    assert len({recording.sha256 for recording in stored}) == 3
    assert {recording.title for recording in stored} == {"monday"}


def test_upload_survives_a_restart_of_the_server(ada_client, url):
    patch(ada_client, url, 0, AUDIO[:10_000])
    uploads.hashers.kept.clear()  # what a new process does not have
    response = patch(ada_client, url, 10_000, AUDIO[10_000:])
    assert response.status_code == 200
    assert Recording.objects.get().sha256 == hashlib.sha256(AUDIO).hexdigest()


def test_bytes_written_but_not_acknowledged_are_written_again(ada_client, url):
    patch(ada_client, url, 0, AUDIO[:10_000])
    path = storage.staging(Upload.objects.get().pk)
    with path.open("ab") as file:
        file.write(b"torn off in the middle of a chunk")
    patch(ada_client, url, 10_000, AUDIO[10_000:])
    assert Recording.objects.get().file.read() == AUDIO


def test_lost_last_answer_can_be_asked_for_again(ada_client, url):
    patch(ada_client, url, 0, AUDIO)
    again = patch(ada_client, url, len(AUDIO), b"")
    assert again.status_code == 200
    assert read_json(again)["recording"] == Recording.objects.get().pk
    assert Transcription.objects.count() == 1


def test_second_writer_is_turned_away(ada_client, ada, project, url):
    upload = Upload.objects.get()
    with uploads.locked(upload):
        response = patch(ada_client, url, 0, AUDIO)
    assert response.status_code == 409


@pytest.mark.django_db(transaction=True)
def test_last_bytes_that_come_several_times_at_once_make_one_recording(ada_client, ada, url):
    patch(ada_client, url, 0, AUDIO[:10_000])
    together = threading.Barrier(4)

    def send(_: int) -> int:
        client = Client()
        client.force_login(ada)
        together.wait(60)
        try:
            return patch(client, url, 10_000, AUDIO[10_000:]).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(send, range(4)))
    # One was stored; another found it being written, or already there.
    assert 200 in statuses
    assert statuses <= {200, 409}
    assert Recording.objects.count() == Transcription.objects.count() == 1
    assert Recording.objects.get().file.read() == AUDIO


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_another_transcription_asked_for_twice_at_once_is_one_job(ada_client, ada, url, service):
    patch(ada_client, url, 0, AUDIO)
    run = Transcription.objects.get()
    transcribe(run.pk)
    together = threading.Barrier(4)

    def retry(_: int) -> int:
        client = Client()
        client.force_login(ada)
        together.wait(60)
        try:
            return client.post(reverse("recording_retry", args=[run.recording_id])).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(retry, range(4)))
    assert all(status < 500 for status in statuses)
    assert Transcription.objects.filter(state=State.QUEUED).count() == 1
    assert Transcription.objects.count() == 2


def test_same_audio_is_named_with_a_link_to_the_first(ada_client, project, url):
    patch(ada_client, url, 0, AUDIO)
    first = Recording.objects.get()
    second = patch(ada_client, create(ada_client, project, name="copy.wav")["Location"], 0, AUDIO)
    assert read_json(second)["duplicate_of"] == {
        "id": first.pk,
        "title": "monday",
        "url": f"/recordings/{first.pk}/",
    }


def test_same_audio_of_strangers_is_not_named(ada_client, url, other_project, eve):
    from tests.transcripts.conftest import add_recording

    add_recording(other_project, AUDIO, sha256=hashlib.sha256(AUDIO).hexdigest())
    assert read_json(patch(ada_client, url, 0, AUDIO))["duplicate_of"] is None


def test_cancelled_upload_is_forgotten(ada_client, url):
    patch(ada_client, url, 0, AUDIO[:10])
    path = storage.staging(Upload.objects.get().pk)
    assert ada_client.delete(url).status_code == 204
    assert not path.exists()
    assert ada_client.head(url).status_code == 404
    assert patch(ada_client, url, 10, AUDIO[10:]).status_code == 404


def test_cancel_after_the_end_keeps_the_recording(ada_client, url):
    patch(ada_client, url, 0, AUDIO)
    assert ada_client.delete(url).status_code == 204
    assert Recording.objects.get().file.read() == AUDIO


@pytest.mark.parametrize(
    ("size", "status", "word"),
    [(0, 400, "empty"), (2**40, 413, "at most"), (-1, 400, "empty"), ("7", 400, "length")],
)
def test_limits_are_checked_before_bytes_travel(ada_client, project, size, status, word):
    response = create(ada_client, project, size=size)
    assert response.status_code == status
    assert word in read_json(response)["error"]
    assert not Upload.objects.exists()


def test_limit_of_size_is_named(ada_client, project, settings):
    settings.ENV = replace(settings.ENV, max_upload_bytes=1000)
    response = create(ada_client, project, size=1001)
    assert read_json(response)["error"] == "monday.wav has 1,001 bytes; at most 1,000 are allowed."


def test_open_uploads_of_a_person_are_limited(ada_client, project, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_OPEN_UPLOADS", 1)
    assert create(ada_client, project).status_code == 201
    assert create(ada_client, project).status_code == 429


def test_file_that_does_not_fit_on_the_disk_is_refused_first(ada_client, project, monkeypatch):
    monkeypatch.setattr(storage, "SPARE_BYTES", 2**60)
    response = create(ada_client, project)
    assert (response.status_code, response["Retry-After"]) == (507, "60")
    assert not Upload.objects.exists()


@pytest.fixture
def disk(monkeypatch):
    """A disk of 100,000 bytes that takes what is written to it."""

    def room(*_):
        folder = settings.UPLOADS
        used = sum(path.stat().st_size for path in folder.iterdir())
        return SimpleNamespace(free=100_000 - used)

    monkeypatch.setattr(storage, "SPARE_BYTES", 0)
    monkeypatch.setattr(shutil, "disk_usage", room)


def test_room_is_reserved_for_what_is_announced_over_all_uploads(disk, ada, bob, project):
    first = uploads.begin(ada, project, "a.wav", 60_000, {})
    with pytest.raises(uploads.Rejected) as rejected:
        uploads.begin(bob, project, "b.wav", 60_000, {})
    assert rejected.value.status == 507
    uploads.append(first, 0, _Stream(b"x" * 50_000))  # what has arrived is not counted twice
    uploads.begin(bob, project, "b.wav", 40_000, {})
    uploads.cancel(first)
    uploads.begin(bob, project, "c.wav", 10_000, {})


def test_one_persons_uploads_leave_half_of_the_room_to_others(disk, ada, bob, project):
    for _ in range(2):
        uploads.begin(ada, project, "a.wav", 25_000, {})
    with pytest.raises(uploads.Rejected, match="finish some first"):
        uploads.begin(ada, project, "a.wav", 25_000, {})
    uploads.begin(bob, project, "b.wav", 50_000, {})


def test_an_upload_that_lay_still_gives_its_room_back_and_asks_for_it_again(
    disk, ada, bob, project
):
    still = uploads.begin(ada, project, "a.wav", 60_000, {})
    uploads.append(still, 0, _Stream(b"x" * 10))
    Upload.objects.update(changed_at=timezone.now() - timedelta(hours=2))
    other = uploads.begin(bob, project, "b.wav", 60_000, {})
    with pytest.raises(uploads.Rejected) as rejected:
        uploads.append(still, 10, _Stream(b"x"))
    assert rejected.value.status == 507
    uploads.cancel(other)
    uploads.append(still, 10, _Stream(b"x"))
    assert still.offset_bytes == 11
    with pytest.raises(uploads.Rejected):
        uploads.begin(bob, project, "b.wav", 60_000, {})


def test_two_who_ask_at_once_do_not_both_get_the_last_room(disk, ada, project):
    with uploads.reserving():
        child = os.fork()
        if not child:
            # Another process would have to wait for its look at the room.
            folder = os.open(settings.UPLOADS, os.O_RDONLY)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_fetched_file_takes_no_room_that_is_reserved(disk, ada, project):
    uploads.begin(ada, project, "a.wav", 60_000, {})
    rules = fetch.Rules(10**9, room_bytes=uploads.unreserved_bytes())
    rules.check_size(40_000)
    with pytest.raises(storage.DiskFull):
        rules.check_size(40_001)


def test_full_disk_leaves_nothing_half_written(ada_client, url, monkeypatch):
    patch(ada_client, url, 0, AUDIO[:10_000])
    real = os.fsync

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    response = patch(ada_client, url, 10_000, AUDIO[10_000:])
    assert (response.status_code, read_json(response)["error"]) == (
        507,
        "The disk of the server is full.",
    )
    assert storage.staging(Upload.objects.get().pk).stat().st_size == 10_000
    monkeypatch.setattr(os, "fsync", real)
    assert patch(ada_client, url, 10_000, AUDIO[10_000:]).status_code == 200
    assert Recording.objects.get().file.read() == AUDIO


def test_upload_cut_off_between_file_and_row_is_finished(ada, project, media):
    upload = uploads.begin(ada, project, "a.wav", len(AUDIO), {"model": "nova-3"})
    uploads.append(upload, 0, _Stream(AUDIO))
    name = storage.media_name("recordings", upload.created_at, upload.pk)
    storage.keep(storage.staging(upload.pk), name)
    recording = uploads.finish(upload)
    assert recording.sha256 == hashlib.sha256(AUDIO).hexdigest()
    assert recording.file.read() == AUDIO


def test_the_last_bytes_make_a_recording_while_another_sender_looks(ada, project):
    upload = uploads.begin(ada, project, "a.wav", len(AUDIO), {"model": "nova-3"})
    uploads.append(upload, 0, _Stream(AUDIO))
    # As a sender that came too late, and is told the offset in a moment.
    with uploads.lock_path(upload).open("w") as late:
        fcntl.flock(late, fcntl.LOCK_EX)
        threading.Timer(0.3, lambda: fcntl.flock(late, fcntl.LOCK_UN)).start()
        assert uploads.finish(upload).file.read() == AUDIO


def test_sweep_finishes_what_lost_its_client_at_the_last_byte(ada, project):
    upload = uploads.begin(ada, project, "a.wav", len(AUDIO), {"model": "nova-3"})
    uploads.append(upload, 0, _Stream(AUDIO))
    uploads.sweep_uploads()
    assert not Recording.objects.exists()  # its client may still be there
    Upload.objects.update(changed_at=timezone.now() - timedelta(minutes=1))
    uploads.sweep_uploads()
    assert Recording.objects.get().file.read() == AUDIO


def test_sweep_forgets_abandoned_uploads(ada, project):
    upload = uploads.begin(ada, project, "a.wav", len(AUDIO), {})
    uploads.append(upload, 0, _Stream(AUDIO[:10]))
    Upload.objects.update(changed_at=timezone.now() - timedelta(days=8))
    uploads.sweep_uploads()
    assert not Upload.objects.exists()
    assert not list(Path(storage.staging("x").parent).iterdir())


@pytest.mark.parametrize(
    "name",
    ["../../x", "a\0b.wav", "x" * 4000 + ".wav", "evil\u202egpj.wav", "a\r\nSet-Cookie: b.wav"],
)
def test_odd_names_are_cleaned_and_never_a_path(ada_client, project, media, name):
    url = create(ada_client, project, name=name)["Location"]
    assert patch(ada_client, url, 0, AUDIO).status_code == 200
    recording = Recording.objects.get()
    assert not set(recording.original_name) & set("\0\r\n\u202e/")
    assert len(recording.original_name) <= 255
    kept = [path for path in media.rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [str(Upload.objects.get().pk)]


def test_title_is_text_whatever_it_looks_like(ada_client, project):
    url = create(ada_client, project, name="<img onerror=x>{{7*7}}.wav")["Location"]
    patch(ada_client, url, 0, AUDIO)
    assert Recording.objects.get().title == "<img onerror=x>{{7*7}}"


def test_tus_headers_open_an_upload_too(ada_client, project):
    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    options = encoded(json.dumps({"language": "de"}))
    metadata = f"filename {encoded('ä.wav')},project {encoded(str(project.pk))},options {options}"
    response = ada_client.post(
        reverse("uploads"),
        b"",
        content_type="application/offset+octet-stream",
        headers={
            "tus-resumable": "1.0.0",
            "upload-length": str(len(AUDIO)),
            "upload-metadata": metadata,
        },
    )
    assert (response.status_code, response["Tus-Resumable"]) == (201, "1.0.0")
    upload = Upload.objects.get()
    assert (upload.name, upload.options["language"]) == ("ä.wav", "de")


def test_server_tells_tus_clients_what_it_can(ada_client, settings):
    response = ada_client.options(reverse("uploads"))
    assert response["Tus-Version"] == "1.0.0"
    assert response["Tus-Max-Size"] == str(settings.ENV.max_upload_bytes)
    assert (
        ada_client.options(reverse("uploads"), headers={"tus-resumable": "0.2.2"}).status_code
        == 412
    )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"size": 1}',
        '{"size": 1, "project": true}',
        '{"size": 1, "project": 1, "options": [1]}',
        '{"size": 1, "project": 1, "options": "diarize"}',
        "[" * 100_000,
    ],
)
def test_broken_creation_is_a_400(ada_client, body):
    response = ada_client.post(reverse("uploads"), body, content_type="application/json")
    assert response.status_code == 400
    assert read_json(response)["error"]


@pytest.mark.parametrize(
    "options",
    [{"diariz": True}, {"callback": "http://a.test"}, {"diarize": "perhaps"}, {"keyterm": 7}],
)
def test_options_that_cannot_be_are_named_before_bytes_travel(ada_client, project, options):
    response = create(ada_client, project, **options)
    assert response.status_code == 400
    assert next(iter(options)) in read_json(response)["error"]


def test_chunk_needs_its_type_and_offset(ada_client, url):
    assert ada_client.patch(url, b"x", content_type="text/plain").status_code == 415
    response = ada_client.patch(url, b"x", content_type="application/offset+octet-stream")
    assert response.status_code == 400


class TestWhoMay:
    """Ada owns the project, Bob is a member, Vera a viewer, Eve a stranger."""

    def test_member_uploads(self, client, bob, project):
        client.force_login(bob)
        url = create(client, project)["Location"]
        assert patch(client, url, 0, AUDIO).status_code == 200

    @pytest.mark.parametrize("name", ["vera", "eve"])
    def test_viewer_and_stranger_do_not(self, client, project, name, request):
        client.force_login(request.getfixturevalue(name))
        assert create(client, project).status_code == 404

    @pytest.mark.parametrize("name", ["bob", "vera", "eve"])
    def test_upload_is_its_owners_alone(self, client, ada_client, url, name, request):
        client.force_login(request.getfixturevalue(name))
        assert client.head(url).status_code == 404
        assert patch(client, url, 0, AUDIO).status_code == 404
        assert client.delete(url).status_code == 404
        assert Upload.objects.get().offset_bytes == 0

    def test_one_who_left_the_project_goes_on_no_more(self, ada_client, ada, url):
        Membership.objects.filter(user=ada).delete()
        assert patch(ada_client, url, 0, AUDIO).status_code == 404

    def test_nobody_without_signing_in(self, client, project):
        assert create(client, project).status_code == 302
        assert client.head(reverse("upload_chunk", args=[uuid.uuid4()])).status_code == 302

    def test_no_forged_request(self, ada, project):
        from django.test import Client

        strict = Client(enforce_csrf_checks=True)
        strict.force_login(ada)
        assert create(strict, project).status_code == 403


class _Stream:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, size: int) -> bytes:
        block, self.content = self.content[:size], self.content[size:]
        return block


def test_a_process_forked_meanwhile_holds_no_upload_up(url):
    upload = Upload.objects.get()
    with uploads.locked(upload):
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
    try:
        with uploads.locked(upload):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
