"""Sound of clips: joined, encoded and stored."""

import io
import wave

import av
import numpy as np
import pytest

from speechclient.formats import V1
from transcripts.clips.soundfile import WavWriter, encode, joined, wav_with_lengths

RATE = 24_000


def tone(seconds: float, level: int = 8_000) -> bytes:
    """Sound that begins and ends in the middle of a wave: cut off, it clicks."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (level * np.cos(2 * np.pi * 200 * times)).astype("<i2").tobytes()


def steps(samples: np.ndarray) -> int:
    """The largest step between two samples."""
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


def test_pieces_are_joined_without_a_click():
    sound = np.concatenate(list(joined([tone(0.5), tone(0.3), b""], RATE)))
    inside = steps(np.frombuffer(tone(0.5), "<i2"))
    assert steps(np.concatenate([[0], sound, [0]])) <= inside * 1.5
    assert len(sound) == round((0.5 + 0.2 + 0.3 + 0.2) * RATE)


@pytest.mark.parametrize("encoding", list(V1))
def test_each_format_is_made(encoding):
    chosen = V1[encoding]
    file = io.BytesIO()
    encode(
        joined([tone(0.5), tone(0.5)], RATE),
        RATE,
        file,
        encoding=encoding,
        container=next(iter(chosen.containers), None),
        target_rate=chosen.sample_rate,
        bit_rate=chosen.bit_rate,
    )
    file.seek(0)
    with av.open(file, "r") as made:
        frames = list(made.decode(audio=0))
    assert frames[0].sample_rate == chosen.sample_rate
    seconds = sum(frame.samples for frame in frames) / chosen.sample_rate
    assert seconds == pytest.approx(1.2, abs=0.15)


def test_raw_audio_has_no_header():
    file = io.BytesIO()
    encode(
        joined([tone(0.5)], RATE), RATE, file,
        encoding="mulaw", container="none", target_rate=8_000, bit_rate=None,
    )  # fmt: skip
    assert len(file.getvalue()) == pytest.approx(4_000, abs=40)


def test_a_sample_may_be_split_between_two_frames(tmp_path):
    sound = WavWriter(tmp_path / "clip", RATE)
    audio = tone(0.1)
    for start in range(0, len(audio), 333):
        sound.write(audio[start : start + 333])
    sound.close()
    with wave.open(str(tmp_path / "clip")) as stored:
        assert stored.readframes(stored.getnframes()) == audio
    assert sound.duration == pytest.approx(0.1)


def test_lengths_that_a_stream_does_not_know_are_filled_in():
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(tone(0.1))
    whole = file.getvalue()
    unknown = b"\xff\xff\xff\xff"
    streamed = whole[:4] + unknown + whole[8:40] + unknown + whole[44:]
    assert wav_with_lengths(streamed) == whole
    assert wav_with_lengths(b"ID3") == b"ID3"
