"""The player of a recording's page in Chromium: seeking, following and the waveform."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from tests.pages.patience import until
from tests.pages.test_recording_page import HOURS, ready, time_of
from transcripts.models import Waveform

TALLEST = """() => {
  const canvas = document.querySelector('[data-wave]');
  const { width, height } = canvas;
  // Chromium warns of a canvas that is read repeatedly, unless it was made for that.
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  let tallest = 0;
  // Without the cursor at the start.
  for (let x = 8; x < width; x += 1) {
    let tall = 0;
    for (let y = 0; y < height; y += 1) if (data[4 * (y * width + x) + 3]) tall += 1;
    tallest = Math.max(tallest, tall);
  }
  return tallest / height;
}"""


def place(page: Page, part: float) -> tuple[float, float]:
    """Return the position of this part of the waveform; the page may have scrolled."""
    box = page.locator("[data-wave]").bounding_box()
    assert box is not None
    return box["x"] + part * box["width"], box["y"] + 20


def seconds(clock: str) -> int:
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return total


@pytest.mark.parametrize("width", [390, 1440])
def test_a_click_on_the_waveform_lands_at_the_time_of_its_label(visits, cast: Cast, width):
    page = visits.as_user(cast.ada, width=width)
    page.goto(cast.transcribed(duration=3600.0).get_absolute_url())
    ready(page)
    for part in (0.01, 0.25, 0.8, 0.99):
        page.mouse.move(*place(page, part))
        label = seconds(page.locator("[data-hover]").inner_text())
        page.mouse.down()
        assert label <= time_of(page) < label + 1
        page.mouse.move(*place(page, 0.5))
        assert time_of(page) == pytest.approx(1800, abs=15)
        page.mouse.up()


def test_the_text_follows_a_position_that_is_chosen_while_paused(page: Page, cast: Cast):
    page.goto(cast.transcribed(utterances=HOURS).get_absolute_url())
    ready(page)
    for part in (0.7, 0.2):
        page.mouse.click(*place(page, part))
        expect(page.locator(".spoken")).to_be_in_viewport()
        spoken = float(page.locator(".spoken").get_attribute("data-at"))
        assert spoken == pytest.approx(time_of(page), abs=3)
    page.get_by_role("slider", name="Position").press("End")
    expect(page.locator(".spoken")).to_be_in_viewport()
    page.keyboard.press("l")  # follow no longer
    page.mouse.click(*place(page, 0.01))
    until(page, lambda: time_of(page) < 200)
    assert page.evaluate("scrollY > document.body.scrollHeight / 2")


def test_a_quiet_recording_has_a_waveform_as_tall_as_a_loud_one(page: Page, cast: Cast):
    recording = cast.transcribed()
    Waveform.objects.update(peaks=bytes([0, 1, 2, 3] * 64))
    page.goto(recording.get_absolute_url())
    until(page, lambda: page.evaluate(TALLEST) > 0.9)


def test_a_waveform_that_is_being_drawn_is_said_and_appears(page: Page, cast: Cast):
    recording = cast.transcribed()
    drawn = Waveform.objects.get()
    Waveform.objects.update(peaks=b"", due_at="2026-11-29T00:00Z")
    page.goto(recording.get_absolute_url())
    expect(page.get_by_text("Drawing the waveform")).to_be_visible()
    Waveform.objects.update(peaks=drawn.peaks, due_at=None)
    expect(page.get_by_text("Drawing the waveform")).to_be_hidden(timeout=10_000)
    assert page.evaluate(TALLEST) > 0.9


def test_a_waveform_that_cannot_be_drawn_is_not_waited_for(page: Page, cast: Cast):
    recording = cast.transcribed()
    Waveform.objects.update(peaks=b"")
    with page.expect_response(re.compile("/waveform$")) as response:
        page.goto(recording.get_absolute_url())
    assert response.value.status == 200
    expect(page.get_by_text("Drawing the waveform")).to_be_hidden()
