"""The builder of voice agents in a browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from tests.pages.test_looks import settle, violations
from transcripts.agents.models import Agent

pytestmark = pytest.mark.full


def make_agent(page: Page) -> None:
    """Make an agent with a function of one parameter."""
    page.goto("/agents/")
    page.get_by_role("link", name="New agent").click()
    page.locator("main").get_by_role("link", name="Interviews").click()
    page.get_by_label("Name", exact=True).fill("Orders")
    page.get_by_label("Prompt").fill("You take orders.\nBe brief.")
    page.get_by_role("button", name="Add a function").click()
    function = page.get_by_role("group", name="Function without a name", exact=True)
    expect(function.get_by_label("Name").first).to_be_focused()
    function.get_by_label("Name").first.fill("lookup_order")
    function.get_by_label("Description for the language model").fill("Find an order")
    function.get_by_label("It changes something").check()
    function.get_by_role("button", name="Add a parameter").click()
    parameter = page.get_by_role("group", name="Parameter without a name")
    expect(parameter.get_by_label("Name")).to_be_focused()
    parameter.get_by_label("Name").fill("id")
    parameter.get_by_label("Required").check()
    page.get_by_role("button", name="Create the agent").click()
    expect(page.get_by_text("Version 1 is saved.")).to_be_visible()


def test_an_agent_is_made_changed_and_its_versions_compared(page: Page, cast: Cast):
    make_agent(page)
    agent = Agent.objects.get(name="Orders")
    function = agent.version.declared[0]
    assert function.changes
    assert function.parameters == {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
    }
    expect(page.get_by_label("Prompt")).to_have_value("You take orders.\nBe brief.")
    page.get_by_label("Prompt").fill("You take orders.\nBe kind.")
    page.get_by_label("Note on this version").fill("Kinder")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Version 2 is saved.")).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_role("deletion")).to_have_text("    Be brief.")
    expect(page.get_by_role("insertion")).to_have_text("    Be kind.")
    expect(page.get_by_text("Kinder")).to_be_visible()


def test_only_what_the_choices_make_meaningful_is_shown(page: Page, cast: Cast):
    page.goto(cast.agent().get_absolute_url())
    expect(page.get_by_label("End of a turn")).to_be_visible()
    expect(page.get_by_label("Language spoken")).to_be_hidden()
    page.locator("#listening").get_by_label("Model").select_option("nova-3")
    expect(page.get_by_label("End of a turn")).to_be_hidden()
    expect(page.get_by_label("Language spoken")).to_be_visible()
    expect(page.get_by_label("Address", exact=True)).to_be_hidden()
    page.get_by_label("Language model", exact=True).select_option("endpoint")
    expect(page.get_by_label("Address", exact=True)).to_be_visible()
    page.get_by_label("Result").select_option("webhook")
    expect(page.get_by_label("Address of the webhook")).to_be_visible()
    page.get_by_label("Parameters", exact=True).select_option("json")
    expect(page.get_by_label("JSON schema")).to_be_visible()
    expect(page.get_by_role("button", name="Add a parameter")).to_be_hidden()


def test_what_was_typed_is_kept_with_its_errors(page: Page, cast: Cast):
    page.goto(f"/agents/new/?project={cast.project.pk}")
    page.get_by_label("Greeting").fill("Hello {{SHOP}}")
    page.get_by_label("Temperature").fill("hot")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved: 2 fields need a change.")
    expect(page.get_by_label("Temperature")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Greeting")).to_have_value("Hello {{SHOP}}")
    assert violations(page) == []


@pytest.mark.parametrize(("width", "theme"), [(390, "dark"), (1440, "light")])
def test_a_viewer_reads_an_agent(visits, cast: Cast, width, theme):
    agent = cast.agent()
    page = visits.as_user(cast.vera, width=width, theme=theme)
    settle(page, agent.get_absolute_url())
    expect(page.get_by_text("settings.listen.provider.model: flux-general-en")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
