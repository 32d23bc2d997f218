"""Raw samples of a live stream, in any of the wire's plain encodings, to 16 kHz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from engine.speech.audio.decode import RATE, Samples

# Encodings that need no decoder: bytes a sample. Others go through ``decode.Decoder``.
PLAIN = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}


class RawAudio:
    """Bytes in pieces of any length, samples out; half a sample waits for its other half."""

    def __init__(self, encoding: str, sample_rate: int, channels: int = 1) -> None:
        self._encoding = encoding
        self._channels = channels
        self._frame = PLAIN[encoding] * channels
        self._rest = b""
        self._resampler = (
            None
            if sample_rate == RATE
            else soxr.ResampleStream(sample_rate, RATE, channels, dtype="float32")
        )

    def feed(self, data: bytes) -> Samples:
        """The samples that ``data`` completes: float32, (channels, samples), 16 kHz, -1 to 1."""
        data = self._rest + data
        whole = len(data) // self._frame * self._frame
        self._rest = data[whole:]
        return self._resampled(_numbers(self._encoding, data[:whole]), last=False)

    def finish(self) -> Samples:
        """Return the samples left in the resampler."""
        return self._resampled(np.zeros(0, np.float32), last=True)

    def _resampled(self, numbers: Samples, *, last: bool) -> Samples:
        frames = numbers.reshape(-1, self._channels)
        if self._resampler is not None:
            frames = self._resampler.resample_chunk(frames, last=last)
        return np.ascontiguousarray(frames.T, dtype=np.float32)


def _numbers(encoding: str, data: bytes) -> Samples:
    if encoding == "linear16":
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)
    if encoding == "linear32":
        numbers: Samples = np.nan_to_num(np.frombuffer(data, "<f4"), posinf=1.0, neginf=-1.0)
        return numbers.clip(-1.0, 1.0)
    table: Samples = _MULAW if encoding == "mulaw" else _ALAW
    return table[np.frombuffer(data, np.uint8)]


def _mulaw() -> npt.NDArray[np.float32]:
    """ITU-T G.711, section 3: the 256 levels of mu-law."""
    codes = ~np.arange(256, dtype=np.uint8)
    exponents, mantissas = (codes >> 4) & 7, (codes & 15).astype(np.int32)
    levels = (((mantissas << 3) + 132) << exponents) - 132
    return np.where(codes & 128, -levels, levels).astype(np.float32) / np.float32(32768)


def _alaw() -> npt.NDArray[np.float32]:
    """ITU-T G.711, section 3: the 256 levels of A-law."""
    codes = np.arange(256, dtype=np.uint8) ^ 0x55
    exponents, mantissas = ((codes >> 4) & 7).astype(np.int32), (codes & 15).astype(np.int32)
    levels = (mantissas << 4) + 8
    levels = np.where(exponents > 0, (levels + 256) << np.maximum(exponents - 1, 0), levels)
    return np.where(codes & 128, levels, -levels).astype(np.float32) / np.float32(32768)


_MULAW, _ALAW = _mulaw(), _alaw()
