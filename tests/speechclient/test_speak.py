import json

import httpx
import pytest

from speechclient import BadRequest, ServiceUnavailable, SpeakOptions
from tests.speechclient.responses import rejection

HEADERS = {
    "content-type": "audio/mpeg",
    "dg-request-id": "r-1",
    "dg-model-name": "aura-asteria-en",
    "dg-model-uuid": "u-1",
    "dg-char-count": "6",
}


def test_text_becomes_audio_with_its_facts(client, service):
    service.returns(httpx.Response(200, content=b"audio", headers=HEADERS))
    with client.speak("Hello.", SpeakOptions(encoding="mp3")) as speech:
        assert speech.info.model_name == "aura-asteria-en"
        assert (speech.info.request_id, speech.info.char_count) == ("r-1", 6)
        assert speech.read() == b"audio"
    assert str(service.request.url) == (
        "http://service.test/v1/speak?model=aura-asteria-en&encoding=mp3"
    )
    assert json.loads(service.request.content) == {"text": "Hello."}


def test_a_flux_voice_speaks_on_v2(client, service):
    service.returns(httpx.Response(200, content=b"audio", headers=HEADERS))
    client.speak("Hello.", SpeakOptions(model="flux-haley-en", expressivity=-1)).read()
    assert service.request.url.path == "/v2/speak"
    assert service.request.url.params["expressivity"] == "-1"


def test_text_that_is_no_unicode_is_still_sent(client, service):
    service.returns(httpx.Response(200, content=b"audio", headers=HEADERS))
    client.speak("a\ud800b é", SpeakOptions()).read()
    assert json.loads(service.request.content) == {"text": "a?b é"}


def test_with_a_callback_the_audio_goes_elsewhere(client, service):
    service.returns(httpx.Response(200, json={"request_id": "r-1"}))
    options = SpeakOptions(callback="https://example.test/done")
    assert client.speak("Hello.", options).info.accepted


@pytest.mark.parametrize("kind", ["application/json", "text/html; charset=utf-8"])
def test_a_success_that_is_no_audio_is_an_outage(client, service, kind):
    service.returns(httpx.Response(200, content=b"?", headers=HEADERS | {"content-type": kind}))
    with pytest.raises(ServiceUnavailable, match="where audio belongs") as rejected:
        client.speak("Hello.", SpeakOptions())
    assert rejected.value.request_id == "r-1"


def test_odd_headers_are_read_as_missing(client, service):
    service.returns(httpx.Response(200, content=b"a", headers={"dg-char-count": "-1e9"}))
    info = client.speak("Hello.", SpeakOptions()).info
    assert (info.char_count, info.request_id, info.model_name) == (None, "", "")


def test_a_refusal_is_the_callers_to_fix(client, service):
    message = "Input text exceeds maximum character limit of 2000."
    service.returns(rejection(413, message))
    with pytest.raises(BadRequest, match="limit of 2000"):
        client.speak("a" * 2001, SpeakOptions())
