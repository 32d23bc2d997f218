"""Memory of the engine: each model alone, a mixed day, and what remains when models are idle.

A mixed day is one engine that serves every kind of request: recordings in two languages, with
speakers and text intelligence, texts to read, voices of every language, and live streams. Its
peak counts its decoders too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from websockets.sync.client import connect

from tests.bench.product import MIB, peak
from tests.bench.results import Result, at_most
from tests.engine.engine import MODELS, ROOT, Engine, start_engine
from tests.speech import join, pcm_bytes, say, wav_bytes

LIMIT_MIB = 1100
IDLE_SECONDS = 1  # unloading is looked at once a minute
WAIT_SECONDS = 150
SENTENCES = (
    "The quick brown fox jumps over the lazy dog near the bank of the river.",
    "Tomorrow it will rain in the morning and clear up in the afternoon.",
)
TEXT = "It is a fine day and we will see what it brings for all of us. "
VOICES = {
    "aura-2-thalia-en": TEXT,
    "aura-2-arcas-en": TEXT,
    "aura-2-draco-en": TEXT,
    "aura-2-celeste-es": "Hoy hace buen tiempo y vamos a ver lo que trae el día para todos. ",
    "aura-2-agathe-fr": "Il fait beau et nous verrons ce que la journée apporte à tous. ",
    "aura-2-livia-it": "Oggi fa bel tempo e vedremo cosa porta la giornata per tutti noi. ",
}
INTELLIGENCE = "summarize=v2&topics=true&intents=true&sentiment=true"
# Loads one model after another and prints what each adds, in MiB.
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np, psutil
from engine.runtime.memory import release_memory, share_heap
share_heap()
from engine.speech.diarization.diarizer import Diarizer
from engine.speech.recognition.endofturn import EndOfTurnModel
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.speech.synthesis.synthesizer import Synthesizer
from engine.speech.synthesis.phonemes import Phonemizer
from engine.speech.synthesis.voices import find_voice
from engine.text.embeddings import Embeddings

cache, kept = Path(sys.argv[1]), []
recognizer = Recognizer(RecognitionSettings())
synthesizer = Synthesizer(cache)
phonemizer = Phonemizer()
models = {
    "tiny.en": lambda: recognizer.warm(["tiny.en"]),
    "base": lambda: recognizer.warm(["base"]),
    "end of turn": lambda: EndOfTurnModel().score(np.zeros(16000, np.float32)),
    "speakers": lambda: Diarizer(),
    "text intelligence": lambda: Embeddings(),
    "English words of a voice": lambda: phonemizer.phonemes("Yes.", "en-US"),
    "Kokoro voices": lambda: list(synthesizer.speak("Yes.", find_voice("af_heart"))),
    "piper voice": lambda: list(synthesizer.speak("Yes.", find_voice("joe"))),
    "French words of a voice": lambda: phonemizer.phonemes("Oui.", "fr-FR"),
}
process, before = psutil.Process(), 0
for name, load in {"the process without models": list, **models}.items():
    kept.append(load())
    release_memory()
    memory = process.memory_info().rss
    print(json.dumps([name, (memory - before) / 2**20]), flush=True)
    before = memory
"""


def run() -> Iterator[Result]:
    yield from each_model()
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ENGINE_WARM_VOICES": "aura-2-thalia-en"}
        engine = start_engine(Path(folder), ENGINE_IDLE_SECONDS=str(IDLE_SECONDS), **settings)
        try:
            yield Result("engine after its start", resident(engine), "MiB")
            with peak(lambda: [engine.process.pid]) as seen:
                mixed_day(engine)
            yield at_most("engine on a mixed day, at most", seen["MiB"], LIMIT_MIB, "MiB")
            time.sleep(WAIT_SECONDS)
            yield Result("engine when its models are idle", resident(engine), "MiB")
        finally:
            engine.stop()


def each_model() -> Iterator[Result]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(MODELS)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            name, mib = json.loads(line)
            yield Result(name, mib, "MiB")


def resident(engine: Engine) -> float:
    return psutil.Process(engine.process.pid).memory_info().rss / MIB


def mixed_day(engine: Engine) -> None:
    """Serve every kind of request, one after the other."""
    english = [say(sentence) for sentence in SENTENCES]
    recording = wav_bytes(join(*(part for samples in english * 6 for part in (samples, 0.5))))
    with engine.http() as http:
        http.timeout = 600

        def post(path: str, **body: object) -> bytes:
            return http.post(path, **body).raise_for_status().content  # type: ignore[arg-type]

        spoken = {}
        for model, text in VOICES.items():
            spoken[model] = post(
                f"/v1/speak?model={model}&encoding=linear16", json={"text": text * 6}
            )
        post("/v1/listen?model=nova-3", content=recording)
        post("/v1/listen?model=nova-3&language=es", content=spoken["aura-2-celeste-es"])
        post("/v1/listen?model=nova-3&detect_language=true", content=spoken["aura-2-agathe-fr"])
        post(f"/v1/listen?model=nova-3&diarize=true&{INTELLIGENCE}", content=recording)
        post(f"/v1/read?language=en&{INTELLIGENCE}", json={"text": TEXT * 60})
    for path in ("/v1/listen?model=nova-3&diarize=true", "/v2/listen?model=flux-general-en"):
        stream(engine, path, pcm_bytes(join(*english)))


def stream(engine: Engine, path: str, data: bytes) -> None:
    url = f"{engine.socket_url}{path}&encoding=linear16&sample_rate=16000"
    headers = {"authorization": f"Token {engine.key}"}
    with connect(url, additional_headers=headers) as socket:
        for at in range(0, len(data), 3200):
            socket.send(data[at : at + 3200])
        socket.send('{"type": "CloseStream"}')
        for _ in socket:
            pass
