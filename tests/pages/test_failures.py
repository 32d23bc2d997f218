"""Requests of scripts that fail are shown, with the reason and the request id."""

import re

import pytest
from celery import current_app
from playwright.sync_api import Page, Route, expect

from management.models import Membership
from tests.pages.cast import Cast, tone
from tests.pages.patience import until
from transcripts.models import Recording, Waveform

FULL = '{"error": "The disk of the server is full.", "request_id": "ab12"}'


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: what is queued stays so."""
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


def fails(page: Page, pattern: str, status: int = 507, body: str = FULL) -> None:
    """Let requests to addresses of this pattern fail; status 0 loses the connection."""

    def respond(route: Route) -> None:
        if status:
            route.fulfill(status=status, body=body, headers={"X-Request-ID": "ab12"})
        else:
            route.abort()

    page.route(re.compile(pattern), respond)


def notice(page: Page):
    return page.locator("[data-failed]")


FAILURES = [
    (507, FULL, "The disk of the server is full. Request id: ab12"),
    (429, "<h1>Slow down</h1>", "status 429. Request id: ab12"),
    (403, "<h1>No</h1>", "status 403. Request id: ab12"),
    (502, "<h1>Bad gateway</h1>", "status 502. Request id: ab12"),
    (503, FULL, "The disk of the server is full. Request id: ab12"),
    (0, "", "Connection lost."),
]


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_a_search_that_fails_says_so(visits, cast: Cast, status, body, words):
    cast.transcribed()
    page = visits.as_user(cast.ada)
    page.goto("/search/")
    fails(page, "/search/results", status, body)
    box = page.get_by_label("Search every transcript").last
    box.fill("clock")
    expect(notice(page)).to_contain_text(words)
    page.unroute_all()
    box.fill("clock every")
    expect(page.locator("[data-hit]")).to_have_count(1)
    expect(notice(page)).to_be_hidden()


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_older_rows_that_cannot_be_loaded_say_so(visits, cast: Cast, status, body, words):
    for number in range(60):
        cast.recording(f"Talk {number}")
    page = visits.as_user(cast.ada)
    page.goto("/library/")
    fails(page, "before=", status, body)
    page.get_by_role("link", name="Show older").click()
    expect(notice(page)).to_contain_text(words)
    page.unroute_all()
    page.get_by_role("link", name="Show older").click()
    expect(page.locator("[data-row]")).to_have_count(60)
    expect(notice(page)).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_a_transcript_that_cannot_be_searched_says_so(
    visits, cast: Cast, status, body, words, width
):
    page = visits.as_user(cast.ada, width)
    page.goto(cast.transcribed(utterances=60).get_absolute_url())
    fails(page, "/find/", status, body)
    page.keyboard.press("Control+f")
    page.get_by_label("Find in this transcript").first.fill("clock")
    expect(notice(page)).to_contain_text(f"Nothing was searched. {'' if status else words}")
    expect(notice(page)).to_contain_text(words)
    # In view and above the player, however far the page is scrolled.
    page.evaluate("window.scrollTo(0, 1500)")
    notice(page).get_by_role("button", name="Close").click()
    expect(notice(page)).to_be_hidden()
    page.unroute_all()
    page.get_by_label("Find in this transcript").first.fill("clock every")
    expect(page.locator("[data-find-count]")).to_have_text(re.compile(r"\d of \d"))
    expect(notice(page)).to_be_hidden()


def test_a_find_after_the_session_has_ended_asks_to_sign_in(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed().get_absolute_url())
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+f")
    page.get_by_label("Find in this transcript").first.fill("clock")
    expect(notice(page)).to_contain_text("You are signed out. Sign in again in another tab.")
    assert visits.complaints == []


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_a_part_of_a_transcript_that_cannot_be_loaded_is_requested_again(
    visits, cast: Cast, status, body, words
):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed(utterances=600).get_absolute_url())
    fails(page, "/blocks/", status, body)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(notice(page)).to_contain_text("could not be loaded and is requested again.")
    expect(notice(page)).to_contain_text(words)
    page.unroute_all()
    expect(page.locator("[data-utterance='599']")).to_be_visible()
    expect(notice(page)).to_be_hidden()


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_a_waveform_that_cannot_be_loaded_says_so(visits, cast: Cast, status, body, words):
    page = visits.as_user(cast.ada)
    fails(page, "/waveform$", status, body)
    page.goto(cast.transcribed().get_absolute_url())
    expect(page.locator("[data-drawing]")).to_contain_text(words)


def test_the_sign_in_page_is_not_drawn_as_a_waveform(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    recording = cast.transcribed()
    Waveform.objects.update(due_at="2026-11-29T00:00Z")
    page.goto(recording.get_absolute_url())
    expect(page.get_by_text("Drawing the waveform")).to_be_visible()
    page.context.clear_cookies(name="sessionid")
    expect(page.locator("[data-drawing]")).to_contain_text("You are signed out.")


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_audio_that_cannot_be_loaded_is_loaded_again_on_request(
    visits, cast: Cast, status, body, words
):
    page = visits.as_user(cast.ada)
    # The response to HEAD has no body: the reason is its status.
    fails(page, "/audio", status, body)
    page.goto(cast.transcribed().get_absolute_url())
    problem = page.locator("[data-unloaded]")
    expect(problem).to_contain_text("The audio could not be loaded.")
    expect(problem).to_contain_text("Request id: ab12" if status else words)
    expect(page.get_by_text("This browser cannot play the audio.")).to_be_hidden()
    page.unroute_all()
    problem.get_by_role("button", name="Try again").click()
    expect(problem).to_be_hidden()
    until(page, lambda: page.evaluate("document.querySelector('audio').readyState > 0"))


def test_a_hit_that_cannot_be_heard_says_so(visits, cast: Cast):
    cast.transcribed()
    page = visits.as_user(cast.ada)
    page.goto("/search/?q=clock")
    fails(page, "/audio")
    page.locator("[data-hit]").first.get_by_role("button").click()
    expect(notice(page)).to_contain_text("The audio could not be played.")
    expect(notice(page)).to_contain_text("ab12")


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_a_preset_that_cannot_be_saved_says_so_with_the_request_id(
    visits, cast: Cast, status, body, words
):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    fails(page, "/presets/", status, body)
    page.get_by_label("Presets of this project").click()
    page.get_by_role("button", name="Save as a preset…").click()
    dialog = page.get_by_role("dialog", name="Save as a preset")
    dialog.get_by_label("Name").fill("Meetings")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text(words)
    expect(dialog.get_by_label("Name")).to_have_value("Meetings")


@pytest.mark.parametrize(("status", "body", "words"), FAILURES)
def test_an_upload_that_fails_says_so_with_the_request_id(visits, cast: Cast, status, body, words):
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    fails(page, "/uploads/", status, body)
    file = {"name": "talk.wav", "mimeType": "audio/wav", "buffer": tone(1)}
    page.locator("[data-files]").set_input_files(file)
    row = page.locator(".upload-row", has_text="talk.wav")
    expect(row).to_contain_text(words.removesuffix("."))


def test_a_download_after_the_session_has_ended_saves_no_sign_in_page(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed().get_absolute_url())
    saved = []
    page.on("download", lambda each: saved.append(each))
    page.context.clear_cookies(name="sessionid")
    page.get_by_text("Download").first.click()
    page.get_by_role("link", name="Text", exact=True).click()
    expect(notice(page)).to_contain_text("Nothing was downloaded. You are signed out.")
    assert saved == []


@pytest.mark.parametrize("name", ["Text", "SubRip subtitles (SRT)", "JSON with word times"])
def test_a_transcript_is_downloaded(page: Page, cast: Cast, name: str):
    page.goto(cast.transcribed("Monday").get_absolute_url())
    page.get_by_text("Download").first.click()
    with page.expect_download() as saved:
        page.get_by_role("link", name=name, exact=True).click()
    assert saved.value.suggested_filename.startswith("Monday.")


def test_a_search_of_a_lapsed_session_is_made_after_the_sign_in(visits, cast: Cast):
    cast.transcribed()
    page = visits.as_user(cast.ada)
    page.goto("/search/")
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Search every transcript").last.fill("clock")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[data-hit]")).to_have_count(1)


def test_a_second_click_sends_a_form_once(visits, cast: Cast):
    sent: list[Route] = []
    page = visits.as_user(cast.ada)
    page.goto(f"/upload/?project={cast.project.pk}")
    page.route("**/by-url/", lambda route: sent.append(route))
    page.get_by_label("Address of an audio or video file").fill("https://93.184.215.14/a.wav")
    button = page.get_by_role("button", name="Fetch and transcribe")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    # By the mouse: a click of a locator waits for the page that the first one leads to.
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    until(page, lambda: sent)
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    sent[0].continue_()
    expect(page.get_by_role("region", name="Progress")).to_be_visible()
    assert len(sent) == Recording.objects.count() == 1


def test_a_slow_search_says_that_it_is_loading_and_ends(visits, cast: Cast):
    cast.transcribed()
    held: list[Route] = []
    page = visits.as_user(cast.ada)
    page.goto("/search/")
    page.route(re.compile("/search/results"), lambda route: held.append(route))
    page.clock.install()
    page.get_by_label("Search every transcript").last.fill("clock")
    page.clock.run_for(900)
    until(page, lambda: held)
    loading = page.get_by_role("status").filter(has_text="Loading…")
    expect(loading).to_have_count(0)
    page.clock.run_for(1_000)
    expect(loading).to_be_visible()
    held[0].continue_()
    expect(page.locator("[data-hit]")).to_have_count(1)
    expect(loading).to_have_count(0)


def test_a_search_without_a_response_within_a_minute_says_so(visits, cast: Cast):
    held: list[Route] = []
    page = visits.as_user(cast.ada)
    page.goto("/search/")
    htmx = "JSON.parse(document.querySelector('meta[name=htmx-config]').content).timeout"
    assert page.evaluate(htmx) == 60_000
    # The time limit of a request is the browser's own, which no clock of a test moves.
    page.evaluate("htmx.config.timeout = 200")
    page.route(re.compile("/search/results"), lambda route: held.append(route))
    page.get_by_label("Search every transcript").last.fill("clock")
    expect(notice(page)).to_contain_text("The server did not respond within a minute.")


def test_a_change_that_ones_role_no_longer_allows_says_so(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed().get_absolute_url())
    Membership.objects.filter(user=cast.ada).update(role=Membership.Role.VIEWER)
    page.get_by_role("button", name="Change the title").click()
    page.get_by_label("Title", exact=True).fill("Another title")
    page.get_by_role("button", name="Save").click()
    expect(notice(page)).to_contain_text("your role in its project does not allow this")
    assert not Recording.objects.filter(title="Another title").exists()


DROP = """(entries) => {
  const transfer = new DataTransfer();
  transfer.setData("text/plain", "words");
  DataTransferItem.prototype.webkitGetAsEntry = () => entries;
  window.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
}"""


def test_a_drop_without_a_file_says_so(page: Page, cast: Cast):
    page.goto(f"/upload/?project={cast.project.pk}")
    page.evaluate(f"({DROP})(null)")
    expect(notice(page)).to_contain_text("there was no file in what you dropped")


def test_a_dropped_folder_that_cannot_be_read_is_named(page: Page, cast: Cast):
    page.goto(f"/upload/?project={cast.project.pk}")
    reader = "{ readEntries: (resolve, reject) => reject(new Error('gone')) }"
    folder = f"{{ isDirectory: true, fullPath: '/Tapes', createReader: () => ({reader}) }}"
    page.evaluate(f"({DROP})({folder})")
    expect(notice(page)).to_contain_text("cannot read it: Tapes")


@pytest.mark.parametrize("title", ["\u05e9\u05dc\u05d5\u05dd!", "Monday!"])
def test_a_title_is_written_in_its_own_direction_everywhere(page: Page, cast: Cast, title: str):
    recording = cast.transcribed(title)
    direction = "rtl" if ord(title[0]) > 255 else "ltr"
    for address, place in (
        (recording.get_absolute_url(), "h1"),
        (recording.get_absolute_url(), "input[name=title]"),
        ("/library/", "[data-row-link]"),
        ("/search/?q=clock", ".group-head h2"),
    ):
        page.goto(address)
        assert (
            page.locator(place).first.evaluate("it => getComputedStyle(it).direction") == direction
        )


def test_options_that_cannot_be_loaded_say_so(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.route("**/js/options.js", lambda route: route.abort())
    page.goto(f"{cast.transcribed().get_absolute_url()}#again")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(
        "The options could not be loaded."
    )
    expect(page.get_by_role("dialog")).to_be_hidden()
