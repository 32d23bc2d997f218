"""Every pair of encoding with a container, a sample rate or a bit rate, on each speak endpoint.

Source of the table: docs/contract.md, 8.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import av
import numpy as np
import pytest

from engine.consumers import speak as consumer
from engine.inference import speak
from engine.speech.synthesis.synthesizer import Coverage
from tests.engine.inprocess import WAIT_SECONDS, Inside

# Every pair of the formats.
pytestmark = pytest.mark.full

SECONDS = 0.25


@dataclass(frozen=True)
class Row:
    """One encoding; the first container, rate and bit rate are used when none is given."""

    content_type: str
    containers: tuple[str, ...] = ()
    rates: tuple[int, ...] = ()
    fixed_rate: int = 0
    bit_rates: tuple[int, ...] = ()  # examples, where ``span`` says which others are allowed
    span: str = ""


WAV = "audio/wav"
V1 = {
    "linear16": Row(WAV, ("wav", "none"), (24_000, 8_000, 16_000, 32_000, 48_000)),
    "mulaw": Row(WAV, ("wav", "none"), (8_000, 16_000)),
    "alaw": Row(WAV, ("wav", "none"), (8_000, 16_000)),
    "mp3": Row("audio/mpeg", fixed_rate=22_050, bit_rates=(48_000, 32_000)),
    "opus": Row(
        "audio/ogg;codecs=opus",
        ("ogg",),
        fixed_rate=48_000,
        bit_rates=(12_000, 4_000, 8_000, 32_000, 48_000, 192_000, 192_001, 650_000),
        span="4000..650000",
    ),
    "flac": Row("audio/flac", rates=(48_000, 8_000, 16_000, 22_050, 32_000)),
    "aac": Row(
        "audio/aac",
        fixed_rate=22_050,
        bit_rates=(48_000, 4_000, 8_000, 12_000, 32_000, 192_000),
        span="4000..192000",
    ),
}
V2 = V1 | {
    "linear16": replace(V1["linear16"], rates=(24_000, 8_000, 16_000, 32_000, 44_100, 48_000)),
    "mp3": replace(V1["mp3"], bit_rates=(48_000, 8_000, 16_000, 24_000, 32_000, 40_000)),
}
CONTAINERS = ("wav", "none", "ogg")
RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
BIT_RATES = (3_999, 4_000, 8_000, 32_000, 48_000, 192_000, 192_001, 650_000, 650_001)
RAW_TYPES = {
    "linear16": "audio/l16;rate={};channels=1",
    "mulaw": "audio/mulaw",
    "alaw": "audio/alaw",
}
BYTES = {"linear16": 2, "mulaw": 1, "alaw": 1}


def pairs(encoding: str) -> Iterator[dict[str, Any]]:
    yield {"encoding": encoding}
    for name, values in (
        ("container", CONTAINERS),
        ("sample_rate", RATES),
        ("bit_rate", BIT_RATES),
    ):
        for value in values:
            yield {"encoding": encoding, name: value}


def problem(row: Row, query: dict[str, Any]) -> str:
    """The published message of a pair that does not exist, "" for one that does."""
    if len(query) == 1:
        return ""
    name, value = list(query.items())[1]
    allowed: dict[str, tuple[Any, ...]] = {
        "container": row.containers,
        "sample_rate": row.rates,
        "bit_rate": row.bit_rates,
    }
    where = f"when `encoding={query['encoding']}`"
    if not allowed[name]:
        return f"`{name}` is not applicable {where}"
    if value in allowed[name]:
        return ""
    if name == "container":
        return f"`container={value}` is invalid {where}"
    values = row.span if name == "bit_rate" and row.span else sorted(allowed[name])
    return f"`{name}` must be {values} {where}"


class FakeSynthesizer:
    """Speaks a short tone for every text."""

    def coverage(self, script: Any, voice: Any) -> Coverage:
        return Coverage((), True)

    def speak(self, script: Any, voice: Any, **options: Any) -> Iterator[np.ndarray]:
        times = np.arange(round(SECONDS * voice.sample_rate)) / voice.sample_rate
        yield (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


@pytest.fixture
def synthesizer(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    made = FakeSynthesizer()
    monkeypatch.setattr(speak, "synthesizer", lambda: made)
    monkeypatch.setattr(consumer, "synthesizer", lambda: made)
    return made


ENDPOINTS = [
    ("/v1/speak", "aura-2-thalia-en", V1),
    ("/v2/speak", "flux-alexis-en", V2),
]


@pytest.mark.usefixtures("synthesizer")
@pytest.mark.parametrize(("path", "model", "table"), ENDPOINTS, ids=["v1", "v2"])
async def test_each_pair_is_spoken_or_rejected(
    inside: Inside, path: str, model: str, table: dict[str, Row]
):
    for encoding, row in table.items():
        for query in pairs(encoding):
            params = {"model": model} | query
            response = await inside.post(path, params=params, json={"text": "Good evening."})
            if message := problem(row, query):
                assert response.status_code == 400, query
                error = response.json()
                assert error["err_code"] == "UNSUPPORTED_AUDIO_FORMAT", query
                assert error["err_msg"] == f"Unsupported audio format: {message}"
            else:
                assert response.status_code == 200, (query, response.text)
                check_audio(response.headers["content-type"], response.content, row, query)


def check_audio(content_type: str, data: bytes, row: Row, query: dict[str, Any]) -> None:
    """Compare audio with what ``query`` asks for."""
    rate = query.get("sample_rate") or row.fixed_rate or row.rates[0]
    if query.get("container") == "none":
        assert content_type == RAW_TYPES[query["encoding"]].format(rate)
        seconds = len(data) / BYTES[query["encoding"]] / rate
        assert seconds == pytest.approx(SECONDS, abs=0.01), query
        return
    assert content_type == row.content_type, query
    with av.open(io.BytesIO(data), "r") as audio:
        frames = list(audio.decode(audio=0))
    assert frames[0].sample_rate == rate, query
    # A codec may add a frame or two at the ends.
    assert SECONDS - 0.01 < sum(frame.samples for frame in frames) / rate < SECONDS + 0.2, query


@pytest.mark.usefixtures("synthesizer")
@pytest.mark.parametrize(("path", "model", "table"), ENDPOINTS, ids=["v1", "v2"])
async def test_a_socket_speaks_each_raw_encoding_at_each_rate(
    inside: Inside, path: str, model: str, table: dict[str, Row]
):
    for encoding in BYTES:
        row = table[encoding]
        for rate in (None, *RATES):
            query = {"encoding": encoding} | ({} if rate is None else {"sample_rate": rate})
            socket, first = await inside.handshake(path, urlencode({"model": model} | query))
            if message := problem(row, query):
                assert await rejection(socket, first) == f"Unsupported audio format: {message}"
                continue
            assert first["type"] == "websocket.accept", query
            await socket.send_input(receive({"type": "Speak", "text": "Good evening."}))
            await socket.send_input(receive({"type": "Flush"}))
            await socket.send_input(receive({"type": "Close"}))
            data = b""
            while (output := await socket.receive_output(WAIT_SECONDS))["type"] == "websocket.send":
                data += output.get("bytes") or b""
            await socket.send_input({"type": "websocket.disconnect", "code": 1000})
            await socket.wait(WAIT_SECONDS)
            seconds = len(data) / BYTES[encoding] / (rate or row.rates[0])
            assert seconds == pytest.approx(SECONDS, abs=0.01), query


@pytest.mark.parametrize(
    ("path", "model", "query", "problem"),
    [
        *(
            ("/v1/speak", "aura-2-thalia-en", f"encoding={name}", f"unknown variant `{name}`")
            for name in ("mp3", "opus", "flac", "aac", "midi")
        ),
        *(
            ("/v2/speak", "flux-alexis-en", f"encoding={name}", f"unknown variant `{name}`")
            for name in ("mp3", "opus", "flac", "aac", "midi")
        ),
        *(
            (
                "/v1/speak",
                "aura-2-thalia-en",
                f"encoding={name}&container={container}",
                f"`container={container}` is invalid when `encoding={name}`",
            )
            for name in BYTES
            for container in ("wav", "ogg")
        ),
        ("/v2/speak", "flux-alexis-en", "container=none", "container"),
        ("/v2/speak", "flux-alexis-en", "bit_rate=48000", "bit_rate"),
        ("/v1/speak", "aura-2-thalia-en", "sample_rate=fast", "sample_rate: invalid digit"),
    ],
)
async def test_a_socket_rejects_what_is_not_raw(
    inside: Inside, path: str, model: str, query: str, problem: str
):
    socket, first = await inside.handshake(path, f"model={model}&{query}")
    message = await rejection(socket, first)
    assert problem in message
    if "unknown variant" in message:
        assert "expected one of `linear16`, `mulaw`, `alaw`" in message


def receive(message: dict[str, Any]) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": json.dumps(message)}


async def rejection(socket: Any, first: dict[str, Any]) -> str:
    """The message of a rejected handshake, which its header repeats."""
    assert (first["type"], first["status"]) == ("websocket.http.response.start", 400)
    body = json.loads((await socket.receive_output(WAIT_SECONDS))["body"])
    await socket.wait(WAIT_SECONDS)
    headers = {name.decode().lower(): value.decode() for name, value in first["headers"]}
    assert headers["dg-error"] == body["err_msg"]
    message: str = body["err_msg"]
    return message
