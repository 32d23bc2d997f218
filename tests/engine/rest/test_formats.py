"""The audio formats of speech over HTTP (docs/contract.md, 8)."""

from __future__ import annotations

import io

import av
import pytest

from tests.engine.rest.conftest import Engine

# Encoding: content type, and the decoded rate.
DEFAULTS = {
    "linear16": ("audio/wav", 24_000),
    "mulaw": ("audio/wav", 8_000),
    "alaw": ("audio/wav", 8_000),
    "mp3": ("audio/mpeg", 22_050),
    "opus": ("audio/ogg;codecs=opus", 48_000),
    "flac": ("audio/flac", 48_000),
    "aac": ("audio/aac", 22_050),
}


@pytest.mark.parametrize("encoding", DEFAULTS)
def test_each_encoding_can_be_played(engine: Engine, encoding: str):
    query = {"model": "aura-2-arcas-en", "encoding": encoding}
    with engine.http() as http:
        response = http.post("/v1/speak", params=query, json={"text": "Good evening."})
    content_type, rate = DEFAULTS[encoding]
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    with av.open(io.BytesIO(response.content), "r") as audio:
        frames = list(audio.decode(audio=0))
    assert frames[0].sample_rate == rate
    assert 0.5 < sum(frame.samples for frame in frames) / rate < 2.5


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("encoding=mp3&container=ogg", "`container` is not applicable when `encoding=mp3`"),
        ("encoding=opus&container=none", "`container=none` is invalid when `encoding=opus`"),
        ("encoding=aac&sample_rate=22050", "`sample_rate` is not applicable when `encoding=aac`"),
        ("encoding=alaw&sample_rate=9", "`sample_rate` must be [8000, 16000] when `encoding=alaw`"),
        ("encoding=flac&bit_rate=48000", "`bit_rate` is not applicable when `encoding=flac`"),
        ("encoding=opus&bit_rate=3999", "`bit_rate` must be 4000..650000 when `encoding=opus`"),
    ],
)
def test_a_format_that_does_not_exist_is_rejected(engine: Engine, query: str, message: str):
    with engine.http() as http:
        response = http.post(f"/v1/speak?{query}", json={"text": "Good evening."})
    assert response.status_code == 400
    assert response.json()["err_code"] == "UNSUPPORTED_AUDIO_FORMAT"
    assert response.json()["err_msg"] == f"Unsupported audio format: {message}"
