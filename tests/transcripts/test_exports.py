"""A recording as files: audio with ranges, transcripts in four formats, for those who may."""

import json

import pytest
from django.urls import reverse

from tests.transcripts.conftest import add_recording, wav_bytes
from transcripts.models import RawResponse, Recording, State, Transcription, Utterance

pytestmark = pytest.mark.django_db

AUDIO = wav_bytes(1.0)


@pytest.fixture
def finished(project, ada) -> Recording:
    recording = add_recording(
        project,
        AUDIO,
        owner=ada,
        title="Jürgen talks",
        original_name='Jürgen\'s "talk".wav',
        media_type="audio/wav",
        sha256="a" * 64,
        state=State.DONE,
        duration=2.0,
    )
    run = Transcription.objects.create(
        recording=recording, state=State.DONE, request_id="r-1", language="en"
    )
    RawResponse.objects.create(transcription=run, gzipped=RawResponse.compress(b"{}"))
    Utterance.objects.create(
        transcription=run,
        project=project,
        index=0,
        start=0.0,
        end=1.0,
        confidence=0.9,
        text="Hello <b>world</b>.",
        words=[["Hello", 0.0, 0.4, 0.9], ["<b>world</b>.", 0.5, 1.0, 0.9]],
    )
    return recording


def address(recording, kind="audio"):
    if kind in ("audio", "file"):
        return reverse(f"recording_{kind}", args=[recording.pk])
    return reverse("recording_export", args=[recording.pk, kind])


async def body(response) -> bytes:
    return b"".join([part async for part in response.streaming_content])


@pytest.fixture
def listener(async_client, ada):
    async_client.force_login(ada)
    return async_client


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("", 200, 0, len(AUDIO)),
        ("bytes=0-", 206, 0, len(AUDIO)),
        ("bytes=100-199", 206, 100, 200),
        ("bytes=-44", 206, len(AUDIO) - 44, len(AUDIO)),
        ("bytes=100-99999999", 206, 100, len(AUDIO)),
        ("bytes=0-1,5-6", 200, 0, len(AUDIO)),
        ("bytes=9-3", 200, 0, len(AUDIO)),
        ("bytes=x", 200, 0, len(AUDIO)),
        ("pages=1-2", 200, 0, len(AUDIO)),
    ],
)
async def test_audio_comes_in_the_part_asked_for(finished, listener, asked, status, first, last):
    response = await listener.get(address(finished), headers={"range": asked})
    assert response.status_code == status
    assert await body(response) == AUDIO[first:last]
    assert response["Content-Length"] == str(last - first)
    assert response["Content-Type"] == "audio/wav"
    assert response["X-Content-Type-Options"] == "nosniff"
    if status == 206:
        assert response["Content-Range"] == f"bytes {first}-{last - 1}/{len(AUDIO)}"


@pytest.mark.slow
def test_part_beyond_the_end_is_unsatisfiable(finished, client, ada):
    client.force_login(ada)
    response = client.get(address(finished), headers={"range": f"bytes={len(AUDIO)}-"})
    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{len(AUDIO)}")


@pytest.mark.slow
def test_head_tells_the_length_without_the_body(finished, client, ada):
    client.force_login(ada)
    response = client.head(address(finished))
    assert (response["Content-Length"], response["Accept-Ranges"]) == (str(len(AUDIO)), "bytes")


@pytest.mark.django_db(transaction=True)
async def test_part_of_another_version_is_not_given(finished, listener):
    asked = {"range": "bytes=0-9", "if-range": '"another"'}
    response = await listener.get(address(finished), headers=asked)
    assert response.status_code == 200
    same = {"range": "bytes=0-9", "if-range": response["ETag"]}
    assert (await listener.get(address(finished), headers=same)).status_code == 206


@pytest.mark.slow
def test_what_the_browser_has_is_not_sent_again(finished, client, ada):
    client.force_login(ada)
    response = client.get(address(finished), headers={"if-none-match": f'"{"a" * 64}"'})
    assert response.status_code == 304


@pytest.fixture
def with_copy(finished) -> Recording:
    finished.listening_copy = add_recording(finished.project, b"MP3 bytes").file.name
    finished.media_type = "audio/x-ms-wma"
    finished.save()
    return finished


@pytest.mark.django_db(transaction=True)
async def test_player_gets_the_copy_and_the_download_the_original(with_copy, finished, listener):
    response = await listener.get(address(finished))
    assert (await body(response), response["Content-Type"]) == (b"MP3 bytes", "audio/mpeg")
    original = await listener.get(address(finished, "file"))
    assert await body(original) == AUDIO


@pytest.mark.slow
def test_download_is_an_attachment_under_its_own_name(finished, client, ada):
    client.force_login(ada)
    response = client.head(address(finished, "file"))
    assert response["Content-Type"] == "application/octet-stream"
    disposition = response["Content-Disposition"]
    assert disposition == "attachment; filename*=utf-8''J%C3%BCrgen%27s%20%22talk%22.wav"


@pytest.mark.slow
def test_nothing_but_media_is_served_inline(finished, client, ada):
    client.force_login(ada)
    Recording.objects.update(media_type="text/html")
    assert client.head(address(finished))["Content-Type"] == "application/octet-stream"


@pytest.mark.slow
def test_audio_that_is_not_here_yet_is_a_404(project, client, ada):
    client.force_login(ada)
    recording = Recording.objects.create(project=project, title="From the web")
    assert client.get(address(recording)).status_code == 404
    gone = add_recording(project)
    gone.file.storage.delete(gone.file.name)
    assert client.get(address(gone)).status_code == 404


@pytest.mark.slow
def test_transcript_is_exported_in_four_formats(finished, client, ada):
    client.force_login(ada)
    text = {kind: client.get(address(finished, kind)) for kind in ("txt", "srt", "vtt", "json")}
    assert text["txt"].content.decode() == "Hello <b>world</b>.\n"
    assert "00:00:00,000 --> 00:00:01,000\nHello <b>world</b>.\n" in text["srt"].content.decode()
    vtt = text["vtt"].content.decode()
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello &lt;b&gt;world")
    whole = json.loads(text["json"].content)
    assert (whole["recording"], whole["request_id"]) == (finished.pk, "r-1")
    assert whole["utterances"][0]["words"][0] == {
        "word": "Hello",
        "start": 0.0,
        "end": 0.4,
        "confidence": 0.9,
    }
    for kind, response in text.items():
        name = f"J%C3%BCrgen%20talks.{kind}"
        assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"


@pytest.mark.slow
def test_newest_finished_run_is_exported_while_another_is_open(finished, client, ada):
    client.force_login(ada)
    Transcription.objects.create(recording=finished, state=State.QUEUED)
    assert client.get(address(finished, "txt")).content == b"Hello <b>world</b>.\n"


@pytest.mark.slow
def test_recording_without_a_transcript_has_no_export(recording, client, ada):
    client.force_login(ada)
    assert client.get(address(recording, "txt")).status_code == 404


@pytest.mark.slow
def test_unknown_format_is_a_404(finished, client, ada):
    client.force_login(ada)
    assert client.get(address(finished, "exe")).status_code == 404


@pytest.mark.parametrize("kind", ["audio", "file", "txt", "srt", "vtt", "json"])
@pytest.mark.slow
def test_members_and_viewers_may_and_strangers_may_not(finished, client, ada, bob, vera, eve, kind):
    for user, status in ((ada, 200), (bob, 200), (vera, 200), (eve, 404)):
        client.force_login(user)
        assert client.head(address(finished, kind)).status_code == status
    client.logout()
    assert client.head(address(finished, kind)).status_code == 302
