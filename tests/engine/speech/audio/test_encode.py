"""Audio formats of speech, and the errors of other combinations (docs/contract.md, 8)."""

from __future__ import annotations

import io
import itertools
from typing import Any
from urllib.parse import parse_qsl

import av
import numpy as np
import pytest

from engine.speech.audio.encode import (
    CONTAINERS,
    ENCODINGS,
    ENCODINGS_V2,
    AudioFormat,
    Encoder,
    FormatError,
    encode,
    read_format,
)

RATE = 24_000
SECONDS = 1.5
# What a codec may add at the ends: a frame or two.
PADDING_SECONDS = 0.1


def tone(seconds: float = SECONDS) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


def every_format() -> list[AudioFormat]:
    formats = []
    for name, row in ENCODINGS_V2.items():
        span = row.bit_rates
        bits = (span.start, row.bit_rate, span.stop - 1) if isinstance(span, range) else span
        for container, rate, bit_rate in itertools.product(
            row.containers or (None,), row.sample_rates or (None,), bits or (None,)
        ):
            formats.append(read_format(name, container, rate, bit_rate, surface="v2"))
    return [*formats, *(read_format("flac", None, rate) for rate in ENCODINGS["flac"].sample_rates)]


def decode(data: bytes, made: AudioFormat) -> tuple[np.ndarray, int]:
    options = {}
    demuxer = None
    if made.container == "none":
        demuxer = {"linear16": "s16le"}.get(made.encoding, made.encoding)
        options = {"sample_rate": str(made.sample_rate), "ch_layout": "mono"}
    with av.open(io.BytesIO(data), "r", format=demuxer, options=options) as container:
        resampler = av.AudioResampler("flt", "mono", made.sample_rate)
        frames = [
            frame for packed in container.decode(audio=0) for frame in resampler.resample(packed)
        ]
        rate = container.streams.audio[0].rate
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), rate


@pytest.mark.parametrize("made", every_format(), ids=str)
def test_sound_survives_in_every_format(made: AudioFormat):
    heard, rate = decode(encode(tone(), RATE, made), made)
    assert rate == made.sample_rate
    assert SECONDS - 0.01 <= len(heard) / rate <= SECONDS + PADDING_SECONDS
    middle = heard[len(heard) // 4 : 3 * len(heard) // 4]
    loudest = np.argmax(np.abs(np.fft.rfft(middle))) * rate / len(middle)
    assert loudest == pytest.approx(440, abs=5)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_stream_is_the_same_however_it_was_cut(encoding: str):
    made = read_format(encoding)
    samples = tone()
    encoder = Encoder(made, RATE)
    cuts = np.array_split(samples, 37)
    streamed = b"".join(encoder.feed(cut) for cut in cuts) + encoder.finish()
    whole, _ = decode(encode(samples, RATE, made), made)
    heard, _ = decode(streamed, made)
    assert len(heard) == pytest.approx(len(whole), abs=made.sample_rate * 0.05)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_come_while_sound_is_still_made(encoding: str):
    encoder = Encoder(read_format(encoding), RATE)
    assert sum(len(encoder.feed(tone(0.25))) for _ in range(4)) > 0


def test_sound_beyond_full_scale_is_clipped_and_does_not_wrap():
    data = encode(3 * tone(), RATE, read_format("linear16", "none"))
    heard = np.frombuffer(data, "<i2")
    assert heard.max() == 32_767
    assert np.abs(np.diff(heard.astype(int))).max() < 20_000


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_stream_can_be_finished(encoding: str):
    encode(np.zeros(0, np.float32), RATE, read_format(encoding))


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("encoding=mp3&container=wav", "`container` is not applicable when `encoding=mp3`"),
        ("container=wav", "`container` is not applicable when `encoding=mp3`"),
        ("encoding=linear16&container=ogg", "`container=ogg` is invalid when `encoding=linear16`"),
        ("encoding=opus&container=wav", "`container=wav` is invalid when `encoding=opus`"),
        ("encoding=mp3&sample_rate=22050", "`sample_rate` is not applicable when `encoding=mp3`"),
        (
            "encoding=mulaw&sample_rate=44100",
            "`sample_rate` must be [8000, 16000] when `encoding=mulaw`",
        ),
        (
            "encoding=linear16&sample_rate=44100",
            "`sample_rate` must be [8000, 16000, 24000, 32000, 48000] when `encoding=linear16`",
        ),
        (
            "encoding=flac&sample_rate=24000",
            "`sample_rate` must be [8000, 16000, 22050, 32000, 48000] when `encoding=flac`",
        ),
        (
            "encoding=linear16&bit_rate=48000",
            "`bit_rate` is not applicable when `encoding=linear16`",
        ),
        ("encoding=mp3&bit_rate=8000", "`bit_rate` must be [32000, 48000] when `encoding=mp3`"),
        ("encoding=aac&bit_rate=3999", "`bit_rate` must be 4000..192000 when `encoding=aac`"),
        # Container before sample rate before bit rate.
        (
            "encoding=mp3&container=wav&sample_rate=1&bit_rate=1",
            "`container` is not applicable when `encoding=mp3`",
        ),
        (
            "encoding=mp3&sample_rate=1&bit_rate=1",
            "`sample_rate` is not applicable when `encoding=mp3`",
        ),
    ],
)
def test_a_combination_without_a_format_has_the_published_message(query: str, rest: str):
    options: dict[str, Any] = dict(parse_qsl(query))
    with pytest.raises(FormatError) as raised:
        read_format(**options)
    assert str(raised.value) == f"Unsupported audio format: {rest}"


@pytest.mark.parametrize(("surface", "table"), [("v1", ENCODINGS), ("v2", ENCODINGS_V2)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_combination_exists_or_is_rejected(surface, table, encoding: str):
    """All containers, and all rates and bit rates of the table with some beside it."""
    row = table[encoding]
    rates = {rate for other in table.values() for rate in other.sample_rates} | {0, 11_025, 24_001}
    bits = {3_999, 4_000, 8_000, 16_000, 32_000, 48_000, 192_000, 192_001, 650_000, 650_001}
    count = 0
    for container, rate, bit_rate in itertools.product(
        (None, *CONTAINERS), (None, *rates), (None, *bits)
    ):
        exists = (
            (container is None or container in row.containers)
            and (rate is None or rate in row.sample_rates)
            and (bit_rate is None or bit_rate in row.bit_rates)
        )
        query = (encoding, container, rate, bit_rate)
        if not exists:
            with pytest.raises(FormatError, match=r"^Unsupported audio format: `"):
                read_format(*query, surface=surface)
            continue
        count += 1
        made = read_format(*query, surface=surface)
        assert made.container == (container or next(iter(row.containers), None))
        assert rate is None or made.sample_rate == rate
        assert made.bit_rate == (bit_rate or row.bit_rate)
    assert count


@pytest.mark.parametrize(
    "query", [{"encoding": "midi"}, {"container": "avi"}, {"sample_rate": "fast"}, {"bit_rate": ""}]
)
def test_names_and_types_are_checked_first(query: dict):
    with pytest.raises(FormatError, match="Failed to deserialize query parameters"):
        read_format(**query)


def test_the_second_api_takes_more():
    assert read_format("linear16", sample_rate="44100", surface="v2").sample_rate == 44_100
    assert read_format("mp3", bit_rate="8000", surface="v2").bit_rate == 8_000


def test_sockets_speak_bare_bytes_only():
    assert read_format(surface="v1-socket") == AudioFormat("linear16", "none", 24_000)
    assert read_format("mulaw", "none", surface="v1-socket").sample_rate == 8_000
    for query in ({"encoding": "mp3"}, {"container": "wav"}):
        with pytest.raises(FormatError):
            read_format(**query, surface="v1-socket")


@pytest.mark.parametrize(
    ("query", "content_type"),
    [
        ({}, "audio/mpeg"),
        ({"encoding": "linear16"}, "audio/wav"),
        ({"encoding": "linear16", "container": "none"}, "audio/l16;rate=24000;channels=1"),
        ({"encoding": "mulaw"}, "audio/wav"),
        ({"encoding": "alaw", "container": "none"}, "audio/alaw"),
        ({"encoding": "opus"}, "audio/ogg;codecs=opus"),
        ({"encoding": "flac"}, "audio/flac"),
        ({"encoding": "aac"}, "audio/aac"),
    ],
)
def test_each_format_has_its_content_type(query: dict, content_type: str):
    assert read_format(**query).content_type == content_type
