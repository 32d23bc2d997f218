"""Asynchronous mode: results are delivered, retried and survive a restart."""

from __future__ import annotations

import json
import queue
import sqlite3
import time

import pytest

from tests.engine.rest.conftest import Arrival, Engine, Site, start_engine

pytestmark = pytest.mark.full


def next_arrival(site: Site, seconds: float = 60) -> Arrival:
    return site.arrivals.get(timeout=seconds)


def test_the_result_is_sent_to_the_callback(lenient: Engine, site: Site, recording):
    client = lenient.client()
    response = client.listen.v1.media.transcribe_file(
        request=recording,
        callback=site.url.replace("://", "://ada:secret@") + "/done",
        callback_method="PUT",
        punctuate=True,
        tag=["later"],
    )
    assert set(response.model_dump(exclude_none=True)) == {"request_id"}
    arrival = next_arrival(site)
    result = json.loads(arrival.body)
    assert (arrival.method, arrival.path) == ("PUT", "/done")
    assert arrival.headers["authorization"].startswith("Basic ")
    assert result["metadata"]["request_id"] == response.request_id
    assert "fox" in result["results"]["channels"][0]["alternatives"][0]["transcript"]

    record = client.manage.v1.projects.requests.get(lenient.project_id, response.request_id).request
    assert arrival.headers["dg-token"] == record.api_key_id
    assert record.code == 200
    assert record.response["details"]["method"] == "async"
    assert record.response["details"]["duration"] > 3
    assert record.response["details"]["tags"] == ["later"]
    assert "secret" not in record.path + record.callback


@pytest.mark.parametrize(
    "failure", [(500, {}, b""), (302, {"location": "http://xn--/"}, b"")], ids=["error", "redirect"]
)
def test_a_failed_delivery_is_tried_again(lenient: Engine, site: Site, failure):
    site.pages["/flaky"] = failure
    lenient.client().read.v1.text.analyze(
        request={"text": "A short text."}, sentiment=True, callback=f"{site.url}/flaky"
    )
    first = next_arrival(site)
    site.pages["/flaky"] = (200, {}, b"")
    second = next_arrival(site)
    assert first.body == second.body
    with pytest.raises(queue.Empty):
        next_arrival(site, 2.5)


def test_a_failed_job_is_reported_in_the_legacy_form(lenient: Engine, site: Site):
    response = lenient.client().listen.v1.media.transcribe_file(
        request=b"no audio here", callback=f"{site.url}/failed"
    )
    body = json.loads(next_arrival(site).body)
    assert body["err_code"] == "Bad Request"
    assert body["request_id"] == response.request_id


def test_speech_can_be_called_back(lenient: Engine, site: Site):
    with lenient.http() as http:
        accepted = http.post(
            "/v1/speak", params={"callback": f"{site.url}/audio"}, json={"text": "Good morning."}
        ).json()
    arrival = next_arrival(site)
    assert arrival.headers["content-type"] == "audio/mpeg"
    assert arrival.headers["dg-request-id"] == accepted["request_id"]
    assert len(arrival.body) > 2000


def test_a_killed_engine_delivers_after_its_restart_whatever_was_done_to_the_clock(
    tmp_path, site: Site, recording
):
    settings = {"ENGINE_FETCH_PRIVATE_HOSTS": "true", "ENGINE_CALLBACK_RETRY_SECONDS": "1"}
    site.pages["/late"] = (503, {}, b"")
    engine = start_engine(tmp_path / "data", **settings)
    response = engine.client().listen.v1.media.transcribe_file(
        request=recording, callback=f"{site.url}/late"
    )
    engine.process.kill()
    engine.process.wait()
    site.pages["/late"] = (200, {}, b"")
    with sqlite3.connect(engine.data / "engine.sqlite3") as database:
        # As a clock leaves them that was an hour ahead and has been set back.
        database.execute(
            "UPDATE engine_callbackjob SET due = datetime(due, '+1 hour'), "
            "leased_until = datetime(leased_until, '+1 hour')"
        )
    again = start_engine(engine.data, **settings)
    try:
        deadline = time.monotonic() + 60
        jobs = engine.data / "engine-jobs"
        while list(jobs.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert list(jobs.iterdir()) == []
        assert json.loads(next_arrival(site).body)["metadata"]["request_id"] == response.request_id
        found = again.client().manage.v1.projects.requests.list(again.project_id).requests
        assert [request.request_id for request in found] == [response.request_id]
    finally:
        again.stop()


@pytest.mark.parametrize(
    "callback",
    ["http://xn--/", "http://[::1/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "ftp://a/"],
)
def test_a_callback_whose_address_cannot_exist_is_rejected(lenient: Engine, recording, callback):
    with lenient.http() as http:
        response = http.post("/v1/listen", params={"callback": callback}, content=recording)
    assert response.status_code == 400
    assert response.json()["err_msg"] == "Invalid callback url."


@pytest.mark.parametrize(
    "location", ["http://xn--/", "http://[::1/", "http://127.0.0.1:65536/", ""]
)
def test_a_redirect_to_an_address_that_cannot_exist_is_named(
    lenient: Engine, site: Site, location: str
):
    site.pages["/moved"] = (302, {"location": location}, b"")
    with lenient.http() as http:
        response = http.post("/v1/listen", json={"url": f"{site.url}/moved"})
    assert response.status_code == 400
    assert response.json()["err_code"] == "REMOTE_CONTENT_ERROR"


def test_a_callback_inside_the_network_is_rejected(engine: Engine, recording):
    with engine.http() as http:
        response = http.post("/v1/listen?callback=http://127.0.0.1:9/", content=recording)
    assert response.status_code == 400
    assert response.json()["err_msg"] == "Invalid callback url."


def test_audio_at_an_address_is_fetched(lenient: Engine, site: Site, recording):
    site.pages["/moved"] = (302, {"location": "/speech.wav"}, b"")
    site.pages["/speech.wav"] = (200, {"content-type": "audio/wav"}, recording)
    response = lenient.client().listen.v1.media.transcribe_url(url=f"{site.url}/moved")
    assert "fox" in response.results.channels[0].alternatives[0].transcript


@pytest.mark.parametrize(
    ("status", "headers", "problem"),
    [(404, {}, "responded with 404"), (302, {"location": "/loop"}, "too many redirects")],
)
def test_a_bad_address_is_named(lenient: Engine, site: Site, status, headers, problem):
    site.pages["/loop"] = (status, headers, b"")
    with lenient.http() as http:
        response = http.post("/v1/listen", json={"url": f"{site.url}/loop"})
    assert response.json()["err_code"] == "REMOTE_CONTENT_ERROR"
    assert problem in response.json()["err_msg"]
