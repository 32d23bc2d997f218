"""Text into sound in a real browser: what is heard is what was written."""

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.journey.browsers import launch, opened
from tests.product import Member, Product
from tests.speech import wav_bytes

TEXT = (
    "Good morning everyone, and welcome to the meeting. "
    "We will talk about the budget for next year."
)
VOICE = "aura-arcas-en"
# Writes down what the page gives to its loudspeaker.
LISTENER = """
  window.heard = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (at) {
    window.heard.push(...this.buffer.getChannelData(0));
    return start.call(this, at);
  };
"""
SAMPLES = "window.heard.map((value) => Math.round(value * 32768))"


@pytest.fixture
def page(product: Product, ada: Member) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with opened(browser, product, ada) as page:
            page.add_init_script(LISTENER)
            yield page
        browser.close()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def transcript(ada: Member, path: Path, audio: bytes) -> list[str]:
    path.write_bytes(audio)
    recording = ada.upload(path).recording
    return words(" ".join(each["text"] for each in ada.transcript(recording)["utterances"]))


def test_what_is_written_is_heard_kept_and_downloaded(page, ada, tmp_path):
    page.goto("/speak/")
    page.get_by_label("Voice").select_option(VOICE)
    page.get_by_label("Text").fill(TEXT)
    page.get_by_role("button", name="Speak", exact=True).click()
    row = page.get_by_role("listitem").filter(has_text="Good morning everyone")
    expect(row).to_be_visible(timeout=180_000)  # the voice is loaded first
    expect(page.locator("[data-state]")).to_have_text(
        re.compile(r"^First sound after \d+\.\d\d s\.$"), timeout=60_000
    )

    heard = np.array(page.evaluate(SAMPLES), np.float32) / np.float32(32_768)
    assert transcript(ada, tmp_path / "heard.wav", wav_bytes(heard, 24_000)) == words(TEXT)
    kept = ada.http.get(row.locator("audio").get_attribute("src")).content
    assert kept[44:] == (heard * 32_768).astype("<i2").tobytes()

    row.get_by_label(re.compile("^Actions")).click()
    row.get_by_role("button", name="Download").click()
    page.get_by_label("Encoding").select_option("flac")
    expect(page.get_by_label("Container")).to_be_hidden()
    page.get_by_label("Sample rate").select_option("16000")
    with page.expect_download() as downloading:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename.endswith(".flac")
    made = downloading.value.path().read_bytes()
    assert transcript(ada, tmp_path / "made.flac", made) == words(TEXT)


def download(page: Page, row: Locator, encoding: str, bit_rate: int) -> Path:
    """Download the clip of a row, with its bit rate chosen in the form."""
    row.get_by_label(re.compile("^Actions")).click()
    row.get_by_role("button", name="Download").click()
    page.get_by_label("Encoding").select_option(encoding)
    page.get_by_label("Bit rate").select_option(str(bit_rate))
    with page.expect_download() as downloading:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    return downloading.value.path()


def bits_per_second(path: Path) -> float:
    with av.open(path) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.size]
        seconds = sum(packet.duration * packet.time_base for packet in packets)
    return 8 * sum(packet.size for packet in packets) / float(seconds)


def test_a_chosen_bit_rate_is_that_of_the_file(page, ada, tmp_path):
    page.goto("/speak/")
    page.get_by_label("Voice").select_option(VOICE)
    page.get_by_label("Text").fill(TEXT)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator("[data-state]")).to_contain_text("First sound", timeout=180_000)
    row = page.get_by_role("listitem").filter(has_text="Good morning everyone").first
    expect(page.locator("[data-stop]")).to_be_disabled(timeout=60_000)
    for bit_rate in (32_000, 48_000):
        made = download(page, row, "mp3", bit_rate)
        # Its bit rate is constant but for the rounding of a frame.
        assert bits_per_second(made) == pytest.approx(bit_rate, rel=0.02)
    small, large = (bits_per_second(download(page, row, "opus", rate)) for rate in (8_000, 32_000))
    # Its bit rate is that of the average over speech.
    assert small < 16_000 < large
    made = download(page, row, "opus", 32_000)
    assert transcript(ada, tmp_path / "made.ogg", made.read_bytes()) == words(TEXT)


def test_stop_means_stop(page):
    page.goto("/speak/")
    clips = page.get_by_role("listitem").filter(has=page.locator("audio")).count()
    page.get_by_label("Voice").select_option(VOICE)
    page.get_by_label("Text").fill(TEXT * 20)
    page.get_by_role("button", name="Speak", exact=True).click()
    expect(page.locator("[data-state]")).to_contain_text("Speaking", timeout=120_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-state]")).to_have_text("Stopped.")
    page.reload()
    assert page.get_by_role("listitem").filter(has=page.locator("audio")).count() == clips
