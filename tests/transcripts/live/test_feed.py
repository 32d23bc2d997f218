"""Captions in memory for the pages of a session."""

import asyncio
import json

from transcripts.live.feed import RECENT_CAPTIONS, Feed


def test_a_page_gets_what_it_has_not_seen():
    feed = Feed(epoch=1, sequence=4)
    for sequence in (5, 6, 7):
        feed.add(sequence, {"index": sequence})
    assert [sequence for sequence, _ in feed.since(5)] == [6, 7]
    assert [json.loads(text) for _, text in feed.since(6)] == [{"index": 7}]
    assert feed.since(7) == []


def test_only_stored_captions_leave_the_memory():
    feed = Feed(epoch=1, sequence=0)
    for sequence in range(1, RECENT_CAPTIONS + 51):
        feed.add(sequence, {})
    feed.forget(stored=20)
    assert (feed.first, len(feed.since(0))) == (20, RECENT_CAPTIONS + 30)
    feed.forget(stored=RECENT_CAPTIONS + 50)
    assert (feed.first, len(feed.since(0))) == (50, RECENT_CAPTIONS)


async def test_every_page_wakes_at_a_change_and_none_without():
    feed = Feed(epoch=1, sequence=0)
    pages = [asyncio.create_task(feed.changed()) for _ in range(3)]
    await asyncio.sleep(0)
    feed.show_interim([])  # as before
    await asyncio.sleep(0)
    assert not any(page.done() for page in pages)
    feed.show_interim([{"speaker": 0, "text": "Good"}])
    await asyncio.gather(*pages)


async def test_a_page_that_takes_interim_words_at_once_is_woken_by_other_changes_alone():
    feed = Feed(epoch=1, sequence=0)
    taken: list[str] = []

    def take(interim: str) -> bool:
        taken.append(interim)
        return len(taken) < 3

    page = asyncio.create_task(feed.changed(take))
    await asyncio.sleep(0)
    for text in ("Good", "Good morning"):
        feed.show_interim([{"speaker": 0, "text": text}])
    await asyncio.sleep(0)
    assert not page.done()
    feed.show_interim([])  # not taken
    await page

    page = asyncio.create_task(feed.changed(take))
    await asyncio.sleep(0)
    feed.add(1, {"index": 0})
    feed.show_interim([{"speaker": 0, "text": "After the caption"}])
    await page
    assert len(taken) == 3
