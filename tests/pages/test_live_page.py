"""The page of a live session in Chromium, with a speech server that says nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.debian import found, needed
from tests.pages.cast import Cast
from tests.pages.conftest import Visits
from tests.pages.patience import until
from tests.transcripts.live.conftest import make_session
from tests.transcripts.live.server import FakeServer
from transcripts.live import serving
from transcripts.live.audio import BYTES_PER_SECOND, HEADER_BYTES
from transcripts.live.models import LiveSession

pytestmark = pytest.mark.full

FRAME_BYTES = 2_560
WATCHED = """
  window.contexts = [];
  window.AudioContext = class extends AudioContext {
    constructor(...options) { super(...options); contexts.push(this); }
  };
  const open = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (...options) {
    const stream = await open.apply(this, options);
    window.track = stream.getAudioTracks()[0];
    return stream;
  };
  window.locks = [];
  Object.defineProperty(navigator, "wakeLock", { value: {
    request: async () => { locks.push({ released: false }); return locks.at(-1); },
  }});
  window.sockets = [];
  window.isCut = false;
  class Dead {
    readyState = WebSocket.CLOSED;
    bufferedAmount = 0;
    constructor() { setTimeout(() => this.onclose?.({ code: 1006, reason: "" }), 10); }
    close() {}
  }
  window.WebSocket = new Proxy(WebSocket, { construct: (Real, options) => {
    sockets.push(isCut ? new Dead() : new Real(...options));
    return sockets.at(-1);
  }});
"""
# A tab that is shared: browsers ask for one after a click alone.
SHARED = """
  MediaDevices.prototype.getDisplayMedia = async () => {
    if (!navigator.userActivation.isActive) throw new DOMException("no click", "InvalidStateError");
    const context = new AudioContext();
    const tone = context.createOscillator();
    const sound = context.createMediaStreamDestination();
    tone.connect(sound);
    tone.start();
    const picture = document.createElement("canvas").captureStream(1);
    window.shared = new MediaStream([...sound.stream.getTracks(), ...picture.getTracks()]);
    return shared;
  };
"""
# Another tab, which sounds.
TITLE = "Tab that sounds"
HERTZ = 1_000
SOUNDS = """async ([title, hertz]) => {
  document.title = title;
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: hertz });
  tone.connect(context.destination);
  tone.start();
  await context.resume();
}"""
# getUserMedia waits for a call of give().
WITHHELD = """
  const given = new Promise((done) => (window.give = done));
  const open = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (...options) {
    await given;
    return open.apply(this, options);
  };
"""
# A microphone that is unplugged while the page opens it.
UNPLUGGED = """
  const open = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = async function (...options) {
    const stream = await open.apply(this, options);
    for (const track of stream.getTracks()) track.stop();
    return stream;
  };
"""
INTERRUPT = """(may) => {
  const context = contexts.at(-1);
  window.state = "interrupted";
  window.mayResume = may;
  Object.defineProperty(context, "state", { get: () => window.state, configurable: true });
  context.resume = async () => { if (window.mayResume) window.state = "running"; };
  context.dispatchEvent(new Event("statechange"));
}"""
FILL = """async ([session, frames, size]) => {
  const opening = indexedDB.open("earshot-live", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("audio");
  const database = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  const change = database.transaction("audio", "readwrite");
  for (let number = 0; number < frames; number++) {
    const audio = new Uint8Array(size).fill(number % 251);
    const offset = number * size;
    change.objectStore("audio").put({ offset, audio }, [session, offset]);
  }
  await new Promise((done) => (change.oncomplete = done));
  database.close();
}"""
KEPT = """async () => {
  const opening = indexedDB.open("earshot-live", 1);
  const database = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  const counting = database.transaction("audio").objectStore("audio").count();
  const count = await new Promise((done) => (counting.onsuccess = () => done(counting.result)));
  database.close();
  return count;
}"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> None:
    """Audio in a folder of the test, stored at once, and a speech server that says nothing."""
    settings.DATA = tmp_path / "data"
    monkeypatch.setattr(serving.runs, "opens", FakeServer().open)
    monkeypatch.setattr(serving, "STORE_SECONDS", 0.05)


@pytest.fixture
def speaking(page: Page, cast: Cast) -> Page:
    """A page whose microphone is on."""
    page.add_init_script(WATCHED)
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(state(page)).to_have_text("Listening")
    return page


def state(page: Page):
    return page.locator("[data-state]").last


def stored(session: LiveSession) -> int:
    return max(0, session.path.stat().st_size - HEADER_BYTES) if session.path.exists() else 0


def elapsed(page: Page) -> int:
    minutes, seconds = page.locator("[data-elapsed]").inner_text().split(":")
    return 60 * int(minutes) + int(seconds)


def grows(page: Page, size: Callable[[], int]) -> None:
    before = size()
    until(page, lambda: size() > before)


def test_the_page_listens_once_the_browser_gives_the_microphone(page: Page, cast: Cast):
    page.add_init_script(WITHHELD)
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_role("button", name="Start").click()
    expect(state(page)).to_have_text("Opening the microphone…")
    expect(page.locator("[data-state=hearing]")).to_have_count(0)
    page.evaluate("give()")
    expect(state(page)).to_have_text("Listening")
    expect(page.locator("[data-state=hearing]")).to_have_count(1)


def test_a_microphone_that_is_lost_while_it_is_opened_is_said(page: Page, cast: Cast):
    page.add_init_script(UNPLUGGED)
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_role("button", name="Start").click()
    expect(state(page)).to_have_text("The microphone was disconnected.")
    expect(page.get_by_text("cannot be used")).to_be_hidden()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_microphone_that_the_browser_gives_after_stop_is_closed_without_an_error(
    page: Page, cast: Cast
):
    page.add_init_script(WATCHED)
    page.add_init_script(WITHHELD)
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_role("button", name="Start").click()
    expect(state(page)).to_have_text("Opening the microphone…")
    page.route("**/live/", lambda route: route.fulfill(status=204))  # the page stays
    with page.expect_request("**/live/"):
        page.get_by_role("button", name="Stop").click()
    page.evaluate("give()")
    until(page, lambda: page.evaluate("window.track?.readyState") == "ended")
    expect(page.get_by_text("cannot be used")).to_be_hidden()


def test_a_muted_and_a_lost_microphone_are_said(speaking: Page):
    speaking.evaluate("track.dispatchEvent(new Event('mute'))")
    expect(state(speaking)).to_contain_text("muted by the system")
    speaking.evaluate("track.dispatchEvent(new Event('unmute'))")
    expect(state(speaking)).to_have_text("Listening")
    speaking.evaluate("track.dispatchEvent(new Event('ended'))")
    expect(state(speaking)).to_have_text("The microphone was disconnected.")
    expect(speaking.get_by_role("button", name="Start")).to_be_visible()


def test_audio_that_the_system_interrupted_is_resumed(speaking: Page):
    speaking.evaluate(INTERRUPT, False)
    expect(state(speaking)).to_contain_text("The system has interrupted the microphone")
    speaking.evaluate("mayResume = true; contexts.at(-1).dispatchEvent(new Event('statechange'))")
    expect(state(speaking)).to_have_text("Listening")
    # The page was hidden during the call.
    speaking.evaluate(INTERRUPT, False)
    speaking.evaluate("mayResume = true; document.dispatchEvent(new Event('visibilitychange'))")
    expect(state(speaking)).to_have_text("Listening")


def test_the_screen_stays_on_after_the_page_was_hidden(speaking: Page):
    until(speaking, lambda: speaking.evaluate("locks.length") == 1)
    speaking.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert speaking.evaluate("locks.length") == 1
    speaking.evaluate("locks[0].released = true")  # by the browser, with the page
    speaking.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(speaking, lambda: speaking.evaluate("locks.length") == 2)


def test_audio_of_an_outage_is_kept_in_the_browser_and_sent_afterwards(speaking: Page):
    session = LiveSession.objects.get()
    grows(speaking, lambda: stored(session))
    speaking.evaluate("isCut = true; sockets.at(-1).close()")
    expect(state(speaking)).to_contain_text("of audio is kept in this browser")
    before = stored(session)
    grows(speaking, lambda: elapsed(speaking))
    assert stored(session) == before
    assert speaking.evaluate(KEPT) > 0
    spoken = elapsed(speaking)
    speaking.evaluate("isCut = false; dispatchEvent(new Event('online'))")
    until(speaking, lambda: stored(session) >= spoken * BYTES_PER_SECOND)
    until(speaking, lambda: speaking.evaluate(KEPT) < 20)
    expect(state(speaking)).to_have_text("Listening")


def test_the_last_samples_before_a_stop_are_stored(speaking: Page):
    session = LiveSession.objects.get()
    grows(speaking, lambda: stored(session))
    speaking.get_by_role("button", name="Stop").click()
    speaking.wait_for_url("**/recordings/*/")
    session.refresh_from_db()
    assert session.audio_bytes >= stored(session)
    assert session.recording.duration == session.audio_bytes / BYTES_PER_SECOND


def test_ten_minutes_without_a_network_are_sent_when_the_page_is_opened(page: Page, cast: Cast):
    frames = 600 * BYTES_PER_SECOND // FRAME_BYTES
    session = make_session(cast.project, cast.ada, epoch=1)
    page.goto("/live/")
    page.evaluate(FILL, [str(session.pk), frames, FRAME_BYTES])
    page.goto(session.get_absolute_url())
    until(page, lambda: stored(session) == frames * FRAME_BYTES)
    audio = np.frombuffer(session.path.read_bytes()[HEADER_BYTES:], np.uint8)
    expected = np.repeat(np.arange(frames) % 251, FRAME_BYTES)
    assert (audio == expected).all()
    until(page, lambda: page.evaluate(KEPT) == 0)


def test_the_sound_of_a_shared_tab_is_the_source(page: Page, cast: Cast):
    page.add_init_script(SHARED)
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_label("Source").select_option("tab")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Share a tab").click()
    expect(state(page)).to_have_text("Listening")
    assert page.evaluate("shared.getVideoTracks().some((track) => track.enabled)") is False
    session = LiveSession.objects.get()
    until(page, lambda: stored(session) > BYTES_PER_SECOND)
    samples = np.frombuffer(session.path.read_bytes()[HEADER_BYTES:][:BYTES_PER_SECOND], "<i2")
    assert np.abs(samples).max() > 1_000


@pytest.fixture
def sharing(chromium: Browser, visits: Visits, cast: Cast) -> Iterator[BrowserContext]:
    """A browser of Ada's that shares the tab with the title ``TITLE`` without asking."""
    program = needed("Chromium", "chromium", lambda: found("chromium", "chromium-browser"))
    browser = chromium.browser_type.launch(
        executable_path=program,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--autoplay-policy=no-user-gesture-required",
            f"--auto-select-tab-capture-source-by-title={TITLE}",
        ],
        ignore_default_args=["--mute-audio"],
    )
    context = browser.new_context(base_url=visits.site.url)
    cookie = {"name": "sessionid", "value": visits.session_of(cast.ada), "url": visits.site.url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    yield context
    browser.close()


def test_the_sound_of_another_tab_is_stored(sharing: BrowserContext, cast: Cast):
    other = sharing.new_page()
    other.goto("/search/")  # its cookie is there before the other tab has a form
    other.evaluate(SOUNDS, [TITLE, HERTZ])
    page = sharing.new_page()
    page.goto(f"/live/?project={cast.project.pk}")
    page.get_by_label("Source").select_option("tab")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Share a tab").click()
    expect(state(page)).to_have_text("Listening")
    session = LiveSession.objects.get()
    until(page, lambda: stored(session) > 3 * BYTES_PER_SECOND)
    heard = session.path.read_bytes()[HEADER_BYTES:][2 * BYTES_PER_SECOND : 3 * BYTES_PER_SECOND]
    samples = np.frombuffer(heard, "<i2")
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.abs(samples).max() > 1_000
    assert abs(int(spectrum.argmax()) - HERTZ) <= 5
