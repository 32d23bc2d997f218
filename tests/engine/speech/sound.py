"""Encoded sound for tests of decoding, made in memory."""

from __future__ import annotations

import struct
import tempfile

import av
import numpy as np

from engine.speech.audio.decode import Samples


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
            assert isinstance(stream, av.AudioStream)
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


def ogg_speex(frames: list[bytes]) -> bytes:
    """Speex frames of 20 ms at 8 kHz in Ogg: RFC 3533 and the Speex manual, section 6."""
    shape = (1, 80, 8_000, 0, 4, 1, 0xFFFFFFFF, 160, 0, 1, 0, 0, 0)
    header = b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<13I", *shape)
    comment = struct.pack("<I4sI", 4, b"test", 0)
    pages = [([header], 0), ([comment], 0)]
    pages += [
        (frames[at : at + 50], 160 * min(at + 50, len(frames))) for at in range(0, len(frames), 50)
    ]
    return b"".join(
        _ogg_page(packets, granule, number, last=number == len(pages) - 1)
        for number, (packets, granule) in enumerate(pages)
    )


def _ogg_page(packets: list[bytes], granule: int, number: int, *, last: bool) -> bytes:
    flags = (2 if number == 0 else 0) | (4 if last else 0)
    sizes = bytes(len(packet) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(sizes))
    page = head + sizes + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_checksum(page)) + page[26:]


def _ogg_checksum(page: bytes) -> int:
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            carry = checksum & 0x80000000
            checksum = (checksum << 1 ^ (0x04C11DB7 if carry else 0)) & 0xFFFFFFFF
    return checksum
