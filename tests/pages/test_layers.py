"""A click reaches the element that is seen: open menus lie above everything on the page."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from tests.pages.cast import Cast
from transcripts.live.models import LiveSession
from webapp.http.assets import FOLDER

# Of each element: whether a click on its middle reaches it. What is scrolled out of its own list
# is not seen.
REACHED = """elements => elements.filter(element => {
  const list = element.closest('.menu-list').getBoundingClientRect();
  const box = element.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  return y > list.top && y < list.bottom && y > 0 && y < innerHeight;
}).map(element => {
  const box = element.getBoundingClientRect();
  const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const reached = element === hit || element.contains(hit);
  return reached ? '' : `${element.textContent.trim()}: ${hit?.className}`;
})"""
# Whether the first line of a field is seen.
SEEN = """field => {
  const box = field.getBoundingClientRect();
  return field === document.elementFromPoint(box.x + box.width / 2, box.y + 16);
}"""
WIDTHS = [1440, 390]


def assert_all_are_reached(items: Locator) -> None:
    expect(items.first).to_be_visible()
    reached = items.evaluate_all(REACHED)
    assert reached
    assert set(reached) == {""}


def open_switcher(page: Page) -> Locator:
    page.locator(".switcher > summary").click()
    return page.locator(".switcher .menu-item")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_project_menu_lies_above_the_library(visits, cast: Cast, width: int):
    for number in range(12):
        cast.transcribed(f"Recording {number}", utterances=1)
    page = visits.as_user(cast.ada, width)
    page.goto("/library/")
    items = open_switcher(page)
    assert_all_are_reached(items)
    items.filter(has_text=cast.second.name).click()
    expect(page).to_have_url(f"{visits.site.url}/library/?project={cast.second.pk}")
    assert page.locator("[data-tick]:checked").count() == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_project_menu_lies_above_the_player(visits, cast: Cast, width: int):
    recording = cast.transcribed(utterances=60)
    page = visits.as_user(cast.ada, width)
    page.goto(recording.get_absolute_url())
    if width == 1440:  # on a phone the switcher scrolls away with the top of the page
        page.evaluate("scrollTo(0, 500)")
    assert_all_are_reached(open_switcher(page))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_menus_of_rows_lie_above_the_bar_of_the_selection(visits, cast: Cast, width: int):
    for number in range(15):
        cast.transcribed(f"Recording {number}", utterances=1)
    page = visits.as_user(cast.ada, width)
    page.goto("/library/")
    for tick in page.locator("[data-tick]").all()[:2]:
        tick.check(force=True)
    expect(page.locator("[data-bulk]")).to_be_visible()
    menus = page.locator(".row details.menu")
    for index in range(menus.count()):
        summary = menus.nth(index).locator("summary")
        summary.scroll_into_view_if_needed()
        summary.click()
        assert_all_are_reached(menus.nth(index).locator(".menu-item"))
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_menus_of_agents_lie_above_the_rows_below(visits, cast: Cast, width: int):
    for number in range(4):
        cast.agent(f"Agent {number}")
    page = visits.as_user(cast.ada, width)
    page.goto("/agents/")
    for menu in page.locator(".row details.menu").all():
        menu.locator("summary").click()
        assert_all_are_reached(menu.locator(".menu-item"))
        page.keyboard.press("Escape")
    page.get_by_label("Actions for Agent 2").click()
    page.get_by_role("button", name="Archive").locator("visible=true").click()
    expect(page.get_by_role("link", name="Agent 2")).to_have_count(0)
    # The rest of a row opens its agent.
    row = page.get_by_role("listitem").filter(has_text="Agent 3")
    row.get_by_text("Version 1").click(force=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("Agent 3")


@pytest.mark.parametrize("width", WIDTHS)
def test_saving_an_agent_is_in_reach_and_covers_no_field(visits, cast: Cast, width: int):
    page = visits.as_user(cast.ada, width)
    page.goto(cast.agent().get_absolute_url())
    save = page.get_by_role("button", name="Save as version 2")
    expect(save).to_be_in_viewport(ratio=1)
    fields = page.locator("#builder .field:visible")
    assert fields.count() > 10
    for field in fields.all():
        field.focus()
        assert field.evaluate(SEEN), field.get_attribute("name")
    expect(save).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_menu_of_the_account_lies_above_the_page(visits, cast: Cast, width: int):
    recording = cast.transcribed(utterances=60)
    page = visits.as_user(cast.ada, width)
    for url in ("/library/", recording.get_absolute_url()):
        page.goto(url)
        page.locator(".rail-foot details.menu > summary").click()
        assert_all_are_reached(page.locator(".rail-foot .menu-item:visible"))


@pytest.mark.parametrize("width", [*WIDTHS, 320])
def test_the_buttons_of_a_live_session_fit_into_its_bar(visits, cast: Cast, width: int):
    session = LiveSession.objects.create(owner=cast.ada, project=cast.project, title="Standup")
    page = visits.as_user(cast.ada, width)
    page.goto(reverse("live_session", args=[session.pk]))
    # As in a second tab, which has the longest words.
    for name, is_hidden in (("take", False), ("start", True)):
        page.locator(f"button[data-{name}]").evaluate(
            "(button, hidden) => (button.hidden = hidden)", is_hidden
        )
    bar = page.locator(".live-bar").bounding_box()
    assert bar is not None
    for button in page.locator(".live-buttons .button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert bar["x"] <= box["x"]
        assert box["x"] + box["width"] <= bar["x"] + bar["width"]
        assert box["y"] + box["height"] <= bar["y"] + bar["height"]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_bar_of_a_call_is_at_the_bottom_and_its_state_has_room(visits, cast: Cast, width: int):
    page = visits.as_user(cast.ada, width)
    page.goto(cast.call().get_absolute_url())
    expect(page.get_by_role("button", name="Start talking")).to_be_enabled()
    places = page.evaluate(
        """() => {
          const box = (name) => document.querySelector(name).getBoundingClientRect();
          const foot = parseFloat(getComputedStyle(document.body).paddingBottom) || 0;
          return {
            below: innerHeight - foot - box(".live-bar").bottom,
            state: box("[data-state]:not(.call)").height,
            room: box(".live-state").width - box("[data-level]").width,
          };
        }"""
    )
    assert 0 <= places["below"] <= 12
    assert places["state"] < 24, "one line"
    assert places["room"] > 0


def test_layers_have_one_order():
    for path in (FOLDER / "css").glob("*.css"):
        for value in re.findall(r"z-index:\s*([^;]+);", path.read_text()):
            assert re.fullmatch(r"var\(--layer-[a-z]+\)", value), (path.name, value)
