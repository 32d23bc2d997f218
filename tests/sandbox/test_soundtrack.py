"""Files of any kind: the engine and the web application hear the same sound at the same second.

Each file is read by the engine's decoder (whose times become those of the transcript and of the
subtitles) and by the web application (waveform and listening copy).
"""

import io
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from engine.speech.audio.decode import RATE, Decoder, Limits, Track
from engine.speech.errors import UnsupportedAudio
from sandbox.soundtrack import MOST_SILENCE_SECONDS, Timeline
from tests.debian import found, needed
from tests.media import Sound, beeps, damaged, without, written
from transcripts.media import sound
from transcripts.media.drawing import STEP_SECONDS

pytestmark = pytest.mark.full

AGREE = 0.3  # seconds between any two of transcript, waveform, copy and player


@dataclass
class Heard:
    """Seconds at which beeps start, the length in seconds, and the decoder that heard it."""

    beeps: list[float]
    seconds: float
    decoder: Decoder


def onsets(loudness: np.ndarray, step: float) -> list[float]:
    """Return the starts of sound after at least 0.2 s of quiet, in seconds."""
    loud = np.flatnonzero(loudness > 0.25 * loudness.max(initial=1e-9))
    is_start = np.diff(loud, prepend=-1e9) * step > 0.2
    return [float(index * step) for index in loud[is_start]]


def by_engine(data: bytes, **options) -> Heard:
    with Decoder(io.BytesIO(data), **options) as decoder:
        samples = np.concatenate(list(decoder.blocks()), axis=1)
    steps = samples[:, : samples.shape[1] // 160 * 160]
    loudness = np.abs(steps).max(axis=0).reshape(-1, 160).max(axis=1)
    return Heard(onsets(loudness, 0.01), samples.shape[1] / RATE, decoder)


@dataclass
class Drawn:
    beeps: list[float]
    seconds: float
    is_seekable: bool


def by_web(data: bytes, folder: Path, copy: str | None = None) -> Drawn:
    (folder / "file").write_bytes(data)
    found = sound.probe(folder / "file")
    drawing = sound.draw(folder / "file", found, folder / copy if copy else None)
    curve = np.frombuffer(drawing.peaks, np.uint8).astype(float)
    step = drawing.seconds / len(curve)
    return Drawn(onsets(curve, step), drawing.seconds, drawing.is_seekable)


def agree(data: bytes, expected: Sequence[float], folder: Path) -> tuple[Heard, Drawn]:
    """Assert that transcript, waveform and listening copy have the beeps at these seconds."""
    heard, drawn = by_engine(data), by_web(data, folder, "copy")
    copy = by_engine((folder / "copy").read_bytes())
    for each in (heard, drawn, copy):
        assert each.beeps == pytest.approx(list(expected), abs=AGREE)
    assert drawn.seconds == pytest.approx(heard.seconds, abs=STEP_SECONDS)
    assert copy.seconds == pytest.approx(heard.seconds, abs=AGREE)
    return heard, drawn


FORMATS = [
    ("wav", "pcm_s16le", 16_000),
    ("wav", "adpcm_ima_wav", 16_000),
    ("w64", "pcm_s24le", 16_000),
    ("aiff", "pcm_s16be", 44_100),
    ("aiff", "pcm_f64be", 16_000),
    ("aiff", "adpcm_ima_qt", 44_100),
    ("au", "pcm_mulaw", 8_000),
    ("caf", "alac", 44_100),
    ("flac", "flac", 16_000),
    ("tta", "tta", 16_000),
    ("wv", "wavpack", 16_000),
    ("mp3", "libmp3lame", 22_050),
    ("mp2", "mp2", 48_000),
    ("adts", "aac", 48_000),
    ("latm", "aac", 48_000),
    ("ac3", "ac3", 48_000),
    ("eac3", "eac3", 48_000),
    ("ogg", "libopus", 48_000),
    ("ogg", "flac", 16_000),
    ("mp4", "aac", 48_000),
    ("mp4", "ac3", 48_000),
    ("mov", "adpcm_ima_qt", 44_100),
    ("mov", "pcm_f64le", 16_000),
    ("avi", "libmp3lame", 44_100),
    ("avi", "pcm_s16le", 16_000),
    ("flv", "aac", 44_100),
    ("flv", "adpcm_swf", 22_050),
    ("mpeg", "mp2", 48_000),
    ("mpegts", "aac", 48_000),
    ("asf", "wmav2", 44_100),
    ("matroska", "eac3", 48_000),
    ("webm", "libopus", 48_000),
    ("nut", "pcm_s16le", 16_000),
]


@pytest.mark.parametrize(("container", "codec", "rate"), FORMATS)
def test_each_format_is_read_by_both(container, codec, rate, tmp_path):
    data = written(container, Sound(beeps(4, [1, 3], rate), codec, rate))
    heard, drawn = by_engine(data), by_web(data, tmp_path)
    assert heard.beeps == pytest.approx([1, 3], abs=AGREE)
    assert drawn.beeps == pytest.approx([1, 3], abs=AGREE)
    assert drawn.seconds == pytest.approx(heard.seconds, abs=STEP_SECONDS)


def test_dts_is_read_by_both(tmp_path):
    """PyAV has no encoder for it; Debian's ffmpeg has one."""
    program = needed("ffmpeg", "ffmpeg", lambda: found("ffmpeg"))
    plain = written("wav", Sound(beeps(4, [1, 3], 48_000), "pcm_s16le", 48_000))
    encode = "-f wav -i - -ac 2 -c:a dca -strict -2 -f dts -".split()
    data = subprocess.run(
        [program, "-loglevel", "error", *encode], input=plain, capture_output=True, check=True
    ).stdout
    heard, drawn = by_engine(data), by_web(data, tmp_path)
    assert heard.beeps == pytest.approx([1, 3], abs=AGREE)
    assert drawn.beeps == pytest.approx([1, 3], abs=AGREE)


def test_codec_outside_the_table_is_rejected_by_both(tmp_path):
    """The decoder exists, and FFmpeg's own codec_whitelist does not keep it from decoding."""
    data = written("flv", Sound(beeps(2, rate=44_100), "nellymoser", 44_100))
    with pytest.raises(UnsupportedAudio, match="coded as nellymoser"):
        by_engine(data)
    with pytest.raises(sound.Rejected, match="coded in a way that is not supported"):
        by_web(data, tmp_path)


def test_speech_behind_damage_is_heard(tmp_path):
    at = [1, 7, 13, 18]
    noise = np.random.default_rng(2).normal(0, 0.02, 20 * 48_000).astype(np.float32)
    data = written("mp4", Sound(beeps(20, at, 48_000) + noise, "aac", 48_000))
    index = data.rindex(b"moov")  # after the audio: damage there would be another fault
    heard, drawn = agree(damaged(data[:index], 6, size=300) + data[index:], at, tmp_path)
    assert heard.seconds == pytest.approx(20, abs=0.1)
    assert heard.decoder.damaged
    assert not drawn.is_seekable


def test_speech_behind_missing_bytes_is_heard(tmp_path):
    at = [1, 5, 13, 18]
    noise = np.random.default_rng(2).normal(0, 0.02, 20 * 48_000).astype(np.float32)
    data = written("adts", Sound(beeps(20, at, 48_000) + noise, "aac", 48_000))
    heard, _ = agree(without(data, 0.4, 0.5), [1, 5, 11, 16], tmp_path)
    assert heard.decoder.damaged


@pytest.mark.parametrize(
    ("container", "codec", "video"),
    [("mp4", "aac", 10), ("matroska", "flac", 10), ("webm", "libopus", 0), ("mpegts", "aac", 10)],
)
def test_audio_that_starts_late_is_late_everywhere(container, codec, video, tmp_path):
    late = Sound(beeps(4, [1, 3], 48_000), codec, 48_000, stamps=lambda seconds: seconds + 5)
    data = written(container, late, video_seconds=video)
    _, drawn = agree(data, [6, 8], tmp_path)
    assert not drawn.is_seekable


def test_first_time_stamp_of_a_broadcast_is_its_zero(tmp_path):
    """MPEG transport streams count from any second of the sender's clock."""
    late = Sound(beeps(4, [1, 3], 48_000), "aac", 48_000, stamps=lambda seconds: seconds + 5_000)
    agree(written("mpegts", late), [1, 3], tmp_path)


@pytest.mark.parametrize("container", ["matroska", "mpegts", "mp4"])
def test_hole_in_the_time_stamps_is_silence(container, tmp_path):
    torn = Sound(
        beeps(6, [1, 4], 48_000),
        "aac",
        48_000,
        stamps=lambda seconds: seconds + (10 if seconds >= 2.5 else 0),
    )
    _, drawn = agree(written(container, torn), [1, 14], tmp_path)
    assert not drawn.is_seekable


def test_time_stamp_beyond_reason_adds_nothing(tmp_path):
    wrong = Sound(beeps(4, [1, 3]), "flac", stamps=lambda seconds: seconds + 90_000)
    agree(written("matroska", wrong), [1, 3], tmp_path)


@given(some.lists(some.floats(-1e6, 1e6), max_size=50), some.booleans())
def test_silence_by_time_stamps_is_bounded(stamps, is_live):
    timeline = Timeline(SimpleNamespace(format=av.ContainerFormat("mov")), is_live=is_live)
    added = [timeline.silence_before(stamp, 0.02) for stamp in stamps]
    assert all(seconds >= 0 for seconds in added)
    assert sum(added) == pytest.approx(timeline.silence)
    assert timeline.silence <= MOST_SILENCE_SECONDS


def test_only_decoded_audio_counts_towards_the_longest():
    torn = Sound(beeps(4), "flac", stamps=lambda seconds: seconds + (60 if seconds >= 2 else 0))
    heard = by_engine(written("matroska", torn), limits=Limits(max_seconds=10))
    assert heard.seconds == pytest.approx(64, abs=0.1)


TWO = (
    Sound(beeps(6, [1]), "flac", language="eng", title="Ada"),
    Sound(beeps(6, [4]), "flac", language="deu", title="Bob", is_default=True),
)


def test_default_track_is_heard_not_the_first(tmp_path):
    first = Sound(beeps(6, [1]), "flac", language="eng", title="Ada", is_default=False)
    heard, drawn = agree(written("matroska", first, TWO[1]), [4], tmp_path)
    assert heard.decoder.tracks == (
        Track(1, "eng", "Ada", is_read=False),
        Track(2, "deu", "Bob", is_read=True),
    )
    assert [(each.number, each.title) for each in sound.probe(tmp_path / "file").tracks] == [
        (2, "Bob"),
        (1, "Ada"),
    ]
    assert not drawn.is_seekable  # browsers differ in what they play


def test_tracks_are_channels_of_their_own_with_multichannel():
    late = Sound(beeps(3, [1], channels=2), "flac", stamps=lambda seconds: seconds + 3)
    with Decoder(
        io.BytesIO(written("matroska", Sound(beeps(6, [1]), "flac"), late)), multichannel=True
    ) as decoder:
        assert decoder.head.channels == 3
        samples = np.concatenate(list(decoder.blocks()), axis=1)
    heard = [onsets(np.abs(channel), 1 / RATE) for channel in samples]
    assert heard == [pytest.approx([at], abs=0.05) for at in (1, 4, 4)]
    assert all(track.is_read for track in decoder.tracks)


@pytest.mark.parametrize(
    ("first", "second"), [((16_000, 1), (48_000, 2)), ((48_000, 2), (24_000, 1))]
)
@pytest.mark.parametrize("multichannel", [False, True])
def test_change_of_rate_and_channels_is_followed(first, second, multichannel, tmp_path):
    parts = [
        written("adts", Sound(beeps(4, [at], rate, channels), "aac", rate))
        for at, (rate, channels) in ((1, first), (2, second))
    ]
    data = b"".join(parts)
    if multichannel:
        assert by_engine(data, multichannel=True).beeps == pytest.approx([1, 6], abs=AGREE)
    else:
        agree(data, [1, 6], tmp_path)


@pytest.mark.parametrize(
    ("options", "is_seekable"),
    [
        ({"b": "64000"}, True),
        ({"b": "64000", "abr": "1"}, False),
        ({"flags": "+qscale", "global_quality": "590"}, False),
    ],
)
@pytest.mark.parametrize("xing", ["0", "1"])
def test_only_mp3_of_a_constant_rate_is_played_as_it_is(options, is_seekable, xing, tmp_path):
    noise = np.random.default_rng(3).normal(0, 0.1, 5 * 24_000).astype(np.float32)
    samples = np.concatenate([np.zeros(5 * 24_000, np.float32), noise])
    data = written("mp3", Sound(samples, "libmp3lame", 24_000, options=options), write_xing=xing)
    assert by_web(data, tmp_path).is_seekable == is_seekable


@pytest.mark.parametrize("container", ["mp4", "webm", "flac", "wav", "ogg"])
def test_indexed_files_are_played_as_they_are(container, tmp_path):
    codec = {"mp4": "aac", "webm": "libopus", "ogg": "libopus"}.get(container, "flac")
    codec = "pcm_s16le" if container == "wav" else codec
    assert by_web(
        written(container, Sound(beeps(3, rate=48_000), codec, 48_000)), tmp_path
    ).is_seekable


CONTAINERS = {
    "wav": "pcm_s16le",
    "mp3": "libmp3lame",
    "adts": "aac",
    "mp4": "aac",
    "matroska": "flac",
    "webm": "libopus",
    "mpegts": "mp2",
    "ogg": "libopus",
}
# Each example takes four processes. The same ones every time: a file is no matter of luck.
VARIANTS = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@VARIANTS
@given(
    container=some.sampled_from(sorted(CONTAINERS)),
    level=some.floats(-55, 0),
    is_inverted=some.booleans(),
    offset=some.sampled_from([0.0, 2.0, 30.0]),
    places=some.integers(0, 4),
    tracks=some.integers(1, 3),
)
def test_variants_agree(container, level, is_inverted, offset, places, tracks, tmp_path):
    """Level, phase, offset, damage, container and track: one clock, and nothing is lost."""
    at, stamped = [1, 4, 8], container in ("mp4", "matroska", "webm")
    tracks = tracks if stamped or container == "mpegts" else 1
    left = beeps(10, at, 48_000) * 10 ** (level / 20)
    pair = np.stack([left, -left if is_inverted else left])
    shift = offset if stamped else 0.0
    sounds = [
        Sound(
            pair if number == tracks - 1 else 0 * pair,
            CONTAINERS[container],
            48_000,
            is_default=number == tracks - 1,
            stamps=lambda seconds: seconds + shift,
        )
        for number in range(tracks if stamped else 1)
    ]
    data = damaged(written(container, *sounds), places, size=20)
    heard, drawn = by_engine(data, multichannel=is_inverted), by_web(data, tmp_path, "copy")
    copy = by_engine((tmp_path / "copy").read_bytes())
    assert drawn.seconds == pytest.approx(heard.seconds, abs=STEP_SECONDS)
    assert copy.seconds == pytest.approx(heard.seconds, abs=AGREE)
    if not places:
        for each in (heard, drawn, copy):
            assert each.beeps == pytest.approx([shift + start for start in at], abs=AGREE)
