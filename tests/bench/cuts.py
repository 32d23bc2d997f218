"""Outages of the speech server and of the browser's network, ten sessions at a time.

The speech is made up and in real time; a server that knows it responds. After each outage every
byte of audio, every word, its time and its speaker are compared with what was spoken.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.results import Result, at_most
from tests.product import Member, Product
from tests.speechclient.simulated import WORD_START, speaker_of
from tests.wordserver import BYTES_PER_SECOND, Page, WordServer, speech, start_pages

LENGTHS = (1, 10, 60, 120)
TIMES = 10
BEFORE_SECONDS, AFTER_SECONDS = 8, 8
PIECE_SECONDS = 0.1
# A server is sent 1.25 times real time: the audio of an outage takes as long again and more.
CATCH_UP_SECONDS = 300.0


class Network:
    """Connections of the pages to Earshot, or of Earshot to the speech server."""

    def __init__(self, server: WordServer, pages: list[Page], *, is_upstream: bool) -> None:
        self.server, self.pages = server, pages
        self.is_upstream = is_upstream
        self.is_away = False

    async def cut(self, seconds: float) -> None:
        await asyncio.sleep(BEFORE_SECONDS)
        if self.is_upstream:
            self.server.leave()
        else:
            self.is_away = True
            for page in self.pages:
                if page.socket is not None:
                    page.socket.transport.abort()
        await asyncio.sleep(seconds)
        self.server.is_away = self.is_away = False

    async def serve(self, page: Page, port: int) -> None:
        deadline = asyncio.get_running_loop().time() + CATCH_UP_SECONDS
        words = len(page.audio) // BYTES_PER_SECOND

        def may_stop() -> bool:
            is_late = asyncio.get_running_loop().time() > deadline
            return len(page.texts) >= words or is_late

        while not page.recording:
            if self.is_away:
                await asyncio.sleep(0.1)
            else:
                await page.serve(port, may_stop)


async def spoken(network: Network, port: int, seconds: float) -> None:
    await asyncio.gather(
        network.cut(seconds),
        *(page.speak() for page in network.pages),
        *(network.serve(page, port) for page in network.pages),
    )


def run() -> Iterator[Result]:
    server = WordServer()
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder), **server.environ)
        try:
            product.start()
            member = product.member()
            for is_upstream in (True, False):
                for seconds in LENGTHS:
                    yield from after_a_cut(product, member, server, seconds, is_upstream)
        finally:
            product.stop()
            server.close()


def after_a_cut(
    product: Product, member: Member, server: WordServer, seconds: int, is_upstream: bool
) -> Iterator[Result]:
    audio = speech(BEFORE_SECONDS + seconds + AFTER_SECONDS)
    pages = start_pages(member, TIMES, audio, PIECE_SECONDS)
    network = Network(server, pages, is_upstream=is_upstream)
    asyncio.run(spoken(network, product.port, seconds))
    name = f"{TIMES} cuts of {seconds} s {'upstream' if is_upstream else 'of the browser'}"
    lost = sum(lost_seconds(page, product.port) for page in pages)
    yield at_most(f"{name}, audio lost", lost, 0, "s")
    words = [str(second) for second in range(len(audio) // BYTES_PER_SECOND)]
    wrong = sum(page.texts != words for page in pages)
    yield at_most(f"{name}, sessions with other words", wrong, 0, "")
    yield at_most(f"{name}, times off by", max(map(latest_ms, pages)), 50, "ms")
    yield at_most(f"{name}, captions of another speaker", sum(map(misattributed, pages)), 0, "")


def lost_seconds(page: Page, port: int) -> float:
    """Return the seconds of the page's audio that are not in its recording."""
    audio = page.stored(port)
    if audio == page.audio:
        return 0.0
    same = sum(one == other for one, other in zip(audio, page.audio, strict=False))
    return (len(page.audio) - same) / BYTES_PER_SECOND


def latest_ms(page: Page) -> float:
    """Return the largest error of a caption's start."""
    return max(
        abs(caption["start"] - int(caption["text"].split()[0]) - WORD_START) * 1_000
        for caption in page.captions.values()
        if caption["text"]
    )


def misattributed(page: Page) -> int:
    """Return the captions whose speaker is not that of the first caption of the same voice."""
    numbers: dict[int, int] = {}
    wrong = 0
    for _, caption in sorted(page.captions.items()):
        if caption["text"]:
            voice = speaker_of(int(caption["text"].split()[0]))
            wrong += numbers.setdefault(voice, caption["speaker"]) != caption["speaker"]
    return wrong
