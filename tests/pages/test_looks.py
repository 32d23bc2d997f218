"""Properties of every page: accessible, still, light, and silent in the console."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from management.models import AgentConfiguration
from tests.pages.cast import Cast
from tests.pages.conftest import Theme
from transcripts.agents.models import Agent
from transcripts.calls.models import Call
from transcripts.live.models import LiveSession
from transcripts.models import Recording, State
from transcripts.replays.models import Replay

STATIC = Path(__file__).parents[2] / "static"
LONG = "A title that goes on and on " * 9
WEIGHT_LIMIT = 150_000
CONTRAST = 4.5
# Each page is loaded twice and tested in four ways.
LOADED: list[tuple[int, Theme]] = [(390, "dark"), (1440, "light")]
OTHER_THEME: dict[Theme, Theme] = {"light": "dark", "dark": "light"}

# What moved by itself, by Chromium's own measure. Set up before anything is drawn.
WATCH_SHIFTS = """
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({type: "layout-shift", buffered: true});
"""


def fill(cast: Cast) -> None:
    cast.insight(cast.transcribed("Three hours", utterances=700))
    cast.insight(cast.transcribed("Unread"), state=State.FAILED, error=f"{LONG}.", summary="")
    cast.insight(cast.transcribed(LONG), summary=LONG * 3)
    cast.failed("<i>Broken</i>")
    cast.running()
    cast.call()
    ended = cast.ended_call(cast.transcribed("A call", duration=30), error=f"{LONG}.")
    fill_replays(cast, ended)
    cast.recording("", state="cancelled", duration=None)
    cast.clip(LONG * 3)
    cast.project.connection.speech_models.create(
        kind="tts", uuid="v", canonical_name="aura-2-thalia-en", name="thalia", languages=["en"]
    )
    fill_agent(cast)
    LiveSession.objects.create(
        project=cast.project, owner=cast.ada, title=LONG, options={"model": "nova-3"}
    )


def fill_agent(cast: Cast) -> None:
    """An agent with long texts, functions, variables and two versions."""
    agent = cast.agent(LONG[:100], description=LONG)
    facts = agent.version.configuration
    named = "{{LIMIT}} {{" + "V" * 64 + "}}"
    settings = facts["settings"] | {"greeting": f"{LONG} {named}"}
    schema = {"type": "object", "properties": {"x" * 64: {"type": "string", "enum": [LONG]}}}
    functions = [
        *facts["functions"],
        {"name": "f" * 64, "description": LONG, "parameters": schema},
        {"name": "hook", "answered_by": "webhook", "url": "https://example.com/" + "a" * 200},
    ]
    variables = {"V" * 64: LONG, "LIMIT": 0.8}
    agent.add_version(settings=settings, functions=functions, variables=variables, note=LONG)
    AgentConfiguration.objects.create(
        project=cast.project, agent_id="a-1", metadata={"name": LONG[:100]}
    )


def fill_replays(cast: Cast, call: Call) -> None:
    """Replays in each state, one with problems next to the call."""
    for state in ("queued", "failed"):
        cast.replay(call, state=state, error=LONG if state == "failed" else "")
    entries = [each.entry().shown() for each in call.events.all()]
    cast.replay(call, state="done", events=entries, problems=[LONG, "x" * 200], done=1)
    call.expectations.create(words=LONG)


def pages(cast: Cast) -> dict[str, str]:
    session = LiveSession.objects.get()
    ended = Call.objects.get(state="ended").get_absolute_url()
    agent = Agent.objects.get(is_default=False).get_absolute_url()
    of = {each.title: each.get_absolute_url() for each in Recording.objects.all()}
    return {
        "dashboard": "/",
        "library": "/library/",
        "library without a hit": "/library/?q=nothing",
        "upload": "/upload/",
        "live": "/live/",
        "live session": session.get_absolute_url(),
        "captions": session.get_captions_url(),
        "calls": "/calls/",
        "calls of a project": f"/calls/?project={cast.project.pk}",
        "calls with variables": f"/calls/?agent={Agent.objects.get(is_default=False).pk}",
        "call before it begins": Call.objects.get(state="prepared").get_absolute_url(),
        "replays of a call": f"{ended}replays/",
        "replay": Replay.objects.get(state="done").get_absolute_url(),
        "call that has ended": Call.objects.get(state="ended").get_absolute_url(),
        "speak": f"/speak/?project={cast.project.pk}",
        "speak without a project": "/speak/",
        "agents": "/agents/",
        "new agent": f"/agents/new/?project={cast.project.pk}",
        "new agent without a project": "/agents/new/",
        "agent": agent,
        "versions of an agent": f"{agent}versions/",
        "search": "/search/",
        "search with hits": "/search/?q=clock",
        "search without hits": "/search/?q=zebra",
        "recording": of["Three hours"],
        "recording at a time": f"{of['Three hours']}?t=900",
        "recording with a long title": of[LONG],
        "recording that was not read": of["Unread"],
        "recording that failed": of["<i>Broken</i>"],
        "recording under way": of["Under way"],
        "recording without a title": of[""],
        "account": "/settings/account/",
        "nothing": "/recordings/999999/",
    }


def settle(page: Page, url: str) -> None:
    page.goto(url, wait_until="networkidle")
    page.evaluate("document.fonts.ready")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


def violations_in_both_themes(page: Page, theme: Theme) -> list[str]:
    """Violations in the theme of the page, then in the other one, without loading it again."""
    found = violations(page)
    # Without motion: colours would change slowly.
    page.emulate_media(color_scheme=OTHER_THEME[theme], reduced_motion="reduce")
    found += violations(page)
    page.emulate_media(color_scheme=theme, reduced_motion="no-preference")
    return found


def weigh(page: Page) -> dict[str, int]:
    """Sizes of the styles and scripts that ``page`` loads from now on, by their address."""
    weights: dict[str, int] = {}

    def add(response) -> None:
        if response.request.resource_type in ("script", "stylesheet"):
            weights[response.url] = len(response.body())

    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("response", add)
    return weights


@pytest.mark.parametrize(("width", "theme"), LOADED)
def test_every_page_is_accessible_light_still_and_silent(visits, cast: Cast, width, theme):
    fill(cast)
    page = visits.as_user(cast.ada, width=width, theme=theme)
    page.add_init_script(WATCH_SHIFTS)
    weights = weigh(page)
    for name, url in pages(cast).items():
        weights.clear()
        settle(page, url)
        assert 0 < sum(weights.values()) < WEIGHT_LIMIT, name
        assert violations_in_both_themes(page, theme) == [], name
        assert page.evaluate("shifts") < 0.01, name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    # A page that is not there is a 404, and Chromium tells its console so.
    assert [each for each in visits.complaints if "404" not in each] == []


def test_a_slow_machine_draws_no_bar_in_parts(visits, cast: Cast):
    fill(cast)
    page = visits.as_user(cast.ada, width=390)
    page.add_init_script(WATCH_SHIFTS)
    slow = page.context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 12})
    urls = pages(cast)
    for name in ("live session", "call before it begins") * 4:
        page.goto("about:blank")
        settle(page, urls[name])
        assert page.evaluate("shifts") < 0.003, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_is_accessible_too(visits, cast: Cast, theme):
    fill(cast)
    page = visits.as_user(cast.ada, theme=theme)
    page.goto("/library/")
    page.keyboard.press("?")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="1 running").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_label("Actions for Under way").click()
    assert violations(page) == []
    page.get_by_label("Select Under way").check()
    assert violations(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_in_is_accessible(visits, cast: Cast, theme):
    page = visits.as_user(cast.ada, theme=theme)
    page.context.clear_cookies()
    page.goto("/sign-in/")
    assert violations(page) == []
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").wait_for()
    assert violations(page) == []
    page.get_by_label("E-mail address").fill("ada@example.test")
    page.get_by_label("Password").fill("a long pass phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Dashboard").wait_for()


def test_an_empty_team_meets_accessible_pages(visits, cast: Cast):
    page = visits.as_user(cast.eve, width=390)
    for url in ("/", "/library/", "/upload/", "/live/", "/search/"):
        settle(page, url)
        assert violations(page) == [], url
    assert visits.complaints == []


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_reaches_every_place_of_the_rail(visits, cast: Cast, width):
    page = visits.as_user(cast.ada, width)
    page.goto("/library/")
    bar = page.locator(".rail-bottom .rail-item:visible")
    ends = [
        (box["x"], box["x"] + box["width"]) for box in (each.bounding_box() for each in bar.all())
    ]
    assert len(ends) > 5
    assert all(left >= 0 and right <= width for left, right in ends)
    assert all(right <= left for (_, right), (left, _) in pairwise(ends))
    page.get_by_text("More", exact=True).click()
    page.get_by_role("navigation", name="More").get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")


def test_nothing_moves_for_people_who_want_no_motion(visits, cast: Cast):
    page = visits.as_user(cast.ada, reduced_motion="reduce")
    page.goto("/library/")
    lengths = page.locator(".rail-item").evaluate_all(
        "items => items.map(item => getComputedStyle(item).transitionDuration)"
    )
    assert set(lengths) == {"0s"}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_stands_out_from_every_ground(theme):
    pairs = {
        name: colours
        for name, *colours in re.findall(
            r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)",
            (STATIC / "css" / "variables.css").read_text(),
        )
    }
    grounds = ("paper", "surface", "sunken", "hover")
    inks = ("ink", "soft", "accent", "good", "warn", "bad", *(f"speaker-{n}" for n in range(8)))
    weak = [
        (ink, ground)
        for ink in inks
        for ground in grounds
        if contrast(pairs[ink][theme], pairs[ground][theme]) < CONTRAST
    ]
    assert weak == []
    assert contrast(pairs["on-accent"][theme], pairs["accent"][theme]) >= CONTRAST
    assert contrast(pairs["ink"][theme], pairs["mark"][theme]) >= CONTRAST
    assert contrast(pairs["ink"][theme], pairs["spoken"][theme]) >= CONTRAST


def test_what_is_chosen_and_spoken_is_seen_with_forced_colours(visits, cast: Cast):
    page = visits.as_user(cast.ada, forced_colors="active")
    page.goto(f"{cast.transcribed().get_absolute_url()}?t=3")
    expect(page.locator(".spoken")).to_have_count(1)

    def ground(place: str) -> str:
        return page.locator(place).first.evaluate("it => getComputedStyle(it).backgroundColor")

    assert ground(".spoken") != ground("[data-at]:not(.spoken)")
    assert ground("[data-follow]") != ground("[data-find-open]")
    page.locator(".rail-foot details.menu > summary").click()
    assert ground("[data-theme-choice='']") != ground("[data-theme-choice='dark']")
    page.goto("/library/")
    assert ground("nav [aria-current]") != ground("nav a:not([aria-current])")
