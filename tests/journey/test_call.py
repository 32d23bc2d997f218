"""Calls with voice agents in a real browser: Chromium hears a file as its microphone."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.engine.languagemodel import LanguageModel, call
from tests.engine.languagemodel import say as write
from tests.journey.browsers import launch, opened
from tests.journey.test_speak import LISTENER, SAMPLES
from tests.product import Member, Product, until
from tests.speech import Samples, join, say, wav_bytes

QUESTION = "Who said something about the lighthouse keeper?"
INTERRUPTION = "Please stop, I have another question."
REQUEST = "Tell me a story."
# More than a minute of speech: the agent still speaks when it is interrupted.
STORY = " ".join(
    f"The {number} passengers who were still awake at that hour of the night stood on the deck "
    "and looked at the lighthouse until its light could not be seen from the ship any more."
    for number in range(2, 12)
)
# Counts sounds that are stopped, and knows when all that was given to the loudspeaker is over.
STOPS = """() => {
  window.stopped = 0;
  window.sound = null;
  const { start, stop } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (at) {
    window.sound = { context: this.context, end: at + this.buffer.duration };
    return start.call(this, at);
  };
  AudioBufferSourceNode.prototype.stop = function () {
    window.stopped += 1;
    return stop.call(this);
  };
}"""
UNHEARD_SECONDS = "window.sound ? window.sound.end - window.sound.context.currentTime : 0"
WAIT_MS = 120_000
# An agent whose language model is the test's, and whose function gets its result by hand.
AGENT = """
from management.models import Project
from transcripts.agents.defaults import default_configuration
from transcripts.agents.models import Agent
made = default_configuration()
settings = made["settings"] | {{
    "greeting": "",
    "think": {{
        "provider": {{"type": "open_ai", "model": "stub"}},
        "endpoint": {{"url": "{url}"}},
    }},
}}
weather = {{"name": "weather", "description": "The weather of a city", "answered_by": "hand"}}
agent = Agent.objects.create(project=Project.objects.first(), name="{name}")
agent.add_version(settings=settings, functions=[weather], variables={{}})
"""


@pytest.fixture(autouse=True)
def recorded(ada: Member, talk: Path) -> int:
    """A recording about the lighthouse keeper, which the librarian finds."""
    recording = ada.upload(talk, name="Harbour.wav").recording
    ada.transcript(recording)
    return recording


@contextmanager
def talking(product: Product, ada: Member, spoken: Path, *, loops: bool) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = launch(playwright, spoken, loops=loops)
        with opened(browser, product, ada) as page:
            page.on("dialog", lambda dialog: dialog.accept())
            page.add_init_script(LISTENER)
            yield page
        browser.close()


def make_agent(product: Product, model: LanguageModel, name: str) -> None:
    code = AGENT.format(url=model.url, name=name)
    made: subprocess.CompletedProcess[str] = product.manage("shell", "-c", code)
    assert made.returncode == 0, made.stderr


def microphone(path: Path, *parts: Samples | float) -> Path:
    path.write_bytes(wav_bytes(join(*parts)))
    return path


def begin(page: Page, agent: str = "Librarian", button: str = "Start talking") -> None:
    page.goto("/agents/")
    page.get_by_role("button", name=f"Talk to {agent}").click()
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name="End call")).to_be_visible()


def end(page: Page) -> str:
    """End the call; return the address of its record."""
    address = page.url
    page.get_by_role("button", name="End call").click()
    expect(page.get_by_role("link", name="Transcript")).to_be_visible(timeout=WAIT_MS)
    return address


def messages(ada: Member, address: str) -> list[dict[str, Any]]:
    text = ada.http.get(f"{address}messages/").text
    return [json.loads(line) for line in text.splitlines()]


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.lower()))


def heard_text(page: Page, ada: Member, path: Path) -> str:
    """Return the words of what the page gave to its loudspeaker."""
    heard = np.array(page.evaluate(SAMPLES), np.float32) / np.float32(32_768)
    path.write_bytes(wav_bytes(heard, 24_000))
    made = ada.transcript(ada.upload(path).recording)
    return words(" ".join(each["text"] for each in made["utterances"]))


def test_a_spoken_question_is_answered_in_sound_from_the_library(product, ada, recorded, tmp_path):
    spoken = microphone(tmp_path / "question.wav", 1.0, say(QUESTION), 60.0)
    with talking(product, ada, spoken, loops=False) as page:
        begin(page)
        conversation = page.get_by_role("log")
        expect(conversation).to_contain_text("lighthouse keeper", timeout=WAIT_MS)
        expect(conversation).to_contain_text("since Tuesday", timeout=WAIT_MS)
        expect(page.locator("[data-call]")).to_have_attribute("data-sound", "playing")
        # A busy engine makes the sentences of a reply one by one, with silence between them.
        until(
            lambda: (
                "lighthouse keeper since tuesday" in heard_text(page, ada, tmp_path / "heard.wav")
            ),
            WAIT_MS / 1000,
            "the reply is heard whole",
        )
        address = end(page)
        record = page.locator("[data-wire]")
        expect(record.get_by_role("heading", name="Latency of each turn")).to_be_visible()
        expect(record.get_by_role("heading", name="Function calls")).to_be_visible()
        page.get_by_label("Type of message").select_option("FunctionCallRequest")
        shown = record.get_by_label("Messages in order").get_by_role("listitem")
        requests = messages_of(ada, address, "FunctionCallRequest")
        expect(shown).to_have_count(len(requests))
        at = requests[0]["at"]
        shown.locator("summary").first.click()
        until(
            lambda: abs(page.evaluate("document.querySelector('audio').currentTime") - at) < 0.1,
            60,
            "the player is at the message",
        )
        page.get_by_role("link", name="Transcript").click()
        recording = int(page.url.rstrip("/").rpartition("/")[2])
    found_by = ada.get("/search/results/?q=%22about+the+lighthouse+keeper%22")
    assert f"/recordings/{recording}/" in found_by
    speakers = {each["speaker_name"] for each in ada.transcript(recording)["utterances"]}
    assert speakers == {"You", "Librarian"}
    # The same question again, at each speed of the caller.
    for speed in ("1", "2", "4"):
        options = ("--agent", "Librarian", "--expect", "since Tuesday", "--speed", speed)
        done = product.manage("replaycalls", *options, address)
        assert done.returncode == 0, done.stdout + done.stderr


def messages_of(ada: Member, address: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in messages(ada, address) if each["kind"] == kind]


def test_speech_over_the_agent_stops_its_sound(product, ada, model, tmp_path):
    make_agent(product, model, "Storyteller")
    model.respond = lambda body: write(STORY)
    spoken = microphone(tmp_path / "interruption.wav", say(INTERRUPTION), 0.2)
    with talking(product, ada, spoken, loops=True) as page:
        begin(page, "Storyteller")
        address = page.url
        mute = page.get_by_role("button", name="Mute")
        mute.click()
        page.evaluate(STOPS)
        stops: list[int] = []

        def interrupt() -> bool:
            """Speak while the agent speaks, and mute the microphone within the sentence.

            The agent may just be at the end of a piece of its sound, or the microphone be muted
            before there is a word.
            """
            page.get_by_label("Write instead of speaking").fill(REQUEST)
            page.get_by_role("button", name="Send", exact=True).click()
            until(lambda: page.evaluate(UNHEARD_SECONDS) > 0.4, WAIT_MS / 1000, "the agent speaks")
            heard = len(messages_of(ada, address, "UserStartedSpeaking"))
            page.evaluate("window.stopped = 0")
            mute.click()
            until(
                lambda: len(messages_of(ada, address, "UserStartedSpeaking")) > heard,
                WAIT_MS / 1000,
                "speech is heard",
            )
            stops.append(page.evaluate("window.stopped"))
            ended = len(messages_of(ada, address, "ForceEndTurn"))
            mute.click()
            until(
                lambda: len(messages_of(ada, address, "ForceEndTurn")) > ended,
                WAIT_MS / 1000,
                "the turn is ended",
            )
            return any(stops) and all((heard_words(ada, address), cut_stretches(ada, address)))

        until(interrupt, 600, "sound is stopped, its rest not recorded, and the turn over")
        end(page)


def heard_words(ada: Member, address: str) -> list[str]:
    """Return what the user has said, without what was written."""
    texts = [each["body"] for each in messages_of(ada, address, "ConversationText")]
    said = [each["content"] for each in texts if each["role"] == "user"]
    return [each for each in said if each != REQUEST]


def cut_stretches(ada: Member, address: str) -> list[dict[str, Any]]:
    """Return the stretches of the agent's audio that ended before all of them was heard."""
    stretches = [each["body"] for each in messages_of(ada, address, "Audio")]
    return [each for each in stretches if each["end"] - each["start"] < each["seconds"] - 0.1]


def test_a_function_is_answered_by_hand_and_the_turn_in_writing(
    product: Product, ada: Member, model: LanguageModel, tmp_path: Path
):
    make_agent(product, model, "Weather")
    replies = iter([call("weather", {"city": "London"}, "a"), write("It is sunny in London.")])
    model.respond = lambda body: next(replies)
    silence = microphone(tmp_path / "silence.wav", 5.0)
    with talking(product, ada, silence, loops=True) as page:
        begin(page, "Weather", "Without a microphone")
        page.get_by_label("Write instead of speaking").fill("Do I need an umbrella?")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.get_by_role("heading", name="The agent calls weather")).to_be_visible(
            timeout=WAIT_MS
        )
        expect(page.locator(".asked pre")).to_contain_text('"city": "London"')
        page.get_by_label("Result").fill("sunny")
        page.get_by_role("button", name="Send result").click()
        expect(page.get_by_role("log")).to_contain_text("It is sunny in London.", timeout=WAIT_MS)
        expect(page.locator("[data-call]")).to_have_attribute("data-sound", "playing")
        page.get_by_role("button", name="Stop voice").click()
        expect(page.locator("[data-call]")).to_have_attribute("data-sound", "silent")
        address = end(page)
    assert model.bodies[-1]["messages"][-1]["content"] == "sunny"
    (response,) = messages_of(ada, address, "FunctionCallResponse")
    assert (response["direction"], response["body"]["content"]) == ("up", "sunny")
