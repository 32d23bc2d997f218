"""Edges of a short sound: whether it was cut out of longer speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.speech.audio.decode import RATE, Samples

_STEP = RATE // 200  # 5 ms
_LOUD = 0.2  # of the loudest step: from the first to the last such step is the sound
_AROUND = 3  # steps on each side of it, after one that may hold both
# How many times louder the sound is than what follows or precedes it. Spoken words fade out, by 10
# within 15 ms at most; many begin with a burst of 80.
_ENDS, _STARTS = 12.0, 20.0
_SILENCE = 1e-5


@dataclass(frozen=True)
class Edges:
    """Abrupt edges of a sound; an edge at the end of the data is one between sound and silence."""

    starts_abruptly: bool = False
    ends_abruptly: bool = False


UNBROKEN = Edges()


def edges_of(samples: Samples) -> Edges:
    """Return the edges of the sound in ``samples``: float32, 16 kHz, a second at most."""
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    if not len(steps):
        return UNBROKEN
    levels = np.sqrt(np.square(steps, dtype=np.float64).mean(axis=1))
    loud = np.flatnonzero(levels > _LOUD * levels.max())
    if not len(loud):
        return UNBROKEN
    first, last = int(loud[0]), int(loud[-1])
    before = levels[max(0, first - 1 - _AROUND) : max(0, first - 1)]
    after = levels[last + 2 : last + 2 + _AROUND]
    return Edges(
        starts_abruptly=_is_step(levels[first : first + 2], before, _STARTS),
        ends_abruptly=_is_step(levels[max(0, last - 1) : last + 1], after, _ENDS),
    )


def _is_step(inside: Samples, outside: Samples, ratio: float) -> bool:
    return float(inside.max()) > ratio * max(float(outside.max(initial=0.0)), _SILENCE)
