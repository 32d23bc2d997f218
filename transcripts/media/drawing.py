"""The waveform of a file of unknown origin and a copy that browsers play.

It runs in the confined process of `sound_child.py`.
"""

import base64
from array import array
from collections.abc import Iterator
from typing import IO, Any

import av
import numpy as np
import numpy.typing as npt

from sandbox.soundtrack import (
    Damage,
    Timeline,
    decoded,
    open_media,
    packets,
    readable_tracks,
    stamp_of,
)

Samples = npt.NDArray[np.float32]

STEP_SECONDS = 0.05
RATE = 16_000  # Hz, of what is drawn and copied
COPY_BITS = 48_000  # a constant rate: a browser finds a second of an MP3 by counting bytes


def draw(file: IO[bytes], copy: IO[bytes] | None) -> dict[str, Any]:
    """The loudest of each STEP_SECONDS, and what keeps a browser from seeking exactly."""
    damage, sizes, curve = Damage(), PacketSizes(), Curve()
    encoder = Mp3(copy) if copy else None
    with open_media(file) as container:
        track = readable_tracks(container)[0]
        timeline, resampler = Timeline(container), Resampler()

        def take(samples: Samples) -> None:
            curve.add(samples)
            if encoder:
                encoder.write(samples)

        for _, packet in packets(container, [track], damage):
            if packet is not None and packet.size:
                sizes.add(packet.size)
            for frame in decoded(track, packet, damage):
                length = frame.samples / frame.sample_rate
                silence = round(timeline.silence_before(stamp_of(frame), length) * RATE)
                for start in range(0, silence, RATE):
                    take(np.zeros((1, min(RATE, silence - start)), np.float32))
                for samples in resampler.resample(frame):
                    take(samples)
        for samples in resampler.flush():
            take(samples)
    if encoder:
        encoder.close()
    return {
        "peaks": base64.b64encode(curve.finish().tobytes()).decode(),
        "seconds": curve.samples / RATE,
        "is_first_track": track.number == 1,
        "is_even": timeline.is_even and not resampler.changes,
        "is_damaged": bool(damage),
        "has_constant_rate": sizes.are_constant,
    }


class PacketSizes:
    """The sizes of a track's packets, from which a constant bit rate is told."""

    def __init__(self) -> None:
        self._least, self._most = 1 << 30, 0
        self._last: int | None = None

    def add(self, size: int) -> None:
        # The last packet of a file may be cut off: each counts when another follows.
        if self._last:
            self._least, self._most = min(self._least, self._last), max(self._most, self._last)
        self._last = size

    @property
    def are_constant(self) -> bool:
        # Padding: 417 and 418 bytes are 128 kbit/s at 44.1 kHz.
        return self._most - self._least <= 1


class Resampler:
    """Frames of any shape to 16 kHz, float32, (channels, samples); the shape may change."""

    def __init__(self) -> None:
        self.changes = 0
        self._shape: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def resample(self, frame: Any) -> Iterator[Samples]:
        layout = frame.layout.name
        shape = (frame.format.name, layout, frame.sample_rate)
        if shape != self._shape:
            yield from self.flush()
            if frame.layout.nb_channels > 2 and not layout.endswith(("channels", "channel")):
                layout = "stereo"  # with the weights of the layout
            self.changes += self._shape is not None
            self._shape = shape
            self._resampler = av.AudioResampler(format="flt", layout=layout, rate=RATE)
        yield from self._samples(frame)

    def flush(self) -> Iterator[Samples]:
        if self._resampler is not None:
            yield from self._samples(None)

    def _samples(self, frame: Any) -> Iterator[Samples]:
        for even in self._resampler.resample(frame):
            channels = even.layout.nb_channels
            yield even.to_ndarray().reshape(-1, channels).T


class Curve:
    """The loudest sample of each step of STEP_SECONDS, over all channels."""

    def __init__(self) -> None:
        self.samples = 0
        self._peaks: array[float] = array("f")
        self._rest: Samples = np.zeros(0, np.float32)
        self._step = int(RATE * STEP_SECONDS)

    def add(self, samples: Samples) -> None:
        self.samples += samples.shape[1]
        loudest = np.abs(samples).max(axis=0)
        loudest = np.concatenate([self._rest, np.nan_to_num(loudest)])
        whole = len(loudest) // self._step * self._step
        steps = loudest[:whole].reshape(-1, self._step).max(axis=1)
        self._peaks.frombytes(steps.astype(np.float32).tobytes())
        self._rest = loudest[whole:]

    def finish(self) -> "array[float]":
        if len(self._rest):
            self._peaks.append(float(self._rest.max()))
        return self._peaks


class Mix:
    """All channels on one, also where they cancel each other out."""

    def __init__(self) -> None:
        self._apart = self._mixed = 0.0  # energy, of the last seconds most

    def mix(self, samples: Samples) -> Samples:
        mixed: Samples = np.nan_to_num(samples.mean(axis=0))
        energies = np.square(samples).sum(axis=1)
        self._apart = 0.95 * self._apart + float(energies.max())
        self._mixed = 0.95 * self._mixed + float(np.square(mixed).sum())
        # Of an inverted channel next to nothing is left; -20 dB is no mere difference.
        if self._mixed < 0.01 * self._apart:
            mixed = samples[int(energies.argmax())]
        return mixed


class Mp3:
    """A listening copy, written as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.container = av.open(file, "w", format="mp3")
        self.stream = self.container.add_stream("libmp3lame", rate=RATE, layout="mono")
        self.stream.bit_rate = COPY_BITS
        self.stream.codec_context.format = "s16p"
        self.stream.codec_context.open()
        self.size = self.stream.codec_context.frame_size
        self.mix = Mix()
        self.waiting: Samples = np.zeros(0, np.float32)
        self.written = 0

    def write(self, samples: Samples) -> None:
        """Add float32 samples of 16 kHz, (channels, samples)."""
        self.waiting = np.concatenate([self.waiting, self.mix.mix(samples)])
        while len(self.waiting) >= self.size:
            self._encode(self.waiting[: self.size])
            self.waiting = self.waiting[self.size :]

    def close(self) -> None:
        if len(self.waiting):
            self._encode(self.waiting)
        self.container.mux(self.stream.encode(None))
        self.container.close()

    def _encode(self, samples: Samples) -> None:
        whole = (np.clip(samples, -1, 1) * 32_767).astype(np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(whole, format="s16p", layout="mono")
        frame.sample_rate, frame.pts = RATE, self.written
        self.written += frame.samples
        self.container.mux(self.stream.encode(frame))
