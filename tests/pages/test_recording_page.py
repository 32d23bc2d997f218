"""Reading and listening to a recording in Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast, transcribe
from tests.pages.patience import until
from transcripts.models import State
from transcripts.text.reading import BLOCK_UTTERANCES

pytestmark = pytest.mark.slow

HOURS = 2200  # utterances: three hours of them
FILLED = """() => [...document.querySelectorAll('[data-block]')].every((block) => {
  const box = block.getBoundingClientRect();
  return box.bottom < 0 || box.top > innerHeight || !block.matches('.waiting');
})"""
HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} \u202etxt.exe"


def time_of(page: Page) -> float:
    return page.evaluate("document.querySelector('audio').currentTime")


def ready(page: Page) -> None:
    until(page, lambda: page.evaluate("document.querySelector('audio').readyState >= 1"))


def loaded_blocks(page: Page) -> int:
    return page.locator(".block:not(.waiting)").count()


def test_a_click_on_a_word_plays_it_from_there(page, cast: Cast):
    page.goto(cast.transcribed().get_absolute_url())
    ready(page)
    word = page.get_by_text("thirty", exact=True)
    start = float(word.get_attribute("data-at"))
    word.click()
    until(page, lambda: page.evaluate("!document.querySelector('audio').paused"))
    assert start <= time_of(page) < start + 5
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_the_spoken_word_is_marked_alone(page, cast: Cast):
    page.goto(cast.transcribed().get_absolute_url())
    ready(page)
    words = page.locator("[data-at]")
    for place in (3, 20, 9):
        at = float(words.nth(place).get_attribute("data-at"))
        page.evaluate(f"document.querySelector('audio').currentTime = {at + 0.05}")
        expect(words.nth(place)).to_have_class("spoken")
        expect(page.locator(".spoken")).to_have_count(1)


def test_tab_passes_the_transcript_in_one_step(page, cast: Cast):
    page.goto(cast.transcribed(utterances=20).get_absolute_url())
    transcript = page.locator("[data-transcript]")
    transcript.focus()
    page.keyboard.press("Tab")
    inside = "document.querySelector('[data-transcript]').contains(document.activeElement)"
    assert not page.evaluate(inside)
    transcript.focus()
    page.keyboard.press("Shift+Tab")
    assert not page.evaluate(inside)


def test_keys_go_to_the_next_and_previous_turn_and_word(page, cast: Cast):
    page.goto(cast.transcribed(utterances=HOURS).get_absolute_url())
    ready(page)
    page.locator("[data-transcript]").focus()
    spoken = page.locator(".spoken")
    for key, text, index in (
        ("]", "The", 0),
        ("]", "My", 2),
        (".", "father", 2),
        (",", "My", 2),
        (",", "it.", 1),
        ("]", "My", 2),
        ("]", "He", 4),
        ("[", "My", 2),
    ):
        page.keyboard.press(key)
        expect(spoken).to_have_text(text)
        expect(page.locator(f"[data-utterance='{index}'] .spoken")).to_be_in_viewport()
    # The last word of a block, and the first of the next.
    last = page.evaluate(
        "[...document.querySelectorAll(\"[data-block='0'] [data-at]\")].at(-1).dataset.at"
    )
    page.evaluate(f"document.querySelector('audio').currentTime = {last}")
    page.keyboard.press(".")
    expect(page.locator("[data-block='1'] .spoken")).to_be_in_viewport()
    assert page.evaluate("document.querySelector('audio').paused")


def test_a_title_that_was_changed_keeps_the_focus(page, cast: Cast):
    page.goto(cast.transcribed().get_absolute_url())
    page.get_by_role("button", name="Change the title").press("Enter")
    page.keyboard.type("Tuesday")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tuesday")
    expect(page.get_by_role("button", name="Change the title")).to_be_focused()


def test_on_a_phone_the_transcript_comes_first(visits, cast: Cast):
    recording = cast.transcribed(utterances=30)
    cast.insight(recording, summary="It is long. " * 200)
    page = visits.as_user(cast.ada, width=390)
    page.goto(recording.get_absolute_url())
    box = page.locator("[data-utterance='0']").bounding_box()
    assert box is not None
    assert box["y"] < 844 * 0.7
    summary = page.get_by_text("It is long.")
    expect(summary).to_be_hidden()
    page.get_by_text("Summary", exact=True).first.click()
    expect(summary).to_be_visible()
    page.get_by_text("Speakers 3").click()
    expect(page.get_by_role("button", name="Hear Speaker 2")).to_be_visible()


def test_where_there_is_room_all_is_open(page, cast: Cast):
    recording = cast.transcribed()
    cast.insight(recording)
    page.goto(recording.get_absolute_url())
    expect(page.get_by_text("The keeper speaks")).to_be_visible()
    expect(page.get_by_role("heading", name="Speakers")).to_be_visible()
    page.set_viewport_size({"width": 800, "height": 900})
    expect(page.get_by_text("The keeper speaks")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_of_a_transcript_is_printed_in_one_column(visits, cast: Cast, theme):
    recording = cast.transcribed(utterances=200)
    cast.insight(recording)
    page = visits.as_user(cast.ada, theme=theme)
    page.goto(recording.get_absolute_url())
    ready(page)
    page.evaluate("void (window.print = () => document.body.dataset.printed = 'yes')")
    page.keyboard.press("Control+p")
    until(page, lambda: page.evaluate("document.body.dataset.printed"))
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    assert page.locator("[data-utterance]").count() == 200
    text, summary = (
        page.locator(place).first.bounding_box()
        for place in (".paragraph-words", ".insight-summary")
    )
    assert text is not None
    assert summary is not None
    assert text["width"] > 500
    assert summary["y"] + summary["height"] < text["y"]
    for place in (".rail", ".player", ".recording-actions"):
        expect(page.locator(place).first).to_be_hidden()
    # Ink on white, whatever the theme.
    ink = page.evaluate("getComputedStyle(document.querySelector('.paragraph-words')).color")
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 100


def test_a_transcript_with_a_missing_part_is_not_printed(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed(utterances=600).get_absolute_url())
    ready(page)
    page.evaluate("void (window.print = () => document.body.dataset.printed = 'yes')")
    page.route("**/blocks/12/**", lambda route: route.abort())
    page.keyboard.press("Control+p")
    expect(page.get_by_text("Part of the transcript could not be loaded")).to_be_visible()
    assert page.evaluate("document.body.dataset.printed") is None
    page.unroute("**/blocks/12/**")
    page.keyboard.press("Control+p")
    until(page, lambda: page.evaluate("document.body.dataset.printed"))
    assert page.locator("[data-utterance]").count() == 600
    expect(page.get_by_text("Part of the transcript could not be loaded")).to_be_hidden()


def test_nine_speakers_look_like_nine(page, cast: Cast):
    recording = cast.recording(state=State.DONE)
    transcribe(recording, 27, speakers=9)
    page.goto(recording.get_absolute_url())
    look = """(names) => names.map((name) => {
      const style = getComputedStyle(name);
      return style.color + style.textDecorationLine + style.textDecorationStyle;
    })"""
    looks = page.locator(".talker .speaker").evaluate_all(look)
    assert (len(looks), len(set(looks))) == (9, 9)


def test_long_names_end_after_two_lines(page, cast: Cast):
    name = "Wolfeschlegelsteinhausenbergerdorff " * 2
    recording = cast.transcribed("A title that goes on " * 12)
    recording.transcription.call((0, 0), name.strip())
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(recording.get_absolute_url())
        for place in ("h1", ".paragraph-margin .speaker"):
            lines = page.locator(place).first.evaluate(
                "(each) => each.clientHeight / parseFloat(getComputedStyle(each).lineHeight)"
            )
            assert lines < 2.9, (place, width)
        expect(page.locator("h1")).to_have_attribute("title", recording.title)


def test_a_long_transcript_opens_with_one_block_and_keeps_few(page, cast: Cast):
    recording = cast.transcribed(utterances=HOURS)
    page.goto(recording.get_absolute_url())
    expect(page.locator("[data-utterance='0']")).to_be_visible()
    blocks = page.locator("[data-block]").count()
    assert blocks == -(-HOURS // BLOCK_UTTERANCES)
    assert loaded_blocks(page) < 8
    for part in (0.25, 0.5, 0.75, 1.0, 0.1):
        page.evaluate(f"scrollTo(0, document.body.scrollHeight * {part})")
        # What one scrolled to is filled in, without waiting.
        until(page, lambda: page.evaluate(FILLED))
    page.wait_for_timeout(300)
    assert loaded_blocks(page) < 16
    assert page.locator("[data-utterance]").count() < 16 * BLOCK_UTTERANCES


def test_reading_on_upwards_does_not_jump(page, cast: Cast):
    recording = cast.transcribed(utterances=HOURS)
    page.goto(f"{recording.get_absolute_url()}?t=1500")
    expect(page.locator(".spoken")).to_be_in_viewport()
    page.wait_for_timeout(500)
    # However wrong the guessed heights above are, a wheel's step moves by that step.
    for _ in range(30):
        probe = """() => {
            const seen = [...document.querySelectorAll('[data-utterance]')]
              .find((each) => each.getBoundingClientRect().top > 300);
            return [seen.dataset.utterance, seen.getBoundingClientRect().top];
        }"""
        index, before = page.evaluate(probe)
        page.mouse.move(700, 500)
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(120)
        box = page.locator(f"[data-utterance='{index}']").first.bounding_box()
        assert box is not None
        assert abs(box["y"] - before - 400) < 3


def test_an_address_with_a_time_opens_there(page, cast: Cast):
    recording = cast.transcribed(utterances=HOURS)
    page.goto(f"{recording.get_absolute_url()}?t=1500.5")
    word = page.locator(".spoken")
    expect(word).to_be_in_viewport()
    assert float(word.get_attribute("data-at")) == pytest.approx(1500.5, abs=3)


@pytest.mark.parametrize("time", ["x", "-5", "nan", "inf", "1e400", "99999999"])
def test_a_time_that_cannot_be_opens_the_page_all_the_same(time, client, cast: Cast):
    client.force_login(cast.ada)
    assert client.get(f"{cast.transcribed().get_absolute_url()}?t={time}").status_code == 200


def test_playback_is_followed_until_one_scrolls_away(page, cast: Cast):
    page.goto(cast.transcribed(utterances=300).get_absolute_url())
    ready(page)
    page.evaluate("document.querySelector('audio').currentTime = 50")
    page.locator("[data-play]").click()
    expect(page.locator(".spoken")).to_be_in_viewport()
    follow = page.locator("[data-follow]")
    expect(follow).to_have_attribute("aria-pressed", "true")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, 3000)
    expect(follow).to_have_attribute("aria-pressed", "false")
    follow.click()
    expect(page.locator(".spoken")).to_be_in_viewport()


def test_the_position_is_a_slider_for_keyboard_and_screen_reader(page, cast: Cast):
    page.goto(cast.transcribed(duration=60.0).get_absolute_url())
    ready(page)
    slider = page.get_by_role("slider", name="Position")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0:05 of 1:00")
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 of 1:00")


def test_find_counts_every_place_and_walks_through_blocks_not_yet_loaded(page, cast: Cast):
    page.goto(cast.transcribed(utterances=HOURS).get_absolute_url())
    page.keyboard.press("Control+f")
    page.keyboard.type("LOWER road")
    count = page.locator("[data-find-count]")
    places = HOURS // 7
    expect(count).to_have_text(f"1 of {places}")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text(f"{places} of {places}")
    here = page.locator(f"[data-utterance='{places * 7 - 1}']")
    expect(here).to_be_in_viewport()
    assert page.evaluate("CSS.highlights.get('found-here').size") == 1
    page.keyboard.press("Escape")
    assert page.evaluate("CSS.highlights.has('found')") is False


def test_find_marks_a_text_across_utterances_and_turns(page, cast: Cast):
    page.goto(cast.transcribed(utterances=7 * 20).get_absolute_url())
    page.keyboard.press("Control+f")
    # It ends one utterance, and the next one begins in another block's turn.
    page.keyboard.type('"in the yard the thing people forget"')
    expect(page.locator("[data-find-count]")).to_have_text(re.compile("1 of 19"))
    marked = "[...(CSS.highlights.get('found-here') ?? [])].map((range) => range.toString())"
    until(page, lambda: page.evaluate(marked) == ["in the yard.", "The thing people forget"])
    page.keyboard.press("Shift+Enter")
    expect(page.locator("[data-find-count]")).to_have_text("19 of 19")
    expect(page.locator("[data-utterance='132']")).to_be_in_viewport()
    page.get_by_label("Find in this transcript").first.fill("zebra")
    expect(page.locator("[data-find-count]")).to_have_text("No matches")


def test_find_ignores_case_and_accents(client, cast: Cast):
    recording = cast.transcribed()
    run = recording.transcription
    run.utterances.filter(index=0).update(text="Über die Straße im CAFÉ", words=[])
    client.force_login(cast.ada)
    for words, places in (
        ("uber DIE", [0, 0, 0, 8]),
        ("café", [0, 19, 0, 23]),
        ("cafe", [0, 19, 0, 23]),
        ("Straße", [0, 9, 0, 15]),
    ):
        found = client.get(f"{recording.get_absolute_url()}find/", {"q": words}).json()
        assert found == {"count": 1, "places": [places]}
    assert client.get(f"{recording.get_absolute_url()}find/", {"q": " "}).json()["count"] == 0


def test_titles_and_words_from_outside_are_shown_literally(page, cast: Cast):
    recording = cast.transcribed(HOSTILE)
    recording.transcription.utterances.filter(index=0).update(
        text=HOSTILE, words=[[word, 0.5, 0.8, 1] for word in HOSTILE.split()]
    )
    page.goto(recording.get_absolute_url())
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("[data-utterance='0']")).to_have_text(HOSTILE)
    page.goto("/library/")
    expect(page.locator("[data-row-link]")).to_have_text(HOSTILE)
    page.goto("/search/?q=onerror")
    expect(page.locator(".group-head h2")).to_have_text(HOSTILE)


def test_the_title_is_changed_in_place(page, cast: Cast):
    recording = cast.transcribed()
    page.goto(recording.get_absolute_url())
    page.get_by_role("button", name="Change the title").click()
    page.get_by_label("Title", exact=True).fill("  The <b>keeper</b>\u202e ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The <b>keeper</b>")
    recording.refresh_from_db()
    assert recording.title == "The <b>keeper</b>"


def test_a_transcript_that_becomes_ready_appears_by_itself(page, cast: Cast):
    recording = cast.running()
    page.goto(recording.get_absolute_url())
    run = page.get_by_role("region", name="Progress")
    expect(run.get_by_text(re.compile("Transcribing for 0:4"))).to_be_visible()
    recording.transcriptions.update(state=State.DONE, lease_until=None)
    recording.state = State.DONE
    recording.save()
    expect(page.get_by_text("No speech was heard in this recording")).to_be_visible()


def test_a_failure_is_told_with_its_request_and_tried_again(page, cast: Cast):
    recording = cast.failed()
    page.goto(recording.get_absolute_url())
    told = page.get_by_role("region", name="What happened")
    expect(told.get_by_text("The file holds no audio.")).to_be_visible()
    expect(page.get_by_text("Request r-42")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    run = page.get_by_role("region", name="Progress")
    expect(run.get_by_text("In the queue")).to_be_visible()


def test_deleting_asks_first(page, cast: Cast):
    recording = cast.transcribed("Old tape")
    page.goto(recording.get_absolute_url())
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete “Old tape”?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("“Old tape” is deleted.")).to_be_visible()


def test_versions_are_listed_and_each_can_be_read(page, cast: Cast):
    recording = cast.transcribed(utterances=2)
    transcribe(recording, 5)
    page.goto(recording.get_absolute_url())
    expect(page.locator("[data-utterance]")).to_have_count(5)
    page.get_by_text("2 versions").click()
    page.get_by_role("link", name=re.compile("Version 1")).click()
    expect(page.locator("[data-utterance]")).to_have_count(2)


def test_two_versions_are_compared_word_by_word(client, cast: Cast):
    recording = cast.transcribed(source="live")
    recording.transcriptions.update(sent_at=None)
    transcribe(recording, 7)
    run = recording.finished_transcription
    run.utterances.filter(index=5).update(words=[["Yeah.", 26.0, 26.3, 0.9]])
    client.force_login(cast.ada)
    url = f"{recording.get_absolute_url()}differences/"
    text = " ".join(client.get(url).content.decode().split())
    assert "1 difference in 97 words" in text
    assert '<del><span class="unseen">only in version 1:</span> Yes.</del>' in text
    assert '<ins><span class="unseen">only in version 2:</span> Yeah.</ins>' in text
    assert "Version 1, live</option>" in text
    live = recording.transcriptions.last()
    text = client.get(url, {"version": live.pk, "than": run.pk}).content.decode()
    assert '<del><span class="unseen">only in version 2:</span> Yeah.</del>' in " ".join(
        text.split()
    )
    run.utterances.filter(index=5).update(words=[["yes", 26.0, 26.3, 0.9]])
    assert "the same 97 words" in client.get(url).content.decode()


def test_a_comparison_is_opened_on_the_page(page, cast: Cast):
    recording = cast.transcribed(utterances=2)
    transcribe(recording, 5)
    page.goto(recording.get_absolute_url())
    page.get_by_text("Compare with another version").click()
    expect(page.locator(".differences-list ins")).to_have_count(1)
    page.locator(".differences-list a").first.click()
    expect(page.locator("[data-utterance]")).to_have_count(5)


def test_audio_that_browsers_cannot_play_is_told(visits, cast: Cast):
    recording = cast.transcribed()
    with recording.file.storage.open(recording.file.name, "wb") as file:
        file.write(b"no audio at all")
    page = visits.as_user(cast.ada)
    page.goto(recording.get_absolute_url())
    expect(page.get_by_text("This browser cannot play the audio.")).to_be_visible()
    expect(page.locator("[data-utterance]").first).to_be_visible()


def test_keys_of_the_page_are_told_by_a_question_mark(page, cast: Cast):
    page.goto(cast.transcribed().get_absolute_url())
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Previous and next turn", "Previous and next word", "Print all of it"):
        expect(dialog.get_by_text(words)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Search every transcript")).to_be_focused()
