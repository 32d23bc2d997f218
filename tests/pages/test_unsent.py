"""A change that does not reach the server is not lost: offline, or after the session has ended."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from transcripts.models import Recording

NAME = "A name that took a while"


@pytest.fixture
def open_title(visits, cast: Cast):
    """A recording's page of Ada's, its title open for a change."""

    def open_it(width: int = 1440) -> tuple[Page, Recording]:
        recording = cast.transcribed("Old name")
        page = visits.as_user(cast.ada, width)
        page.goto(recording.get_absolute_url())
        page.get_by_role("button", name="Change the title").click()
        page.get_by_label("Title", exact=True).fill(NAME)
        return page, recording

    return open_it


@pytest.mark.parametrize("width", [1440, 390])
def test_an_offline_rename_is_sent_when_the_connection_is_back(open_title, width: int):
    page, recording = open_title(width)
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    notice = page.locator("[data-unsent]")
    expect(notice).to_contain_text(f"Not sent yet: “{NAME}”")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(notice).to_be_hidden()
    recording.refresh_from_db()
    assert recording.title == NAME


def test_an_offline_rename_survives_a_reload_and_can_be_discarded(open_title):
    page, _ = open_title()
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    notice = page.locator("[data-unsent]")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="Discard").click()
    expect(notice).to_be_hidden()
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Old name")
    expect(notice).to_be_hidden()


def test_a_rename_after_the_session_has_ended_is_offered_after_the_sign_in(open_title):
    page, _ = open_title()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Old name")
    notice = page.locator("[data-unsent]")
    expect(notice).to_contain_text(NAME)
    notice.get_by_role("button", name="Send now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(notice).to_be_hidden()


def test_a_form_that_leaves_the_page_is_held_back_while_offline(visits, cast: Cast):
    cast.failed("Broken")
    page = visits.as_user(cast.ada)
    page.goto("/")
    page.locator("[data-tick]").check(force=True)
    page.context.set_offline(True)
    page.locator("[data-bulk]").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("You are offline. Nothing was sent")).to_be_visible()
    expect(page.locator("[data-tick]")).to_be_checked()
