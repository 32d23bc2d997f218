"""Models of live streams without weights: what they find is a function of the samples.

Another cut of the audio gives other words, so that equal reports mean equal decodings.
"""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.errors import AudioError
from engine.speech.recognition.transcript import Word
from engine.speech.recognition.whisper import Hypothesis
from engine.speech.synthesis.markup import Script
from engine.speech.synthesis.voices import Voice

SECONDS_OF_A_WORD = 0.3


def words_in(samples: Samples) -> list[Word]:
    """Words where it is loud, named after the samples."""
    name = f"{zlib.crc32(samples.tobytes()):08x}"
    step = round(SECONDS_OF_A_WORD * RATE)
    spoken = [
        at for at in range(0, len(samples), step) if np.abs(samples[at : at + step]).max() > 0.2
    ]
    return [
        Word(f"{name}{'.' if at == spoken[-1] else ''}", at / RATE, (at + step) / RATE, 0.9)
        for at in spoken
    ]


def probability(samples: Samples) -> float:
    """Return a probability of an end of turn that depends on every sample."""
    return zlib.crc32(samples.tobytes()) % 1000 / 1000


class FakeLiveRecognizer:
    """Recognizer of live streams, to be called in the event loop; words come after a delay."""

    def __init__(self) -> None:
        self.set_delays(0.0)

    def set_delays(self, *seconds: float) -> None:
        """Delay one result after the other by these seconds, from the first one again."""
        self._delays = itertools.cycle(seconds)

    def words(self, samples: Samples) -> list[Word]:
        return words_in(samples)

    def model_for(self, language: str) -> str:
        return "base.en" if language == "en" else "base"

    def check(self, name: str) -> None:
        """Every model is installed."""

    def submit(self, samples: Samples, **options: Any) -> Future[Hypothesis]:
        future: Future[Hypothesis] = Future()
        words = tuple(self.words(samples))
        found = Hypothesis(" ".join(word.text for word in words), words, -0.1, 0.0, 1.0)

        def settle() -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(found)

        asyncio.get_running_loop().call_later(next(self._delays), settle)
        return future


class Prompter(FakeLiveRecognizer):
    """Recognizer that hears ``text`` wherever it is loud."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def words(self, samples: Samples) -> list[Word]:
        loud = np.flatnonzero(np.abs(samples) > 0.2)
        if not len(loud):
            return []
        texts = self.text.split()
        edges = np.linspace(loud[0], loud[-1], len(texts) + 1) / RATE
        return [
            Word(text, float(start), float(end), 0.9)
            for text, start, end in zip(texts, edges, edges[1:], strict=False)
        ]


def voice(seconds: float) -> Samples:
    """Sound that the detector takes for a voice: vowels that change six times a second."""
    times = np.arange(round(seconds * RATE)) / RATE
    pitch = 110 * (1 + 0.15 * np.sin(2 * np.pi * 1.3 * times))
    phase, glide = 2 * np.pi * np.cumsum(pitch) / RATE, 0.5 + 0.5 * np.sin(12 * np.pi * times)
    formants = ((300 + 500 * glide, 90, 1.0), (2200 - 1100 * glide, 120, 0.6), (2900, 180, 0.3))
    sound = np.zeros_like(times)
    for harmonic in range(1, 28):
        levels = [
            gain * np.exp(-(((harmonic * pitch - centre) / width) ** 2))
            for centre, width, gain in formants
        ]
        sound += (sum(levels) + 0.02 / harmonic) * np.sin(harmonic * phase) * harmonic**-0.3
    sound *= np.clip(0.25 + np.sin(12 * np.pi * times + 1), 0.02, 1)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


class FakeEndOfTurn:
    """Model of the ends of turns: sure or not by a sum of the samples."""

    def score(self, samples: Samples) -> float:
        return probability(samples)


class FakeVoice:
    """Synthesizer whose texts last as long as they have characters: a constant, at 15 a second.

    A text with "fail" in it cannot be made.
    """

    def speak(self, script: Script, voice: Voice, **options: Any) -> Iterator[Samples]:
        (text,) = script.parts
        assert isinstance(text, str)
        if "fail" in text:
            raise AudioError("no sound")
        for word in text.split():
            yield np.full(round(len(word) / 15 * voice.sample_rate), 0.5, np.float32)
