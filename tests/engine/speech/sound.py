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


def no_speech(seconds: float = 3.0) -> dict[str, Samples]:
    """Sounds that are no speech, by name: float32 at 16 kHz."""
    clock = np.arange(round(seconds * 16_000)) / 16_000
    chance = np.random.default_rng(1)
    white = chance.normal(0, 1, len(clock))
    pitches = [pitch * part for pitch in (220.0, 277.2, 329.6) for part in (1, 2, 3)]
    parts = [np.sin(2 * np.pi * pitch * clock) for pitch in pitches]
    chords = np.average(parts, axis=0, weights=[1, 1 / 2, 1 / 3] * 3) * 5.5
    clicks = np.zeros(len(clock))
    clicks[4_000::7_000] = 0.9
    growl = sum(np.sin(2 * np.pi * 70 * part * clock) / part for part in range(1, 12))
    breath = np.convolve(white, np.hanning(12) / 6, "same") * np.clip(np.sin(2 * clock), 0, 1)
    sounds = {
        "tone": 0.3 * np.sin(2 * np.pi * 220 * clock),
        "beeps": 0.4 * np.sin(2 * np.pi * 1000 * clock) * (clock % 1 < 0.2),
        "music": 0.1 * chords * np.exp(-2 * (clock % 0.8)),
        "noise": 0.2 * white,
        "soft noise": 0.0005 * white,
        "clicks": np.convolve(clicks, np.exp(-np.arange(40) / 8), "same"),
        "growl": 0.15 * growl * (1 + 0.7 * np.sin(2 * np.pi * 24 * clock)) * (clock % 1 < 0.6),
        "breath": 0.15 * breath,
    }
    return {name: sound.astype(np.float32) for name, sound in sounds.items()}
