"""Warnings of a server: kept with the transcript and shown wherever it is read."""

import json

import httpx
import pytest

from speechclient import Warning
from tests.transcripts.conftest import found, read_json, transcript
from transcripts.models import Insight, State
from transcripts.stages import insights
from transcripts.stages.transcribing import transcribe
from transcripts.text.captions import srt
from transcripts.text.warned import caution, kept_warnings

TRUNCATED = {
    "parameter": "audio",
    "type": "truncated",
    "message": "The recording ends before its header says.",
}
EVERY_KIND = (
    TRUNCATED,
    {"parameter": "alternatives", "type": "unsupported", "message": "There is one alternative."},
    {"parameter": "topics", "type": "unsupported_language", "message": ""},
)


def heard(*warnings, **members):
    response = json.loads(transcript().content)
    response["metadata"]["warnings"] = list(warnings)
    return transcript(**response | members)


pytestmark = [pytest.mark.full, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def warned(service, queued, rings, ada, client):
    """A run whose transcript came with every kind of warning."""
    service.returns(heard(*EVERY_KIND), found())
    transcribe(queued.pk)
    queued.refresh_from_db()
    assert queued.state == State.DONE, queued.error
    client.force_login(ada)
    return queued


def test_every_warning_is_kept_and_said_as_a_sentence(warned):
    assert warned.warnings == list(EVERY_KIND)
    assert warned.cautions == [
        "The recording ends before its header says.",
        "There is one alternative.",
        "topics: unsupported language",
    ]


def test_every_warning_is_on_the_page_and_in_the_exports(warned, client):
    page = warned.recording.get_absolute_url()
    exports = {
        kind: client.get(f"{page}transcript.{kind}").content.decode()
        for kind in ("txt", "vtt", "json")
    }
    shown = client.get(page).content.decode()
    for each in warned.cautions:
        assert each in shown
        assert f"[Note: {each}]" in exports["txt"]
        assert f"NOTE {each}\n" in exports["vtt"]
    assert json.loads(exports["json"])["warnings"] == list(EVERY_KIND)


def test_subtitles_show_no_warning_as_speech(warned, client):
    said = list(warned.utterances.order_by("index"))
    export = client.get(f"{warned.recording.get_absolute_url()}transcript.srt")
    assert export.content.decode() == srt(said, warned.voices)


def test_warnings_about_the_insights_are_shown_beside_them(service, queued, rings, ada, client):
    queued.options |= {"summarize": True}
    queued.save()
    read = json.loads(found().content)
    read["metadata"]["warnings"] = [
        {"parameter": "intents", "type": "unsupported", "message": "No intents are read."}
    ]
    service.returns(heard(), httpx.Response(200, json=read))
    transcribe(queued.pk)
    insights.read(Insight.objects.get().pk)
    client.force_login(ada)
    page = client.get(queued.recording.get_absolute_url()).content.decode()
    assert "No intents are read." in page
    export = client.get(f"{queued.recording.get_absolute_url()}transcript.json")
    assert read_json(export)["insight"]["warnings"] == read["metadata"]["warnings"]


@pytest.mark.parametrize(
    ("chosen", "heard_language", "said"),
    [
        ("en", "de", "This sounds like German, but was transcribed as English."),
        ("en-GB", "en", None),
        ("multi", "de", None),
        ("", "de", None),
    ],
)
def test_another_language_than_the_chosen_one_is_named(queued, chosen, heard_language, said):
    queued.options = {"language": chosen} if chosen else {"detect_language": True}
    queued.language = heard_language
    assert queued.cautions == ([said] if said else [])
    assert queued.fits_badly is bool(said)


def test_the_language_that_a_server_suggests_is_named_in_plain_words(queued):
    queued.options, queued.language = {"language": "en"}, "en"
    message = "The speech sounds like another language than en: es. Set language=es."
    warning = {"parameter": "language", "type": "other_language", "message": message}
    queued.warnings = [warning, {"parameter": "audio", "type": "damaged", "message": "Damaged."}]
    sentence = "This sounds like Spanish, but was transcribed as English."
    assert queued.cautions == [sentence, "Damaged."]
    assert queued.fits_badly
    # Another wording of a server is shown as it is.
    queued.warnings = [warning | {"message": "Not English."}]
    assert queued.cautions == ["Not English."]
    assert queued.fits_badly


def test_warnings_are_bounded_and_said_once():
    same = [Warning("audio", "damaged", "Damaged.")] * 5
    many = [Warning("", "", f"{number}" + "x" * 5000) for number in range(500)]
    assert kept_warnings(same) == [{"parameter": "audio", "type": "damaged", "message": "Damaged."}]
    kept = kept_warnings([*many, Warning("", "", " ")])
    assert len(kept) == 100
    assert max(len(caution(each)) for each in kept) == 1000
