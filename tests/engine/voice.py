"""Voices without weights: a tenth of a second of sound for each word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.speech.audio.decode import Samples
from engine.speech.synthesis.markup import Pause, Script
from engine.speech.synthesis.synthesizer import Coverage
from engine.speech.synthesis.voices import Voice

SECONDS_OF_A_WORD = 0.1
LEVEL = 0.25


@dataclass
class FakeSynthesizer:
    """Speaks every word but emoji; fails with ``error`` where there is one."""

    error: Exception | None = None
    spoken: list[tuple[str, str, float]] = field(default_factory=list)  # text, voice, speed

    def coverage(self, script: Script, voice: Voice) -> Coverage:
        words = [word for part in script.parts if isinstance(part, str) for word in part.split()]
        left_out = tuple(word for word in words if not word.isascii())
        return Coverage(left_out, len(left_out) < len(words) or bool(script.pauses))

    def speak(
        self,
        script: Script,
        voice: Voice,
        *,
        speed: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Samples]:
        if self.error:
            raise self.error
        for part in script.parts:
            if cancelled():
                return
            if isinstance(part, Pause):
                yield np.zeros(round(part.seconds * voice.sample_rate), np.float32)
                continue
            self.spoken.append((part.strip(), voice.name, speed))
            length = round(len(part.split()) * SECONDS_OF_A_WORD * voice.sample_rate / speed)
            yield np.full(length, LEVEL, np.float32)
