import io
import json
import logging
from itertools import pairwise

import httpx
import pytest

from speechclient import (
    BadRequest,
    Denied,
    InvalidOption,
    ListenOptions,
    ServiceUnavailable,
    SpeechClient,
)
from speechclient.http import RETRIES, retry_wait
from tests.speechclient.conftest import KEY, Service
from tests.speechclient.responses import MODEL, REQUEST_ID, listen_body, rejection, transcript

AUDIO = b"RIFF" + bytes(1_000_000)


def test_a_recording_becomes_a_transcript(client, service):
    service.returns(transcript("good morning"))
    response = client.transcribe(io.BytesIO(AUDIO), ListenOptions(punctuate=True))
    assert response.transcript == "good morning"
    assert str(service.request.url) == ("http://service.test/v1/listen?model=nova-3&punctuate=true")
    assert service.request.headers["authorization"] == f"Token {KEY}"
    assert service.request.headers["content-type"] == "application/octet-stream"
    assert service.request.headers["transfer-encoding"] == "chunked"
    assert service.request.content == AUDIO


def test_audio_is_read_from_where_it_stands_and_its_size_is_declared(client, service):
    service.returns(transcript())
    audio = io.BytesIO(AUDIO)
    audio.seek(4)
    client.transcribe(audio, ListenOptions(), size_bytes=len(AUDIO) - 4, content_type="audio/wav")
    assert service.request.headers["content-length"] == str(len(AUDIO) - 4)
    assert "transfer-encoding" not in service.request.headers
    assert service.request.headers["content-type"] == "audio/wav"


@pytest.mark.parametrize(
    ("claimed", "words"), [(5, "longer than"), (15, "ends after 10 of its 15")]
)
def test_audio_of_another_size_than_declared_is_refused(client, service, claimed, words):
    service.returns(transcript())
    with pytest.raises(BadRequest, match=words):
        client.transcribe(io.BytesIO(b"0123456789"), ListenOptions(), size_bytes=claimed)
    assert service.requests == []


def test_progress_counts_every_byte_sent(client, service):
    service.returns(transcript())
    sent: list[int] = []
    client.transcribe(io.BytesIO(AUDIO), ListenOptions(), on_sent=sent.append)
    assert sent[-1] == len(AUDIO)
    assert all(earlier < later for earlier, later in pairwise(sent))


def test_what_on_sent_raises_is_passed_on(client, service):
    class Cancelled(Exception):
        pass

    def cancel(sent):
        raise Cancelled

    service.returns(transcript())
    with pytest.raises(Cancelled):
        client.transcribe(io.BytesIO(AUDIO), ListenOptions(), on_sent=cancel)


def test_a_url_is_sent_for_the_server_to_fetch(client, service):
    service.returns(transcript())
    client.transcribe_url("https://example.test/a.wav", ListenOptions())
    assert json.loads(service.request.content) == {"url": "https://example.test/a.wav"}
    assert service.request.headers["content-type"] == "application/json"


def test_a_request_with_a_callback_has_no_transcript(client, service):
    service.returns(httpx.Response(200, json={"request_id": "r-1"}))
    options = ListenOptions(callback="https://example.test/done")
    response = client.transcribe(io.BytesIO(AUDIO), options)
    assert (response.accepted, response.request_id) == (True, "r-1")


def test_projects_and_models_are_values(client, service):
    project = {"project_id": "p-1", "name": "Ada's", "mip_opt_out": True, "new_field": 1}
    service.returns(
        httpx.Response(200, json={"projects": [project, "odd"]}), httpx.Response(200, json=project)
    )
    assert client.projects() == (client.project("p-1"),)
    assert client.project("p-1").name == "Ada's"

    stt = {
        "name": "general",
        "canonical_name": "nova-3-general",
        "languages": ["en"],
        "uuid": MODEL,
    }
    tts = {"name": "thalia", "metadata": {"accent": "American", "tags": ["feminine"]}}
    service.returns(httpx.Response(200, json={"stt": [stt], "tts": [tts]}))
    models = client.models("p-1", include_outdated=True)
    assert service.request.url.path == "/v1/projects/p-1/models"
    assert service.request.url.query == b"include_outdated=true"
    assert (models.stt[0].uuid, models.stt[0].languages) == (MODEL, ("en",))
    assert (models.tts[0].metadata.accent, models.tts[0].metadata.tags) == (
        "American",
        ("feminine",),
    )

    service.returns(httpx.Response(200, json=stt))
    assert client.model(MODEL) == models.stt[0]
    assert service.request.url.path == f"/v1/models/{MODEL}"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (402, Denied),
        (401, Denied),
        (429, ServiceUnavailable),
        (500, ServiceUnavailable),
    ],
)
def test_a_refusal_carries_the_servers_words_and_request_id(client, service, caplog, status, kind):
    service.returns(rejection(status, "No such model.", "MODEL"))
    with pytest.raises(kind, match="No such model") as rejected:
        client.transcribe(io.BytesIO(AUDIO), ListenOptions())
    error = rejected.value
    assert (error.status, error.code, error.request_id) == (status, "MODEL", REQUEST_ID)
    assert f"request_id={REQUEST_ID}" in caplog.text


def test_every_success_is_logged_with_its_request_id(client, service, caplog):
    body = listen_body()
    service.returns(httpx.Response(200, json=body, headers={"dg-request-id": REQUEST_ID}))
    with caplog.at_level(logging.INFO, "speechclient"):
        client.transcribe(io.BytesIO(AUDIO), ListenOptions())
    assert "POST /v1/listen returned 200" in caplog.text
    assert f"request_id={REQUEST_ID}" in caplog.text


def test_a_read_is_repeated_as_the_server_asks(client, service):
    service.returns(
        rejection(503, retry_after="3"),
        httpx.ConnectError("refused"),
        httpx.Response(200, json={"projects": []}),
    )
    assert client.projects() == ()
    assert service.waits[0] == 3.0
    assert 0 < service.waits[1] <= 1.5


def test_a_read_is_not_repeated_for_ever(client, service):
    service.returns(rejection(500))
    with pytest.raises(ServiceUnavailable):
        client.projects()
    assert len(service.requests) == 1 + RETRIES


def test_a_long_retry_after_is_left_to_the_caller(client, service):
    service.returns(rejection(429, retry_after="120"))
    with pytest.raises(ServiceUnavailable) as rejected:
        client.projects()
    assert (rejected.value.retry_after, service.waits) == (120.0, [])


def test_work_is_never_repeated_by_the_client(client, service):
    service.returns(rejection(429, retry_after="1"))
    with pytest.raises(ServiceUnavailable) as rejected:
        client.transcribe(io.BytesIO(AUDIO), ListenOptions())
    assert rejected.value.retry_after == 1.0
    assert len(service.requests) == 1


def test_a_read_that_is_refused_is_not_repeated(client, service):
    service.returns(rejection(401))
    with pytest.raises(Denied):
        client.projects()
    assert len(service.requests) == 1


def test_waits_grow_and_are_spread():
    assert [retry_wait(attempt, None, 0.5) for attempt in range(3)] == [0.5, 1.0, None]
    assert retry_wait(0, None, 0.0) < retry_wait(0, None, 1.0)
    assert retry_wait(0, 0.0, 0.5) == 0.0


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<html>Sign in to the hotel network</html>"),
        httpx.Response(200, json=["a"]),
        httpx.Response(204),
    ],
)
def test_a_success_that_is_no_json_object_is_an_outage(client, service, response):
    service.returns(response)
    with pytest.raises(ServiceUnavailable, match="not the JSON that was expected"):
        client.projects()


def test_a_redirect_is_not_followed(client, service):
    service.returns(httpx.Response(307, headers={"location": "http://elsewhere.test/"}))
    with pytest.raises(Denied, match="redirect"):
        client.projects()
    assert len(service.requests) == 1


def test_a_redirect_to_an_invalid_host_is_an_outage(client, service):
    service.returns(httpx.Response(307, headers={"location": "http://xn--/"}))
    with pytest.raises(ServiceUnavailable, match="redirects to an invalid address"):
        client.projects()


def test_an_answer_is_bounded(service):
    service.returns(httpx.Response(200, json={"projects": [{"name": "a" * 2000}]}))
    client = SpeechClient(
        "http://service.test",
        transport=httpx.MockTransport(service),
        max_response_bytes=1000,
        sleep=service.waits.append,
    )
    with pytest.raises(ServiceUnavailable, match="longer than 1000 bytes"):
        client.projects()


def test_a_compressed_answer_is_refused(client, service):
    """Nobody asked for it, and a thousand times its size may come out of it."""
    response = httpx.Response(
        200, stream=httpx.ByteStream(b"?"), headers={"content-encoding": "gzip"}
    )
    service.returns(response)
    with pytest.raises(ServiceUnavailable, match="compressed"):
        client.transcribe(io.BytesIO(AUDIO), ListenOptions())
    assert service.request.headers["accept-encoding"] == "identity"


def test_identifiers_cannot_leave_their_place_in_the_path(client, service):
    service.returns(httpx.Response(200, json={"projects": [], "tts": []}))
    client.project("../keys?x=1#y")
    assert service.request.url.raw_path == b"/v1/projects/..%2Fkeys%3Fx%3D1%23y"
    for name in ("..", ".", ""):
        with pytest.raises(InvalidOption):
            client.project(name)


@pytest.mark.parametrize(
    ("base_url", "facts", "account"),
    [
        ("https://api.eu.deepgram.com", {}, "api.deepgram.com"),
        ("https://api.deepgram.com", {}, "api.deepgram.com"),
        ("http://speech.test", {}, "speech.test"),
        ("http://speech.test", {"management_url": "http://accounts.test"}, "accounts.test"),
        ("http://api.eu.deepgram.com.test", {}, "api.eu.deepgram.com.test"),
    ],
)
def test_accounts_are_reached_at_their_own_address(service, base_url, facts, account):
    service.returns(httpx.Response(200, json={"projects": [], "tts": [], "api_keys": []}))
    client = SpeechClient(base_url, KEY, transport=httpx.MockTransport(service), **facts)
    client.models()
    assert service.request.url.host == httpx.URL(base_url).host
    for call in (client.projects, lambda: client.models("p-1"), client.account("p-1").keys):
        call()
        assert service.request.url.host == account


def test_options_too_long_for_an_address_are_the_callers_fault(client, service):
    with pytest.raises(BadRequest, match="address"):
        client.transcribe(io.BytesIO(AUDIO), ListenOptions(search=("word " * 100,) * 1000))


def test_the_key_is_nowhere_to_be_read(client, service, caplog):
    caplog.set_level(logging.DEBUG)
    service.returns(
        httpx.Response(401, json={"err_msg": f"bad key {KEY}"}, headers={"dg-request-id": KEY}),
        httpx.Response(400, text=f"Token {KEY} is wrong"),
    )
    for _ in range(2):
        with pytest.raises((Denied, BadRequest)) as rejected:
            client.projects()
        shown = f"{rejected.value!r} {rejected.value.request_id} {rejected.value.args}"
        assert KEY not in shown
        assert "[secret]" in shown
    assert KEY not in caplog.text
    assert KEY not in repr(client) + repr(client.account("p-1")) + repr(vars(client))


def test_an_access_token_is_sent_as_bearer(service):
    service.returns(transcript())
    client = SpeechClient(
        "http://service.test", access_token="jwt", transport=httpx.MockTransport(service)
    )
    client.transcribe(io.BytesIO(AUDIO), ListenOptions())
    assert service.request.headers["authorization"] == "Bearer jwt"


def test_without_a_key_no_credential_is_sent(service):
    service.returns(httpx.Response(200, json={"projects": [], "tts": []}))
    SpeechClient("http://service.test", transport=httpx.MockTransport(service)).models()
    assert "authorization" not in service.request.headers


@pytest.mark.parametrize("key", ["a b", "a\r\nx: y", "schlüssel", "a\0"])
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="API key") as rejected:
        SpeechClient("http://service.test", key)
    assert key not in str(rejected.value)


@pytest.mark.parametrize(
    "url",
    [
        "service.test",
        "ftp://service.test",
        "http://",
        "http://u:p@service.test",
        "http://a?b",
        "http://a:b",
    ],
)
def test_a_base_url_that_cannot_be_one_is_refused(url):
    with pytest.raises(ValueError, match="base URL"):
        SpeechClient(url)


def test_a_base_url_may_have_a_path_and_a_slash(service):
    service.returns(httpx.Response(200, json={"projects": [], "tts": []}))
    client = SpeechClient("http://service.test/speech/", transport=httpx.MockTransport(service))
    client.projects()
    assert service.request.url.path == "/speech/v1/projects"


def test_think_models_are_asked_of_the_agent_host():
    service = Service()
    model = {"id": "m-1", "name": "M", "provider": "open_ai"}
    service.returns(httpx.Response(200, json={"models": [model]}))
    client = SpeechClient(
        "http://service.test",
        agent_url="http://agent.test",
        transport=httpx.MockTransport(service),
    )
    assert client.think_models()[0].id == "m-1"
    assert str(service.request.url) == "http://agent.test/v1/agent/settings/think/models"
