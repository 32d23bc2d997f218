"""Transcribing a recording again, with other options."""

import re

import pytest
from celery import current_app
from playwright.sync_api import Page, expect

from management.models import Membership, Model
from tests.pages.cast import Cast, tone
from transcripts.models import Recording, Upload
from transcripts.options import complete


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: what is queued stays so."""
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


def offer_models(cast: Cast) -> None:
    for name, languages in (("nova-3", ["en", "de"]), ("nova-2", ["en", "fr"])):
        Model.objects.create(
            connection=cast.project.connection,
            kind=Model.Kind.STT,
            batch=True,
            canonical_name=name,
            name=name,
            uuid=name,
            languages=languages,
        )


def test_options_are_asked_for_and_begin_with_those_of_before(page: Page, cast: Cast):
    offer_models(cast)
    recording = cast.transcribed()
    recording.transcriptions.update(
        options=complete({"language": "de", "diarize": False, "keyterm": ["Fastnet"], "tag": ["x"]})
    )
    page.goto(recording.get_absolute_url())
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Transcribe again…").click()
    dialog = page.get_by_role("dialog", name="Transcribe again")
    expect(dialog.get_by_label("Language spoken")).to_have_value("de")
    expect(dialog.get_by_label("Model")).to_have_value("nova-3")
    expect(dialog.get_by_label("Key terms")).to_have_value("Fastnet")
    speakers = dialog.get_by_role("checkbox", name="Speakers")
    expect(speakers).not_to_be_checked()
    speakers.check()
    dialog.get_by_label("Language spoken").select_option("en")
    dialog.get_by_role("button", name="Transcribe", exact=True).click()
    expect(page.get_by_role("region", name="Progress")).to_be_visible()
    newest = recording.transcriptions.first()
    assert recording.transcriptions.count() == 2
    assert (newest.options["language"], newest.options["diarize"]) == ("en", True)
    assert (newest.options["keyterm"], newest.options["tag"]) == (["Fastnet"], ["x"])


@pytest.mark.parametrize("keeps_speakers", [True, False])
def test_a_model_of_diarization_stays_as_long_as_speakers_are_identified(
    page: Page, cast: Cast, keeps_speakers: bool
):
    offer_models(cast)
    recording = cast.transcribed()
    recording.transcriptions.update(options=complete({"diarize_model": "v2"}))
    page.goto(f"{recording.get_absolute_url()}#again")
    dialog = page.get_by_role("dialog", name="Transcribe again")
    speakers = dialog.get_by_role("checkbox", name="Speakers")
    expect(speakers).to_be_checked()
    speakers.set_checked(keeps_speakers)
    dialog.get_by_label("Language spoken").select_option("de")
    dialog.get_by_role("button", name="Transcribe", exact=True).click()
    expect(page.get_by_role("region", name="Progress")).to_be_visible()
    options = recording.transcriptions.first().options
    assert options["language"] == "de"
    assert options.get("diarize_model") == ("v2" if keeps_speakers else None)
    assert not options.get("diarize")


def test_options_for_a_recording_that_another_tab_has_queued_are_not_dropped_in_silence(
    page: Page, cast: Cast
):
    recording = cast.transcribed()
    page.goto(f"{recording.get_absolute_url()}#again")
    recording.retry()
    page.get_by_role("dialog").get_by_role("button", name="Transcribe", exact=True).click()
    expect(page.get_by_text("Nothing was queued: it is being transcribed")).to_be_visible()
    assert recording.transcriptions.count() == 2


def test_it_is_offered_where_no_speech_was_heard(page: Page, cast: Cast):
    recording = cast.transcribed(utterances=0)
    page.goto(recording.get_absolute_url())
    # Both clicks come before the script of the options.
    page.get_by_role("button", name="Transcribe again…").last.evaluate(
        "button => { button.click(); button.click(); }"
    )
    expect(page.get_by_role("dialog", name="Transcribe again")).to_be_visible()
    expect(page.locator("[data-failed]")).to_be_hidden()
    expect(page.get_by_label("Language spoken")).to_be_focused()
    page.get_by_role("button", name="Cancel").last.click()
    expect(page.get_by_role("dialog", name="Transcribe again")).to_be_hidden()


@pytest.mark.parametrize(
    ("heard", "warnings"),
    [
        ("de", []),
        (
            "en",
            [
                {
                    "parameter": "language",
                    "type": "other_language",
                    "message": "Sounds like: de. Set language=de or detect_language=true.",
                }
            ],
        ),
    ],
)
def test_it_is_offered_where_another_language_was_heard(
    visits, cast: Cast, heard: str, warnings: list[dict[str, str]]
):
    recording = cast.transcribed()
    recording.transcriptions.update(
        language=heard, warnings=warnings, options=complete({"language": "en"})
    )
    page = visits.as_user(cast.ada)
    page.goto(recording.get_absolute_url())
    region = page.get_by_role("region", name="Warnings")
    expect(region.get_by_text("This sounds like German")).to_be_visible()
    region.get_by_role("button", name="Transcribe again…").click()
    expect(page.get_by_role("dialog", name="Transcribe again")).to_be_visible()
    viewer = visits.as_user(cast.vera)
    viewer.goto(recording.get_absolute_url())
    expect(viewer.get_by_text("This sounds like German")).to_be_visible()
    expect(viewer.get_by_role("button", name="Transcribe again…")).to_have_count(0)


def test_invalid_options_start_nothing_and_come_back_as_entered(page: Page, cast: Cast):
    recording = cast.transcribed()
    page.goto(f"{recording.get_absolute_url()}#again")
    dialog = page.get_by_role("dialog", name="Transcribe again")
    dialog.get_by_label("Key terms").fill("\n".join(f"word{number}" for number in range(400)))
    dialog.get_by_role("checkbox", name="Speakers").uncheck()
    dialog.get_by_role("button", name="Transcribe", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid options")
    expect(dialog.get_by_label("Key terms")).to_have_value(re.compile("word0\n.*word399", re.S))
    expect(dialog.get_by_role("checkbox", name="Speakers")).not_to_be_checked()
    assert recording.transcriptions.count() == 1
    page.goto(f"{recording.get_absolute_url()}?new#again")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_label("Key terms")).to_have_value("")


def test_a_row_of_the_library_leads_to_the_same_dialog(page: Page, cast: Cast):
    recording = cast.transcribed()
    page.goto("/library/")
    page.get_by_label("Actions for Monday").click()
    page.get_by_role("link", name="Transcribe again…").click()
    expect(page.get_by_role("dialog", name="Transcribe again")).to_be_visible()
    assert recording.transcriptions.count() == 1


def test_a_language_and_a_model_that_no_server_lists_are_offered_again(page: Page, cast: Cast):
    recording = cast.transcribed()
    recording.transcriptions.update(options=complete({"model": "nova-9", "language": "cy"}))
    page.goto(f"{recording.get_absolute_url()}#again")
    dialog = page.get_by_role("dialog", name="Transcribe again")
    expect(dialog.get_by_label("Model")).to_have_value("nova-9")
    expect(dialog.get_by_label("Language spoken")).to_have_value("cy")


def test_with_all_projects_none_is_chosen_and_files_wait_for_one(page: Page, cast: Cast):
    page.goto("/upload/?project=")
    project = page.get_by_label("Project", exact=True)
    expect(project).to_have_value("")
    page.get_by_label("Language spoken").select_option("detect")
    page.locator("[data-files]").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": tone(1)}
    )
    expect(page.get_by_text("Choose a project for the files")).to_be_visible()
    expect(page.locator(".upload-row", has_text="a.wav")).to_contain_text("Choose a project")
    expect(project).to_be_focused()
    assert not Upload.objects.exists()
    project.select_option("Calls")
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    recording = Recording.objects.get()
    assert recording.project == cast.second
    # An option that was chosen before the project is kept.
    assert recording.transcription.options["detect_language"] is True
    page.goto(f"/upload/?project={cast.second.pk}")
    expect(project).to_have_value(str(cast.second.pk))


def test_a_project_that_one_may_only_view_selects_no_other(visits, cast: Cast):
    Membership.objects.create(user=cast.eve, project=cast.project, role=Membership.Role.VIEWER)
    Membership.objects.create(user=cast.eve, project=cast.second, role=Membership.Role.MEMBER)
    page = visits.as_user(cast.eve)
    page.goto(f"/upload/?project={cast.project.pk}")
    expect(page.get_by_label("Project", exact=True)).to_have_value("")
