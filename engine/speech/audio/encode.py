"""Made speech into the encodings, containers and rates a caller may ask for.

Source of the table and of every message: docs/contract.md, 8.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.audio.codeccontext import AudioCodecContext

from engine.speech.errors import SpeechError

Samples = npt.NDArray[np.float32]
Surface = Literal["v1", "v2", "v1-socket", "v2-socket"]


class FormatError(SpeechError):
    """A value that is none of a parameter's; the text is the message of the response."""


class UnsupportedFormat(FormatError):
    """Values that do not go together: the service has a code of its own for them."""


@dataclass(frozen=True)
class Encoding:
    """One row of the table: the first container and rate are the defaults."""

    containers: tuple[str, ...] = ()
    sample_rates: tuple[int, ...] = ()  # empty: fixed
    fixed_rate: int = 0
    bit_rates: tuple[int, ...] | range = ()  # empty: not applicable
    bit_rate: int | None = None  # the default


ENCODINGS = {
    "linear16": Encoding(("wav", "none"), (24_000, 8_000, 16_000, 32_000, 48_000)),
    "mulaw": Encoding(("wav", "none"), (8_000, 16_000)),
    "alaw": Encoding(("wav", "none"), (8_000, 16_000)),
    "mp3": Encoding(fixed_rate=22_050, bit_rates=(32_000, 48_000), bit_rate=48_000),
    "opus": Encoding(("ogg",), fixed_rate=48_000, bit_rates=range(4_000, 650_001), bit_rate=12_000),
    "flac": Encoding(sample_rates=(48_000, 8_000, 16_000, 22_050, 32_000)),
    "aac": Encoding(fixed_rate=22_050, bit_rates=range(4_000, 192_001), bit_rate=48_000),
}
# Formats that only /v2/speak has.
ENCODINGS_V2 = ENCODINGS | {
    "linear16": Encoding(("wav", "none"), (24_000, 8_000, 16_000, 32_000, 44_100, 48_000)),
    "mp3": Encoding(
        fixed_rate=22_050,
        bit_rates=(8_000, 16_000, 24_000, 32_000, 40_000, 48_000),
        bit_rate=48_000,
    ),
}
CONTAINERS = ("none", "wav", "ogg")
RAW = ("linear16", "mulaw", "alaw")  # what a socket speaks, without a container
# libopus takes no more for one channel; a higher bit rate is allowed and gives this one.
OPUS_MOST = 256_000


@dataclass(frozen=True)
class AudioFormat:
    """A combination that exists. ``bit_rate`` is None where there is none to choose."""

    encoding: str
    container: str | None
    sample_rate: int
    bit_rate: int | None = None

    @property
    def content_type(self) -> str:
        match self.encoding, self.container:
            case _, "wav":
                return "audio/wav"
            case "linear16", _:
                return f"audio/l16;rate={self.sample_rate};channels=1"
            case "mp3", _:
                return "audio/mpeg"
            case "opus", _:
                return "audio/ogg;codecs=opus"
            case encoding, _:
                return f"audio/{encoding}"


def read_format(
    encoding: str | None = None,
    container: str | None = None,
    sample_rate: str | int | None = None,
    bit_rate: str | int | None = None,
    *,
    surface: Surface = "v1",
) -> AudioFormat:
    """The format that query parameters ask for, defaults filled in.

    Types and names are checked first, then container, sample rate and bit rate. Raises
    ``FormatError`` with the message of docs/contract.md, 8.
    """
    socket = surface.endswith("socket")
    table = ENCODINGS_V2 if surface.startswith("v2") else ENCODINGS
    names = RAW if socket else tuple(table)
    _expect("encoding", encoding, names)
    _expect("container", container, CONTAINERS)
    rate, bits = _number("sample_rate", sample_rate), _number("bit_rate", bit_rate)

    name = encoding or ("linear16" if socket else "mp3")
    row = table[name]
    containers = ("none",) if socket else row.containers
    if container is not None and not containers:
        raise _unsupported(f"`container` is not applicable when `encoding={name}`")
    if container is not None and container not in containers:
        raise _unsupported(f"`container={container}` is invalid when `encoding={name}`")
    if rate is not None and not row.sample_rates:
        raise _unsupported(f"`sample_rate` is not applicable when `encoding={name}`")
    if rate is not None and rate not in row.sample_rates:
        allowed = sorted(row.sample_rates)
        raise _unsupported(f"`sample_rate` must be {allowed} when `encoding={name}`")
    if bits is not None and not row.bit_rates:
        raise _unsupported(f"`bit_rate` is not applicable when `encoding={name}`")
    if bits is not None and bits not in row.bit_rates:
        span = row.bit_rates
        allowed_bits = f"{span.start}..{span.stop - 1}" if isinstance(span, range) else list(span)
        raise _unsupported(f"`bit_rate` must be {allowed_bits} when `encoding={name}`")
    return AudioFormat(
        encoding=name,
        container=container or (containers[0] if containers else None),
        sample_rate=rate or row.fixed_rate or row.sample_rates[0],
        bit_rate=bits or row.bit_rate,
    )


def _expect(parameter: str, value: str | None, names: tuple[str, ...]) -> None:
    if value is not None and value not in names:
        expected = ", ".join(f"`{name}`" for name in names)
        raise FormatError(
            f"Failed to deserialize query parameters: {parameter}: unknown variant `{value}`, "
            f"expected one of {expected}"
        )


def _number(parameter: str, value: str | int | None) -> int | None:
    if value is None or isinstance(value, int):
        return value
    # At most ten digits: no number of the table has more, and int() of many is slow.
    if value.isascii() and value.isdigit() and len(value) <= 10:
        return int(value)
    raise FormatError(
        f"Failed to deserialize query parameters: {parameter}: invalid digit found in string"
    )


def _unsupported(what: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"Unsupported audio format: {what}")


class Encoder:
    """Encodes one stream: feed it samples as they are made, then finish it.

    ``rate`` is the voice's; the sound is resampled where the format asks for another rate.
    """

    def __init__(self, audio_format: AudioFormat, rate: int) -> None:
        self._rate = audio_format.sample_rate
        self._resampler = (
            soxr.ResampleStream(rate, self._rate, 1, dtype="float32")
            if rate != self._rate
            else None
        )
        raw = audio_format.encoding in RAW
        self._sink: _Raw | _Muxed = _Raw(audio_format) if raw else _Muxed(audio_format)

    def feed(self, samples: Samples) -> bytes:
        """Return the encoded bytes that are complete after ``samples`` (float32, (n,))."""
        return self._encode(samples, last=False)

    def finish(self) -> bytes:
        """The rest of the stream."""
        return self._encode(np.zeros(0, np.float32), last=True) + self._sink.finish()

    def _encode(self, samples: Samples, *, last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        if not len(samples):
            return self._sink.encode(np.zeros(0, np.int16))
        # Clipped first: above full scale the conversion would wrap into loud noise.
        return self._sink.encode((np.clip(samples, -1, 1) * 32_767).astype(np.int16))


class _Raw:
    """PCM or G.711, bare or behind a WAV header."""

    WAVE_FORMAT = {"linear16": 1, "alaw": 6, "mulaw": 7}  # RFC 2361
    UNKNOWN_LENGTH = 0xFFFF_FFFF

    def __init__(self, audio_format: AudioFormat) -> None:
        self._header = self._wav(audio_format) if audio_format.container == "wav" else b""
        self._codec: AudioCodecContext | None = None
        if audio_format.encoding != "linear16":
            codec = av.CodecContext.create(f"pcm_{audio_format.encoding}", "w")
            assert isinstance(codec, AudioCodecContext)
            codec.sample_rate, codec.layout, codec.format = audio_format.sample_rate, "mono", "s16"
            self._codec = codec

    def encode(self, samples: npt.NDArray[np.int16]) -> bytes:
        header, self._header = self._header, b""
        if not len(samples):
            return header
        if self._codec is None:
            return header + samples.astype("<i2").tobytes()
        frame = _frame(samples, self._codec.sample_rate)
        return header + b"".join(bytes(packet) for packet in self._codec.encode(frame))

    def finish(self) -> bytes:
        return b""

    def _wav(self, audio_format: AudioFormat) -> bytes:
        width = 2 if audio_format.encoding == "linear16" else 1
        rate = audio_format.sample_rate
        tag = self.WAVE_FORMAT[audio_format.encoding]
        layout = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, width * 8)
        if tag != 1:
            layout += struct.pack("<H", 0)  # no extension: required after the layout of these
        unknown = struct.pack("<I", self.UNKNOWN_LENGTH)
        size = struct.pack("<I", len(layout))
        return b"RIFF" + unknown + b"WAVEfmt " + size + layout + b"data" + unknown


class _Muxed:
    """A compressed stream, written into a sink that cannot seek, as a socket cannot."""

    FORMATS = {
        "mp3": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
        "opus": ("ogg", "libopus", {"page_duration": "100000"}),  # µs: sound after 0.1 s
        "flac": ("flac", "flac", {}),
        "aac": ("adts", "aac", {}),
    }

    def __init__(self, audio_format: AudioFormat) -> None:
        muxer, codec, options = self.FORMATS[audio_format.encoding]
        self._written = _Sink()
        self._container = av.open(self._written, "w", format=muxer, options=options)
        stream = self._container.add_stream(codec, rate=audio_format.sample_rate)
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._stream.layout = "mono"
        if audio_format.encoding == "opus":
            self._stream.bit_rate = min(audio_format.bit_rate or 0, OPUS_MOST)
        elif audio_format.bit_rate:
            self._stream.bit_rate = audio_format.bit_rate
        self._rate = audio_format.sample_rate
        self._position = 0

    def encode(self, samples: npt.NDArray[np.int16]) -> bytes:
        if len(samples):
            frame = _frame(samples, self._rate)
            frame.pts = self._position
            self._position += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._written.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._written.take()


class _Sink:
    """A file that is only written to."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()

    def write(self, data: bytes) -> int:
        return self._bytes.write(data)

    def take(self) -> bytes:
        taken, self._bytes = self._bytes.getvalue(), io.BytesIO()
        return taken


def _frame(samples: npt.NDArray[np.int16], rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    return frame


def encode(samples: Samples, rate: int, audio_format: AudioFormat) -> bytes:
    """All of ``samples`` (float32, (n,), at ``rate`` Hz) at once."""
    encoder = Encoder(audio_format, rate)
    return encoder.feed(samples) + encoder.finish()
