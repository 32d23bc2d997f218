"""The speech account in Chromium, on a running engine: what is done there holds at the server."""

import re
from collections.abc import Iterator

import pytest
from celery import current_app
from deepgram.core.api_error import ApiError
from playwright.sync_api import Page, expect

from management.models import Budget, Connection, Key, Project, User
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
