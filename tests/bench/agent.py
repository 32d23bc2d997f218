"""Voice agent of the engine: its latency, and who interrupts whom.

Over a real socket, in real time, with speech of the engine's own voices, a language model that
takes 200 ms for its first word, and the voice ``joe``. A latency is also given as a multiple of
one bare final decode of the same audio in the same run, since machines differ.

AGENT_MINUTES is the length of the last part, a conversation in which the memory, the threads and
the open files of the engine must not grow; it is 3, and 60 for an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import psutil
import websockets

from engine.speech.recognition.queue import Priority
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.recognition.whisper import sufficient_context
from tests.bench.live import normalized
from tests.bench.results import Result, at_most
from tests.engine.engine import Engine, start_engine
from tests.engine.languagemodel import LanguageModel
from tests.engine.languagemodel import say as write
from tests.speech import Samples, join, pcm_bytes, say, wav_bytes

RATE, FRAME_SECONDS = 16_000, 0.02
THINK_SECONDS = 0.2
VOICES = ("joe", "af_heart", "am_michael", "bf_isabella")
QUESTIONS = (
    "What is the weather like in London today?",
    "Can you book a table for two people tomorrow evening?",
    "Where is my order, it should have been here on Monday.",
    "How do I change the address of my account?",
    "I would like to speak with somebody about my last invoice.",
)
INTERRUPTIONS = (
    "Wait, that is not what I asked.",
    "No, please stop, I have another question.",
    "Hold on, can you say that again?",
    "Sorry, I meant the other order.",
    "Stop talking and give me the number.",
)
BACKCHANNELS = ("Mm hmm.", "Yeah.", "Okay.", "Right.", "Uh huh.")
MINUTES = float(os.environ.get("AGENT_MINUTES", "3"))
STORY = "Once there was a king who lived in a castle by the sea with his three daughters. "


@dataclass
class Talk:
    """One session: what it was told and when, on the clock of ``time.monotonic``."""

    socket: websockets.ClientConnection
    told: list[tuple[float, Any]] = field(default_factory=list)  # bytes, or a message

    async def read(self) -> None:
        async for frame in self.socket:
            message = frame if isinstance(frame, bytes) else json.loads(frame)
            self.told.append((time.monotonic(), message))

    async def say(self, samples: Samples) -> list[float]:
        """Send ``samples`` in real time; return when each frame was sent."""
        step = round(RATE * FRAME_SECONDS)
        started, sent = time.monotonic(), []
        for number, at in enumerate(range(0, len(samples), step)):
            await asyncio.sleep(max(0.0, started + number * FRAME_SECONDS - time.monotonic()))
            await self.socket.send(pcm_bytes(samples[at : at + step]))
            sent.append(time.monotonic())
        return sent

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    def first(self, kind: str, after: float) -> float | None:
        """When the first message of ``kind`` after a time came; ``audio`` is a binary frame."""
        for moment, message in self.told:
            name = "audio" if isinstance(message, bytes) else message["type"]
            if moment >= after and name == kind:
                return moment
        return None

    async def wait_for(self, kind: str, after: float, seconds: float = 20.0) -> float | None:
        deadline = time.monotonic() + seconds
        while (moment := self.first(kind, after)) is None and time.monotonic() < deadline:
            await self.say(np.zeros(round(RATE * FRAME_SECONDS), np.float32))
            await asyncio.sleep(FRAME_SECONDS)
        return moment


def settings(model: LanguageModel) -> dict[str, Any]:
    return {
        "audio": {
            "input": {"encoding": "linear16", "sample_rate": RATE},
            "output": {"encoding": "linear16", "sample_rate": RATE},
        },
        "agent": {
            "listen": {"provider": {"version": "v2", "model": "flux-general-en"}},
            "think": {
                "provider": {"type": "open_ai", "model": "stub"},
                "endpoint": {"url": model.url},
            },
            "speak": {"provider": {"model": "flux-jack-en"}},
        },
    }


class Bench:
    def __init__(self, engine: Engine, model: LanguageModel) -> None:
        self.engine = engine
        self.model = model

    async def open(self) -> tuple[Talk, asyncio.Task[None]]:
        socket = await websockets.connect(
            f"{self.engine.socket_url}/v1/agent/converse",
            additional_headers={"authorization": f"Token {self.engine.key}"},
            compression=None,
            max_size=None,
            close_timeout=60,  # a loaded machine
        )
        talk = Talk(socket)
        reading = asyncio.create_task(talk.read())
        await talk.send("Settings", **settings(self.model))
        await talk.wait_for("SettingsApplied", 0.0)
        return talk, reading

    async def converse(self, clips: Sequence[Samples]) -> tuple[list[float], str]:
        """Ask questions; return how long each waits for audio, in seconds, and all their words."""
        talk, reading = await self.open()
        took = []
        for clip in clips:
            sent = await talk.say(clip)
            heard = await talk.wait_for("audio", sent[-1])
            took.append(np.inf if heard is None else heard - sent[-1])
            await talk.wait_for("AgentAudioDone", sent[-1])
            await talk.say(np.zeros(2 * RATE, np.float32))  # it is played
        await talk.socket.close()
        await reading
        messages = [one for _, one in talk.told if not isinstance(one, bytes)]
        return took, " ".join(
            one["content"]
            for one in messages
            if one.get("role") == "user" and one["type"] == "ConversationText"
        )

    def batch_words(self, clip: Samples) -> str:
        with self.engine.http() as http:
            response = http.post("/v1/listen?model=nova-3", content=wav_bytes(clip)).json()
        return str(response["results"]["channels"][0]["alternatives"][0]["transcript"])

    async def soak(self, clips: Sequence[Samples], minutes: float) -> list[tuple[float, int, int]]:
        """Converse; return memory in MB, threads and open files after each third of a minute."""
        process = psutil.Process(self.engine.process.pid)
        talk, reading = await self.open()
        measured: list[tuple[float, int, int]] = []
        started, number = time.monotonic(), 0
        while len(measured) < 3 * minutes:
            sent = await talk.say(clips[number % len(clips)])
            await talk.wait_for("AgentAudioDone", sent[-1])
            await talk.say(np.zeros(2 * RATE, np.float32))
            talk.told.clear()
            number += 1
            if time.monotonic() - started >= 20 * (len(measured) + 1):
                memory = process.memory_info().rss / 1e6
                measured.append((memory, process.num_threads(), process.num_fds()))
        await talk.socket.close()
        await reading
        return measured

    async def overlap(self, clip: Samples) -> tuple[float | None, bool]:
        """Speak over the agent; return seconds until it falls silent, and whether it stays so."""
        talk, reading = await self.open()
        self.model.bodies.clear()
        await talk.send("InjectUserMessage", content="Tell me a story.")
        begun = await talk.wait_for("audio", 0.0)
        await talk.say(np.zeros(RATE, np.float32))
        assert begun is not None
        before = len(self.model.bodies)
        sent = await talk.say(clip)
        silent = talk.first("UserStartedSpeaking", sent[0])
        await talk.say(np.zeros(3 * RATE, np.float32))
        silent = silent or talk.first("UserStartedSpeaking", sent[0])
        is_ended = len(self.model.bodies) > before
        await talk.socket.close()
        await reading
        return (None if silent is None else silent - sent[0]), is_ended


def voiced(text: str, voice: str) -> Samples:
    """``text`` without the silence before and after it."""
    samples = say(text, voice)
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1] + 1]


def coughs() -> list[Samples]:
    """Bursts of noise with the envelope of a cough, one or two in a row."""
    random = np.random.default_rng(7)
    found = []
    for seconds, times in ((0.2, 1), (0.3, 1), (0.25, 2), (0.4, 1), (0.3, 2)):
        length = round(seconds * RATE)
        noise = random.normal(0, 1, length) * np.exp(-np.linspace(0, 5, length))
        burst = (0.3 * noise).astype(np.float32)
        found.append(join(*[one for _ in range(times) for one in (burst, 0.15)]))
    return found


def decode_seconds(clips: Sequence[Samples]) -> float:
    """Median seconds of one bare final decode, in a process without other work."""
    recognizer = Recognizer(RecognitionSettings())
    recognizer.warm(["tiny.en"])
    took = []
    for clip in clips:
        started = time.perf_counter()
        recognizer.submit(
            clip,
            priority=Priority.FINAL,
            context_seconds=sufficient_context(len(clip) / RATE),
        ).result()
        took.append(time.perf_counter() - started)
    recognizer.close()
    return float(np.median(took))


def measure(bench: Bench) -> Iterator[Result]:
    clips = [voiced(text, voice) for voice in VOICES for text in QUESTIONS]
    bare = decode_seconds(clips)
    yield Result("one bare final decode, median", bare, "s")
    took, spoken = asyncio.run(bench.converse(clips))
    middle, high = (float(one) for one in np.percentile(took, [50, 95]))
    yield at_most("end of speech to first agent audio, p50", middle, 1.6, "s")
    yield at_most("the same, p95", high, 2.4, "s")
    yield Result("the same, p50, in bare final decodes", middle / bare, "times")
    yield Result("the same, p95, in bare final decodes", high / bare, "times")
    yield from words(bench, clips, spoken)

    bench.model.respond = lambda body: write(STORY * 4)
    real = [
        asyncio.run(bench.overlap(voiced(text, voice)))
        for voice in VOICES
        for text in INTERRUPTIONS
    ]
    silences = [1000 * silent if silent is not None else np.inf for silent, _ in real]
    middle, high = (float(one) for one in np.percentile(silences, [50, 95]))
    yield at_most("barge-in to silence at the client, p50", middle, 200, "ms")
    yield at_most("the same, p95", high, 200, "ms")
    yield Result("the same, p50, in bare final decodes", middle / 1000 / bare, "times")
    yield Result("the same, p95, in bare final decodes", high / 1000 / bare, "times")
    missed = sum(not is_ended for _, is_ended in real) / len(real)
    yield at_most("missed interruptions", 100 * missed, 5, "%")
    clips = [voiced(text, voice) for voice in VOICES for text in BACKCHANNELS]
    false = [asyncio.run(bench.overlap(clip))[1] for clip in [*clips, *coughs()]]
    yield at_most("false interruptions", 100 * sum(false) / len(false), 5, "%")


def words(bench: Bench, clips: Sequence[Samples], spoken: str) -> Iterator[Result]:
    """Word errors of the user's channel and of the same clips in batch."""
    reference = normalized(" ".join(QUESTIONS * len(VOICES)))
    live = 100 * jiwer.wer(reference, normalized(spoken))
    batch_text = " ".join(bench.batch_words(join(0.3, clip, 0.5)) for clip in clips)
    batch = 100 * jiwer.wer(reference, normalized(batch_text))
    yield Result("word errors in batch", batch, "%")
    name = "word errors of the user's channel, more than batch"
    yield at_most(name, live - batch, 1.0, "points")


def soak(bench: Bench) -> Iterator[Result]:
    clips = [voiced(text, VOICES[0]) for text in QUESTIONS]
    measured = asyncio.run(bench.soak(clips, MINUTES))
    measured = measured[1:]  # the first turns load what they need
    third = -(-len(measured) // 3)
    # Memory goes up and down by 100 MB with what is recognised and spoken at the moment.
    first, last = np.median(measured[:third], axis=0), np.median(measured[-third:], axis=0)
    name = f"a conversation of {MINUTES:g} minutes: memory of the last third less the first, median"
    yield at_most(name, float(last[0] - first[0]), 10.0, "MB")
    yield at_most("the same: threads", float(last[1] - first[1]), 2, "")
    yield at_most("the same: open files", float(last[2] - first[2]), 0, "")


def run() -> Iterator[Result]:
    model = LanguageModel()
    pause = threading.Event()

    def respond(body: Any) -> Iterator[Any]:
        pause.wait(THINK_SECONDS)
        yield from write("That is a good question, and I have an answer for you.")

    model.respond = respond
    with tempfile.TemporaryDirectory() as folder:
        engine = start_engine(
            Path(folder), ENGINE_WARM_VOICES="flux-jack-en", ENGINE_AGENT_HOSTS="127.0.0.1"
        )
        try:
            bench = Bench(engine, model)
            yield from measure(bench)
            model.respond = respond
            yield from soak(bench)
        finally:
            engine.stop()
            model.close()
