"""The library in Chromium: live rows, selection, filters and keys."""

import re
from datetime import datetime, timedelta

from django.urls import reverse
from playwright.sync_api import expect

from tests.pages.cast import Cast, transcribe
from tests.pages.patience import until
from transcripts.models import Recording, State
from transcripts.views.library import PAGE_ROWS


def test_open_rows_show_their_progress_and_their_end_without_a_reload(page, cast: Cast):
    recording = cast.running("Under way")
    page.goto("/library/")
    row = page.locator(f"#row-{recording.pk}")
    expect(row).to_contain_text("Transcribing for 0:4")
    row.get_by_role("checkbox").check()
    recording.transcriptions.update(state=State.DONE, lease_until=None)
    recording.state = State.DONE
    recording.save()
    expect(row).to_contain_text("Ready")
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#tray-words")).to_have_text("Activity")


def test_a_date_in_the_address_that_is_none_is_not_shown_as_one(page, cast: Cast):
    cast.transcribed()
    page.goto("/library/?from=9999&to=2026-11-29")
    expect(page.locator("[name=from]")).to_have_value("")
    expect(page.locator("[name=to]")).to_have_value("2026-11-29")


def test_nothing_is_asked_for_rows_that_are_done(page, cast: Cast):
    cast.transcribed()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/library/")
    page.wait_for_timeout(2500)
    assert not [url for url in asked if "/rows/" in url]


def test_filters_stand_in_the_address_and_a_reload_keeps_them(page, cast: Cast):
    cast.transcribed("Monday")
    cast.failed("Tuesday")
    page.goto("/library/")
    page.get_by_label("State", exact=True).select_option("failed")
    expect(page.locator("[data-row-link]")).to_have_text(["Tuesday"])
    page.get_by_label("Title contains").fill("mon")
    expect(page.get_by_text("No recordings match these filters")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?q=mon&state=failed$"))
    page.reload()
    expect(page.get_by_label("Title contains")).to_have_value("mon")
    page.get_by_role("link", name="Show all recordings").click()
    expect(page.locator("[data-row-link]")).to_have_text(["Tuesday", "Monday"])


def test_back_leads_to_the_filter_before(page, cast: Cast):
    cast.transcribed("Monday")
    cast.failed("Tuesday")
    page.goto("/library/")
    page.get_by_label("State", exact=True).select_option("failed")
    expect(page.locator("[data-row-link]")).to_have_text(["Tuesday"])
    page.go_back()
    expect(page.locator("[data-row-link]")).to_have_text(["Tuesday", "Monday"])


def test_older_rows_are_added_below(page, cast: Cast):
    for number in range(PAGE_ROWS + 5):
        cast.recording(f"Row {number}", state=State.DONE)
    page.goto("/library/")
    page.get_by_role("link", name="Show older").click()
    expect(page.locator("[data-row]")).to_have_count(PAGE_ROWS + 5)
    expect(page.get_by_role("link", name="Show older")).to_have_count(0)


def test_a_range_is_selected_and_deleted_after_asking(page, cast: Cast):
    for number in range(5):
        cast.failed(f"Row {number}")
    page.goto("/library/")
    page.get_by_label("Select Row 4").check()
    page.get_by_label("Select Row 2").click(modifiers=["Shift"])
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.locator("[data-bulk]").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 3 recordings?")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("3 recordings deleted.")).to_be_visible()
    assert list(Recording.objects.values_list("title", flat=True)) == ["Row 1", "Row 0"]


def test_the_bulk_bar_says_how_many_each_button_changes(page, cast: Cast):
    cast.transcribed("Ready")
    cast.failed("Failed")
    cast.running("Running")
    page.goto("/library/")
    for title in ("Ready", "Failed", "Running"):
        page.get_by_label(f"Select {title}").check()
    bar = page.locator("[data-bulk]")
    expect(bar.get_by_role("button", name="Retry 1")).to_be_enabled()
    expect(bar.get_by_role("button", name="Stop 1")).to_be_enabled()
    expect(bar.get_by_role("button", name="Delete 3")).to_be_enabled()
    page.get_by_label("Select Running").uncheck()
    expect(bar.get_by_role("button", name="Stop")).to_be_hidden()
    bar.get_by_role("button", name="Retry 1").click()
    expect(page.get_by_text("1 recording queued again. 1 left unchanged")).to_be_visible()


def test_a_row_is_deleted_from_its_menu(page, cast: Cast):
    cast.failed("Old")
    cast.failed("New")
    page.goto("/library/")
    page.get_by_label("Actions for Old").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("[data-row-link]")).to_have_text(["New"])


def test_the_focus_stays_where_a_row_was(page, cast: Cast):
    for title in ("Old", "Middle", "New"):
        cast.failed(title)
    page.goto("/library/")
    for gone, next_row in (("Middle", "Old"), ("Old", "New")):
        page.get_by_label(f"Actions for {gone}").press("Enter")
        page.get_by_role("button", name="Delete").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
        expect(page.get_by_role("link", name=gone, exact=True)).to_have_count(0)
        expect(page.get_by_role("link", name=next_row, exact=True)).to_be_focused()
    # A row that changes keeps it, and one that a poll replaces.
    page.get_by_role("button", name="Retry").press("Enter")
    row = page.locator("[data-row]")
    expect(row).to_contain_text("In the queue (1st)")
    expect(row.get_by_role("link", name="New", exact=True)).to_be_focused()
    row.get_by_label("Actions for New").press("Enter")
    page.get_by_role("button", name="Stop transcribing").press("Enter")
    expect(row).to_contain_text("Cancelled")
    expect(row.get_by_label("Actions for New")).to_be_focused()


def test_a_replaced_row_responds_at_once(page, cast: Cast):
    cast.failed("Old")
    page.clock.install()
    page.goto("/library/")
    # No timer runs from here on: the buttons of the new row wait for none.
    page.clock.pause_at(datetime.now() + timedelta(hours=1))
    page.get_by_role("button", name="Retry").click()
    row = page.locator("[data-row]")
    expect(row).to_contain_text("In the queue (1st)")
    row.get_by_label("Actions for Old").click()
    row.get_by_role("button", name="Stop transcribing").click()
    expect(row).to_contain_text("Cancelled")


def test_a_row_deleted_in_another_tab_leaves_and_an_empty_list_says_what_to_do(page, cast: Cast):
    gone, stays = cast.running("Gone"), cast.running("Stays")
    page.goto("/library/")
    gone.delete()
    expect(page.locator("[data-row]")).to_have_count(1)
    stays.delete()
    expect(page.get_by_role("heading", name="No recordings yet")).to_be_visible()


def test_a_row_that_ends_while_its_deletion_is_confirmed_is_deleted(page, cast: Cast):
    recording = cast.running("Talk")
    page.goto("/library/")
    page.get_by_label("Actions for Talk").click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete “Talk”?")
    expect(dialog).to_be_visible()
    transcribe(recording, 7)
    recording.transcriptions.exclude(state=State.DONE).delete()
    Recording.objects.update(state=State.DONE)
    expect(page.locator("[data-row]:not([data-open])")).to_have_count(1)
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("[data-row]")).to_have_count(0)
    until(page, lambda: not Recording.objects.exists())


def test_the_page_of_a_run_deleted_in_another_tab_says_so(visits, cast: Cast):
    recording = cast.running()
    page = visits.as_user(cast.ada)  # the missing page is told in the console
    page.goto(recording.get_absolute_url())
    recording.delete()
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()


def test_the_focus_goes_to_the_first_of_the_older_rows(page, cast: Cast):
    for number in range(PAGE_ROWS + 5):
        cast.recording(f"Row {number}", state=State.DONE)
    page.goto("/library/")
    page.get_by_role("link", name="Show older").press("Enter")
    expect(page.get_by_role("link", name="Row 4", exact=True)).to_be_focused()


def test_a_failed_row_is_tried_again_in_place(page, cast: Cast):
    recording = cast.failed()
    page.goto("/library/")
    row = page.locator(f"#row-{recording.pk}")
    row.hover()
    row.get_by_role("button", name="Retry").click()
    expect(row).to_contain_text("In the queue (1st)")


def test_the_list_is_walked_selected_and_opened_by_keys(page, cast: Cast):
    for title in ("one", "two", "three"):
        cast.transcribed(title)
    page.goto("/library/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    expect(page.get_by_label("Select two")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("two")


def test_the_project_is_switched_and_links_stay_in_it(page, cast: Cast):
    cast.transcribed("Ours")
    cast.transcribed("Calls one", project=cast.second)
    page.goto("/library/")
    page.get_by_label("Project: All projects").click()
    page.get_by_role("link", name="Calls", exact=True).click()
    expect(page.locator("[data-row-link]")).to_have_text(["Calls one"])
    page.get_by_role("link", name="Calls one").click()
    page.get_by_role("link", name="Library", exact=True).click()
    expect(page.locator("[data-row-link]")).to_have_text(["Calls one"])


def test_the_tray_opens_everywhere_with_progress_and_failures(page, cast: Cast):
    cast.running("Under way")
    cast.failed("Broken")
    page.goto("/search/")
    page.get_by_role("button", name="1 running").click()
    tray = page.get_by_role("region", name="Work in progress")
    expect(tray.get_by_text("Transcribing for")).to_be_visible()
    expect(tray.get_by_text("The file holds no audio.")).to_be_visible()
    tray.get_by_role("link", name="Broken").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Broken")


def test_colours_are_switched_and_stay(page, cast: Cast):
    page.goto("/library/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_text("ada@example.test").click()
    with page.expect_response(lambda response: response.url.endswith(reverse("account_theme"))):
        page.get_by_role("button", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.goto("/upload/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_a_session_that_ended_leads_to_the_sign_in(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    cast.running()
    page.goto("/library/")
    page.context.clear_cookies(name="sessionid")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


def test_a_server_that_is_away_is_told_and_forgiven(visits, cast: Cast, site):
    page = visits.as_user(cast.ada)
    cast.running()
    page.goto("/library/")
    site.stop()
    expect(page.get_by_text("Connection lost.")).to_be_visible()
    site.start()
    expect(page.get_by_text("Connection lost.")).to_be_hidden()
