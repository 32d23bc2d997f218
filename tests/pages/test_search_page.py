"""Searching as one types, in Chromium."""

import re

import pytest
from playwright.sync_api import expect

from tests.pages.cast import Cast, transcribe
from tests.pages.patience import until


def test_results_follow_what_one_types_and_the_address_with_them(page, cast: Cast):
    cast.transcribed("Keeper")
    page.goto("/search/")
    page.get_by_label("Search every transcript").last.press_sequentially("lower road")
    expect(page.locator(".search-count")).to_have_text("1 result in 1 recording")
    expect(page.locator("mark")).to_have_text(["lower", "road"])
    expect(page).to_have_url(re.compile(r"/search/\?q=lower\+road$"))
    page.reload()
    expect(page.locator("[data-hit]")).to_have_count(1)
    page.get_by_label("Search every transcript").last.fill("nobody said this")
    expect(page.get_by_text("No results for “nobody said this”")).to_be_visible()


def test_a_phrase_across_utterances_is_marked_and_opened_where_it_begins(page, cast: Cast):
    cast.transcribed("Keeper")
    page.goto("/search/")
    page.get_by_label("Search every transcript").last.fill('"in the end he took it"')
    expect(page.locator(".search-count")).to_have_text("1 result in 1 recording")
    expect(page.locator("mark")).to_have_text(["in the end? He took it"])
    page.locator("[data-hit-link]").click()
    expect(page.locator(".spoken")).to_have_text("in")
    expect(page.locator("[data-utterance='3'] .spoken")).to_be_in_viewport()


def test_words_far_apart_are_found_together(page, cast: Cast):
    cast.transcribed("Keeper", utterances=14)
    page.goto("/search/?q=dark+pier")
    expect(page.locator("mark")).to_have_text(["pier", "dark"])
    expect(page.locator(".search-count")).to_have_text("1 result in 1 recording")


def test_hits_are_grouped_by_recording_and_narrowed_to_a_project(page, cast: Cast):
    cast.transcribed("One")
    cast.transcribed("Two", project=cast.second, utterances=14)
    page.goto("/search/?q=clock")
    expect(page.locator(".group-head h2")).to_have_text(["Two", "One"])
    expect(page.locator("[data-hit]")).to_have_count(3)
    page.get_by_label("Project", exact=True).select_option("Interviews")
    expect(page.locator(".group-head h2")).to_have_text(["One"])
    expect(page).to_have_url(re.compile(f"project={cast.project.pk}"))
    page.get_by_label("Order").select_option("relevance")
    expect(page).to_have_url(re.compile("order=relevance"))


def test_more_follows_where_the_list_ended(page, cast: Cast):
    cast.transcribed(utterances=7 * 30)
    page.goto("/search/?q=clock")
    expect(page.locator("[data-hit]")).to_have_count(20)
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("[data-hit]")).to_have_count(30)
    starts = page.locator("[data-hit]").evaluate_all("hits => hits.map(hit => hit.dataset.start)")
    assert len(set(starts)) == 30
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)


def test_a_hit_is_heard_where_it_stands(page, cast: Cast):
    cast.transcribed()
    page.goto("/search/?q=clock")
    hit = page.locator("[data-hit]").first
    start = float(hit.get_attribute("data-start"))
    hit.get_by_role("button").click()
    expect(hit).to_have_class(re.compile("playing"))
    heard = "document.querySelector('[data-hit-audio]').currentTime"
    until(page, lambda: page.evaluate(heard) > start - 0.3)
    hit.get_by_role("button").click()
    expect(hit).not_to_have_class(re.compile("playing"))
    assert page.evaluate("document.querySelector('[data-hit-audio]').paused")
    assert "/search/" in page.url


def test_arrows_walk_and_enter_opens_the_recording_there(page, cast: Cast):
    recording = cast.transcribed()
    transcribe(recording, 14)
    page.goto("/search/?q=clock")
    page.get_by_label("Search every transcript").last.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("[data-hit]").nth(1)
    expect(second.locator("[data-hit-link]")).to_be_focused()
    start = float(second.get_attribute("data-start"))
    page.keyboard.press("Enter")
    word = page.locator(".spoken")
    expect(word).to_have_text("clock")
    assert abs(float(word.get_attribute("data-at")) - start) < 0.01


@pytest.mark.slow
def test_odd_queries_are_answered_with_a_page(client, cast: Cast):
    cast.transcribed()
    client.force_login(cast.ada)
    odd = ('"', "NEAR(", "*", "col:", "a" * 10_000, "🎙", "\0", "' OR 1=1 --", "word " * 3000, "%")
    for query in odd:
        for path in ("/search/", "/search/results/"):
            response = client.get(path, {"q": query})
            assert response.status_code == 200, query
    for cursor in ("x", "AAAA", "W10", "%00"):
        response = client.get("/search/results/", {"q": "clock", "cursor": cursor})
        assert response.status_code == 200
