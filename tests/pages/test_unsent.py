"""A change that does not reach the server is not lost: offline, or after the session has ended."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from transcripts.models import Recording

pytestmark = pytest.mark.slow

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
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Old name")
    notice = page.locator("[data-unsent]")
    expect(notice).to_contain_text(NAME)
    notice.get_by_role("button", name="Send now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(notice).to_be_hidden()


def test_a_form_that_leaves_the_page_is_held_back_while_offline(visits, cast: Cast):
    cast.failed("Broken")
    page = visits.as_user(cast.ada)
    page.goto("/library/")
    page.locator("[data-tick]").check(force=True)
    page.context.set_offline(True)
    page.locator("[data-bulk]").get_by_role("button", name="Retry").click()
    expect(page.get_by_text("You are offline. Nothing was sent")).to_be_visible()
    expect(page.locator("[data-tick]")).to_be_checked()


def test_what_is_rejected_after_the_sign_in_is_kept_with_the_reason(open_title, cast: Cast):
    page, recording = open_title()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    notice = page.locator("[data-unsent]")
    expect(notice).to_contain_text(NAME)
    recording.delete()
    notice.get_by_role("button", name="Send now").click()
    expect(notice).to_contain_text(f"Not sent: “{NAME}”. Nothing was changed.")
    expect(notice).to_contain_text("Request id: ")
    notice.get_by_role("button", name="Discard").click()
    expect(notice).to_be_hidden()


def test_what_somebody_entered_is_not_shown_to_the_next_user_of_the_tab(open_title, cast: Cast):
    page, _ = open_title()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("E-mail address").fill("bob@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Old name")
    expect(page.locator("[data-unsent]")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_title_that_is_rejected_stays_in_its_form_with_the_reason(open_title, width: int):
    page, _ = open_title(width)
    page.get_by_label("Title", exact=True).fill("\u200b \u3164")
    page.get_by_role("button", name="Save").click()
    notice = page.get_by_role("alert").filter(visible=True)
    expect(notice).to_contain_text("Enter a title with visible characters. Request id: ")
    expect(page.get_by_label("Title", exact=True)).to_have_value("\u200b \u3164")
    page.get_by_label("Title", exact=True).fill(NAME)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(notice).to_be_hidden()


def test_a_name_that_is_too_long_stays_in_its_form_with_the_reason(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.goto(cast.transcribed().get_absolute_url())
    page.get_by_role("button", name="Name Speaker 1").click()
    field = page.get_by_label("Name of Speaker 1")
    field.evaluate("field => field.removeAttribute('maxlength')")
    field.fill("x" * 101)
    field.press("Enter")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(
        "A name has at most 100 characters, this one has 101."
    )
    expect(field).to_have_value("x" * 101)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (507, '{"error": "The disk is full."}', "The disk is full. Request id: ab12"),
        (502, "<h1>Bad gateway</h1>", "The server responded with status 502"),
    ],
)
def test_a_change_that_the_server_cannot_make_says_so(open_title, status, body, words):
    page, recording = open_title()
    page.route(
        f"**/recordings/{recording.pk}/rename/",
        lambda it: it.fulfill(status=status, body=body, headers={"X-Request-ID": "ab12"}),
    )
    page.get_by_role("button", name="Save").click()
    notice = page.get_by_role("alert").filter(visible=True)
    expect(notice).to_contain_text(words)
    expect(page.get_by_label("Title", exact=True)).to_have_value(NAME)
    notice.get_by_role("button", name="Close").click()
    expect(notice).to_be_hidden()


def test_a_change_from_a_page_of_an_earlier_session_is_offered_again(open_title):
    page, _ = open_title()
    page.evaluate("document.body.setAttribute('hx-headers', '{\"X-CSRFToken\": \"old\"}')")
    page.evaluate(
        "document.querySelectorAll('[name=csrfmiddlewaretoken]').forEach((it) => (it.value = ''))"
    )
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-unsent]")).to_contain_text(NAME)
    page.get_by_role("button", name="Send now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


@pytest.mark.parametrize(
    ("title", "words"),
    [("", "Enter a title."), ("x" * 256, "A title has at most 255 characters, this one has 256.")],
)
def test_a_rejected_title_is_a_message_without_scripts(client, cast: Cast, title, words):
    recording = cast.transcribed("Old name")
    client.force_login(cast.ada)
    url = reverse("recording_rename", args=[recording.pk])
    assert words in client.post(url, {"title": title}, follow=True).content.decode()
    recording.refresh_from_db()
    assert recording.title == "Old name"
