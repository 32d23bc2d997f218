"""``POST /v1/listen`` in process: from options and words to the response, without a model."""

from typing import Any

import httpx
import pytest

from engine.inference import listen
from engine.models import Request, UsageDay
from engine.speech.errors import AudioError, DecoderLost, UnknownModel, UnsupportedAudio
from engine.weights.errors import MissingWeights
from tests.engine.inprocess import FakeRecognizer, Inside

AUDIO = b"RIFF" + bytes(60)


@pytest.fixture
def recognizer(monkeypatch: pytest.MonkeyPatch) -> FakeRecognizer:
    made = FakeRecognizer()
    monkeypatch.setattr(listen, "recognizer", lambda: made)
    return made


async def transcribe(inside: Inside, query: str = "model=nova-3", **facts: Any) -> httpx.Response:
    return await inside.post(f"/v1/listen?{query}", content=AUDIO, **facts)


def best(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    alternative: dict[str, Any] = response.json()["results"]["channels"][0]["alternatives"][0]
    return alternative


async def test_words_keep_their_times_and_confidence(inside: Inside, recognizer: FakeRecognizer):
    alternative = best(await transcribe(inside))
    assert alternative["transcript"] == "good morning everyone"
    first = alternative["words"][0]
    assert (first["word"], first["start"], first["end"]) == ("good", 0.0, 0.4)
    assert first["confidence"] == pytest.approx(0.9)
    assert recognizer.heard == [AUDIO]


@pytest.mark.parametrize(
    ("text", "query", "transcript"),
    [
        ("Good morning.", "punctuate=true", "Good morning."),
        ("It costs twenty five dollars.", "smart_format=true", "It costs $25."),
        ("It costs twenty five dollars.", "numerals=true", "it costs 25 dollars"),
        ("Call Ada now.", "replace=ada:Bob", "call bob now"),
        ("Hello comma world period", "dictation=true", "Hello, world."),
    ],
)
async def test_options_write_the_words(
    inside: Inside, recognizer: FakeRecognizer, text: str, query: str, transcript: str
):
    recognizer.text = text
    assert best(await transcribe(inside, f"model=nova-3&{query}"))["transcript"] == transcript


async def test_redacted_numbers_are_nowhere_in_the_response(
    inside: Inside, recognizer: FakeRecognizer
):
    recognizer.text = "My card is 4111 1111 1111 1111 thanks."
    response = await transcribe(inside, "model=nova-3&redact=pci&punctuate=true&utterances=true")
    assert "4111" not in response.text
    assert response.json()["results"]["utterances"]


async def test_channels_are_transcribed_apart(inside: Inside, recognizer: FakeRecognizer):
    response = await transcribe(inside, "model=nova-3&multichannel=true")
    assert response.json()["metadata"]["channels"] == 2
    assert len(response.json()["results"]["channels"]) == 2
    assert recognizer.options["multichannel"] is True


async def test_raw_audio_is_described_by_the_options(inside: Inside, recognizer: FakeRecognizer):
    await transcribe(inside, "model=nova-3&encoding=mulaw&sample_rate=8000&channels=2")
    raw = recognizer.options["raw"]
    assert (raw.encoding, raw.sample_rate, raw.channels) == ("mulaw", 8000, 2)


async def test_key_terms_reach_the_model(inside: Inside, recognizer: FakeRecognizer):
    await transcribe(inside, "model=nova-3&keyterm=Earshot&keyterm=Ada%20Lovelace")
    assert "Earshot" in recognizer.options["keyterms"][0]


async def test_silence_is_a_transcript_without_words(inside: Inside, recognizer: FakeRecognizer):
    recognizer.text = ""
    alternative = best(await transcribe(inside))
    assert (alternative["transcript"], alternative["words"]) == ("", [])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnsupportedAudio("no sound"), 400),
        (AudioError("it ends at once"), 400),
        (UnknownModel("nova-99"), 400),
        (MissingWeights("base is not installed"), 503),
        (RuntimeError("a fault of ours"), 500),
    ],
)
async def test_each_failure_has_its_status(
    inside: Inside, recognizer: FakeRecognizer, error: Exception, status: int
):
    recognizer.error = error
    response = await transcribe(inside)
    assert response.status_code == status
    row = await Request.objects.aget()
    assert (str(row.pk), row.code) == (response.headers["dg-request-id"], status)
    assert not await UsageDay.objects.aexists()


async def test_a_lost_decoder_is_an_error_to_retry(inside: Inside, recognizer: FakeRecognizer):
    recognizer.error = DecoderLost("killed")
    assert (await transcribe(inside)).status_code >= 500


@pytest.mark.parametrize(
    "query",
    [
        "model=nova-3&language=klingon",
        "model=nova-3&punctuate=maybe",
        "model=nova-3&utt_split=-1",
        "model=nova-3&redact=everything",
        "model=nova-3&diarize=true&diarize_model=v1",
        "model=nova-3&keywords=ada",
        "model=nova-3&callback=ftp://example.test/",
    ],
)
async def test_what_cannot_be_done_is_rejected_before_the_audio(
    inside: Inside, recognizer: FakeRecognizer, query: str
):
    assert (await transcribe(inside, query)).status_code == 400
    assert recognizer.heard == []


async def test_usage_has_the_seconds_the_model_and_the_tags(
    inside: Inside, recognizer: FakeRecognizer
):
    response = await transcribe(inside, "model=nova-3&tag=lab&punctuate=true", as_=inside.bob)
    day = await UsageDay.objects.select_related("kind").aget()
    assert (day.seconds, day.requests) == (1.5, 1)
    assert "lab" in day.kind.tags
    assert "punctuate" in day.kind.feature_set
    assert response.json()["metadata"]["tags"] == ["lab"]


async def test_the_stored_body_is_removed(inside: Inside, recognizer: FakeRecognizer, environment):
    await transcribe(inside)
    recognizer.error = AudioError("broken")
    await transcribe(inside)
    assert list(environment.spool.iterdir()) == []
