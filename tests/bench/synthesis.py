"""Speaking: how soon, how fast and how well a running engine speaks.

    python -m tests.bench.synthesis

First byte and speed are of `POST /v1/speak` on a warm engine. The speech of the voices is
transcribed by the engine's own recognizer, whose multilingual model errs by itself: in
French and Italian about one word in ten of clear speech. Numbers are written as words on both
sides.
"""

from __future__ import annotations

import io
import tempfile
import time
import unicodedata
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path

import jiwer
import numpy as np

from engine.speech.synthesis.voices import MODELS
from tests.bench.results import Result, at_most
from tests.engine.engine import Engine, start_engine

REPEATS = 7
SENTENCE = (
    "Thank you for calling, and welcome back. The demonstration was moved to Thursday afternoon, "
    "because the large room upstairs is being painted this week."
)
# Plain sentences of each language: names and figures would measure the recognizer's spelling.
SENTENCES = {
    "en": (
        "The quick brown fox jumps over the lazy dog near the bank of the river.",
        "Tomorrow it will rain in the morning and clear up in the afternoon.",
        "We moved the demonstration because the large room was not free.",
        "She asked whether the children had already eaten their breakfast.",
        "Please write down your address and the name of your doctor.",
        "Nobody knows why the old library was closed without a warning.",
    ),
    "es": (
        "Mañana por la mañana va a llover en toda la costa del norte.",
        "Mi hermana trabaja en una escuela pequeña cerca de la estación.",
        "¿Puede usted decirme dónde está la farmacia más cercana?",
        "Los niños juegan en el jardín mientras su madre prepara la cena.",
        "Hemos cambiado la reunión porque la sala grande no estaba libre.",
        "El médico le dijo que debía descansar y beber mucha agua.",
    ),
    "fr": (
        "Demain matin il va pleuvoir sur toute la côte du nord.",
        "Ma sœur travaille dans une petite école près de la gare.",
        "Pouvez-vous me dire où se trouve la pharmacie la plus proche ?",
        "Les enfants jouent dans le jardin pendant que leur mère prépare le dîner.",
        "Nous avons changé la réunion parce que la grande salle n'était pas libre.",
        "Le médecin lui a dit de se reposer et de boire beaucoup d'eau.",
    ),
    "it": (
        "Domani mattina pioverà su tutta la costa del nord.",
        "Mia sorella lavora in una piccola scuola vicino alla stazione.",
        "Può dirmi dove si trova la farmacia più vicina?",
        "I bambini giocano in giardino mentre la madre prepara la cena.",
        "Abbiamo spostato la riunione perché la sala grande non era libera.",
        "Il medico gli ha detto di riposare e di bere molta acqua.",
    ),
}
VOICES = {
    "en": ("joe", "af_heart", "am_michael", "bf_emma", "bm_george"),
    "es": ("ef_dora", "em_alex", "ef_dora_latin", "em_alex_latin"),
    "fr": ("ff_siwis", "fm_michel"),
    "it": ("if_sara", "im_nicola"),
}


def speak(engine: Engine, voice: str, text: str) -> tuple[float, float, bytes]:
    """Seconds to the first byte and to the last, and the audio as a WAV of 16 kHz."""
    with engine.http() as http:
        query = {"model": voice, "encoding": "linear16", "sample_rate": "16000"}
        started = time.perf_counter()
        with http.stream("POST", "/v1/speak", params=query, json={"text": text}) as response:
            response.raise_for_status()
            chunks = response.iter_raw()
            # The header of the WAV comes with the first sound.
            audio = bytearray(next(chunks))
            first = time.perf_counter() - started
            for chunk in chunks:
                audio += chunk
        return first, time.perf_counter() - started, _whole(bytes(audio[44:]))


def _whole(samples: bytes) -> bytes:
    """A WAV that knows its length."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16_000)
        wav.writeframes(samples)
    return file.getvalue()


def pace(engine: Engine, name: str, voice: str, first_limit: float) -> Iterator[Result]:
    speak(engine, voice, SENTENCE)
    tries = [speak(engine, voice, SENTENCE) for _ in range(REPEATS)]
    seconds = (len(tries[0][2]) - 44) / 32_000
    first, whole = (float(np.median([one[place] for one in tries])) for place in (0, 1))
    slowest = max(one[0] for one in tries)
    yield at_most(f"first byte, {name}, p50 of {REPEATS}", 1000 * first, first_limit, "ms")
    yield at_most(f"first byte, {name}, slowest", 1000 * slowest, first_limit, "ms")
    yield Result(f"time to speak over length of speech, {name}", whole / seconds, "times")


def plain(text: str) -> str:
    """Lower-case words without punctuation."""
    text = unicodedata.normalize("NFC", text.lower())
    return " ".join("".join(one if one.isalnum() else " " for one in text).split())


def hear(engine: Engine, audio: bytes, language: str) -> str:
    with engine.http() as http:
        response = http.post(
            "/v1/listen",
            params={"model": "whisper-base", "language": language},
            content=audio,
            headers={"content-type": "audio/wav"},
        )
        response.raise_for_status()
        return str(response.json()["results"]["channels"][0]["alternatives"][0]["transcript"])


def intelligibility(engine: Engine, language: str, voices: Iterable[str]) -> Iterator[Result]:
    """Of the words a voice says, those that the recognizer reads otherwise."""
    references = [plain(sentence) for sentence in SENTENCES[language]]
    for voice in voices:
        heard = [
            plain(hear(engine, speak(engine, voice, sentence)[2], language))
            for sentence in SENTENCES[language]
        ]
        wrong = 100 * jiwer.wer(references, heard)
        limit = 10 if language == "en" else 15
        yield at_most(f"word error rate of {voice} ({language})", wrong, limit, "%")


def run() -> Iterator[Result]:
    assert all(voice in MODELS for voices in VOICES.values() for voice in voices)
    with tempfile.TemporaryDirectory() as folder:
        engine = start_engine(Path(folder) / "engine")
        try:
            yield from pace(engine, "piper", "joe", 300)
            yield from pace(engine, "Kokoro", "af_heart", 900)
            for language, voices in VOICES.items():
                yield from intelligibility(engine, language, voices)
        finally:
            engine.stop()
