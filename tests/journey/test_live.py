"""Live captions in a real browser: Chromium hears a file as its microphone."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.journey.browsers import launch, opened
from tests.product import Member, Product, until
from tests.speech import join, say, wav_bytes

FIRST = "Good morning everyone, and welcome to the meeting."
LAST = "We will talk about the budget for next year."


@pytest.fixture(scope="module")
def spoken(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sentences and a second of silence."""
    path = tmp_path_factory.mktemp("audio") / "spoken.wav"
    path.write_bytes(wav_bytes(join(0.5, say(FIRST), 0.8, say(LAST), 1.0)))
    return path


@pytest.fixture(scope="module")
def playwright(full_lane: None) -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def hearing(playwright: Playwright, spoken: Path) -> Iterator[Browser]:
    browser = launch(playwright, spoken)
    yield browser
    browser.close()


@pytest.fixture
def page(hearing: Browser, product: Product, ada: Member) -> Iterator[Page]:
    with opened(hearing, product, ada) as page:
        yield page


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def begin(page: Page, title: str) -> None:
    page.goto("/live/")
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def seconds(page: Page) -> float:
    minutes, rest = page.locator("[data-elapsed]").inner_text().split(":")
    return 60 * int(minutes) + int(rest)


def wait_for_audio(page: Page, least: float) -> None:
    """Wait until the microphone has given so many seconds."""
    until(lambda: seconds(page) >= least, 120, f"{least} s were heard")


def wait_for_words(page: Page, text: str) -> None:
    heard = page.locator("[data-captions]")
    until(lambda: text in " ".join(words(heard.inner_text())), 120, f"{text!r} was shown")


def stop(page: Page, ada: Member) -> tuple[int, str]:
    """Stop the session; return its recording and what was heard."""
    page.get_by_role("button", name="Stop").click()
    page.wait_for_url(re.compile(r"/recordings/\d+/"))
    recording = int(page.url.rstrip("/").rpartition("/")[2])
    return recording, said(ada, recording)


def said(ada: Member, recording: int) -> str:
    return " ".join(each["text"] for each in ada.transcript(recording)["utterances"])


def length(spoken: Path) -> float:
    return (spoken.stat().st_size - 44) / 32_000


def test_what_was_said_is_shown_and_becomes_a_searchable_recording(page, ada, spoken):
    begin(page, "Budget meeting")
    wait_for_words(page, "welcome to the meeting")
    # The last word has just been spoken: its results are still on their way.
    wait_for_audio(page, length(spoken) - 1)
    recording, live = stop(page, ada)

    batch = said(ada, ada.upload(spoken).recording)
    assert words(live) == words(batch) == words(FIRST + LAST)
    expect(page.get_by_role("heading", name="Budget meeting")).to_be_visible()
    assert f"/recordings/{recording}/" in ada.get("/search/results/?q=%22budget+for+next%22")
    audio = ada.http.get(f"/recordings/{recording}/file").content
    assert audio.startswith(b"RIFF")
    assert abs((len(audio) - 44) / 32_000 - length(spoken)) < 30


def share_with_anyone(page: Page) -> str:
    """Share the captions with anyone who has the link; return it."""
    page.get_by_role("button", name="Share captions").click()
    page.get_by_label("Who may see them").select_option("anyone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    link = page.get_by_label("Link to the captions").input_value()
    page.get_by_role("button", name="Close", exact=True).last.click()
    return link


def test_no_word_is_lost_when_engine_and_web_server_are_killed(page, hearing, ada, product, spoken):
    begin(page, "Power cuts")
    link = share_with_anyone(page)
    visitor = hearing.new_context()
    watching = visitor.new_page()
    watching.goto(link)
    wait_for_words(page, "welcome to the meeting")
    os.kill(product.processes()["engine"], signal.SIGKILL)
    wait_for_audio(page, length(spoken) - 2)  # in the middle of the last sentence
    os.kill(product.processes()["web"], signal.SIGKILL)
    wait_for_audio(page, length(spoken))
    wait_for_words(page, "next year")
    wait_for_words(watching, "welcome to the meeting we will talk about the budget for next year")
    _, live = stop(page, ada)
    assert words(live) == words(FIRST + LAST)
    # Nothing of what was said stays on a screen.
    expect(watching.get_by_text("The session has ended.")).to_be_visible()
    assert watching.locator("[data-captions]").inner_text() == ""
    visitor.close()


def test_a_reload_repeats_and_loses_nothing(playwright, product, ada, tmp_path):
    # One sentence: a reload within a word would leave another word.
    path = tmp_path / "sentence.wav"
    path.write_bytes(wav_bytes(join(0.5, say(FIRST), 1.0)))
    browser = launch(playwright, path)
    with opened(browser, product, ada) as page:
        begin(page, "Reload")
        wait_for_words(page, "welcome to the meeting")
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        wait_for_words(page, "welcome to the meeting")
        _, live = stop(page, ada)
    browser.close()
    assert words(live) == words(FIRST)
