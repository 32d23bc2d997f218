"""Any container to samples; strangers' bytes to a clear rejection."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from engine.speech.audio.decode import RATE, Decoder, Head, Limits, RawFormat, Samples
from engine.speech.errors import (
    AudioLimit,
    DecoderLost,
    EmptyAudio,
    NoAudio,
    UnsupportedAudio,
)
from tests.engine.speech.sound import encoded, ogg_speex, tone, wave_bytes

pytestmark = pytest.mark.full


def decode(data: bytes, **options) -> tuple[Samples, Decoder]:
    with Decoder(io.BytesIO(data), **options) as decoder:
        return np.concatenate(list(decoder.blocks()), axis=1), decoder


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("wav", "pcm_s16le", 44_100),
        ("wav", "pcm_f32le", 48_000),
        ("mp3", "libmp3lame", 22_050),
        ("flac", "flac", 48_000),
        ("ogg", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("mp4", "aac", 44_100),
        ("adts", "aac", 24_000),
        ("amr", "libopencore_amrnb", 8_000),
        ("aiff", "pcm_s16be", 16_000),
        ("caf", "pcm_s16be", 16_000),
    ],
)
def test_a_container_is_known_by_its_bytes(container, codec, rate):
    samples, decoder = decode(encoded(tone(3, rate), container, codec, rate))
    assert samples.shape[0] == 1
    assert samples.shape[1] / RATE == pytest.approx(3, abs=0.1)
    assert loudness(samples) == pytest.approx(0.25 / np.sqrt(2), rel=0.25)
    assert decoder.head.sample_rate == rate
    assert not decoder.truncated


@pytest.mark.parametrize(
    ("encoding", "codec", "container"),
    [
        ("linear16", "pcm_s16le", "s16le"),
        ("linear32", "pcm_f32le", "f32le"),
        ("mulaw", "pcm_mulaw", "mulaw"),
        ("alaw", "pcm_alaw", "alaw"),
    ],
)
def test_raw_audio_is_read_as_the_caller_says(encoding, codec, container):
    data = encoded(tone(2, 8_000), container, codec, 8_000)
    samples, _ = decode(data, raw=RawFormat(encoding, 8_000))
    assert samples.shape == (1, pytest.approx(2 * RATE, abs=100))
    assert loudness(samples) == pytest.approx(0.25 / np.sqrt(2), rel=0.1)


def test_headerless_amr_is_read_as_the_caller_says():
    data = encoded(tone(2, 8_000), "amr", "libopencore_amrnb", 8_000)
    samples, _ = decode(data.removeprefix(b"#!AMR\n"), raw=RawFormat("amr-nb"))
    assert samples.shape[1] / RATE == pytest.approx(2, abs=0.1)


def test_a_container_speaks_for_itself_whatever_the_caller_says():
    _, decoder = decode(wave_bytes(tone(1)), raw=RawFormat("mulaw", 8_000))
    assert decoder.head == Head("wav", "pcm_s16le", 1, 16_000)


@pytest.mark.parametrize("channels", [2, 3, 6, 20])
def test_channels_are_mixed_or_kept_apart(channels):
    data = wave_bytes(tone(1), channels=channels)
    mixed, _ = decode(data)
    apart, _ = decode(data, multichannel=True)
    assert mixed.shape == (1, RATE)
    assert apart.shape == (channels, RATE)
    assert loudness(apart[-1]) == pytest.approx(0.25 / np.sqrt(2), rel=0.05)


def test_a_hole_in_the_time_stamps_is_silence():
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("pcm_s16le", rate=RATE, layout="mono")
        data = (tone(1) * 32_767).astype(np.int16)[np.newaxis]
        for start in (0, 5 * RATE):
            frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            output.mux(stream.encode(frame))
    samples, _ = decode(file.getvalue())
    assert samples.shape[1] / RATE == pytest.approx(6, abs=0.05)
    assert loudness(samples[:, 2 * RATE : 4 * RATE]) == 0


def test_zero_bytes_are_empty():
    with pytest.raises(EmptyAudio, match="0 bytes"):
        decode(b"")


def test_a_header_alone_holds_no_audio():
    with pytest.raises(NoAudio, match="no audio samples"):
        decode(wave_bytes(tone(0)))


def test_an_unknown_length_is_read_to_the_real_end():
    samples, decoder = decode(wave_bytes(tone(2), stated_bytes=0xFFFFFFFF))
    assert samples.shape[1] == 2 * RATE
    assert not decoder.truncated


def test_a_cut_wave_gives_what_there_is_and_says_so():
    samples, decoder = decode(wave_bytes(tone(2), stated_bytes=60 * RATE * 2))
    assert samples.shape[1] == 2 * RATE
    assert decoder.truncated


def test_a_cut_m4a_gives_what_there_is_and_says_so():
    data = encoded(tone(10, 44_100), "mp4", "aac", 44_100, {"movflags": "faststart"})
    samples, decoder = decode(data[: len(data) // 2])
    assert 3 < samples.shape[1] / RATE < 7
    assert decoder.truncated


def test_a_cut_m4a_without_its_index_is_rejected():
    data = encoded(tone(10, 44_100), "mp4", "aac", 44_100)
    with pytest.raises(UnsupportedAudio):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize(
    "text",
    [
        "This is a letter and no recording. " * 200,
        "ffconcat version 1.0\nfile other.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    ],
)
def test_text_scripts_and_playlists_are_rejected(text, tmp_path):
    (tmp_path / "other.ts").write_bytes(wave_bytes(tone(1)))
    path = tmp_path / "recording.wav"
    path.write_text(text)
    with Decoder(path) as decoder, pytest.raises(UnsupportedAudio):
        list(decoder.blocks())


def test_too_many_channels_are_named_with_the_limit():
    with pytest.raises(AudioLimit, match="64 channels; at most 20"):
        decode(wave_bytes(tone(1), channels=64))


def test_too_high_a_rate_is_named_with_the_limit():
    with pytest.raises(AudioLimit, match="768000 Hz; at most 384000"):
        decode(wave_bytes(tone(1), 768_000))


def test_a_small_file_that_unpacks_to_hours_ends_at_the_limit():
    hour = encoded(np.zeros(3600 * 8000, np.float32), "flac", "flac", 8_000)
    assert len(hour) < 1 << 20
    with pytest.raises(AudioLimit, match="longer than 600 seconds"):
        decode(hour, limits=Limits(max_seconds=600))


def test_too_much_work_ends_at_the_limit():
    hour = encoded(np.zeros(4 * 3600 * 8000, np.float32), "flac", "flac", 8_000)
    with pytest.raises(AudioLimit, match="more than 1 seconds of processor time"):
        decode(hour, limits=Limits(cpu_seconds=1))


def test_a_decoder_that_was_killed_says_so():
    with Decoder(None, raw=RawFormat("linear16", RATE)) as decoder:
        decoder.feed(wave_bytes(tone(1))[44:])
        assert decoder.head.codec == "pcm_s16le"
        os.kill(decoder._process.pid, signal.SIGKILL)
        with pytest.raises(DecoderLost):
            list(decoder.blocks())


def test_the_decoder_can_neither_open_files_nor_sockets_nor_start_programs(tmp_path):
    program = """
import os, socket, sys
from sandbox.confinement import confine
confine(memory_bytes=1 << 30, cpu_seconds=10)
done = []
for attempt in (
    lambda: os.open("/etc/passwd", os.O_RDONLY),
    lambda: os.listdir("/etc"),
    lambda: socket.socket(),
    lambda: os.fork(),
    lambda: os.execv("/bin/true", ["true"]),
    lambda: os.kill(os.getppid(), 0),
):
    try:
        attempt()
        done.append("allowed")
    except OSError:
        done.append("rejected")
print(*done)
"""
    root = Path(__file__).resolve().parents[4]
    child = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{program}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.split() == ["rejected"] * 6


def test_a_live_stream_is_decoded_while_it_comes():
    data = encoded(tone(20, 48_000), "webm", "libopus", 48_000)
    half = len(data) // 2
    heard_enough = threading.Event()

    with Decoder(None) as decoder:

        def feed() -> None:
            decoder.feed(data[:half])
            heard_enough.wait(30)
            decoder.feed(data[half:])
            decoder.finish()

        feeder = threading.Thread(target=feed)
        feeder.start()
        blocks = decoder.blocks()
        heard = 0
        while heard < 5 * RATE:  # of the 10 seconds that were fed
            heard += next(blocks).shape[1]
        heard_enough.set()
        heard += sum(block.shape[1] for block in blocks)
        feeder.join()
    assert heard / RATE == pytest.approx(20, abs=0.1)


def decode_live(data: bytes, raw: RawFormat | None = None) -> Samples:
    with Decoder(None, raw=raw) as decoder:

        def feed() -> None:
            decoder.feed(data)
            decoder.finish()

        feeder = threading.Thread(target=feed)
        feeder.start()
        found = np.concatenate(list(decoder.blocks()), axis=1)
        feeder.join()
    return found


@pytest.mark.parametrize(
    ("container", "codec", "rate", "announced"),
    [
        ("ogg", "libopus", 48_000, None),
        ("webm", "libopus", 48_000, None),
        ("flac", "flac", 16_000, "flac"),
        ("mp3", "libmp3lame", 22_050, None),
        ("amr", "libopencore_amrnb", 8_000, None),
        ("amr", "libopencore_amrnb", 8_000, "amr-nb"),
    ],
)
def test_a_live_stream_loses_nothing_of_its_start(container, codec, rate, announced):
    raw = RawFormat(announced, rate) if announced else None
    found = decode_live(encoded(tone(2, rate), container, codec, rate), raw)
    assert found.shape[1] / RATE == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        # Frames of 20 ms in the lowest mode, in storage format: RFC 4867, section 5.
        ("amr-wb", (b"\x04" + bytes(17)) * 100),
        ("amr-wb", b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * 100),
        # Frames of 10 ms.
        ("g729", bytes(10) * 200),
        # Narrowband frames of 20 ms in submode 3, as Ogg carries them.
        ("speex", ogg_speex([b"\x1d\xde\x0f" + b"\xee" * 17] * 100)),
    ],
    ids=["amr-wb", "amr-wb file", "g729", "speex"],
)
def test_encodings_without_an_encoder_here_are_decoded(encoding, data):
    found = decode_live(data, RawFormat(encoding))
    assert found.shape[1] / RATE == pytest.approx(2, abs=0.1)


def test_more_files_may_be_open_than_select_can_watch():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1_100)]
    try:
        samples, _ = decode(wave_bytes(tone(1)))
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert samples.shape == (1, RATE)


def test_a_file_is_read_from_its_start_and_left_where_it_was(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wave_bytes(tone(1)))
    with path.open("rb") as file:
        file.seek(100)
        with Decoder(file) as decoder:
            assert sum(block.shape[1] for block in decoder.blocks()) == RATE
        assert file.tell() == 100
