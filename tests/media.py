"""Media files for tests of what reads them, made in memory: any container, tracks and stamps.

one = written("mp4", Sound(beeps(10, at=[6.0]), "aac"))
two = written("matroska", Sound(beeps(10), "flac"), Sound(..., is_default=True))
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Samples = npt.NDArray[np.float32]
RATE = 16_000


def beeps(
    seconds: float, at: Sequence[float] = (1.0,), rate: int = RATE, channels: int = 1
) -> Samples:
    """Silence with beeps of half a second at ``at``: (samples,), or (channels, samples)."""
    time = np.arange(round(seconds * rate)) / rate
    loud = np.zeros(len(time), bool)
    for start in at:
        loud |= (time >= start) & (time < start + 0.5)
    samples = (0.5 * np.sin(2 * np.pi * 1_000 * time) * loud).astype(np.float32)
    return samples if channels == 1 else np.tile(samples, (channels, 1))


@dataclass
class Sound:
    """One audio track. ``stamps`` moves the time stamps of its packets, in seconds."""

    samples: Samples
    codec: str = "pcm_s16le"
    rate: int = RATE
    language: str = ""
    title: str = ""
    is_default: bool | None = None
    stamps: Callable[[float], float] = lambda seconds: seconds
    options: dict[str, str] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        return 1 if self.samples.ndim == 1 else len(self.samples)


def written(container: str, *sounds: Sound, video_seconds: float = 0.0, **options: str) -> bytes:
    """The bytes of a file with these tracks, after a picture track when it has a length."""
    with tempfile.NamedTemporaryFile() as file:  # some containers reopen what they write
        with av.open(file.name, "w", format=container, options=options) as output:
            packets = []
            if video_seconds:
                packets += _pictures(output, video_seconds)
            streams = [_stream(output, sound) for sound in sounds]
            for sound, stream in zip(sounds, streams, strict=True):
                packets += _packets(sound, stream)
            for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
                output.mux(packet)
        return file.read()


def _stream(output, sound: Sound):
    layout = {1: "mono", 2: "stereo", 6: "5.1"}.get(sound.channels, f"{sound.channels} channels")
    stream = output.add_stream(sound.codec, rate=sound.rate, layout=layout, options=sound.options)
    if sound.language:
        stream.metadata["language"] = sound.language
    if sound.title:
        stream.metadata["title"] = sound.title
    if sound.is_default is not None:
        stream.disposition = Disposition.default if sound.is_default else Disposition(0)
    if sound.codec == "wmav2":
        stream.bit_rate = 32_000
    return stream


def _packets(sound: Sound, stream) -> list:
    context = stream.codec_context
    context.open()
    resampler = av.AudioResampler(
        format=context.format,
        layout=context.layout,
        rate=sound.rate,
        frame_size=context.frame_size or 1024,
    )
    whole = np.atleast_2d(sound.samples)
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(whole), format="fltp", layout=context.layout.name
    )
    frame.sample_rate, frame.pts = sound.rate, 0
    packets = []
    for even in (*resampler.resample(frame), *resampler.resample(None), None):
        packets += stream.encode(even)
    for packet in packets:
        start = float(packet.pts * packet.time_base)
        shift = round((sound.stamps(start) - start) / packet.time_base)
        packet.pts += shift
        packet.dts += shift
    return packets


def _pictures(output, seconds: float) -> list:
    stream = output.add_stream("mpeg4", rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    packets = []
    for number in range(round(seconds * 5)):
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        picture.pts = number
        packets += stream.encode(picture)
    return [*packets, *stream.encode(None)]


def damaged(data: bytes, places: int, seed: int = 1, size: int = 400) -> bytes:
    """``data`` with so many spots of ``size`` random bytes, none in the first or last tenth."""
    rng = np.random.default_rng(seed)
    broken = bytearray(data)
    inside = len(data) * 8 // 10
    for place in range(places):
        start = len(data) // 10 + (2 * place + 1) * inside // (2 * places)
        broken[start : start + size] = rng.bytes(size)
    return bytes(broken)


def without(data: bytes, first: float, last: float) -> bytes:
    """``data`` without the bytes between two parts of its length, 0 to 1."""
    return data[: int(len(data) * first)] + data[int(len(data) * last) :]
