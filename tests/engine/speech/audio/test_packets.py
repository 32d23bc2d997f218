"""Bare packets of Opus and Speex, as telephony sends them, decoded as they come."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from engine.speech.audio.decode import Decoder, RawFormat
from engine.speech.audio.encode import encode, read_format
from engine.speech.audio.packets import Packets
from tests.debian import needed
from tests.speech import Samples, join, say, wav_bytes

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def fox() -> Samples:
    return join(0.3, say("The quick brown fox jumps over the lazy dog."), 0.5)


def opus_packets(samples: Samples, channels: int = 1, frame_ms: int = 20) -> list[bytes]:
    """``samples`` at 16 kHz as Opus, one packet a frame."""
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.format = 16_000, "flt"
    context.layout = "mono" if channels == 1 else "stereo"
    context.options = {"frame_duration": str(frame_ms)}
    size = 16 * frame_ms
    packets: list[bytes] = []
    for at in range(0, len(samples) - size, size):
        data = np.repeat(samples[at : at + size], channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="flt", layout=context.layout.name)
        frame.sample_rate, frame.pts = 16_000, at
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def speex_packets(samples: Samples, rate: int) -> list[bytes]:
    """``samples`` at 16 kHz as Speex at ``rate``, one packet a frame."""
    program = needed("ffmpeg", "ffmpeg", find_ffmpeg)
    command = [str(program), "-v", "error", "-i", "-", "-ar", str(rate), "-c:a", "libspeex"]
    coded = subprocess.run(
        [*command, "-f", "ogg", "-"], input=wav_bytes(samples), capture_output=True, check=True
    ).stdout
    with av.open(io.BytesIO(coded), "r") as container:
        return [bytes(packet) for packet in container.demux() if packet.size]


def find_ffmpeg() -> Path:
    if (found := shutil.which("ffmpeg")) is None:
        raise FileNotFoundError("ffmpeg")
    return Path(found)


def decoded(frames: list[bytes], encoding: str, rate: int | None, channels: int = 1) -> Samples:
    packets = Packets(encoding, rate, channels)
    data = b"".join(packets.contained(frame) for frame in frames)
    with Decoder(io.BytesIO(data)) as decoder:
        assert decoder.head.codec in (encoding, f"lib{encoding}")
        assert decoder.head.channels == channels
        return np.concatenate([block[0] for block in decoder.blocks()])


def likeness(first: Samples, second: Samples) -> float:
    """The correlation of two loudness curves, by windows of 20 ms."""
    count = min(len(first), len(second)) // 320
    loudness = [
        np.sqrt(np.square(samples[: count * 320]).reshape(count, 320).mean(axis=1))
        for samples in (first, second)
    ]
    return float(np.corrcoef(*loudness)[0, 1])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_packets_of_opus_are_the_sound_that_was_coded(fox: Samples, channels: int, frame_ms: int):
    packets = opus_packets(fox, channels, frame_ms)
    sound = decoded(packets, "opus", None, channels)
    assert len(sound) == pytest.approx(len(fox), abs=3000)
    assert likeness(fox, sound) > 0.9


@pytest.mark.parametrize("rate", [8_000, 16_000, 32_000])
def test_packets_of_speex_are_the_sound_that_was_coded(fox: Samples, rate: int):
    sound = decoded(speex_packets(fox, rate), "speex", rate)
    assert len(sound) == pytest.approx(len(fox), abs=3000)
    assert likeness(fox, sound) > 0.8


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_a_container_stays_as_it_is_whatever_its_frames_are(fox: Samples, size: int):
    data = encode(fox, 48_000, read_format(encoding="opus"))
    packets = Packets("opus", 48_000, 1)
    frames = [data[at : at + size] for at in range(0, len(data), size)]
    assert b"".join(packets.contained(frame) for frame in frames) == data


def test_a_packet_may_be_longer_than_a_page():
    packets = Packets("speex", 8_000, 1)
    packets.contained(b"\x00")
    assert packets.contained(bytes(70_000)).count(b"OggS") == 2


def test_the_sound_of_a_packet_comes_before_the_next_packet(fox: Samples):
    frames, heard, reached = opus_packets(fox), [0], [0]
    packets = Packets("opus", 48_000, 1)
    with Decoder(
        None, raw=RawFormat("opus", 48_000), decoded=lambda count: reached.append(count)
    ) as decoder:
        blocks = decoder.blocks()
        fed = 0
        for number, frame in enumerate(frames[:30]):
            data = packets.contained(frame)
            fed += len(data)
            decoder.feed(data)
            while heard[0] < 320 * number + 300:
                heard[0] += next(blocks).shape[1]
        decoder.finish()
        for _ in blocks:
            pass
    assert reached[-1] == fed
