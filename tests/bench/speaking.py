"""Latency of the speak sockets: from the first clause sent to the first audio.

Over a real socket of a running engine, warm, one conversation at a time.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from websockets.sync.client import ClientConnection, connect

from engine.env import DEFAULT_VOICE
from tests.bench.results import Result, at_most
from tests.engine.engine import Engine, start_engine

# As an agent says them; a clause is whole when white space follows it.
CLAUSES = [
    "Good morning, ",
    "Thank you for calling, ",
    "I have found your order, ",
    "Sure, I can help you with that. ",
    "Let me check the calendar for you. ",
    "The next appointment is on Tuesday, ",
    "Your balance is forty two dollars. ",
    "Before we go on, ",
    "That is a very good question. ",
    "If you would like to change it, ",
]
ROUNDS = 3
VOICES = (("piper", "aura-2-arcas-en", 200), ("Kokoro", "aura-2-thalia-en", 700))


def first_audio_ms(socket: ClientConnection, clause: str) -> float:
    """Milliseconds from the clause to its first sound, the rest of the turn behind it."""
    started = time.perf_counter()
    socket.send(json.dumps({"type": "Speak", "text": clause}))
    while not isinstance(socket.recv(30), bytes):
        pass
    elapsed = time.perf_counter() - started
    socket.send('{"type": "Flush"}')
    while isinstance(message := socket.recv(30), bytes) or '"Flushed"' not in message:
        pass
    return 1000 * elapsed


def measure(engine: Engine, name: str, model: str, limit: float) -> list[Result]:
    url = f"{engine.socket_url}/v1/speak?{urlencode({'model': model})}"
    took = []
    for _ in range(ROUNDS):
        headers = {"authorization": f"Token {engine.key}"}
        with connect(url, additional_headers=headers) as socket:
            took += [first_audio_ms(socket, clause) for clause in CLAUSES]
    middle, high = np.percentile(took, [50, 95])
    return [
        Result(f"{name}: first audio after the first clause, p50", float(middle), "ms"),
        at_most(f"{name}: the same, p95 of {len(took)}", float(high), limit, "ms"),
    ]


def first_after_a_start() -> list[Result]:
    """The default voice's first clause after a start, over the same clause when it is warm."""
    firsts, warm = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            engine = start_engine(Path(folder), ENGINE_WARM_VOICES=DEFAULT_VOICE)
            url = f"{engine.socket_url}/v1/speak?{urlencode({'model': DEFAULT_VOICE})}"
            headers = {"authorization": f"Token {engine.key}"}
            try:
                with connect(url, additional_headers=headers) as socket:
                    firsts.append(first_audio_ms(socket, CLAUSES[0]))
                    warm += [first_audio_ms(socket, CLAUSES[0]) for _ in range(ROUNDS)]
            finally:
                engine.stop()
    name = f"default voice: first audio after a start over when warm, median of {ROUNDS}"
    return [at_most(name, float(np.median(firsts) / np.median(warm)), 1.5, "times")]


def run() -> Iterator[Result]:
    yield from first_after_a_start()
    with tempfile.TemporaryDirectory() as folder:
        names = " ".join(model for _, model, _ in VOICES)
        engine = start_engine(Path(folder), ENGINE_WARM_VOICES=names)
        try:
            for voice in VOICES:
                yield from measure(engine, *voice)
        finally:
            engine.stop()
