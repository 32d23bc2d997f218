"""Many calls at once: who is let in, who is told to wait, and what the others notice.

    python -m tests.bench.load

An engine that takes 10 recordings at once gets 50 within a second. The first 10 are to
be let in and the rest refused with 429; each that was refused tries again, as the SDKs do, until
it is done. Meanwhile the account is read, texts are analysed and spoken. Then comes one call of
each kind with hours of speech in it. `/healthz` tells how long the event loop stood still.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from engine.runtime.loop_lag import Pulse
from tests.bench.results import Result, at_least, at_most
from tests.engine.engine import Engine, start_engine
from tests.speech import join, say, wav_bytes

CALLS = 50
PLACES = 10
APART_SECONDS = 0.02  # enough for calls to arrive in the order in which they were sent
SENTENCE = "The quick brown fox jumps over the lazy dog, and she sells sea shells on the shore."
EVERYTHING = {
    "diarize_model": "latest",
    "smart_format": "true",
    "utterances": "true",
    "paragraphs": "true",
    "detect_entities": "true",
    "redact": "numbers",
}
INSIGHTS = {"summarize": "true", "topics": "true", "intents": "true", "sentiment": "true"}
HOURS = 3
SAID = (
    "We should move the launch of the ferry line to Monday.",
    "I am worried that the pier will not be ready in time.",
    "Could you send the draft to the council before Wednesday?",
    "That is wonderful news, thank you so much.",
    "Tickets cost twelve dollars and the first boat leaves at seven thirty.",
    "People on the island keep asking when the evening boat will run.",
)
WORDS_AN_HOUR = 9_000
TEXT = "I love this product. Please cancel my order and refund the money by Friday. " * 40


def run() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        engine = start_engine(Path(folder), ENGINE_LISTEN_LIMIT=str(PLACES))
        try:
            yield from asyncio.run(measure(engine, wav_bytes(say(SENTENCE))))
            sentences = [say(sentence) for sentence in SAID]
            once = join(*(part for sentence in sentences for part in (sentence, 0.5)))
            hours = wav_bytes(np.tile(once, round(HOURS * 3600 * 16_000 / len(once))))
            yield from asyncio.run(measure_hours(engine, hours))
        finally:
            engine.stop()


async def measure(engine: Engine, recording: bytes) -> list[Result]:
    headers = {"authorization": f"Token {engine.key}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=engine.url, headers=headers, limits=limits, timeout=300
    ) as http:
        for _ in range(2):  # every model is loaded once before anything is measured
            await listen(http, recording)
            await read(http)
            await speak(http)
        await asyncio.sleep(62)  # until the first minute is forgotten
        idle = await slowest_account(http, asyncio.create_task(asyncio.sleep(3)))

        arriving = asyncio.create_task(arrive(http, recording))
        others = asyncio.create_task(work_beside(http, arriving))
        busy = await slowest_account(http, arriving)
        first, finished = await arriving
        await others
        health = (await http.get("/healthz")).json()
    let_in = [number for number, status in enumerate(first) if status == 200]
    return [
        at_least("let in at once", len(let_in), PLACES, "calls"),
        at_most("let in before one that came earlier", out_of_order(first), 0, "calls"),
        at_most("neither done nor told to wait", len(strange(first)), 0, "calls"),
        at_least("done in the end", finished, CALLS, "calls"),
        at_most("slowest other call, idle", idle * 1000, 100, "ms"),
        at_most("slowest other call, under load", busy * 1000, 500, "ms"),
        at_most("event loop standing still", health["loop_lag_ms"], 50, "ms"),
    ]


async def measure_hours(engine: Engine, recording: bytes) -> list[Result]:
    words = " ".join(SAID).split()
    text = " ".join(words * round(HOURS * WORDS_AN_HOUR / len(words)))
    headers = {"authorization": f"Token {engine.key}"}
    async with httpx.AsyncClient(base_url=engine.url, headers=headers, timeout=3600) as http:
        await asyncio.sleep(62)
        with idle_loop() as idle:
            listening = asyncio.create_task(listen(http, recording, EVERYTHING | INSIGHTS))
            listened = await longest_lag(http, listening)
        await asyncio.sleep(62)
        reading = asyncio.create_task(read(http, text))
        was_read = await longest_lag(http, reading)
    return [
        Result("a loop with nothing to do, meanwhile", idle.value, "ms"),
        at_most(f"event loop standing still, {HOURS} hours of audio", listened, 50, "ms"),
        at_most(f"event loop standing still, a text of {HOURS} hours", was_read, 50, "ms"),
    ]


@contextmanager
def idle_loop() -> Iterator[Any]:
    """Return the lag of an idle process: the machine's own share."""
    processes = multiprocessing.get_context("spawn")
    longest = processes.Value("d", 0.0)
    process = processes.Process(target=watch, args=(longest,), daemon=True)
    process.start()
    try:
        yield longest
    finally:
        process.terminate()


def watch(longest: Any) -> None:
    async def look() -> None:
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        while not beating.done():
            await asyncio.sleep(1)
            longest.value = max(longest.value, pulse.worst_ms)

    asyncio.run(look())


async def longest_lag(http: httpx.AsyncClient, until: asyncio.Future[Any]) -> float:
    """Milliseconds: the longest of the last minutes that the engine tells until the call ends."""
    longest = 0.0
    while not until.done():
        await asyncio.wait([until], timeout=20)
        longest = max(longest, (await http.get("/healthz")).json()["loop_lag_ms"])
    await until
    return longest


async def arrive(http: httpx.AsyncClient, recording: bytes) -> tuple[list[int], int]:
    """The first status of each call in the order of arrival, and how many were done at last."""

    async def call(number: int) -> tuple[int, int]:
        await asyncio.sleep(number * APART_SECONDS)
        response = await http.post("/v1/listen", content=recording)
        first = response.status_code
        while response.status_code == 429:
            await asyncio.sleep(float(response.headers["retry-after"]))
            response = await http.post("/v1/listen", content=recording)
        return first, response.status_code

    statuses = await asyncio.gather(*(call(number) for number in range(CALLS)))
    return [first for first, _ in statuses], sum(last == 200 for _, last in statuses)


def out_of_order(statuses: list[int]) -> int:
    """Calls beyond the places that were let in although one before them was refused.

    A place may become free while the last calls arrive, so only the first refusals count.
    """
    return sum(status == 429 for status in statuses[:PLACES])


def strange(statuses: list[int]) -> list[int]:
    return [status for status in statuses if status not in (200, 429)]


async def work_beside(http: httpx.AsyncClient, until: asyncio.Future[Any]) -> None:
    while not until.done():
        await asyncio.gather(read(http), speak(http))


async def slowest_account(http: httpx.AsyncClient, until: asyncio.Future[Any]) -> float:
    """Seconds of the slowest call that reads the account, asked for again and again."""
    slowest = 0.0
    while not until.done():
        before = time.perf_counter()
        (await http.get("/v1/projects")).raise_for_status()
        slowest = max(slowest, time.perf_counter() - before)
        await asyncio.sleep(0.02)
    return slowest


async def listen(
    http: httpx.AsyncClient, recording: bytes, query: Mapping[str, str] = EVERYTHING
) -> None:
    (await http.post("/v1/listen", params=query, content=recording)).raise_for_status()


async def read(http: httpx.AsyncClient, text: str = TEXT) -> None:
    (await http.post("/v1/read", params=INSIGHTS, json={"text": text})).raise_for_status()


async def speak(http: httpx.AsyncClient) -> None:
    query = {"model": "aura-arcas-en"}
    (await http.post("/v1/speak", params=query, json={"text": SENTENCE})).raise_for_status()
