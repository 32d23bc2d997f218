"""Insights next to a transcript in Chromium: summary, chips, sentiment, speakers."""

import re

import pytest
from celery import current_app
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from tests.pages.patience import until
from transcripts.models import Insight, State


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: what is queued stays so."""
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


def time_of(page: Page) -> float:
    return page.evaluate("document.querySelector('audio').currentTime")


def open_page(page: Page, recording) -> None:
    page.goto(recording.get_absolute_url())
    until(page, lambda: page.evaluate("document.querySelector('audio').readyState >= 1"))


def test_a_chip_leads_from_place_to_place(page, cast: Cast):
    recording = cast.transcribed(utterances=300)
    places = [(0.4, 250.0), (0.9, 400.0)]
    label = {"name": "Lighthouse"}
    topics = [label | {"confidence": sure, "start": at, "end": at + 2} for sure, at in places]
    cast.insight(recording, topics=topics)
    open_page(page, recording)
    expect(page.get_by_text("The keeper speaks of his father")).to_be_visible()
    chip = page.get_by_role("link", name=re.compile("Lighthouse"))
    expect(chip).to_contain_text("2 places, first at 6:40")
    for place in (400.0, 250.0, 400.0):
        chip.click()
        expect(page.locator(".spoken")).to_be_in_viewport()
        assert place <= time_of(page) < place + 5
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_chip_works_without_a_pointer_and_without_the_script(visits, cast: Cast):
    recording = cast.transcribed()
    cast.insight(recording)
    page = visits.as_user(cast.ada, java_script_enabled=False)
    page.goto(recording.get_absolute_url())
    page.get_by_role("link", name=re.compile("Weather")).press("Enter")
    expect(page).to_have_url(re.compile(r"t=25\.00"))


def test_the_chart_leads_to_its_place(page, cast: Cast):
    recording = cast.transcribed(duration=60.0)
    cast.insight(recording)
    open_page(page, recording)
    chart = page.locator("[data-mood]")
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] / 2, "y": 5})
    until(page, lambda: 29 <= time_of(page) < 35)
    now = page.locator("[data-mood-now]")
    until(page, lambda: 48 < float(now.get_attribute("x1") or 0) < 60)
    expect(page.get_by_role("link", name="0:20 positive")).to_be_visible()


def test_a_failed_reading_is_told_and_tried_again(page, cast: Cast):
    recording = cast.transcribed()
    cast.insight(recording, state=State.FAILED, error="Text is too long.", request_id="r-77")
    open_page(page, recording)
    expect(page.get_by_text("Text is too long.")).to_be_visible()
    expect(page.get_by_text("Request r-77")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("In the queue")).to_be_visible()
    expect(page.locator("[data-utterance='0']")).to_be_visible()
    Insight.objects.update(state=State.DONE, summary="It came at last.")
    expect(page.get_by_text("It came at last.")).to_be_visible()


def test_a_recording_is_summed_up_when_somebody_asks(page, cast: Cast):
    open_page(page, cast.transcribed())
    page.get_by_role("button", name="Summarize").click()
    expect(page.get_by_text("In the queue")).to_be_visible()
    expect(page.locator("#insight")).to_be_focused()
    assert Insight.objects.get().options["summarize"] is True


def test_viewers_are_offered_no_change(visits, cast: Cast):
    recording = cast.transcribed()
    page = visits.as_user(cast.vera)
    page.goto(recording.get_absolute_url())
    expect(page.get_by_role("button", name="Hear Speaker 1")).to_be_visible()
    expect(page.get_by_role("button", name="Summarize")).to_have_count(0)
    expect(page.get_by_role("button", name="Name Speaker 1")).to_have_count(0)


def test_a_summary_that_comes_does_not_move_what_one_reads(visits, cast: Cast):
    recording = cast.transcribed(utterances=120)
    cast.insight(recording, state=State.QUEUED, summary="")
    page = visits.as_user(cast.ada, width=390)
    open_page(page, recording)
    page.evaluate("scrollTo(0, 2500)")
    page.wait_for_timeout(300)
    probe = "document.querySelector('[data-utterance=\"14\"]').getBoundingClientRect().top"
    before = page.evaluate(probe)
    Insight.objects.update(state=State.DONE, summary="A long story. " * 40)
    expect(page.get_by_text("A long story.")).to_be_attached()
    page.wait_for_timeout(100)
    assert abs(page.evaluate(probe) - before) < 2


def test_a_speaker_is_named_once_for_the_whole_transcript(page, cast: Cast):
    recording = cast.transcribed(utterances=300)
    open_page(page, recording)
    page.get_by_role("button", name="Name Speaker 2").click()
    page.get_by_label("Name of Speaker 2").fill("Ada <b>Hollis</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Name Ada <b>Hollis</b>")).to_be_focused()
    shown = page.locator("[data-transcript] [data-voice='0-1']")
    expect(shown.first).to_have_text("Ada <b>Hollis</b>")
    # In blocks that are loaded later too, and on the next visit.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("[data-utterance='299']")).to_be_visible()
    assert set(shown.all_text_contents()) == {"Ada <b>Hollis</b>"}
    page.reload()
    expect(shown.first).to_have_text("Ada <b>Hollis</b>")


def test_naming_can_be_left_with_the_keyboard(page, cast: Cast):
    open_page(page, cast.transcribed())
    opener = page.get_by_role("button", name="Name Speaker 1")
    opener.press("Enter")
    page.keyboard.type("Nobody")
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(page.locator("[data-talker='0-0'] .speaker")).to_have_text("Speaker 1")


def test_a_sample_of_a_voice_plays_and_ends(page, cast: Cast):
    recording = cast.transcribed()
    open_page(page, recording)
    button = page.get_by_role("button", name="Hear Speaker 1")
    start, end = (float(button.get_attribute(name)) for name in ("data-sample", "data-sample-end"))
    page.evaluate(f"document.querySelector('audio').playbackRate = {max(1, (end - start) / 2)}")
    button.click()
    until(page, lambda: start <= time_of(page))
    until(page, lambda: page.evaluate("document.querySelector('audio').paused"))
    assert end - 0.5 <= time_of(page) <= end + 2


def test_hostile_findings_are_shown_literally(page, cast: Cast):
    hostile = "<img src=x onerror=alert(1)> {{7*7}}"
    recording = cast.transcribed()
    label = {"name": hostile, "confidence": 1, "start": 1, "end": 2}
    cast.insight(recording, summary=hostile, topics=[label], intents=[label])
    open_page(page, recording)
    expect(page.locator(".insight-summary")).to_have_text(hostile)
    expect(page.locator(".chip-name")).to_have_text([hostile, hostile])
