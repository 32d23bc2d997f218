"""The log-mel spectrogram that Whisper reads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

FRAMES_PER_SECOND = 100
_HOP = 160
_LENGTH = 400
_ROWS = 16  # frames in one product: above about 20, BLAS wakes its threads, which then spin
_CHUNK = 13 * _ROWS  # frames at a time: what lies between samples and levels stays in the cache
_WINDOW = np.hanning(_LENGTH + 1)[:-1].astype(np.float32)


class Spectrogram:
    """Samples at 16 kHz to ``bands`` of log energy, 100 frames a second.

    The numbers are faster-whisper's within rounding; its own extractor takes three times as
    long, since it holds each step for the whole window.
    """

    def __init__(self, bands: int) -> None:
        filters = FeatureExtractor.get_mel_filters(16_000, _LENGTH, n_mels=bands)
        self._filters = np.ascontiguousarray(filters.T.astype(np.float32))

    def __call__(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """float32, (bands, frames), of one frame for each 10 ms of ``samples``."""
        frames = len(samples) // _HOP
        whole = -(-frames // _ROWS) * _ROWS
        half = _LENGTH // 2
        # Silence at the end, and the start mirrored before it, as in training.
        padded = np.zeros(max(whole * _HOP, len(samples)) + 2 * _LENGTH, np.float32)
        padded[half : half + len(samples)] = samples
        padded[:half] = padded[half + 1 : _LENGTH + 1][::-1]
        windows = np.lib.stride_tricks.sliding_window_view(padded, _LENGTH)[::_HOP]
        energies = np.empty((whole // _ROWS, _ROWS, self._filters.shape[1]), np.float32)
        for start in range(0, whole, _CHUNK):
            end = min(start + _CHUNK, whole)
            spectrum = np.fft.rfft(windows[start:end] * _WINDOW, axis=1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            np.matmul(
                power.reshape(-1, _ROWS, power.shape[1]),
                self._filters,
                out=energies[start // _ROWS : end // _ROWS],
            )
        levels = energies.reshape(-1, energies.shape[2])[:frames]
        np.log10(np.maximum(levels, 1e-10, out=levels), out=levels)
        if frames:
            np.maximum(levels, levels.max() - 8.0, out=levels)
        return (levels.T + 4.0) / 4.0
