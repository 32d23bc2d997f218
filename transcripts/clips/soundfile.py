"""Sound of clips: a WAV file that grows, pieces joined without clicks, and other encodings."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

PAUSE_SECONDS = 0.2  # between two pieces, as between two sentences
FADE_SECONDS = 0.005
OPUS_MAX_BIT_RATE = 256_000  # libopus takes no more for one channel
RAW = {"linear16": "s16le", "mulaw": "mulaw", "alaw": "alaw"}
CODECS = {
    "linear16": "pcm_s16le",
    "mulaw": "pcm_mulaw",
    "alaw": "pcm_alaw",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "flac": "flac",
    "aac": "aac",
}
MUXERS = {"mp3": "mp3", "opus": "ogg", "flac": "flac", "aac": "adts"}


class WavWriter:
    """A WAV file of one channel, 16 bits, that is written as the sound comes."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._rate = sample_rate
        self._file: wave.Wave_write = wave.open(str(path), "wb")  # noqa: SIM115
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(sample_rate)
        self._odd = b""
        self._frames = 0

    @property
    def duration(self) -> float:
        """Return the seconds that were written."""
        return self._frames / self._rate

    def write(self, audio: bytes) -> None:
        """Write linear16; a sample may be split between two calls."""
        audio = self._odd + audio
        whole = len(audio) - len(audio) % 2
        self._odd = audio[whole:]
        self._file.writeframesraw(audio[:whole])
        self._frames += whole // 2

    def close(self) -> None:
        self._file.close()

    def discard(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)


def joined(spoken: Iterable[bytes], sample_rate: int) -> Iterator[Samples]:
    """Yield pieces of linear16 with a pause between two; their edges are faded.

    An edge that is not silent would click.
    """
    pause = np.zeros(round(PAUSE_SECONDS * sample_rate), np.int16)
    for index, audio in enumerate(spoken):
        if index:
            yield pause
        whole = audio[: len(audio) - len(audio) % 2]
        yield faded(np.frombuffer(whole, "<i2").astype(np.int16), sample_rate)


def faded(samples: Samples, sample_rate: int) -> Samples:
    """Return ``samples`` with a short fade at both ends."""
    count = min(round(FADE_SECONDS * sample_rate), len(samples) // 2)
    if not count:
        return samples
    gain = np.ones(len(samples), np.float32)
    ramp = np.linspace(0.0, 1.0, count, endpoint=False, dtype=np.float32)
    gain[:count], gain[-count:] = ramp, ramp[::-1]
    result: Samples = (samples * gain).astype(np.int16)
    return result


def encode(
    pieces: Iterable[Samples],
    sample_rate: int,
    file: BinaryIO,
    *,
    encoding: str,
    container: str | None,
    target_rate: int,
    bit_rate: int | None,
) -> None:
    """Write ``pieces`` of ``sample_rate`` into ``file`` in one of the speech formats."""
    muxer = MUXERS.get(encoding) or ("wav" if container == "wav" else RAW[encoding])
    with av.open(file, "w", format=muxer) as output:
        stream = output.add_stream(CODECS[encoding], rate=target_rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        if bit_rate:
            stream.bit_rate = min(bit_rate, OPUS_MAX_BIT_RATE) if encoding == "opus" else bit_rate
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=target_rate)
        for frame in (*_frames(pieces, sample_rate), None):
            for converted in resampler.resample(frame):
                output.mux(stream.encode(converted))
        output.mux(stream.encode(None))


def _frames(pieces: Iterable[Samples], sample_rate: int) -> Iterator[av.AudioFrame]:
    position = 0
    for samples in pieces:
        if not len(samples):
            continue
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = sample_rate, position
        position += len(samples)
        yield frame


def wav_with_lengths(audio: bytes) -> bytes:
    """Return a WAV file whose lengths are those of its bytes; a server that streams knows none."""
    data = audio.find(b"data", 12)
    if audio[:4] != b"RIFF" or data < 0:
        return audio
    sizes = (len(audio) - 8).to_bytes(4, "little"), (len(audio) - data - 8).to_bytes(4, "little")
    return audio[:4] + sizes[0] + audio[8 : data + 4] + sizes[1] + audio[data + 8 :]
