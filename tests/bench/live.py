"""Live captions and turns in real time: lag, words, turns, memory, on a running engine.

Recordings of SPEECH_CORPUS are sent as a microphone would, 50 ms at a time, with silence between
them. The end of speech is the last sample above a fortieth of the loudest.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import jiwer
import numpy as np
import psutil
import websockets
from whisper_normalizer.english import EnglishTextNormalizer

from engine.speech.audio.decode import RATE, Decoder, Samples
from tests.bench.product import corpus, recordings
from tests.bench.results import Result, at_most
from tests.engine.engine import Engine, start_engine
from tests.speech import pcm_bytes, wav_bytes

CHUNK = RATE // 20  # samples a frame
SILENCE_SECONDS = 2.0  # after each recording
TURN_SILENCE_SECONDS = 4.0
NOISE_SECONDS = 0.5  # of a recording may sound like speech to the measure of its end
PAUSE_SECONDS = (0.3, 0.5)  # inside a turn, where two recordings make one
IDLE_SOCKETS = 200
CONNECTS = 1000
# Recordings that follow each other in their book: two of them are one turn, with a pause inside.
FOLLOWING = [f"LJ001-000{number}" for number in range(1, 9)]
SINGLE_TURNS = [
    *("LJ001-0005", "LJ001-0006", "jfk", "austen0870", "austen0880", "austen0890", "libri2412"),
]

normalized = EnglishTextNormalizer()
Message = dict[str, Any]


@dataclass
class Clip:
    """A recording: samples at 16 kHz, where its speech ends, its words."""

    name: str
    samples: Samples
    reference: str

    @property
    def speech_end(self) -> int:
        (loud,) = np.nonzero(np.abs(self.samples) > np.abs(self.samples).max() / 40)
        return int(loud[-1])


@dataclass
class Heard:
    """Messages of one stream: (seconds since its start, message)."""

    told: list[tuple[float, Message]] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)  # of the speech in it, in seconds


def read_clips(*, seconds: float = 30.0) -> list[Clip]:
    clips = []
    for row in recordings():
        if "asr" not in row["tags"] or float(row["seconds"]) > seconds:
            continue
        with Decoder(corpus() / row["file"]) as decoder:
            samples = np.concatenate([block[0] for block in decoder.blocks()])
        clips.append(Clip(row["id"], samples, row["reference"]))
    return clips


class SpeechServer(Protocol):
    """An engine, whoever has started it."""

    @property
    def socket_url(self) -> str: ...

    @property
    def key(self) -> str: ...


async def stream(
    engine: SpeechServer, path: str, parts: Sequence[Clip], gap: float, **query: Any
) -> Heard:
    """Send ``parts`` in real time with ``gap`` seconds of silence behind each."""
    heard = Heard()
    audio: list[Samples] = []
    length = 0
    for part in parts:
        heard.ends.append((length + part.speech_end) / RATE)
        audio += [part.samples, np.zeros(round(gap * RATE), np.float32)]
        length += len(part.samples) + len(audio[-1])
    samples = np.concatenate(audio)
    query = {"encoding": "linear16", "sample_rate": RATE} | query
    url = f"{engine.socket_url}{path}?{urlencode(query, doseq=True)}"
    headers = {"authorization": f"Token {engine.key}"}
    async with websockets.connect(url, additional_headers=headers, compression=None) as socket:
        started = time.monotonic()

        async def read() -> None:
            async for text in socket:
                heard.told.append((time.monotonic() - started, json.loads(text)))

        reading = asyncio.create_task(read())
        for at in range(0, len(samples), CHUNK):
            # A microphone gives a frame when it is full.
            await asyncio.sleep(max(0.0, started + (at + CHUNK) / RATE - time.monotonic()))
            await socket.send(pcm_bytes(samples[at : at + CHUNK]))
        await socket.send('{"type": "CloseStream"}')
        await reading
    return heard


def captions(
    engine: SpeechServer, clips: Sequence[Clip], **query: Any
) -> Coroutine[Any, Any, Heard]:
    query = {"interim_results": "true", "endpointing": 300} | query
    return stream(engine, "/v1/listen", clips, SILENCE_SECONDS, **query)


def percentiles(name: str, values: Sequence[float], p50: float | None, p95: float) -> list[Result]:
    middle, high = np.percentile(values, [50, 95])
    found = [at_most(f"{name}, p95 of {len(values)}", float(high), p95, "s")]
    if p50 is not None:
        found.insert(0, at_most(f"{name}, p50", float(middle), p50, "s"))
    return found


def interim_lags(heard: Heard) -> list[float]:
    """Return the lag of each interim result behind the audio sent so far, in seconds."""
    return [
        at - message["start"] - message["duration"]
        for at, message in heard.told
        if message["type"] == "Results" and not message["is_final"]
    ]


def final_lags(heard: Heard) -> list[float]:
    """From the end of each recording's speech to the ``speech_final`` behind it."""
    lags = []
    for end in heard.ends:
        for at, message in heard.told:
            # Where noise continues after the last word, the engine knows its end before this does.
            until = message.get("start", 0.0) + message.get("duration", 0.0)
            if message.get("speech_final") and until > end - NOISE_SECONDS:
                lags.append(at - end)
                break
    return lags


def words_of(message: Message) -> list[str]:
    return normalized(message["channel"]["alternatives"][0]["transcript"]).split()


def changed_words(heard: Heard, *, with_finals: bool) -> float:
    """Of the words that two guesses in a row shared, the per cent that later ones changed."""
    stable: list[str] = []
    before: list[str] = []
    count = changed = 0
    for _, message in heard.told:
        if message["type"] != "Results":
            continue
        if not message["is_final"] or with_finals:
            words = words_of(message)
            # Aligned: one word more must not make all after it count as changed.
            same = SequenceMatcher(None, stable, words, autojunk=False).get_matching_blocks()
            changed += len(stable) - sum(block.size for block in same)
            stable = words[: len(stable)]
            for was, now in zip(before[len(stable) :], words[len(stable) :], strict=False):
                if was != now:
                    break
                stable.append(now)
                count += 1
            before = words
        if message["is_final"]:
            stable, before = [], []
    return 100 * changed / max(1, count)


def stream_words(heard: Heard) -> str:
    finals = [m for _, m in heard.told if m["type"] == "Results" and m["is_final"]]
    return " ".join(f["channel"]["alternatives"][0]["transcript"] for f in finals)


def batch_words(engine: Engine, clip: Clip) -> str:
    with engine.http() as http:
        response = http.post("/v1/listen?model=nova-3", content=wav_bytes(clip.samples)).json()
    return str(response["results"]["channels"][0]["alternatives"][0]["transcript"])


def word_errors(clips: Sequence[Clip], said: str) -> float:
    reference = " ".join(clip.reference for clip in clips)
    return 100 * jiwer.wer(normalized(reference), normalized(said))


def one_stream(engine: Engine, clips: Sequence[Clip]) -> list[Result]:
    heard = asyncio.run(captions(engine, clips))
    batch = word_errors(clips, " ".join(batch_words(engine, clip) for clip in clips))
    live = word_errors(clips, stream_words(heard))
    name = "stable words that a later guess changed"
    return [
        *percentiles("one stream: interim lag", interim_lags(heard), 0.25, 0.5),
        *percentiles("one stream: speech_final after the end", final_lags(heard), 0.75, 1.2),
        Result("word errors in batch", batch, "%"),
        at_most("word errors of the stream, more than batch", live - batch, 1.0, "points"),
        at_most(name, changed_words(heard, with_finals=False), 1.0, "%"),
        Result("stable words that the final changed", changed_words(heard, with_finals=True), "%"),
    ]


def four_streams(engine: Engine, clips: Sequence[Clip]) -> list[Result]:
    async def run_all() -> list[Heard]:
        orders = [[*clips[shift:], *clips[:shift]][:6] for shift in (0, 2, 4, 6)]
        return list(await asyncio.gather(*(captions(engine, order) for order in orders)))

    lags = [lag for heard in asyncio.run(run_all()) for lag in final_lags(heard)]
    return percentiles("four streams: speech_final after the end", lags, None, 2.0)


def beside_batch(engine: Engine, clips: Sequence[Clip]) -> list[Result]:
    long = Clip("", np.concatenate([clip.samples for clip in clips]), "")

    async def run_all() -> list[Heard]:
        streams = asyncio.gather(*(captions(engine, clips[at : at + 5]) for at in (0, 5)))

        async def transcribe() -> None:
            while not streams.done():
                await asyncio.to_thread(batch_words, engine, long)

        jobs = [asyncio.create_task(transcribe()) for _ in range(4)]
        found = await streams
        await asyncio.gather(*jobs)
        return list(found)

    lags = [lag for heard in asyncio.run(run_all()) for lag in final_lags(heard)]
    return percentiles("2 streams beside 4 batch jobs: speech_final", lags, None, 2.5)


def made_turns(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Turns for three streams: of one recording, and of two with either pause between them."""
    by_name = {clip.name: clip.samples for clip in clips}
    made = [[Clip(name, by_name[name], "") for name in SINGLE_TURNS]]
    for seconds in PAUSE_SECONDS:
        pause = np.zeros(round(seconds * RATE), np.float32)
        made.append(
            [
                Clip(first, np.concatenate([by_name[first], pause, by_name[second]]), "")
                for first, second in pairwise(FOLLOWING)
            ]
        )
    return made


def turns(engine: Engine, clips: Sequence[Clip]) -> list[Result]:
    made = made_turns(clips)

    async def run_all() -> list[Heard]:
        options = {"model": "flux-general-en"}
        streams = (
            stream(engine, "/v2/listen", one, TURN_SILENCE_SECONDS, **options) for one in made
        )
        return list(await asyncio.gather(*streams))

    lags: list[float] = []
    false_ends = 0
    for parts, heard in zip(made, asyncio.run(run_all()), strict=True):
        ends = [
            (at, m["audio_window_end"]) for at, m in heard.told if m.get("event") == "EndOfTurn"
        ]
        begin = 0.0
        for clip, end in zip(parts, heard.ends, strict=True):
            until = end + (len(clip.samples) - clip.speech_end) / RATE + TURN_SILENCE_SECONDS
            false_ends += sum(begin < place < end - NOISE_SECONDS for _, place in ends)
            lags += [at - end for at, place in ends if end - NOISE_SECONDS <= place <= until][:1]
            begin = until
    count = sum(len(parts) for parts in made)
    name = f"false ends inside turns, of {count} turns"
    return [
        *percentiles("EndOfTurn after the end of a turn", lags, 0.9, 1.8),
        at_most(name, 100 * false_ends / count, 5.0, "%"),
    ]


def memory(engine: Engine) -> list[Result]:
    process = psutil.Process(engine.process.pid)
    url = f"{engine.socket_url}/v1/listen?encoding=linear16&sample_rate=16000"
    headers = {"authorization": f"Token {engine.key}"}

    async def connect() -> websockets.ClientConnection:
        return await websockets.connect(url, additional_headers=headers, compression=None)

    async def turn_over(count: int) -> None:
        for _ in range(count):
            socket = await connect()
            await socket.send('{"type": "CloseStream"}')
            async for _message in socket:
                pass

    async def measure() -> tuple[float, float]:
        await turn_over(100)
        before = process.memory_info().rss
        sockets = [await connect() for _ in range(IDLE_SOCKETS)]
        idle = (process.memory_info().rss - before) / IDLE_SOCKETS
        for socket in sockets:
            await socket.close()
        await turn_over(100)
        before = process.memory_info().rss
        await turn_over(CONNECTS)
        return idle, process.memory_info().rss - before

    idle, growth = asyncio.run(measure())
    return [
        at_most("memory of an idle socket", idle / 1000, 100, "kB"),
        at_most(f"growth over {CONNECTS} connects", growth / 1000, 1000, "kB"),
    ]


def run() -> Iterator[Result]:
    clips = read_clips()
    with tempfile.TemporaryDirectory() as folder:
        limits = {"ENGINE_LIVE_LIMIT": "1000", "ENGINE_LIVE_LIMIT_TOTAL": "1000"}
        engine = start_engine(Path(folder), **limits)
        try:
            yield from one_stream(engine, clips)
            yield from four_streams(engine, clips)
            yield from beside_batch(engine, clips)
            yield from turns(engine, clips)
            yield from memory(engine)
        finally:
            engine.stop()
