"""Text to sound in process, with voices that need no weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.inference import speak
from engine.inference.speak import check_flux
from engine.models import Request
from engine.sessions.speak_steps import MOST_CHARACTERS
from engine.weights.errors import MissingWeights
from engine.wire.errors import ApiError
from tests.engine.inprocess import Inside, error
from tests.engine.voice import LEVEL, SECONDS_OF_A_WORD, FakeSynthesizer


@pytest.mark.parametrize(
    ("speed", "expressivity", "code", "problem"),
    [
        ("fast", "0", "INVALID_QUERY_PARAMETER", "speed: `fast` is not a number"),
        ("1_0", "0", "INVALID_QUERY_PARAMETER", "speed: `1_0` is not a number"),
        ("3", "0", "SPEED_OUT_OF_RANGE", "from 0.5 to 1.5, not 3."),
        ("0.99", "0", "SPEED_INCREMENT_INVALID", "a multiple of 0.05, not 0.99."),
        ("1", "\u0661", "INVALID_QUERY_PARAMETER", "expressivity: `\u0661` is not a number"),
        ("1", "-3", "EXPRESSIVITY_OUT_OF_RANGE", "from -2 to 2, not -3."),
        ("1", "0.5", "EXPRESSIVITY_INCREMENT_INVALID", "whole, not 0.5."),
    ],
)
def test_an_error_has_the_value_and_what_is_allowed(speed, expressivity, code, problem):
    with pytest.raises(ApiError) as rejected:
        check_flux(speed, expressivity)
    assert (rejected.value.status, rejected.value.code) == (400, code)
    assert problem in str(rejected.value)


RAW = "encoding=linear16&container=none&sample_rate=24000"
AURA = f"model=aura-2-thalia-en&{RAW}"
FLUX = f"model=flux-alexis-en&{RAW}"
SAMPLE_BYTES = 2
WORD_BYTES = round(SECONDS_OF_A_WORD * 24_000) * SAMPLE_BYTES


@pytest.fixture
def synthesizer(monkeypatch: pytest.MonkeyPatch) -> FakeSynthesizer:
    made = FakeSynthesizer()
    monkeypatch.setattr(speak, "synthesizer", lambda: made)
    return made


async def say(inside: Inside, text: str, query: str = AURA, path: str = "/v1/speak") -> Any:
    return await inside.post(f"{path}?{query}", json={"text": text})


async def test_a_text_becomes_sound_of_the_voice(inside: Inside, synthesizer: FakeSynthesizer):
    response = await say(inside, "Good morning everyone.")
    assert (response.status_code, len(response.content)) == (200, 3 * WORD_BYTES)
    assert set(np.frombuffer(response.content, "<i2")) == {int(LEVEL * 32_767)}
    assert synthesizer.spoken == [("Good morning everyone.", response.headers["dg-voice-name"], 1)]
    assert response.headers["dg-model-name"] == "aura-2-thalia-en"
    assert response.headers["dg-char-count"] == "22"
    row = await Request.objects.aget()
    assert (row.code, row.details["characters"]) == (200, 22)


async def test_a_text_may_be_sent_as_plain_text(inside: Inside, synthesizer: FakeSynthesizer):
    response = await inside.post(
        f"/v1/speak?{AURA}", content="Hello.", headers={"content-type": "text/plain"}
    )
    assert (response.status_code, synthesizer.spoken[0][0]) == (200, "Hello.")


async def test_the_sound_has_the_requested_container(inside: Inside, synthesizer: FakeSynthesizer):
    response = await say(inside, "Hello.", "model=aura-2-thalia-en&encoding=linear16&container=wav")
    assert response.headers["content-type"] == "audio/wav"
    assert response.content[:4] == b"RIFF"


async def test_a_speed_shortens_the_sound(inside: Inside, synthesizer: FakeSynthesizer):
    response = await say(inside, "One two three.", f"{AURA}&speed=1.25")
    assert len(response.content) == 3 * WORD_BYTES / 1.25
    assert response.headers["dg-speed-used"] == "1.25"


async def test_a_pause_is_silence(inside: Inside, synthesizer: FakeSynthesizer):
    response = await say(inside, r"One \{pause:500ms\} two.", FLUX, "/v2/speak")
    assert response.status_code == 200, response.text
    assert response.headers["dg-breaks-applied"] == "1"
    samples = np.frombuffer(response.content, "<i2")
    assert (int(np.count_nonzero(samples == 0)), len(samples)) == (12_000, 12_000 + 4_800)


async def test_words_without_sound_are_named_in_a_warning(
    inside: Inside, synthesizer: FakeSynthesizer
):
    response = await say(inside, "Good morning 你好.")
    assert response.status_code == 200
    assert "\\u4f60\\u597d" in response.headers["dg-warnings"]


async def test_a_text_without_sound_is_rejected(inside: Inside, synthesizer: FakeSynthesizer):
    response = await say(inside, "你好")
    assert error(response) == (400, "PAYLOAD_ERROR")
    assert "aura-2-thalia-en can say" in response.json()["err_msg"]
    assert synthesizer.spoken == []


async def test_a_failure_of_the_voice_is_a_response(inside: Inside, synthesizer: FakeSynthesizer):
    synthesizer.error = MissingWeights("the voice is not installed")
    assert error(await say(inside, "Hello.")) == (503, "Service Unavailable")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("model=aura-9-thalia-en", 400, "Bad Request"),
        ("model=flux-alexis-en", 400, "Bad Request"),
        (f"{AURA}&speed=9", 400, "INVALID_QUERY_PARAMETER"),
        ("model=aura-2-thalia-en&encoding=morse", 400, "INVALID_QUERY_PARAMETER"),
        ("model=aura-2-thalia-en&encoding=mp3&container=wav", 400, "UNSUPPORTED_AUDIO_FORMAT"),
        (f"{AURA}&callback=here", 400, "INVALID_QUERY_PARAMETER"),
    ],
)
async def test_options_that_cannot_be_are_rejected_before_speaking(
    inside: Inside, synthesizer: FakeSynthesizer, query: str, status: int, code: str
):
    assert error(await say(inside, "Hello.", query)) == (status, code)
    assert synthesizer.spoken == []


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 400, "PAYLOAD_ERROR"),
        (" \n", 400, "PAYLOAD_ERROR"),
        ("a" * (MOST_CHARACTERS + 1), 413, "Payload Too Large"),
        ("Hello.", 200, ""),
    ],
)
async def test_a_text_has_a_length(
    inside: Inside, synthesizer: FakeSynthesizer, text: str, status: int, code: str
):
    response = await say(inside, text)
    assert response.status_code == status
    assert not code or error(response) == (status, code)
