"""Names of speakers by form: kept, cleaned, taken back, and rejected with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.transcripts.conftest import read_json
from tests.transcripts.views.conftest import FRAGMENT, add_run, address
from transcripts.models import Recording, Speaker, Transcription

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def call(client: Client, recording: Recording, voice: str, name: str, **facts: Any) -> Any:
    page = address("speaker_rename", recording)
    return client.post(page, {"voice": voice, "name": name}, **facts)


def names(recording: Recording) -> dict[tuple[int, int | None], str]:
    rows = Speaker.objects.filter(transcription__recording=recording)
    return {(one.channel, one.speaker): one.name for one in rows}


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Ada", "Ada"), (" Ada\tL. ", "Ada L."), ("\u202eAda", "Ada"), ("Åsa 🎙", "Åsa 🎙")],
)
def test_a_name_is_kept_as_one_line(finished: Recording, ada_client: Client, name: str, kept: str):
    call(ada_client, finished, "0-1", name)
    assert names(finished) == {(0, 1): kept}


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "Speaker 2"])
def test_an_empty_name_or_the_usual_one_takes_a_name_back(
    finished: Recording, ada_client: Client, name: str
):
    call(ada_client, finished, "0-1", "Ada")
    call(ada_client, finished, "0-1", name)
    assert names(finished) == {}


def test_a_voice_has_one_name(finished: Recording, ada_client: Client):
    for name in ("Ada", "Bob"):
        call(ada_client, finished, "0-0", name)
    assert names(finished) == {(0, 0): "Bob"}


@pytest.mark.parametrize("voice", ["0-2", "1-0", "0-"])
def test_a_voice_that_does_not_speak_gets_no_name(
    finished: Recording, ada_client: Client, voice: str
):
    call(ada_client, finished, voice, "Ada")
    assert names(finished) == {}


@pytest.mark.parametrize(
    "voice", ["", "x", "0", "0-x", "-1-0", "99999-0", "0-999999", "\u0660-\u0660"]
)
def test_what_is_no_voice_is_said(finished: Recording, ada_client: Client, voice: str):
    response = call(ada_client, finished, voice, "Ada", headers=FRAGMENT)
    assert response.status_code == 422
    assert read_json(response)["error"]
    assert names(finished) == {}


def test_a_name_has_a_length(finished: Recording, ada_client: Client):
    response = call(ada_client, finished, "0-0", "x" * 101, headers=FRAGMENT)
    assert read_json(response)["error"] == "A name has at most 100 characters, this one has 101."


def test_a_channel_that_was_transcribed_apart_is_a_voice(finished: Recording, ada_client: Client):
    add_run(finished, "Hello.", options={"multichannel": True}, channel=1)
    call(ada_client, finished, "1-", "Ada")
    call(ada_client, finished, "0-", "Bob")  # a channel without speech
    assert names(finished) == {(1, None): "Ada"}


def test_the_list_comes_back_with_the_name(finished: Recording, ada_client: Client):
    response = call(ada_client, finished, "0-1", "Ada", headers=FRAGMENT)
    assert [talker.voice.name for talker in response.context["talkers"]] == ["Speaker 1", "Ada"]


def test_a_name_is_of_the_version_that_is_shown(finished: Recording, ada_client: Client):
    first = finished.finished_runs[0]
    add_run(finished, "Who is there?", speaker=0)
    page = f"{address('speaker_rename', finished)}?version={first.pk}"
    ada_client.post(page, {"voice": "0-0", "name": "Ada"})
    assert Transcription.objects.get(names__name="Ada") == first


def test_a_recording_without_a_text_has_no_speakers(recording: Recording, ada_client: Client):
    assert call(ada_client, recording, "0-0", "Ada").status_code == 404
