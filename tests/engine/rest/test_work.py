"""Listen, read and speak, through Deepgram's own SDK."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from deepgram.core.api_error import ApiError

from tests.engine.rest.conftest import Engine
from tests.speech import join, pcm_bytes, say, wav_bytes

SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def transcribe(client):
    def call(audio: bytes, **options):
        return client.listen.v1.media.transcribe_file(
            request=audio, request_options={"max_retries": 0}, **options
        )

    return call


def test_a_recording_becomes_words_with_times(transcribe, recording):
    response = transcribe(recording, model="nova-3", smart_format=True)
    alternative = response.results.channels[0].alternatives[0]
    assert "quick brown fox" in alternative.transcript
    assert [word.word for word in alternative.words][:4] == ["the", "quick", "brown", "fox"]
    assert alternative.words[0].punctuated_word == "The"
    starts = [word.start for word in alternative.words]
    assert starts == sorted(starts)
    assert 0 < alternative.confidence <= 1
    assert alternative.paragraphs.transcript.startswith("\n")


def test_the_metadata_tell_what_was_sent_and_what_did_the_work(transcribe, recording):
    metadata = transcribe(recording, model="nova-2", tag=["lab", "b"], extra=["case:7"]).metadata
    assert metadata.sha256 == hashlib.sha256(recording).hexdigest()
    assert metadata.transaction_key == "deprecated"
    assert metadata.channels == 1
    assert 4 < metadata.duration < 12
    assert metadata.tags == ["lab", "b"]
    assert metadata.extra == {"case": "7"}
    assert metadata.model_info[metadata.models[0]]["name"] == "whisper-tiny.en"


def test_utterances_are_split_at_pauses(transcribe, recording):
    response = transcribe(recording, utterances=True, utt_split=0.6)
    utterances = response.results.utterances
    assert len(utterances) >= 2
    assert utterances[-1].transcript.startswith("she")
    together = transcribe(recording, utterances=True, utt_split=5).results.utterances
    assert len(together) == 1


def test_channels_are_transcribed_by_themselves(transcribe):
    left, right = say(SENTENCE), say("Forty blue bottles.")
    stereo = np.zeros((len(left), 2), np.float32)
    stereo[:, 0] = left
    stereo[: len(right), 1] = right
    response = transcribe(wav_bytes(stereo), multichannel=True, utterances=True)
    texts = [channel.alternatives[0].transcript for channel in response.results.channels]
    assert response.metadata.channels == 2
    assert "fox" in texts[0]
    assert "bottles" in texts[1]
    assert {utterance.channel for utterance in response.results.utterances} == {0, 1}


def test_silence_is_an_empty_transcript(transcribe):
    response = transcribe(wav_bytes(np.zeros(32_000, np.float32)))
    alternative = response.results.channels[0].alternatives[0]
    assert (alternative.transcript, alternative.confidence, alternative.words) == ("", 0.0, [])


def test_raw_audio_is_read_as_described(engine: Engine):
    with engine.http() as http:
        response = http.post(
            "/v1/listen?encoding=linear16&sample_rate=8000&channels=1",
            content=pcm_bytes(say(SENTENCE, rate=8000)),
        ).json()
    assert "fox" in response["results"]["channels"][0]["alternatives"][0]["transcript"]


@pytest.mark.parametrize("encoding", ["linear16", "linear32", "mulaw", "alaw"])
def test_raw_samples_without_a_rate_are_rejected(engine: Engine, encoding: str):
    with engine.http() as http:
        response = http.post(f"/v1/listen?encoding={encoding}", content=pcm_bytes(say(SENTENCE)))
    assert response.status_code == 400
    assert f"sample_rate is needed with encoding={encoding}" in response.json()["err_msg"]


def test_a_container_needs_no_rate_whatever_its_encoding_is_called(engine: Engine):
    with engine.http() as http:
        response = http.post("/v1/listen?encoding=linear16", content=wav_bytes(say(SENTENCE)))
    assert "fox" in response.json()["results"]["channels"][0]["alternatives"][0]["transcript"]


@pytest.mark.parametrize(
    ("audio", "problem"),
    [
        (b"", "empty"),
        (b"this is no audio at all " * 50, "corrupt or unsupported data"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "corrupt or unsupported data"),
        (wav_bytes(np.zeros(0, np.float32)), "audio"),
    ],
)
def test_what_is_no_audio_is_a_400(transcribe, audio, problem):
    with pytest.raises(ApiError) as caught:
        transcribe(audio)
    assert caught.value.status_code == 400
    assert caught.value.body["err_code"] == "Bad Request"
    assert problem in caught.value.body["err_msg"]
    assert caught.value.body["request_id"] == caught.value.headers["dg-request-id"]


@pytest.mark.parametrize(
    "options",
    [
        {"model": "no-such-model"},
        {"model": "nova-3-medical", "language": "es"},
        {"model": "whisper-tiny.en", "language": "de"},
        {"language": "xx"},
        {"model": "enhanced", "language": "multi"},
        {"model": "whisper-banana"},
        {"model": "nova-3:nova-2"},
        {"model": "nova-3-medical", "detect_language": True},
    ],
)
def test_an_impossible_model_is_a_400(transcribe, recording, options):
    with pytest.raises(ApiError) as caught:
        transcribe(recording, **options)
    assert caught.value.body["err_msg"] == (
        "Bad Request: No such model/language/tier combination found."
    )


def test_two_speakers_are_told_apart(transcribe):
    talk = join(
        say("Good morning, this is the front desk, how can I help you today?", voice="joe"),
        0.5,
        say("Hello, I would like to book a room for the coming weekend, please.", voice="af_heart"),
        0.5,
        say("Certainly, what name should I put on the reservation for you?", voice="joe"),
    )
    response = transcribe(wav_bytes(talk), diarize_model="latest", utterances=True, paragraphs=True)
    speakers = [utterance.speaker for utterance in response.results.utterances]
    assert speakers[0] == 0
    assert set(speakers) == {0, 1}
    words = response.results.channels[0].alternatives[0].words
    assert all(0 <= word.speaker_confidence <= 1 for word in words)
    paragraphs = response.results.channels[0].alternatives[0].paragraphs
    assert paragraphs.transcript.startswith("\nSpeaker 0: ")
    assert response.metadata.diarize_info.arch == "v2"


def test_redaction_reaches_everything(transcribe):
    said = say(
        "My card number is four one one one, one one one one, one one one one, one one one one."
    )
    response = transcribe(
        wav_bytes(said),
        redact=["pci"],
        smart_format=True,
        utterances=True,
        detect_entities=True,
        search=["one one one", "credit card 1"],
    )
    assert "[CREDIT_CARD_1]" in response.results.channels[0].alternatives[0].transcript
    shown = response.results.model_dump_json()
    assert "1111" not in shown
    assert "one one" not in shown.replace('"query":"one one one"', "")
    assert [query.hits for query in response.results.channels[0].search] == [[], []]


def test_redaction_that_cannot_be_honoured_is_rejected(transcribe, recording):
    with pytest.raises(ApiError) as caught:
        transcribe(recording, redact=["phi"])
    assert caught.value.status_code == 400
    with pytest.raises(ApiError) as caught:
        transcribe(recording, redact=["pci"], language="es")
    assert caught.value.status_code == 400


def test_search_replace_and_entities(transcribe):
    audio = wav_bytes(say("Please send five dollars to our office in May."))
    response = transcribe(
        audio,
        search=["office"],
        replace=["office:bureau"],
        detect_entities=True,
        smart_format=True,
    )
    channel = response.results.channels[0]
    assert "bureau" in channel.alternatives[0].transcript
    assert channel.search[0].query == "office"
    assert channel.search[0].hits[0].snippet == "office"  # as it was said
    assert "MONEY" in [entity.label for entity in channel.alternatives[0].entities]


def test_insights_come_with_the_transcript(transcribe, recording):
    response = transcribe(recording, summarize="v2", sentiment=True, topics=True, intents=True)
    assert response.results.summary.result == "success"
    assert "fox" in response.results.summary.short
    assert response.results.sentiments.average.sentiment in ("positive", "neutral", "negative")
    assert isinstance(response.results.topics.segments, list)
    assert response.metadata.summary_info.input_tokens > 0


def test_the_language_is_found(transcribe):
    spanish = say("El perro corre por el parque con su amigo todas las mañanas.", voice="ef_dora")
    response = transcribe(wav_bytes(spanish), detect_language=["es", "en"], punctuate=True)
    channel = response.results.channels[0]
    assert channel.detected_language == "es"
    assert 0 < channel.language_confidence <= 1
    assert response.metadata.model_info[response.metadata.models[0]]["name"] == "whisper-base"


def test_what_is_not_wholly_done_is_said(transcribe):
    spanish = say("Buenos días a todos los amigos.", voice="ef_dora")
    response = transcribe(wav_bytes(spanish), language="es", numerals=True, filler_words=True)
    warnings = {(one["parameter"], one["type"]) for one in response.metadata.warnings}
    assert ("filler_words", "unsupported_language") in warnings
    assert ("filler_words", "best_effort") in warnings
    assert "numerals" not in {parameter for parameter, _ in warnings}


def test_what_has_no_effect_is_said(transcribe, recording):
    response = transcribe(
        recording,
        version="2021-03-17",
        dictation=True,
        utt_split=2.0,
        custom_topic="x",
        language_hint="es",
    )
    assert [one["parameter"] for one in response.metadata.warnings] == [
        *("utt_split", "custom_topic", "language_hint", "version"),
    ]
    assert response.results.channels[0].alternatives[0].words[0].punctuated_word == "The"


def test_a_substituted_model_is_a_warning(transcribe, recording):
    metadata = transcribe(recording, model="whisper-large").metadata
    assert [(one["parameter"], one["type"]) for one in metadata.warnings] == [
        ("model", "unavailable")
    ]
    assert metadata.model_info[metadata.models[0]]["name"] == "whisper-base"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("punctuate=perhaps", "INVALID_QUERY_PARAMETER"),
        ("utt_split=soon", "INVALID_QUERY_PARAMETER"),
        ("diarize_model=v9", "INVALID_QUERY_PARAMETER"),
        ("language=es&summarize=v2", "Bad Request"),
        ("callback=ftp://example.org/x", "INVALID_QUERY_PARAMETER"),
        ("language_hint=xx", "INVALID_QUERY_PARAMETER"),
        ("model=nova-3&keywords=fox", "INVALID_QUERY_PARAMETER"),
        ("diarize=true&diarize_model=v1", "Bad Request"),
        ("model=whisper-banana", "Bad Request"),
        ("model=nova-3:nova-2", "Bad Request"),
        ("&".join(["keyterm=a"] * 101), "Bad Request"),
    ],
)
def test_a_wrong_parameter_is_a_400(engine: Engine, recording, query, code):
    with engine.http() as http:
        response = http.post(f"/v1/listen?{query}", content=recording)
    assert (response.status_code, response.json()["err_code"]) == (400, code)


def test_unknown_parameters_are_ignored_and_booleans_read_in_any_case(engine: Engine, recording):
    with engine.http() as http:
        response = http.post("/v1/listen?punctuate=True&no_such=1", content=recording).json()
    assert response["results"]["channels"][0]["alternatives"][0]["transcript"].startswith("The")


def test_speech_is_streamed_in_the_format_asked_for(client):
    with client.speak.v1.audio.with_raw_response.generate(
        text=SENTENCE, model="aura-2-thalia-en", encoding="linear16", sample_rate=16000
    ) as response:
        audio = b"".join(response.data)
        headers = response.headers
    assert audio[:4] == b"RIFF"
    assert headers["content-type"] == "audio/wav"
    assert headers["dg-model-name"] == "aura-2-thalia-en"
    assert headers["dg-char-count"] == str(len(SENTENCE))
    assert headers["dg-request-id"]


def test_spoken_text_can_be_read_back(client, transcribe):
    audio = b"".join(client.speak.v1.audio.generate(text=SENTENCE, model="aura-zeus-en"))
    assert audio[:3] in (b"ID3", b"\xff\xf3\x00"[:3]) or audio[0] == 0xFF
    assert "fox" in transcribe(audio).results.channels[0].alternatives[0].transcript


def test_flux_voices_take_pauses(client):
    audio = b"".join(
        client.speak.v2.audio.generate(
            model="flux-jack-en", text=r"Wait \{pause:1000ms\} for it.", encoding="linear16"
        )
    )
    assert len(audio) > 24_000 * 2


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/speak", {"text": ""}, 400, "PAYLOAD_ERROR"),
        ("/v1/speak", {}, 400, "PAYLOAD_ERROR"),
        ("/v1/speak", {"text": "a", "url": "https://example.org"}, 400, "PAYLOAD_ERROR"),
        ("/v1/speak", {"text": "a" * 2001}, 413, "Payload Too Large"),
        ("/v1/speak?encoding=mp3&container=wav", {"text": "a"}, 400, "UNSUPPORTED_AUDIO_FORMAT"),
        ("/v1/speak?encoding=opus&container=none", {"text": "a"}, 400, "UNSUPPORTED_AUDIO_FORMAT"),
        ("/v1/speak?encoding=mp9", {"text": "a"}, 400, "INVALID_QUERY_PARAMETER"),
        ("/v1/speak?speed=9", {"text": "a"}, 400, "INVALID_QUERY_PARAMETER"),
        ("/v1/speak?model=flux-jack-en", {"text": "a"}, 400, "Bad Request"),
        ("/v2/speak?model=aura-asteria-en", {"text": "a"}, 400, "Bad Request"),
        ("/v2/speak", {"text": "a"}, 400, "INVALID_QUERY_PARAMETER"),
        ("/v2/speak?model=flux-jack-en&speed=2", {"text": "a"}, 400, "SPEED_OUT_OF_RANGE"),
        ("/v2/speak?model=flux-jack-en&speed=1.01", {"text": "a"}, 400, "SPEED_INCREMENT_INVALID"),
        ("/v2/speak?model=flux-jack-en&nonsense=1", {"text": "a"}, 400, "INVALID_QUERY_PARAMETER"),
        ("/v1/read?summarize=true", {"text": " "}, 400, "PAYLOAD_ERROR"),
        ("/v1/read", {"text": "hello"}, 400, "INVALID_QUERY_PARAMETER"),
        ("/v1/read?summarize=true&language=de", {"text": "hallo"}, 400, "Bad Request"),
        ("/v1/read?language=de", {"text": "hallo"}, 400, "Bad Request"),
    ],
)
def test_what_cannot_be_spoken_or_read_is_rejected(engine: Engine, path, body, status, code):
    with engine.http() as http:
        response = http.post(path, json=body)
    assert (response.status_code, response.json()["err_code"]) == (status, code)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("aura-2-thalia-en", "\U0001f600"),
        ("aura-2-thalia-en", "Привет мир"),
        ("aura-asteria-en", "你好世界"),
        ("aura-2-thalia-en", "... !!!"),
        ("aura-2-nestor-es", "Ελλάδα"),
        ("aura-2-agathe-fr", "नमस्ते"),
        ("flux-jack-en", r"\{pause:500ms\} Привет"),
    ],
)
def test_text_without_sound_is_a_400(engine: Engine, model: str, text: str):
    path = "/v2/speak" if model.startswith("flux") else "/v1/speak"
    with engine.http() as http:
        response = http.post(f"{path}?model={model}", json={"text": text})
    assert (response.status_code, response.json()["err_code"]) == (400, "PAYLOAD_ERROR")
    assert model in response.json()["err_msg"]


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("Hello мир, good morning \U0001f600!", r"\u043c\u0438\u0440, \U0001f600."),
        ("It costs 100\u20bd.", r"\u20bd."),
        ("Café Łódź, naïve, 5 € and 20°.", None),
    ],
)
def test_what_a_voice_leaves_out_is_a_warning(engine: Engine, text: str, left_out: str | None):
    with engine.http() as http:
        response = http.post("/v1/speak?model=aura-2-arcas-en", json={"text": text})
    assert response.status_code == 200
    warning = response.headers.get("dg-warnings")
    assert (warning or "").endswith(left_out or "")
    assert (warning is None) == (left_out is None)


def test_another_content_type_is_a_415(engine: Engine):
    with engine.http() as http:
        response = http.post("/v1/read?topics=true", content=b"x", headers={"content-type": "a/b"})
    assert (response.status_code, response.json()["err_code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_text_is_analysed(client):
    response = client.read.v1.text.analyze(
        request={"text": "I love this wonderful product. Please cancel my subscription. " * 12},
        summarize=True,
        sentiment=True,
        topics=True,
        intents=True,
        custom_intent=["cancel subscription"],
        language="en",
    )
    assert response.results.summary.text
    assert response.results.sentiments.average.sentiment == "positive"
    intents = {
        one.intent for segment in response.results.intents.segments for one in segment.intents
    }
    assert "cancel subscription" in intents
    assert response.metadata.request_id


def test_addresses_inside_the_network_are_rejected(engine: Engine, client):
    for url in (
        "http://127.0.0.1/a.wav",
        "http://[::ffff:10.0.0.1]/a.wav",
        "http://2130706433/a.wav",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
    ):
        with pytest.raises(ApiError) as caught:
            client.listen.v1.media.transcribe_url(url=url)
        assert caught.value.body["err_code"] == "REMOTE_CONTENT_ERROR"


def test_another_language_than_the_named_one_is_a_warning(transcribe):
    spanish = say(
        "Buenos días, me gustaría reservar una mesa para cuatro personas esta noche, por favor.",
        voice="aura-2-sirio-es",
    )
    (warning,) = transcribe(wav_bytes(spanish), language="en").metadata.warnings
    assert (warning["parameter"], warning["type"]) == ("language", "other_language")
    assert "language=es" in warning["message"]


def test_words_that_are_not_believed_are_a_warning(transcribe):
    speech = say("The quick brown fox jumps over the lazy dog.")
    start = np.flatnonzero(np.abs(speech) > 0.05)[0]
    response = transcribe(wav_bytes(speech[start : start + 2_560]))  # 160 ms
    assert response.results.channels[0].alternatives[0].transcript == ""
    assert [(one["parameter"], one["type"]) for one in response.metadata.warnings] == [
        ("audio", "low_confidence")
    ]
