"""Quiet sound raised to the level that the models were trained on; loud sound stays as it is."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

# Root mean squares of 32 ms, in dB of full scale. Ordinary recordings of speech reach these levels.
_HEARD = -28.0  # what the voice detector gets at least
_READ = -30.0  # what the recognizer gets at least: it needs less
_MOST = 70.0  # dB that are added: what is below -93 is no sound but rounding
_RELEASE = 10.0 * 512 / 16_000  # dB a frame (10 dB a second) by which a level is forgotten
_FLOOR = 1e-12


class Leveller:
    """The gain for each frame of a stream, from the loudest frames up to that one.

    A louder frame counts at once, and is forgotten by 10 dB a second: somebody who speaks softly
    after somebody loud is raised too.
    """

    def __init__(self) -> None:
        self._level = -math.inf

    def gains(self, frames: Samples) -> Samples:
        """The factors for ``frames`` (frames, 512), 1 or more."""
        gains = np.empty(len(frames), np.float32)
        for index, level in enumerate(levels(frames).tolist()):
            self._level = max(level, self._level - _RELEASE)
            gains[index] = _gain(self._level, _HEARD)
        return gains


def levels(frames: Samples) -> npt.NDArray[np.float64]:
    """The levels of ``frames`` (frames, samples) in dB of full scale."""
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    decibels: npt.NDArray[np.float64] = 10 * np.log10(powers + _FLOOR)
    return decibels


def raised(samples: Samples, frame: int = 512) -> Samples:
    """Return a stretch of sound, raised where its loudest 5 % are quieter than speech usually is.

    Its peak stays within full scale.
    """
    count = len(samples) // frame
    if not count:
        return samples
    loudest = float(np.quantile(levels(samples[: count * frame].reshape(count, frame)), 0.95))
    peak = max(float(np.abs(samples).max()), _FLOOR)
    gain = min(_gain(loudest, _READ), 1.0 / peak)
    return samples * np.float32(gain) if gain > 1.0 else samples


def _gain(level: float, target: float) -> float:
    decibels = min(max(target - level, 0.0), _MOST)
    return float(10 ** (decibels / 20))
