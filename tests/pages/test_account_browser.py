"""The speech account in Chromium, on a running engine: what is done there holds at the server."""

import csv
import re
from collections.abc import Iterator

import pytest
from celery import current_app
from deepgram.core.api_error import ApiError
from playwright.sync_api import Page, expect

from management.charts import written
from management.models import Budget, Connection, Key, Project, Request, User
from management.sync.runs import sync
from tests.engine.engine import Engine, start_engine
from tests.pages.conftest import Visits

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def engine(full_lane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    running = start_engine(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def no_broker(monkeypatch) -> None:
    """No worker listens: the tests sync themselves."""
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: None)


@pytest.fixture
def page(visits: Visits, cast) -> Iterator[Page]:
    """A browser of an administrator of the team."""
    root = User.objects.create_superuser("root@example.test", "a long pass phrase")
    page = visits.as_user(root, permissions=["clipboard-read", "clipboard-write"])
    yield page
    assert visits.complaints == []


@pytest.fixture
def project(page: Page, engine: Engine) -> Project:
    """The engine's project, after its server was added on the page."""
    page.goto("/settings/servers/")
    page.get_by_role("link", name="Add a server").click()
    page.get_by_label("Kind").select_option("self_hosted")
    page.get_by_label("Name").fill("Our engine")
    page.get_by_label("Speech address").fill(engine.url)
    for wrong, problem in (("not the key", "has spaces"), ("not-the-key", "does not accept")):
        page.get_by_label("API key").fill(wrong)
        page.get_by_role("button", name="Test and save").click()
        expect(page.get_by_label("API key")).to_have_accessible_description(re.compile(problem))
    assert not Connection.objects.filter(name="Our engine").exists()
    page.get_by_label("API key").fill(engine.key)
    page.get_by_role("button", name="Test and save").click()
    expect(page.get_by_text("Our engine accepted the key.")).to_be_visible()
    assert engine.key not in page.content()
    connection = Connection.objects.get(name="Our engine")
    sync(connection)
    return connection.projects.get()


def is_accepted(engine: Engine, key: str) -> bool:
    try:
        engine.client(key).manage.v1.projects.list()
    except ApiError as error:
        return error.status_code != 401
    return True


def test_a_key_is_made_rotated_and_deleted_on_the_page(page, engine, project):
    page.goto(f"/settings/keys/new/?project={project.pk}")
    page.get_by_label("Name", exact=True).fill("Phone line")
    page.locator("[name=scopes][value=member]").check()
    page.get_by_role("button", name="Create the key").click()
    first = page.locator("#key-value").inner_text()
    page.get_by_role("button", name="Copy", exact=True).first.click()
    expect(page.get_by_text("Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == first
    expect(page.locator("#snippet-curl")).to_contain_text(engine.url)
    assert is_accepted(engine, first)
    page.get_by_role("link", name="Done").click()
    assert first not in page.content()
    page.get_by_role("button", name="Rotate Phone line").click()
    page.get_by_role("dialog").get_by_role("button", name="Make a new key").click()
    second = page.locator("#key-value").inner_text()
    assert is_accepted(engine, first)
    assert is_accepted(engine, second)
    page.get_by_role("link", name="Done").click()
    old = page.locator("tr", has_text="Delete it when it is no longer used")
    old.get_by_role("link", name=re.compile("^Delete")).click()
    page.get_by_label("to delete it").fill("Phone")
    page.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_label("to delete it")).to_have_attribute("aria-invalid", "true")
    assert is_accepted(engine, first)
    page.get_by_label("to delete it").fill(Key.objects.get(replaced_by__isnull=False).label)
    page.get_by_role("button", name="Delete the key").click()
    expect(page.get_by_text("is deleted and no longer accepted.")).to_be_visible()
    assert not is_accepted(engine, first)
    assert is_accepted(engine, second)


def test_an_invite_of_the_page_is_at_the_server_until_it_is_withdrawn(page, engine, project):
    def invited() -> list[str]:
        invites = engine.client().manage.v1.projects.members.invites
        return [each.email for each in invites.list(project.upstream_id).invites or []]

    page.goto(f"/settings/speech-members/?project={project.pk}")
    page.locator("#id_project").select_option(label=str(project))
    page.get_by_label("E-mail address").fill("cleo@example.test")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("cleo@example.test is invited.")).to_be_visible()
    assert invited() == ["cleo@example.test"]
    page.get_by_role("button", name="Withdraw the invite of cleo@example.test").click()
    expect(page.get_by_text("The invite of cleo@example.test is withdrawn.")).to_be_visible()
    assert invited() == []


def test_a_budget_is_set_raised_and_removed(page, project):
    page.goto("/settings/budgets/")
    for dollars in ("10", "25.5"):
        page.get_by_label("Of", exact=True).select_option(label=str(project))
        page.get_by_label("US dollars").fill(dollars)
        page.get_by_role("button", name="Save").click()
        expect(
            page.get_by_text(f"The budget of {project} is ${float(dollars):.2f}.")
        ).to_be_visible()
        assert Budget.objects.get().dollars == float(dollars)
    page.get_by_label("Of", exact=True).select_option(label=str(project))
    page.get_by_role("button", name="Remove the budget").click()
    expect(page.get_by_text("has no budget any more.")).to_be_visible()
    assert not Budget.objects.exists()


def read(engine: Engine, text: str, **options: str) -> str:
    """Have the engine read a text; return the id of the request, whatever came of it."""
    response = engine.http().post("/v1/read", params=options, json={"text": text})
    return response.headers["dg-request-id"]


def test_requests_are_found_by_id_tag_and_status_and_opened(page, engine, project):
    good = read(engine, "What a lovely day.", language="en", sentiment="true", tag="harbour")
    bad = read(engine, "Guten Tag.", language="xx", sentiment="true", tag="harbour")
    read(engine, "Another one.", language="en", sentiment="true", tag="lighthouse")
    sync(project.connection)
    page.goto(f"/settings/requests/?project={project.pk}")
    row = page.get_by_role("region", name="Requests").get_by_role("row")

    def find(label: str, text: str) -> None:
        page.get_by_label(label, exact=True).fill(text)
        page.keyboard.press("Enter")

    find("Tag", "harbour")
    expect(row).to_have_count(3)  # the head and two
    page.get_by_label("Status").select_option("failed")
    find("Tag", "harbour")
    expect(row).to_have_count(2)
    expect(row.nth(1)).to_contain_text(bad)
    expect(row.nth(1)).to_contain_text("400")
    page.get_by_label("Status").select_option("")
    page.get_by_label("Tag", exact=True).fill("")
    find("Request id", good)
    expect(row).to_have_count(2)
    row.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("read")
    for text in (good, "/v1/read", "harbour", str(project)):
        expect(page.get_by_role("main")).to_contain_text(text)
    parameters = page.get_by_role("region", name="Parameters")
    expect(parameters).to_contain_text("sentiment")
    expect(page.get_by_role("region", name="Response in the log")).to_contain_text("details")
    page.get_by_role("link", name="All requests").click()
    page.get_by_label("Request id").fill("00000000-0000-0000-0000-000000000000")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No requests match these filters.")).to_be_visible()


def test_prices_charge_requests_and_usage_shows_their_cost(page, engine, project):
    def set_price(dollars: str) -> None:
        page.get_by_label("Server", exact=True).select_option(label="Our engine")
        page.get_by_label("Work", exact=True).select_option(label="Text intelligence, 1,000 tokens")
        page.get_by_label("US dollars").fill(dollars)
        page.get_by_role("button", name="Save").click()

    page.goto("/settings/prices/")
    set_price("-1")
    expect(page.get_by_label("US dollars")).to_have_js_property("validity.valid", False)
    for dollars in ("100", "250"):
        set_price(dollars)
        expect(page.get_by_text(f"on Our engine: ${dollars}.")).to_be_visible()
    prices = page.get_by_role("region", name="Prices", exact=True)
    expect(prices.get_by_role("row")).to_have_count(2)
    expect(prices).to_contain_text("250")
    made = read(engine, "The keeper was glad.", language="en", sentiment="true", tag="priced")
    sync(project.connection)
    request = Request.objects.get(request_id=made)
    assert request.dollars
    cost = f"${request.dollars:,.2f}"
    page.goto(f"/settings/requests/?q={made}")
    expect(page.get_by_role("region", name="Requests")).to_contain_text(cost)

    page.goto(f"/settings/usage/?project={project.pk}")
    page.get_by_label("Measure").select_option(label="Cost in US dollars")
    page.locator("[name=by]").select_option("tag")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Cost in US dollars")).to_be_visible()
    legend = page.locator(".chart-legend li", has_text="priced")
    expect(legend).to_contain_text(written(request.dollars))
    expect(page.locator("svg .chart-bar").first).to_be_visible()
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("region", name="Cost in US dollars as a table")
    expect(table.get_by_role("columnheader", name="priced")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert float(rows[-1]["priced"]) == pytest.approx(request.dollars, rel=1e-5)

    page.goto("/settings/prices/")
    prices.get_by_role("button", name=re.compile("^Remove")).click()
    expect(page.get_by_text("has no price any more.")).to_be_visible()
    expect(page.get_by_text("No price is set.")).to_be_visible()
    unpriced = read(engine, "The keeper was glad.", language="en", sentiment="true")
    sync(project.connection)
    assert not Request.objects.get(request_id=unpriced).dollars


def test_usage_counts_what_the_engine_did(page, engine, project):
    for tag in ("first", "second", "second"):
        read(engine, "A calm morning.", language="en", sentiment="true", tag=f"usage-{tag}")
    sync(project.connection)
    page.goto(f"/settings/usage/?project={project.pk}")
    page.get_by_label("Measure").select_option(label="Requests")
    page.locator("[name=by]").select_option("tag")
    page.get_by_label("Period").select_option(label="Last 30 days")
    page.get_by_role("button", name="Show").click()
    for tag, count in (("first", 1), ("second", 2)):
        legend = page.locator(".chart-legend li", has_text=f"usage-{tag}")
        expect(legend.locator(".number")).to_have_text(str(count))
    # A year is shown by months, out of their sums.
    page.get_by_label("Period").select_option(label="Last 365 days")
    page.get_by_role("button", name="Show").click()
    legend = page.locator(".chart-legend li", has_text="usage-second")
    expect(legend.locator(".number")).to_have_text("2")
    page.get_by_text("The same as a table").click()
    table = page.get_by_role("region", name="Requests as a table")
    expect(table.get_by_role("rowheader").first).to_have_text(re.compile(r"^[A-Z][a-z]{2} \d{4}$"))
