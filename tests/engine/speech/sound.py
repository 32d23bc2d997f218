"""Encoded sound for tests of decoding, made in memory."""

from __future__ import annotations

import struct
import tempfile

import av
import numpy as np

from engine.speech.decode import Samples


def tone(seconds: float, rate: int = 16_000) -> Samples:
    """A quarter-loud tone of 440 Hz."""
    return (0.25 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate)).astype(
        np.float32
    )


def wave_bytes(
    samples: Samples, rate: int = 16_000, *, channels: int = 1, stated_bytes: int | None = None
) -> bytes:
    """A WAV of 16 bits whose header may state another length than there is."""
    data = (samples * 32_767).astype("<i2").repeat(channels).tobytes()
    stated = len(data) if stated_bytes is None else stated_bytes
    head = struct.pack("<4sI4s", b"RIFF", min(stated + 36, 0xFFFFFFFF), b"WAVE")
    shape = (16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return (
        head
        + struct.pack("<4sIHHIIHH", b"fmt ", *shape)
        + struct.pack("<4sI", b"data", stated)
        + data
    )


def encoded(
    samples: Samples,
    container: str,
    codec: str,
    rate: int,
    options: dict[str, str] | None = None,
) -> bytes:
    """``samples`` (at ``rate`` Hz) as ``codec`` in FFmpeg's ``container``."""
    with tempfile.NamedTemporaryFile() as file:  # some containers reopen what they write
        with av.open(file.name, "w", format=container, options=options or {}) as output:
            stream = output.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
            frame = av.AudioFrame.from_ndarray(
                (samples * 32_767).astype(np.int16)[np.newaxis], format="s16", layout="mono"
            )
            frame.sample_rate = rate
            frame.pts = 0
            for piece in (*resampler.resample(frame), *resampler.resample(None)):
                output.mux(stream.encode(piece))
            output.mux(stream.encode(None))
        return file.read()
