"""Length of the voice at the end of a stream: how long a user has been heard without a break."""

from __future__ import annotations

from collections import deque

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.vad import FRAME

# The detector gives an "s" or "h" at the beginning of a word 0.1 to 0.3, which is no voice by
# itself. So many samples of it count once a voice follows.
_SOFT, _MOST_SOFT = 0.1, 4 * FRAME
# A sound has ended when its last 20 ms are 20 dB softer than the loudest of its last frames: the
# detector notices that a frame or two later.
END = RATE // 50
_FADED, _FRAMES = 0.01, 10


class VoiceRun:
    """The voice up to the end of what was heard, frame by frame of the detector."""

    def __init__(self) -> None:
        self._samples = 0
        self._soft = 0  # samples that may be the beginning of a word
        self._powers: deque[float] = deque(maxlen=_FRAMES)

    def add(self, frame: Samples, probability: float, *, is_voiced: bool) -> None:
        """Take the next frame and what the detector says of it."""
        if is_voiced:
            self._samples = (self._samples or self._soft) + FRAME
            self._powers.append(_power(frame))
        else:
            self._samples = 0
            self._powers.clear()
        self._soft = min(self._soft + FRAME, _MOST_SOFT) if probability >= _SOFT else 0

    def seconds(self, rest: int, end: Samples) -> float:
        """Return how long the voice has lasted; 0 in silence, and once the sound has faded.

        ``rest`` samples have followed the last frame, which fill none yet, and ``end`` are the
        last 20 ms: waiting for the end of the frame would take up to 32 ms.
        """
        if not self._samples or _power(end) < _FADED * max(self._powers):
            return 0.0
        return (self._samples + rest) / RATE


def _power(samples: Samples) -> float:
    return float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0
