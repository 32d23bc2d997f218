"""Audio of a session on disk: playable at every moment, written by one process."""

import wave
from pathlib import Path

import pytest

from transcripts.live.audio import HEADER_BYTES, AudioBusy, AudioFile, is_written

SAMPLES = bytes(range(256)) * 10


def played(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return file.readframes(file.getnframes())


def test_the_file_can_be_played_after_every_write(tmp_path):
    path = tmp_path / "live" / "a.wav"
    file = AudioFile(path)
    assert played(path) == b""
    for count in (1, 2, 3):
        file.write(file.size_bytes, SAMPLES)
        assert played(path) == count * SAMPLES


def test_a_write_can_be_repeated(tmp_path):
    path = tmp_path / "a.wav"
    file = AudioFile(path)
    for _ in range(2):
        file.write(0, SAMPLES)
    file.write(len(SAMPLES) - 4, SAMPLES)
    assert played(path) == SAMPLES[:-4] + SAMPLES


def test_nobody_else_may_read_it(tmp_path):
    path = tmp_path / "live" / "a.wav"
    AudioFile(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("torn", [0, 1, 7])
def test_what_an_interrupted_write_left_is_kept(tmp_path, torn):
    path = tmp_path / "a.wav"
    file = AudioFile(path)
    file.write(file.size_bytes, SAMPLES)
    file.close()
    with path.open("ab") as end:
        end.write(b"\x01" * torn)

    file = AudioFile(path)
    whole = torn - torn % 2
    assert file.size_bytes == len(SAMPLES) + whole
    file.write(file.size_bytes, SAMPLES)
    assert played(path) == SAMPLES + b"\x01" * whole + SAMPLES


def test_a_file_without_a_whole_header_is_begun_again(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF")
    assert AudioFile(path).size_bytes == 0
    assert path.stat().st_size == HEADER_BYTES


def test_one_process_writes_it(tmp_path):
    path = tmp_path / "a.wav"
    assert not is_written(path)
    file = AudioFile(path)
    assert is_written(path)
    with pytest.raises(AudioBusy):
        AudioFile(path)
    file.close()
    assert not is_written(path)
    AudioFile(path).close()


def test_any_part_can_be_read(tmp_path):
    file = AudioFile(tmp_path / "a.wav")
    file.write(file.size_bytes, SAMPLES)
    assert file.read(10, 20) == SAMPLES[10:30]
    assert file.read(len(SAMPLES) - 4, 100) == SAMPLES[-4:]
    assert file.read(len(SAMPLES), 100) == b""
