"""Captions and turns of a live session as its page shows them, in Chromium."""

from operator import methodcaller
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Locator, Page, expect

from speechclient import Word
from tests.pages.cast import Cast
from tests.pages.patience import until
from tests.transcripts.live.conftest import make_session
from tests.transcripts.live.server import FakeServer
from transcripts.live import serving
from transcripts.live.models import Caption, LiveNote, LiveSession

pytestmark = pytest.mark.full

PAIR = (("Good", 0), ("morning.", 0), ("Hello.", 1))
TURNS = {
    "model": "flux-general-en", "language": "en",
    "eot_threshold": 0.7, "eager_eot_threshold": 0.5, "eot_timeout_ms": 5_000,
}  # fmt: skip


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> FakeServer:
    """A speech server that says what a test tells it; audio is in a folder of the test."""
    settings.DATA = tmp_path / "data"
    server = FakeServer()
    monkeypatch.setattr(serving.runs, "opens", server.open)
    monkeypatch.setattr(serving, "STORE_SECONDS", 0.05)
    return server


@pytest.fixture
def live(page: Page, cast: Cast, server: FakeServer) -> Page:
    """The page of a session whose microphone beeps."""
    return opened(page, make_session(cast.project, cast.ada), server)


@pytest.fixture
def turns(page: Page, cast: Cast, server: FakeServer) -> Page:
    """The page of a session in turn mode."""
    session = make_session(cast.project, cast.ada, mode=LiveSession.Mode.TURNS, options=TURNS)
    return opened(page, session, server)


def opened(page: Page, session: LiveSession, server: FakeServer) -> Page:
    page.goto(session.get_absolute_url())
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-state]").last).to_have_text("Listening")
    until(page, lambda: server.streams)
    return page


def captions(page: Page) -> Locator:
    return page.get_by_role("log", name="Captions")


def color(words: Locator) -> str:
    return words.evaluate("(element) => getComputedStyle(element).color")


def spoken(*pairs: tuple[str, int]) -> tuple[Word, ...]:
    """Words of several speakers, one each tenth of a second."""
    return tuple(
        Word(text.lower(), number / 10, (number + 1) / 10, 0.9, text, speaker=speaker)
        for number, (text, speaker) in enumerate(pairs)
    )


def test_interim_words_are_lighter_until_they_are_final(live: Page, server: FakeServer):
    server.tell(lambda stream: stream.says("Good morning.", until=1.0, speech_final=False))
    server.tell(lambda stream: stream.guesses("and well"))
    interim = captions(live).locator(".interim")
    expect(interim).to_have_text(" and well")
    assert color(interim) != color(captions(live).get_by_text("Good morning."))
    server.tell(lambda stream: stream.says("and welcome.", until=2.0))
    expect(interim).to_have_count(0)
    expect(captions(live)).to_contain_text("Good morning. and welcome.")


def test_speakers_have_names_and_colours(live: Page, server: FakeServer):
    server.tell(lambda stream: stream.says("Good morning. Hello.", until=1.0, words=spoken(*PAIR)))
    first, second = (captions(live).get_by_text(f"Speaker {number}") for number in (1, 2))
    expect(second).to_be_visible()
    assert color(first) != color(second)
    second.click()
    live.get_by_label("Name (empty: by number)").fill("Bob")
    live.get_by_role("button", name="Save").click()
    expect(captions(live).locator(".speaker")).to_have_text(["Speaker 1", "Bob"])


def test_results_that_fall_behind_are_said(live: Page, server: FakeServer):
    server.stream.lag_seconds = 12.0
    expect(live.locator("[data-state]").last).to_have_text("Catching up, 12 s behind")
    server.stream.lag_seconds = 0.0
    expect(live.locator("[data-state]").last).to_have_text("Listening")


def test_the_level_of_the_microphone_is_shown_until_it_is_paused(live: Page):
    level = live.get_by_role("meter")
    until(live, lambda: level.evaluate("(meter) => meter.value > 0.1"))
    live.get_by_role("button", name="Pause").click()
    expect(live.locator("[data-state]").last).to_have_text("Paused")
    assert level.evaluate("(meter) => meter.value") == 0
    elapsed = live.locator("[data-elapsed]").inner_text()
    live.wait_for_timeout(1_500)
    assert live.locator("[data-elapsed]").inner_text() == elapsed
    live.get_by_role("button", name="Resume").click()
    until(live, lambda: live.locator("[data-elapsed]").inner_text() != elapsed)


def test_a_correction_outlives_later_results(live: Page, server: FakeServer):
    server.tell(lambda stream: stream.says("Good mourning.", until=1.0))
    captions(live).get_by_text("Good mourning.").click()
    live.get_by_role("textbox", name="Text").fill("Good morning.")
    live.get_by_role("button", name="Save").click()
    expect(captions(live)).to_contain_text("Good morning.")
    server.tell(lambda stream: stream.says("Welcome.", until=2.0))
    expect(captions(live)).to_contain_text("Welcome.")
    expect(captions(live)).not_to_contain_text("mourning")
    until(live, lambda: Caption.objects.filter(corrected="Good morning.").exists())


def test_older_captions_and_names_are_reached_by_keyboard(live: Page, server: FakeServer):
    for number, text in enumerate(("First mourning.", "Second.", "Third."), start=1):
        server.tell(methodcaller("says", text, number * 1.0, speaker=number))
    expect(captions(live)).to_contain_text("Third.")
    captions(live).focus()
    live.keyboard.press("ArrowUp")
    expect(captions(live).get_by_text("Third.")).to_be_focused()
    for _ in range(4):
        live.keyboard.press("ArrowUp")
    first = captions(live).get_by_text("First mourning.")
    expect(first).to_be_focused()
    # New captions leave the reader alone.
    server.tell(methodcaller("says", "Fourth.", 4.0, speaker=4))
    expect(captions(live)).to_contain_text("Fourth.")
    expect(live.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    live.keyboard.press("Enter")
    live.get_by_role("textbox", name="Text").fill("First morning.")
    live.keyboard.press("Control+Enter")
    expect(captions(live).get_by_text("First morning.")).to_be_focused()
    live.keyboard.press("ArrowUp")
    live.keyboard.press("Enter")
    live.get_by_label("Name (empty: by number)").fill("Bob")
    live.keyboard.press("Control+Enter")
    expect(captions(live).locator(".speaker").first).to_have_text("Bob")
    live.keyboard.press("End")
    expect(captions(live).get_by_text("Fourth.")).to_be_focused()
    expect(live.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


def test_a_note_has_its_moment(live: Page):
    until(live, lambda: live.locator("[data-elapsed]").inner_text() != "0:00")
    live.keyboard.press("n")
    live.get_by_label("Only the team sees it").fill("Ask about the budget")
    live.get_by_role("button", name="Save").click()
    expect(live.get_by_role("list", name="Notes")).to_contain_text("Ask about the budget")
    assert LiveNote.objects.get().at > 0


def test_text_grows_and_contrast_is_kept(live: Page, server: FakeServer):
    server.tell(lambda stream: stream.says("Good morning.", until=1.0))
    words = captions(live).get_by_text("Good morning.")
    size = "(element) => parseFloat(getComputedStyle(element).fontSize)"
    before = words.evaluate(size)
    live.get_by_role("button", name="Larger text").click()
    larger = words.evaluate(size)
    assert larger > before
    live.get_by_role("button", name="Contrast").click()
    assert color(captions(live)) == "rgb(0, 0, 0)"
    live.on("dialog", lambda dialog: dialog.accept())
    live.reload()
    expect(words).to_be_visible()
    assert words.evaluate(size) == larger
    assert color(captions(live)) == "rgb(0, 0, 0)"


def test_announcements_are_off_until_they_are_asked_for(live: Page):
    expect(captions(live)).to_have_attribute("aria-live", "off")
    live.get_by_role("button", name="Announce").click()
    expect(captions(live)).to_have_attribute("aria-live", "polite")


def test_the_newest_words_are_in_view_until_somebody_scrolls_up(live: Page, server: FakeServer):
    def say(number: int) -> None:
        server.tell(
            lambda stream: stream.says(f"Sentence {number}.", until=number, speaker=number % 2)
        )

    for number in range(1, 40):
        say(number)
    newest = captions(live).get_by_text("Sentence 39.")
    expect(newest).to_be_in_viewport()
    live.wait_for_timeout(500)
    live.mouse.wheel(0, -2_000)
    expect(newest).not_to_be_in_viewport()
    expect(live.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    say(40)
    expect(captions(live)).to_contain_text("Sentence 40.")
    expect(captions(live).get_by_text("Sentence 40.")).not_to_be_in_viewport()
    live.get_by_role("button", name="Follow").click()
    expect(captions(live).get_by_text("Sentence 40.")).to_be_in_viewport()


def test_captions_that_come_fast_do_not_pull_a_reader_back(live: Page, server: FakeServer):
    for number in range(1, 60):
        server.tell(methodcaller("says", f"Sentence {number}.", number * 1.0, speaker=number % 2))
    newest = captions(live).get_by_text("Sentence 59.")
    expect(newest).to_be_in_viewport()
    server.tell(methodcaller("guesses", "and one"))
    expect(captions(live)).to_contain_text("and one")
    live.evaluate("scrollBy(0, -2000)")  # at once
    server.tell(methodcaller("guesses", "and two"))
    expect(captions(live)).to_contain_text("and two")
    expect(newest).not_to_be_in_viewport()
    live.get_by_role("button", name="Newest captions").click()
    expect(newest).to_be_in_viewport()
    expect(live.get_by_role("button", name="Newest captions")).to_be_hidden()
    expect(captions(live)).to_be_focused()


def test_a_turn_that_seems_to_end_is_said_and_its_facts_are_on_demand(
    turns: Page, server: FakeServer
):
    server.tell(lambda stream: stream.turns("Can you hear me?", "EagerEndOfTurn", 1.0))
    expect(captions(turns).locator(".eager")).to_have_text(" Can you hear me?")
    server.tell(lambda stream: stream.turns("Can you hear me?", "EndOfTurn", 1.0))
    server.tell(lambda stream: stream.turns("Hello?", "EndOfTurn", 2.0))
    expect(captions(turns).locator(".caption")).to_have_count(2)
    expect(captions(turns).locator(".eager")).to_have_count(0)
    facts = captions(turns).get_by_text("confidence 0.8").first
    expect(facts).not_to_be_visible()
    captions(turns).get_by_text("Details").first.click()
    expect(facts).to_be_visible()


def test_thresholds_change_while_it_runs(turns: Page, server: FakeServer):
    turns.get_by_text("Change while it runs").click()
    turns.get_by_label("Confidence that ends a turn").fill("0.85")
    turns.get_by_label("Key terms").fill("Earshot")
    turns.get_by_role("button", name="Apply").click()
    expect(turns.get_by_text("Applied.")).to_be_visible()
    (change,) = [mark for mark in server.stream.marks if mark.startswith("configure")]
    assert "'eot_threshold': 0.85" in change
    assert "'keyterms': ['Earshot']" in change


def test_a_pause_ends_an_open_turn(turns: Page, server: FakeServer):
    turns.get_by_role("button", name="Pause").click()
    until(turns, lambda: "force_end_turn" in server.stream.marks)


def test_a_second_tab_is_told_and_may_take_the_session(live: Page):
    second = live.context.new_page()
    second.goto(live.url)
    expect(second.get_by_text("This session is open in another tab.")).to_be_visible()
    second.get_by_role("button", name="Continue in this tab").click()
    expect(second.get_by_role("button", name="Start")).to_be_visible()
    expect(live.get_by_text("This session is open in another tab.")).to_be_visible()


def test_an_expired_session_is_explained(
    page: Page, cast: Cast, server: FakeServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("transcripts.consumers.sockets.ACCESS_SECONDS", 0.2)
    live = opened(page, make_session(cast.project, cast.ada), server)
    Session.objects.all().delete()
    expect(live.get_by_role("alert")).to_contain_text("Your session has ended. Sign in again")


def test_an_overlay_has_whole_lines_and_no_choices_of_the_page(live: Page, server: FakeServer):
    live.get_by_role("button", name="Contrast").click()
    for number in range(6):
        text = f"Sentence {number} of the harbour authority, at length."
        server.tell(methodcaller("says", text, number + 1.0, speaker=number))
    expect(captions(live)).to_contain_text("Sentence 5")
    live.on("dialog", lambda dialog: dialog.accept())
    live.goto(f"{LiveSession.objects.get().get_captions_url()}?view=overlay&lines=2")
    expect(captions(live)).to_contain_text("Sentence 5")
    assert live.locator("[data-watch]").get_attribute("data-contrast") is None
    # A line that is cut would be at a place that is no multiple of its height.
    cut = captions(live).evaluate(
        "(list) => list.scrollTop % parseFloat(getComputedStyle(list).lineHeight)"
    )
    assert cut < 1
