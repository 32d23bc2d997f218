"""The page of a call in Chromium, with an agent that says what the test tells it."""

import asyncio
from array import array
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect

from management.models import Budget
from tests.pages.cast import Cast
from tests.pages.conftest import Visits
from tests.pages.patience import until
from tests.transcripts.calls.agent import FakeAgent, FakeStream
from transcripts.calls import relay
from transcripts.calls.models import Call
from transcripts.calls.tracks import RATE

pytestmark = pytest.mark.full

VOICE = array("h", [2_000] * (RATE * 4)).tobytes()  # four seconds
SECOND_BYTES = RATE * 2
CUT = "for (const socket of sockets) socket.close()"
WATCHED = """
  window.sockets = [];
  window.WebSocket = new Proxy(WebSocket, { construct: (Real, options) => {
    sockets.push(new Real(...options));
    return sockets.at(-1);
  }});
"""
# The recorder is loaded at a call of load(); counts how often the microphone was asked for.
WITHHELD = """
  window.opened = 0;
  const loaded = new Promise((done) => (window.load = done));
  const addModule = AudioWorklet.prototype.addModule;
  AudioWorklet.prototype.addModule = async function (...options) {
    window.isLoading = true;
    await loaded;
    return addModule.apply(this, options);
  };
  const open = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = function (...options) {
    window.opened += 1;
    return open.apply(this, options);
  };
"""


@pytest.fixture(autouse=True)
def agent(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> FakeAgent:
    """The agent of every call; audio is kept in a folder of the test."""
    settings.DATA = tmp_path / "data"
    made = FakeAgent()
    monkeypatch.setattr(relay.runs, "opens", made.open)
    monkeypatch.setattr(relay, "STORE_SECONDS", 0.05)
    return made


@pytest.fixture
def call(cast: Cast) -> Call:
    return cast.call()


def connected(page: Page, agent: FakeAgent) -> FakeStream:
    """Wait for the agent, which then begins."""
    until(page, lambda: agent.streams and agent.stream.of("Settings"))
    agent.stream.begins()
    return agent.stream


def begin(
    page: Page, call: Call, agent: FakeAgent, button: str = "Start talking", mode: str = ""
) -> FakeStream:
    page.goto(call.get_absolute_url())
    if mode:
        page.get_by_text("Microphone and sound").click()
        page.get_by_label("The microphone is").select_option(mode)
    page.get_by_role("button", name=button).click()
    stream = connected(page, agent)
    expect(page.get_by_role("button", name="End call")).to_be_visible()
    return stream


def end(page: Page) -> None:
    page.get_by_role("button", name="End call").click()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()


def sound(page: Page) -> Locator:
    """The place that says whether sound is played."""
    return page.locator("[data-call]")


def grows(page: Page, stream: FakeStream) -> None:
    before = len(stream.audio)
    until(page, lambda: len(stream.audio) > before)


def stays(page: Page, stream: FakeStream) -> None:
    """No audio comes any more once that of a frame or two is there."""
    page.wait_for_timeout(400)
    before = len(stream.audio)
    page.wait_for_timeout(600)
    assert len(stream.audio) == before


def test_another_agent_shows_its_variables_without_a_reload(page: Page, cast: Cast):
    orders = cast.agent()
    facts = orders.version.configuration
    settings = facts["settings"] | {"greeting": "This is {{SHOP}}."}
    orders.add_version(**facts | {"settings": settings, "variables": {"SHOP": "Elm Street"}})
    page.goto("/calls/")
    page.evaluate("window.isSame = true")
    talk_to, shop = page.get_by_label("Talk to"), page.get_by_label("SHOP")
    expect(shop).to_have_count(0)
    talk_to.select_option(str(orders.pk))
    expect(shop).to_have_value("Elm Street")
    talk_to.select_option(index=0)
    expect(shop).to_have_count(0)
    talk_to.select_option(str(orders.pk))
    shop.fill("Oak Lane")
    assert page.evaluate("window.isSame")
    page.get_by_role("button", name="Call").click()
    # Straight to the call: the version whose variables were shown was switched as well.
    expect(page.get_by_role("button", name="Start talking")).to_be_visible()
    call = Call.objects.get()
    assert (call.version, call.variables) == (orders.version, {"SHOP": "Oak Lane"})


def test_what_is_said_before_the_agent_listens_is_kept(page: Page, call: Call, agent: FakeAgent):
    page.goto(call.get_absolute_url())
    page.get_by_role("button", name="Start talking").click()
    until(page, lambda: agent.streams and agent.stream.of("Settings"))
    run = relay.runs._runs[call.pk]
    until(page, lambda: run.record.up.size_bytes > SECOND_BYTES)
    assert agent.stream.audio == b""
    agent.stream.begins()
    until(page, lambda: len(agent.stream.audio) > SECOND_BYTES)
    end(page)


def test_the_microphone_is_opened_when_its_recorder_is_loaded(
    page: Page, call: Call, agent: FakeAgent
):
    # What is said between the two would be lost, on a busy machine some seconds.
    page.add_init_script(WITHHELD)
    page.goto(call.get_absolute_url())
    page.get_by_role("button", name="Start talking").click()
    until(page, lambda: page.evaluate("window.isLoading"))
    assert page.evaluate("window.opened") == 0
    page.evaluate("load()")
    grows(page, connected(page, agent))
    assert page.evaluate("window.opened") == 1
    end(page)


def test_speech_before_the_connection_does_not_delay_the_rest(
    page: Page, call: Call, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
):
    serve = relay.runs.serve

    async def late(pk: UUID) -> relay.CallRun:
        await asyncio.sleep(2)
        return await serve(pk)

    monkeypatch.setattr(relay.runs, "serve", late)
    page.goto(call.get_absolute_url())
    page.get_by_role("button", name="Start talking").click()
    connected(page, agent)
    run = relay.runs._runs[call.pk]
    # Chromium's microphone is silent between its beeps.
    until(page, lambda: run.record.up.size_bytes > 3 * SECOND_BYTES)
    caller = run._tracks._caller
    until(page, lambda: caller.end / RATE - run.now < 0.5)
    end(page)


def test_nothing_is_heard_until_the_button_is_held(page: Page, call: Call, agent: FakeAgent):
    stream = begin(page, call, agent, mode="button")
    hold = page.get_by_role("button", name="Hold to talk")
    expect(hold).to_be_visible()
    stays(page, stream)
    assert stream.audio == b""
    stream.says("assistant", "Hello.")
    stream.plays(VOICE)
    expect(sound(page)).to_have_attribute("data-sound", "playing")
    hold.hover()
    page.mouse.down()
    expect(sound(page)).to_have_attribute("data-sound", "silent")
    grows(page, stream)
    page.mouse.up()
    until(page, lambda: stream.of("ForceEndTurn"))
    stays(page, stream)
    # The key does the same.
    page.keyboard.down("t")
    grows(page, stream)
    page.keyboard.up("t")
    until(page, lambda: len(stream.of("ForceEndTurn")) == 2)
    end(page)


def test_a_muted_microphone_sends_nothing(page: Page, call: Call, agent: FakeAgent):
    stream = begin(page, call, agent)
    grows(page, stream)
    mute = page.get_by_role("button", name="Mute")
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    stays(page, stream)
    mute.click()
    grows(page, stream)
    end(page)


def test_another_microphone_and_the_volume_are_chosen_while_it_runs(
    page: Page, call: Call, agent: FakeAgent
):
    stream = begin(page, call, agent)
    page.get_by_text("Microphone and sound").click()
    microphone = page.get_by_label("Microphone", exact=True)
    until(page, lambda: microphone.locator("option").count() > 1)
    microphone.select_option(index=1)
    grows(page, stream)
    page.get_by_label("Volume of the agent").fill("0.25")
    page.reload()
    expect(page.get_by_label("Volume of the agent")).to_have_value("0.25")
    page.get_by_role("button", name="Start talking").click()
    end(page)


def test_a_hint_names_headphones_when_the_agent_was_interrupted_by_no_words(
    page: Page, call: Call, agent: FakeAgent
):
    stream = begin(page, call, agent)
    hint = page.get_by_text("Use headphones")
    stream.says("assistant", "Your order was sent on Monday.")
    stream.plays(VOICE)
    expect(sound(page)).to_have_attribute("data-sound", "playing")
    stream.tells("UserStartedSpeaking")
    expect(sound(page)).to_have_attribute("data-sound", "silent")
    expect(hint).to_be_hidden()
    stream.plays(VOICE)  # the rest: it was no interruption
    expect(hint).to_be_visible()
    end(page)


def test_no_hint_after_an_interruption_by_words(page: Page, call: Call, agent: FakeAgent):
    stream = begin(page, call, agent)
    stream.says("assistant", "Your order was sent on Monday.")
    stream.plays(VOICE)
    expect(sound(page)).to_have_attribute("data-sound", "playing")
    stream.tells("UserStartedSpeaking")
    stream.says("user", "I meant another one.")
    stream.says("assistant", "Which one?")
    stream.plays(VOICE)
    conversation = page.get_by_role("log")
    expect(conversation).to_contain_text("Which one?")
    expect(sound(page)).to_have_attribute("data-sound", "playing")
    expect(page.get_by_text("Use headphones")).to_be_hidden()
    assert conversation.locator("p").all_inner_texts() == [
        "Librarian\nYour order was sent on Monday.",
        "You\nI meant another one.",
        "Librarian\nWhich one?",
    ]
    end(page)


def test_the_cost_is_shown_while_the_call_runs(
    page: Page, call: Call, agent: FakeAgent, cast: Cast
):
    Budget.objects.create(project=cast.project, dollars=100, hour_price=36)
    begin(page, call, agent, "Without a microphone")
    expect(page.locator("[data-cost]")).to_have_text("about $0.03")  # after three seconds
    end(page)


def test_a_page_that_lost_its_connection_comes_back_to_the_call(
    page: Page, call: Call, agent: FakeAgent
):
    page.add_init_script(WATCHED)
    stream = begin(page, call, agent)
    stream.says("assistant", "Hello.")
    expect(page.get_by_role("log")).to_contain_text("Hello.")
    page.evaluate(CUT)
    stream.says("assistant", "Are you there?")
    expect(page.get_by_role("log")).to_contain_text("Are you there?")
    grows(page, stream)
    assert page.get_by_role("log").locator("p").count() == 1  # nothing twice
    assert len(agent.streams) == 1
    end(page)


def test_one_tab_at_a_time_has_the_call(
    visits: Visits, page: Page, call: Call, agent: FakeAgent, cast: Cast
):
    stream = begin(page, call, agent)
    second = visits.as_user(cast.ada)
    second.goto(call.get_absolute_url())
    second.get_by_role("button", name="Start talking").click()
    expect(second.get_by_role("alert")).to_contain_text("open in another tab")
    second.get_by_role("button", name="Continue in this tab").click()
    expect(second.get_by_role("button", name="End call")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("open in another tab")
    grows(second, stream)
    end(second)
