"""Captions to a page: those it has missed, then each as it comes."""

import asyncio
import time
from uuid import UUID

from transcripts.consumers.sockets import Code, PageSocket
from transcripts.live.feed import Feed, encode
from transcripts.live.models import Caption

ROWS_AT_ONCE = 500


async def follow(
    socket: PageSocket, feed: Feed, pk: UUID, epoch: str, after: str, rest: float = 0.0
) -> None:
    """Send captions to ``socket`` until the session ends or is served elsewhere.

    Changes within ``rest`` seconds of the last are sent together, so that many pages cost little.

    ``after`` and ``epoch`` are those of the last caption that the page has. Captions of another
    epoch may not have been stored before that process ended: all are sent again.
    """
    seen, shown = _seen(feed, epoch, after), ("", "", "")

    def take(interim: str) -> bool:
        nonlocal shown
        if not socket.send_at_once(interim):
            return False
        shown = (shown[0], interim, shown[2])
        return True

    await socket.tell(type="Start", epoch=feed.epoch, after=seen)
    while True:
        while seen < feed.first:
            rows = await socket.in_thread(older, pk, seen, feed.first)
            for _, text in rows:
                await socket.send_text(text)
            seen = rows[-1][0] if rows else feed.first
        for sequence, text in feed.since(seen):
            await socket.send_text(text)
            seen = sequence
        present = (feed.names, feed.interim, feed.progress)
        for before, message in zip(shown, present, strict=True):
            if before != message:
                await socket.send_text(message)
        shown = present
        if feed.is_lost:
            return
        if seen >= feed.sequence:
            if feed.ending:
                await socket.send_text(feed.ending)
                await socket.close(Code.ENDED)
                return
            if shown == (feed.names, feed.interim, feed.progress):
                sent = time.monotonic()
                await feed.changed(None if rest else take)
                if (left := sent + rest - time.monotonic()) > 0:
                    await asyncio.sleep(left)


def older(pk: UUID, after: int, until: int) -> list[tuple[int, str]]:
    """Read captions that are no longer in memory, encoded as the others."""
    captions = Caption.objects.filter(session=pk, sequence__lte=until).after(after)
    return [(each.sequence, encode(each.shown())) for each in captions[:ROWS_AT_ONCE]]


def _seen(feed: Feed, epoch: str, after: str) -> int:
    if epoch != str(feed.epoch) or not (after.isascii() and after.isdigit()):
        return 0
    return min(int(after[:10]), feed.sequence)
