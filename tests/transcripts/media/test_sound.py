"""Files of unknown origin: facts, waveforms and listening copies."""

import dataclasses
import io
import stat
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

from tests.transcripts.conftest import wav_bytes
from transcripts.media import sound
from transcripts.media.sound import Rejected, Sound

pytestmark = pytest.mark.full


def coded(
    path: Path,
    container: str,
    codec: str,
    seconds: float = 2.0,
    rate: int = 16_000,
    samples: np.ndarray | None = None,
) -> Path:
    """A tone, or ``samples`` as loud as 16 bits have it, in some container and codec."""
    tone = np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate) * 12_000
    tone = np.clip(tone if samples is None else samples, -32_768, 32_767)
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        if codec == "wmav2":
            stream.bit_rate = 32_000
        output.start_encoding()
        frame = av.AudioFrame.from_ndarray(tone.astype("<i2")[None, :], format="s16", layout="mono")
        frame.rate = rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for even in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(even))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("container", "codec", "rate", "media_type", "plays"),
    [
        ("wav", "pcm_s16le", 16_000, "audio/wav", True),
        ("wav", "pcm_alaw", 8_000, "audio/wav", False),
        ("flac", "flac", 16_000, "audio/flac", True),
        ("mp3", "libmp3lame", 16_000, "audio/mpeg", True),
        ("ipod", "aac", 16_000, "audio/mp4", True),
        ("ogg", "libopus", 48_000, "audio/ogg", True),
        ("webm", "libopus", 48_000, "audio/webm", True),
        ("aiff", "pcm_s16be", 16_000, "audio/aiff", False),
        ("asf", "wmav2", 16_000, "audio/x-ms-wma", False),
    ],
)
def test_what_a_file_is(tmp_path, container, codec, rate, media_type, plays):
    found = sound.probe(coded(tmp_path / "x", container, codec, rate=rate))
    assert (found.media_type, found.plays_in_browsers) == (media_type, plays)
    assert (found.channels, found.sample_rate) == (1, rate)
    assert found.duration == pytest.approx(2.0, abs=0.1)


def test_truncated_mp3_is_taken_and_mp4_without_its_index_is_not(tmp_path):
    mp3 = coded(tmp_path / "a.mp3", "mp3", "libmp3lame").read_bytes()
    (tmp_path / "a.mp3").write_bytes(mp3[: len(mp3) // 2])
    assert sound.probe(tmp_path / "a.mp3").codec.startswith("mp3")
    m4a = coded(tmp_path / "b.m4a", "ipod", "aac").read_bytes()
    (tmp_path / "b.m4a").write_bytes(m4a[: len(m4a) // 2])
    with pytest.raises(Rejected, match="incomplete"):
        sound.probe(tmp_path / "b.m4a")


def drawn(path: Path, copy: Path | None = None) -> sound.Drawing:
    return sound.draw(path, sound.probe(path), copy)


def test_wav_that_lies_about_its_length_is_taken(tmp_path):
    audio = bytearray(wav_bytes(1.0))
    audio[4:8] = audio[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(audio)
    assert sound.probe(tmp_path / "a.wav").sample_rate == 16_000
    assert len(drawn(tmp_path / "a.wav").peaks) == 20


def test_script_does_not_make_another_file_be_read(tmp_path):
    other = tmp_path / "other.wav"
    other.write_bytes(wav_bytes())
    for script in (f"ffconcat version 1.0\nfile {other}\n", f"#EXTM3U\n#EXTINF:9,\n{other}\n"):
        (tmp_path / "script.wav").write_text(script)
        with pytest.raises(Rejected):
            sound.probe(tmp_path / "script.wav")


def archive_bomb() -> bytes:
    """A WAV of 200 MB in 200 KB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.wav", "w") as wav,
    ):
        wav.write(wav_bytes())
        for _ in range(200):
            wav.write(bytes(1_000_000))
    return file.getvalue()


def archive_with_paths() -> bytes:
    """Members outside of the folder, and a symbolic link."""
    file = io.BytesIO()
    link = zipfile.ZipInfo("link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../outside.wav", wav_bytes())
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


@pytest.mark.parametrize("archive", [archive_bomb, archive_with_paths])
@pytest.mark.parametrize("name", ["a.zip", "a.wav"])
def test_archive_is_rejected_and_nothing_of_it_is_unpacked(tmp_path, archive, name):
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / name).write_bytes(archive())
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Rejected, match="not an audio or video file"):
        sound.probe(folder / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_waveform_follows_the_loudness(tmp_path):
    silent = np.zeros(16_000, "<i2").tobytes()
    loud = wav_bytes(1.0)
    (tmp_path / "a.wav").write_bytes(loud + silent)
    fixed = bytearray(loud + silent)
    fixed[40:44] = (len(loud) - 44 + len(silent)).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(fixed)
    peaks = drawn(tmp_path / "a.wav").peaks
    assert len(peaks) == 40
    assert min(peaks[1:19]) > 80
    assert max(peaks[21:]) == 0


def test_listening_copy_is_as_long_as_the_original(tmp_path):
    source = coded(tmp_path / "a.wma", "asf", "wmav2", seconds=3.0)
    drawn(source, tmp_path / "copy")
    copy = sound.probe(tmp_path / "copy")
    assert (copy.media_type, copy.plays_in_browsers) == ("audio/mpeg", True)
    assert copy.duration == pytest.approx(3.0, abs=0.15)


def test_long_curve_keeps_its_loudest_steps():
    assert sound.reduce(bytes([1, 9, 2, 3, 8, 1, 0, 0]), 4) == bytes([9, 3, 8, 0])
    assert sound.reduce(b"\1\2", 4) == b"\1\2"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"channels": 64}, "64 audio channels; at most 20"),
        ({"sample_rate": 768_000}, "768000 Hz"),
    ],
)
def test_limits_are_named(facts, words):
    usual = {"channels": 1, "sample_rate": 16_000, "duration": 1.0}
    with pytest.raises(Rejected, match=words):
        Sound("wav", "pcm_s16le", False, **(usual | facts)).check()


def test_length_that_was_decoded_is_limited(tmp_path):
    path = coded(tmp_path / "a.flac", "flac", "flac", seconds=20)
    with pytest.raises(Rejected, match=r"more than 0\.005 hours long"):
        sound.check_length(path, sound.probe(path), 18)


def test_length_that_a_header_states_rejects_nothing(tmp_path):
    path = coded(tmp_path / "a.flac", "flac", "flac", seconds=2)
    found = dataclasses.replace(sound.probe(path), duration=30 * 3600.0)
    sound.check_length(path, found, 12 * 3600)


def test_length_of_audio_without_an_index_is_counted(tmp_path):
    """A first part in silence takes few bytes: FFmpeg estimates the length by its bit rate."""
    silence, noise = np.zeros(16_000 * 20), np.random.default_rng(1).normal(0, 8_000, 16_000 * 10)
    samples = np.concatenate([silence, noise])
    path = coded(tmp_path / "a.aac", "adts", "aac", samples=samples)
    assert sound.probe(path).duration == pytest.approx(30, abs=0.2)


def test_file_whose_decoder_dies_is_rejected(tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes(wav_bytes())
    monkeypatch.setattr(sound, "PROGRAM", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(Rejected, match="crashed on it"):
        sound.probe(tmp_path / "a.wav")
