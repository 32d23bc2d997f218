"""Choosing how recordings are transcribed, and keeping the choice, in Chromium."""

import re
from typing import Any

import pytest
from celery import current_app
from playwright.sync_api import FilePayload, Page, expect

from management.models import Model
from tests.pages.cast import Cast, tone
from tests.pages.test_looks import violations
from transcripts.models import Preset, Recording
from transcripts.options import complete


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: what is queued stays so."""
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


def offer(cast: Cast, **models: list[str]) -> None:
    """Let the server of the cast's projects list these models with their languages."""
    for name, languages in models.items():
        Model.objects.create(
            connection=cast.project.connection,
            kind=Model.Kind.STT,
            uuid=name,
            canonical_name=name.replace("_", "-"),
            name=name,
            languages=languages,
        )


def keep(cast: Cast, name: str, is_default: bool = False, **options: Any) -> Preset:
    return Preset.objects.create(
        project=cast.project, name=name, options=complete(options), is_default=is_default
    )


def upload(page: Page) -> dict[str, Any]:
    """Upload a file; the options of its run."""
    buffer = FilePayload(name="talk.wav", mimeType="audio/wav", buffer=tone(1))
    page.locator("[data-files]").set_input_files([buffer])
    expect(page.locator("[data-uploads] [data-row]")).to_have_count(1)
    return Recording.objects.get().transcription.options


def test_a_project_begins_with_its_default_preset(page, cast: Cast):
    keep(cast, "Calls", multichannel=True)
    keep(cast, "Meetings", is_default=True, diarize=True, keyterm=["Hollis"], redact=["ssn"])
    page.goto(f"/upload/?project={cast.project.pk}")
    expect(page.get_by_label("Preset", exact=True)).to_have_value(
        str(Preset.objects.get(name="Meetings").pk)
    )
    expect(page.get_by_label("Key terms")).to_have_value("Hollis")
    expect(page.get_by_label("Social security numbers")).to_be_checked()
    options = upload(page)
    assert (options["diarize"], options["redact"]) == (True, ["ssn"])
    assert "summarize" not in options


def test_a_preset_is_chosen_changed_saved_and_deleted(page, cast: Cast):
    keep(cast, "Calls", multichannel=True)
    page.goto(f"/upload/?project={cast.project.pk}")
    preset = page.get_by_label("Preset", exact=True)
    preset.select_option(label="Calls")
    expect(page.get_by_label("Separate channels")).to_be_checked()
    page.get_by_label("Separate channels").uncheck()
    expect(preset).to_have_value("")  # it is no longer what the preset says
    page.get_by_label("Speakers", exact=False).first.check()
    page.get_by_label("Presets of this project").click()
    page.get_by_role("button", name="Save as a preset…").click()
    dialog = page.get_by_role("dialog", name="Save as a preset")
    assert violations(page) == []
    dialog.get_by_label("Name").fill("Meetings")
    dialog.get_by_label("Use it by default").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Meetings” is saved.")).to_be_visible()
    expect(preset.locator("option:checked")).to_have_text("Meetings (default)")
    kept = Preset.objects.get(name="Meetings")
    assert (kept.is_default, kept.options["diarize"], "multichannel" in kept.options) == (
        True,
        True,
        False,
    )
    page.get_by_label("Presets of this project").click()
    page.get_by_role("button", name="Delete this preset").click()
    page.get_by_role("dialog", name="Delete the preset “Meetings”?").get_by_role(
        "button", name="Delete"
    ).click()
    expect(page.get_by_text("“Meetings” is deleted.")).to_be_visible()
    assert [each.name for each in Preset.objects.all()] == ["Calls"]


def test_a_preset_with_a_model_of_diarization_identifies_speakers_by_it(page, cast: Cast):
    keep(cast, "Meetings", is_default=True, diarize_model="v2")
    page.goto(f"/upload/?project={cast.project.pk}")
    speakers = page.get_by_role("checkbox", name="Speakers")
    expect(speakers).to_be_checked()
    options = upload(page)
    assert (options["diarize_model"], options.get("diarize")) == ("v2", None)


def test_a_name_without_letters_is_refused_in_the_dialog(visits, cast: Cast):
    page = visits.as_user(cast.ada)  # a rejection is told in the console
    page.goto(f"/upload/?project={cast.project.pk}")
    page.get_by_label("Presets of this project").click()
    page.get_by_role("button", name="Save as a preset…").click()
    dialog = page.get_by_role("dialog", name="Save as a preset")
    dialog.get_by_label("Name").fill("\u200b")
    with page.expect_response(re.compile("/presets/")):
        dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Enter a name for the preset.")).to_be_visible()


def test_only_what_the_model_and_the_language_can_is_offered(page, cast: Cast):
    offer(cast, nova_3=["en", "es"], nova_2_meeting=["en"])
    page.goto(f"/upload/?project={cast.project.pk}")
    summary, terms = page.get_by_label("Summary"), page.get_by_label("Key terms")
    expect(summary).to_be_checked()  # it costs nothing in the box
    page.get_by_label("Language spoken").select_option("es")
    expect(summary).to_be_hidden()
    expect(page.get_by_label("Speakers", exact=False).first).to_be_visible()
    expect(terms).to_be_visible()
    page.get_by_label("Model").select_option("nova-2-meeting")
    # It knows no Spanish, and listens for no terms.
    expect(page.get_by_label("Language spoken")).to_have_value("detect")
    expect(terms).to_be_hidden()
    page.get_by_text("More options").click()
    expect(page.get_by_label("Card data")).to_be_visible()
    expect(page.get_by_label("Health data")).to_be_hidden()  # not by the engine in the box
    options = upload(page)
    assert (options["model"], options["detect_language"]) == ("nova-2-meeting", True)
    assert options["summarize"] is True


def test_what_cannot_be_made_in_the_language_is_not_asked_for(page, cast: Cast):
    offer(cast, nova_3=["en", "es"])
    page.goto(f"/upload/?project={cast.project.pk}")
    page.get_by_label("Language spoken").select_option("es")
    options = upload(page)
    assert not {"summarize", "topics", "intents", "sentiment"} & options.keys()


def test_files_dropped_on_the_library_are_as_the_default_preset_says(page, cast: Cast):
    keep(cast, "Meetings", is_default=True, diarize=True)
    page.goto(f"/library/?project={cast.project.pk}")
    expect(page.locator(f"[data-presets~='{cast.project.pk}']")).to_have_count(1)
