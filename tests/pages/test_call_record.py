"""The record of a call in a real browser."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.pages.cast import Cast
from tests.pages.patience import until

pytestmark = pytest.mark.full


def test_the_record_has_latencies_and_the_cost_of_each_turn(page: Page, cast: Cast):
    began = timezone.now() - timedelta(hours=1)
    call = cast.ended_call(
        cast.transcribed(), started_at=began, ended_at=began + timedelta(minutes=6), dollars=0.9
    )
    page.goto(call.get_absolute_url())
    turn = page.locator("[data-turns] li")
    expect(turn.locator("strong")).to_have_text("1.40 s")
    expect(turn).to_contain_text("words 0.60 s, first token 0.50 s, first audio 0.30 s")
    expect(turn).to_contain_text("about $0.0100")  # 4 s until the last message, at $9 an hour
    note = page.get_by_text("sends no tokens of the language model")
    expect(note).to_be_visible()
    usage = {"content": {"usage": {"prompt_tokens": 120, "completion_tokens": 30}}}
    for sequence in (21, 22):
        kind = "__customFromThinkProvider"
        call.events.create(sequence=sequence, at=9.0, direction="down", kind=kind, body=usage)
    page.reload()
    expect(turn).to_contain_text(re.compile("240 tokens read, 60 written"))
    expect(note).to_be_hidden()


def test_a_message_of_the_record_opens_its_moment_in_the_audio(page: Page, cast: Cast):
    page.goto(cast.ended_call(cast.transcribed()).get_absolute_url())
    messages = page.get_by_label("Messages in order").get_by_role("listitem")
    expect(messages.first).to_be_visible()
    page.get_by_label("Type of message").select_option("AgentYawned")
    expect(messages).to_have_count(1)
    messages.locator("summary").click()
    expect(messages.locator("pre")).to_contain_text('"depth": 3')
    until(page, lambda: abs(page.evaluate("document.querySelector('audio').currentTime") - 9) < 0.1)
