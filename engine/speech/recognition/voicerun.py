"""Length of the voice at the end of a stream: how long a user has been heard without a break."""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np

from engine.speech.audio.decode import RATE, Samples
from engine.speech.recognition.vad import FRAME

_BLOCK = FRAME // 4  # samples of one power, 8 ms
# The detector hears a voice up to four frames late: not the "s" of "stop", and an "h" seldom. So
# much sound before the first frame with voice belongs to it, also before the closure of a "t".
_MOST_BEFORE, _MOST_CLOSURE = 16, 6  # blocks
# Such sound is at most 30 dB softer than the voice, and 10 dB louder than what was there before.
_SOFTEST, _LOUDER = 0.001, 10.0
_KEPT = 64  # blocks, half a second
_LEAST_VOICED = 2  # frames: the detector takes one of a click for voice
# A sound has ended when its last 20 ms are 20 dB softer than the loudest of its last frames: the
# detector notices that a frame or two later.
END = RATE // 50
_FADED, _FRAMES = 0.01, 10


class VoiceRun:
    """The voice up to the end of what was heard, frame by frame of the detector."""

    def __init__(self) -> None:
        self._samples = 0
        self._voiced: deque[float] = deque(maxlen=_FRAMES)  # powers of the newest frames with voice
        self._blocks: deque[float] = deque(maxlen=_KEPT)  # powers of everything

    def add(self, frame: Samples, *, is_voiced: bool) -> None:
        """Take the next frame and the decision of the detector."""
        blocks = [_power(frame[at : at + _BLOCK]) for at in range(0, FRAME, _BLOCK)]
        if is_voiced:
            self._samples += FRAME if self._samples else FRAME + self._before(max(blocks))
            self._voiced.append(_power(frame))
        else:
            self._samples = 0
            self._voiced.clear()
        self._blocks.extend(blocks)

    def seconds(self, rest: int, end: Samples) -> float:
        """Return how long the voice has lasted; 0 in silence, and once the sound has faded.

        ``rest`` samples have followed the last frame, which fill none yet, and ``end`` are the
        last 20 ms: waiting for the end of the frame would take up to 32 ms.
        """
        if len(self._voiced) < _LEAST_VOICED or _power(end) < _FADED * max(self._voiced):
            return 0.0
        return (self._samples + rest) / RATE

    def _before(self, power: float) -> int:
        """Return the samples of the sound that leads to a voice of this power."""
        blocks = list(self._blocks)
        least = max(_SOFTEST * power, _LOUDER * median(blocks[:-_MOST_BEFORE] or [0.0]))
        count = 0
        for place, each in enumerate(reversed(blocks[-_MOST_BEFORE:]), 1):
            if each >= least:
                count = place
            elif place - count > _MOST_CLOSURE:
                break
        return count * _BLOCK


def _power(samples: Samples) -> float:
    return float(np.square(samples, dtype=np.float64).mean()) if len(samples) else 0.0
