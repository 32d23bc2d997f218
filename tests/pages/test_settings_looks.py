"""The settings and the pages of signing in: accessible, within the window, silent and light."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from management.models import (
    Action,
    AgentVariable,
    AuditEntry,
    Balance,
    Budget,
    Connection,
    CostDay,
    Invitation,
    Invite,
    Key,
    Member,
    Model,
    Price,
    Purchase,
    Request,
    SelfHostedCredential,
    Token,
    UsageDay,
    User,
)
from tests.pages.cast import Cast
from tests.pages.conftest import Theme
from tests.pages.test_looks import (
    LOADED,
    LONG,
    WEIGHT_LIMIT,
    settle,
    violations,
    violations_in_both_themes,
    weigh,
)

OPEN = ("/sign-in/", "/password/", "/password/sent/", "/password/done/", "/password/new/1-x/")

SPEECH_ACCOUNT = (
    "usage",
    "budgets",
    "prices",
    "requests",
    "billing",
    "keys",
    "keys/new",
    "speech-members",
    "models",
    "stored",
    "servers",
    "servers/new",
)


@pytest.fixture
def root(cast: Cast) -> User:
    """An administrator, in a team with long names."""
    root = User.objects.create_superuser("root@example.test", "a long pass phrase")
    cast.project.set_role(root, "owner")
    cast.bob.name = LONG[:150]
    cast.bob.save()
    Invitation.objects.invite("x" * 60 + "@example.test", days=7, projects=[cast.project], by=root)
    Token.objects.make(root, LONG[:100], may_write=True, days=30)
    AuditEntry.record(Action.ROLE_CHANGED, actor=root, subject=LONG, project=cast.project, to=LONG)
    return root


def pages(cast: Cast) -> tuple[str, ...]:
    home = "/settings/"
    return (
        f"{home}account/",
        f"{home}account/email/",
        f"{home}account/password/",
        f"{home}account/tokens/add/",
        f"{home}projects/",
        f"{home}projects/{cast.project.pk}/",
        f"{home}projects/new/",
        f"{home}people/",
        f"{home}people/{cast.bob.pk}/",
        f"{home}people/invite/",
        f"{home}audit/",
        *of_the_account(cast),
        *(f"{home}{name}/" for name in SPEECH_ACCOUNT),
        f"/recordings/{cast.transcribed().pk}/move/",
    )


def of_the_account(cast: Cast) -> list[str]:
    """Pages about one thing of the speech account, after every list has some with long names."""
    project, now = cast.project, timezone.now()
    server = Connection(name=LONG[:100], kind="hosted", base_url="https://other.test")
    server.from_environment, server.api_key = False, "secret"
    server.save()
    key = Key.objects.create(
        project=project, api_key_id="k-1", comment=LONG, scopes=["member"], tags=[LONG[:120]],
        created=now, email="ada@example.test", last_used_at=now,
    )  # fmt: skip
    request = Request.objects.create(
        project=project, request_id="r-" + "9" * 90, created=now, endpoint="listen", code=400,
        path="/v1/listen?model=nova-3&keyterm=" + "x" * 300, tags=["calls"], api_key_id="k-1",
        response={"details": {"note": LONG}}, dollars=0.0043, seconds=61,
    )  # fmt: skip
    Member.objects.create(project=project, member_id="m-1", email="x" * 60 + "@example.test")
    Invite.objects.create(project=project, email="y" * 60 + "@example.test", scope="member")
    Balance.objects.create(project=project, balance_id="b-1", amount=90.5, units="usd")
    Purchase.objects.create(project=project, order_id="o-1", amount=100, units="usd", created=now)
    Price.objects.create(connection=server, charge="batch", model="nova-3", dollars=0.26)
    Budget.objects.create(project=project, dollars=100, hour_price=0.26)
    for kind in (UsageDay, CostDay):
        for name in ("listen", "speak"):
            amounts = dict.fromkeys(kind.AMOUNTS, 3.5)
            grouping = {"grouping": "endpoint" if kind is UsageDay else "line_item", "value": name}
            kind.objects.create(project=project, day=now.date(), **grouping, **amounts)
        kind.objects.add_up()
    for use in ("stt", "tts"):
        Model.objects.create(
            connection=project.connection, uuid=use, kind=use, canonical_name="x" * 100,
            languages=["en", "de", "fr", "es", "it", "pt", "nl"], batch=True,
        )  # fmt: skip
    AgentVariable.objects.create(project=project, variable_id="v", key="V" * 64, value=LONG)
    SelfHostedCredential.objects.create(project=project, credentials_id="c-1", comment=LONG)
    return [
        f"/settings/servers/{server.pk}/",
        f"/settings/servers/{server.pk}/remove/",
        f"/settings/keys/{key.pk}/delete/",
        f"/settings/requests/{request.pk}/",
    ]


def look(page: Page, url: str, theme: Theme) -> None:
    settle(page, url)
    assert violations_in_both_themes(page, theme) == [], url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url


@pytest.mark.parametrize("width", [390, 1440])
def test_the_current_page_of_the_settings_is_in_view(visits, root, width):
    page = visits.as_user(root, width=width)
    for name in ("account", "servers"):
        page.goto(f"/settings/{name}/")
        expect(page.locator(".settings-nav [aria-current]")).to_be_in_viewport(ratio=1)
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize(("width", "theme"), LOADED)
def test_settings_are_accessible_and_within_the_window(visits, cast: Cast, root, width, theme):
    page = visits.as_user(root, width=width, theme=theme)
    for url in pages(cast):
        look(page, url, theme)
    assert visits.complaints == []


@pytest.mark.parametrize(("width", "theme"), LOADED)
def test_pages_before_the_sign_in_are_accessible(visits, cast: Cast, width, theme):
    page = visits.as_user(cast.ada, width=width, theme=theme)
    page.context.clear_cookies()
    _, token = Invitation.objects.invite("grace@example.test", days=7, by=cast.ada)
    for url in (*OPEN, f"/invitations/{token}/"):
        look(page, url, theme)
    assert visits.complaints == []


def test_what_is_shown_once_is_accessible_and_can_be_copied(visits, cast: Cast, root):
    page = visits.as_user(root, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/settings/people/invite/")
    page.get_by_label("E-mail address").fill("grace@example.test")
    page.get_by_label("Interviews").check()
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/invitations/eai_" in link
    assert violations(page) == []
    guest = visits.as_user(cast.eve)
    guest.context.clear_cookies()
    guest.goto(link)
    guest.get_by_label("Your name").fill("Grace Hopper")
    guest.get_by_label("Password").fill("sesame and lentils")
    guest.get_by_role("button", name="Join").click()
    guest.get_by_text("Grace Hopper").first.wait_for()
    grace = User.objects.get(email="grace@example.test")
    assert cast.project.role_of(grace) == "member"


def test_a_person_is_deactivated_after_a_question(visits, cast: Cast, root):
    page = visits.as_user(root)
    page.goto(f"/settings/people/{cast.vera.pk}/")
    page.get_by_role("button", name="Deactivate").click()
    page.locator("#confirm").get_by_role("button", name="Deactivate").click()
    page.get_by_role("button", name="Activate again").wait_for()
    cast.vera.refresh_from_db()
    assert not cast.vera.is_active


def test_styles_and_scripts_of_the_settings_are_light(visits, cast: Cast, root):
    page = visits.as_user(root)
    weights = weigh(page)
    settle(page, "/settings/people/")
    assert 0 < sum(weights.values()) < WEIGHT_LIMIT
