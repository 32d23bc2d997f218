"""Captions through the product, compared with the engine alone: the same speech, in turns.

Recordings of SPEECH_CORPUS are sent in real time to the socket of a page, and to the engine of
the same product. The end of a recording's speech is that of ``make bench live``.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from websockets.asyncio.client import connect

from engine.speech.audio.decode import RATE
from tests.bench.live import (
    CHUNK,
    SILENCE_SECONDS,
    Clip,
    Heard,
    captions,
    read_clips,
)
from tests.bench.results import Result, at_most
from tests.product import Member, Product
from tests.speech import pcm_bytes
from tests.wordserver import OFFSET, Page, start_pages

ROUNDS = 4  # the 95th percentile of fewer recordings is one of the two slowest


@dataclass(frozen=True)
class ProductEngine:
    """The engine in the box of a product."""

    socket_url: str
    key: str


async def shown(page: Page, port: int, clips: Sequence[Clip]) -> Heard:
    """Send ``clips`` in real time to the socket of a page; what its captions say, and when."""
    silence = np.zeros(round(SILENCE_SECONDS * RATE), np.float32)
    samples = np.concatenate([part for clip in clips for part in (clip.samples, silence)])
    heard, length = Heard(), 0
    for clip in clips:
        heard.ends.append((length + clip.speech_end) / RATE)
        length += len(clip.samples) + len(silence)
    base = f"127.0.0.1:{port}"
    headers = page.headers | {"Origin": f"http://{base}"}
    url = f"ws://{base}{page.path}listen?tab=1"
    async with connect(url, additional_headers=headers, compression=None) as socket:
        while json.loads(await socket.recv())["type"] != "Session":
            pass
        started = time.monotonic()

        async def read() -> None:
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "Caption" and message["kind"] == "text":
                    heard.told.append((time.monotonic() - started, message))

        reading = asyncio.create_task(read())
        for at in range(0, len(samples), CHUNK):
            await asyncio.sleep(max(0.0, started + (at + CHUNK) / RATE - time.monotonic()))
            await socket.send(OFFSET.pack(2 * at) + pcm_bytes(samples[at : at + CHUNK]))
        await socket.send(json.dumps({"type": "Stop"}))
        await reading
    return heard


def ended(heard: Heard) -> Iterator[tuple[float, float]]:
    """Yield when each ``speech_final`` with words arrived, and where its first word starts."""
    for at, message in heard.told:
        if message["type"] == "Caption" and message["ends"]:
            yield at, message["start"]
        elif message["type"] == "Results" and message["speech_final"]:
            for word in message["channel"]["alternatives"][0]["words"][:1]:
                yield at, word["start"]


def lags_of(heard: Heard) -> list[float]:
    """Return the lag of the last words of each recording.

    A caption's times are those of its words, a result's those of its audio: the words of both
    are compared, so that the same result is found on both ways.
    """
    finals = list(ended(heard))
    return [max(at for at, start in finals if start < end) - end for end in heard.ends]


def lags(product: Product, member: Member, clips: Sequence[Clip]) -> tuple[list[float], ...]:
    """Return the lags of ``speech_final`` at the engine alone and through the product."""
    engine = ProductEngine(
        f"ws://127.0.0.1:{product.engine_port}", (product.data / "engine.key").read_text().strip()
    )
    alone: list[float] = []
    through: list[float] = []
    for _ in range(ROUNDS):
        options = {"smart_format": "true", "punctuate": "true", "diarize": "true"}
        heard = asyncio.run(captions(engine, clips, utterance_end_ms=1_000, **options))
        alone += lags_of(heard)
        (page,) = start_pages(member, 1, b"", 0.0)
        through += lags_of(asyncio.run(shown(page, product.port, clips)))
    return alone, through


def run() -> Iterator[Result]:
    clips = read_clips()
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder))
        product.start()
        try:
            alone, through = lags(product, product.member(), clips)
        finally:
            product.stop()
    name = f"speech_final after the end, p95 of {len(through)}"
    yield Result(f"engine alone, {name}", float(np.percentile(alone, 95)), "s")
    yield Result(f"through the product, {name}", float(np.percentile(through, 95)), "s")
    ratio = float(np.percentile(through, 95) / np.percentile(alone, 95))
    yield at_most("through the product / engine alone", ratio, 1.05, "")
