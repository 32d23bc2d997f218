"""Speakers: counted, named once, and called so wherever they are met."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils.html import escape

from tests.transcripts.conftest import transcript
from transcripts.models import Recording, State, Transcription, Utterance
from transcripts.progress import rows
from transcripts.stages.transcribing import transcribe
from transcripts.text.reading import Voices
from transcripts.views.exports import CAPTION_FORMATS

pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]


def says(text: str, start: float, speaker: int | None, channel: int = 0) -> dict:
    words = [
        {"word": word, "start": start + at, "end": start + at + 0.5, "confidence": 0.9}
        for at, word in enumerate(text.split())
    ]
    return {
        "start": start,
        "end": words[-1]["end"],
        "confidence": 0.9,
        "channel": channel,
        "speaker": speaker,
        "transcript": text,
        "words": words,
    }


def conversation(*utterances: dict) -> object:
    return transcript(
        metadata={"request_id": "r-1", "duration": 60.0},
        results={"channels": [{"alternatives": [{}]}], "utterances": list(utterances)},
    )


@pytest.fixture
def talk(recording, queued, service) -> Recording:
    """Speaker 0 asks, speaker 1 answers at length."""
    service.returns(
        conversation(says("Who is there?", 0, 0), says("It is the harbour master.", 5, 1))
    )
    transcribe(queued.pk)
    recording.refresh_from_db()
    return recording


def name(client, recording, voice: str, called: str):
    return client.post(
        reverse("speaker_rename", args=[recording.pk]), {"voice": voice, "name": called}
    )


def test_speakers_are_counted_and_shown_in_lists(talk):
    assert talk.finished_transcription.speakers == 2
    (row,) = rows([talk])
    assert row.speakers == 2


def test_channels_are_speakers_when_they_were_transcribed_apart(queued, service):
    queued.options["multichannel"] = True
    queued.save()
    service.returns(conversation(says("Hello?", 0, None, 0), says("Yes?", 2, None, 1)))
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.speakers == 2


def test_a_name_stands_in_transcript_exports_captions_and_search(talk, client, bob):
    client.force_login(bob)
    name(client, talk, "0-1", "  Ada\u202e  Byron ")
    assert talk.finished_transcription.voices == Voices(names={(0, 1): "Ada Byron"})
    page = client.get(talk.get_absolute_url()).content.decode()
    assert 'data-voice="0-1">Ada Byron</span>' in page
    export = {
        kind: client.get(reverse("recording_export", args=[talk.pk, kind])).content.decode()
        for kind in ("txt", "srt", "vtt", "json")
    }
    assert "Ada Byron: It is the harbour master." in export["txt"]
    assert "[Ada Byron]" in export["srt"]
    assert "<v Ada Byron>" in export["vtt"]
    utterances = json.loads(export["json"])["utterances"]
    assert [(each["speaker"], each["speaker_name"]) for each in utterances] == [
        (0, "Speaker 1"),
        (1, "Ada Byron"),
    ]
    hits = client.get(reverse("search_results"), {"q": "harbour"}).content.decode()
    assert "Ada Byron" in hits
    out = StringIO()
    call_command("search", "harbour", stdout=out)
    assert "Ada Byron: It is the harbour master." in out.getvalue()


FORMULA = '=HYPERLINK("http://x.test","<b>Ada</b>")'


def test_a_name_that_is_a_formula_is_text_on_the_page_and_in_every_export(talk, client, ada):
    client.force_login(ada)
    name(client, talk, "0-1", FORMULA)
    assert talk.finished_transcription.voices.names == {(0, 1): FORMULA}
    assert escape(FORMULA) in client.get(talk.get_absolute_url()).content.decode()
    for kind in (*CAPTION_FORMATS, "json"):
        export = client.get(reverse("recording_export", args=[talk.pk, kind]))
        # A spreadsheet runs formulas of CSV files, a browser markup of pages.
        assert export["Content-Type"].partition(";")[0] not in ("text/csv", "text/html")
        assert export["Content-Disposition"].startswith("attachment")
        assert export["X-Content-Type-Options"] == "nosniff"


def test_a_name_is_changed_and_taken_back(talk, client, ada):
    client.force_login(ada)
    run = talk.finished_transcription
    for called, names in (
        ("Ada", {(0, 1): "Ada"}),
        ("Ida", {(0, 1): "Ida"}),
        ("", {}),
        ("Ada", {(0, 1): "Ada"}),
        ("Speaker 2", {}),
    ):
        name(client, talk, "0-1", called)
        assert run.voices.names == names


@pytest.mark.parametrize("voice", ["", "x", "0", "0-7", "-1-0", "0-99999999999", "9-1"])
def test_a_voice_that_is_not_there_gets_no_name(talk, client, ada, voice):
    client.force_login(ada)
    assert name(client, talk, voice, "Nobody").status_code == 302
    assert not talk.finished_transcription.voices.names


def test_who_may_name_them(talk, client, ada, bob, vera, eve):
    for user, status in ((ada, 302), (bob, 302), (vera, 404), (eve, 404)):
        client.force_login(user)
        assert name(client, talk, "0-0", str(user)).status_code == status
    assert talk.finished_transcription.voices.names == {(0, 0): "bob@example.test"}


def test_names_go_over_to_a_new_version(talk, service):
    talk.finished_transcription.call((0, 1), "Ada")
    # The new run numbers its speakers the other way round.
    service.returns(
        conversation(says("Who is there?", 0, 1), says("It is the harbour master.", 5, 0))
    )
    talk.retry()
    transcribe(talk.transcription.pk)
    assert talk.finished_transcription.voices.names == {(0, 0): "Ada"}


def test_transcripts_from_before_are_counted_by_the_migration(project, ada):
    from importlib import import_module

    from django.apps import apps

    recording = Recording.objects.create(project=project, title="Old", state=State.DONE)
    run = Transcription.objects.create(recording=recording, state=State.DONE)
    for index, speaker in enumerate((0, 1, 1, 2)):
        Utterance.objects.create(
            transcription=run, project=project, index=index, speaker=speaker,
            start=index, end=index + 1, confidence=1, text="Yes.",
        )  # fmt: skip
    import_module("transcripts.migrations.0012_count_speakers").count(apps, None)
    run.refresh_from_db()
    assert run.speakers == 3
