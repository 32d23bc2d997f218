"""The door: credentials, limits, browsers, and the one record of each call."""

from __future__ import annotations

import base64
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest
from deepgram.core.api_error import ApiError

from tests.engine.engine import ROOT
from tests.engine.rest.conftest import Engine
from tests.speech import join, say, wav_bytes


@pytest.fixture
def long_recording() -> bytes:
    sentence = say("The quick brown fox jumps over the lazy dog.")
    return wav_bytes(join(*[part for _ in range(12) for part in (sentence, 0.5)]))


def requests_of(engine: Engine, **filters):
    listing = engine.client().manage.v1.projects.requests.list(engine.project_id, **filters)
    return listing.requests


def test_the_models_need_no_key(engine: Engine):
    models = httpx.get(f"{engine.url}/v1/models").json()
    assert "nova-3-general" in [model["canonical_name"] for model in models["stt"]]
    one = models["tts"][0]
    assert httpx.get(f"{engine.url}/v1/models/{one['uuid']}").json() == one
    assert httpx.get(f"{engine.url}/v1/models/{uuid.uuid4()}").status_code == 404


def test_the_librarian_is_the_only_think_model_without_an_endpoint(engine: Engine):
    with engine.http() as http:
        (model,) = http.get("/v1/agent/settings/think/models").json()["models"]
    assert (model["id"], model["provider"]) == ("librarian", "open_ai")


def test_the_health_tells_how_long_the_loop_stood_still(engine: Engine):
    health = httpx.get(f"{engine.url}/healthz").json()
    assert health["status"] == "ok"
    assert health["loop_lag_ms"] >= 0


@pytest.mark.parametrize(
    "authorization",
    ["", "Token", "Token wrong", "Basic YTpi", "Bearer x.y.z", "Token ear_" + "0" * 46],
)
def test_a_wrong_credential_is_a_401(engine: Engine, authorization):
    response = httpx.get(f"{engine.url}/v1/projects", headers={"authorization": authorization})
    assert response.status_code == 401
    body = response.json()
    assert (body["err_code"], body["err_msg"]) == ("INVALID_AUTH", "Invalid credentials.")
    assert body["request_id"] == response.headers["dg-request-id"]


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("document", ["[" * 20_000, '{"a":' * 700, "1" * 3_000, "null"])
def test_a_token_of_any_json_is_a_401(engine: Engine, document, part):
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"x","exp":9e9}', b"signature"]
    parts[part] = document.encode()[:2_000]
    token = ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)
    for path in ("/v1/projects", "/v1/listen"):
        response = httpx.get(f"{engine.url}{path}", headers={"authorization": f"Bearer {token}"})
        assert response.status_code in (401, 405)
    listen = httpx.post(f"{engine.url}/v1/listen", headers={"authorization": f"Bearer {token}"})
    assert (listen.status_code, listen.json()["err_code"]) == (401, "INVALID_AUTH")


def test_json_of_any_depth_is_a_400(engine: Engine):
    with engine.http() as http:
        for depth in (101, 500, 900, 950, 980, 100_000):
            deep = '{"a":' * depth + "1" + "}" * depth
            for path in (
                f"/v1/projects/{engine.project_id}/keys",
                f"/v1/projects/{engine.project_id}/agents",
                "/v1/auth/grant",
                "/v1/read?topics=true",
                "/v1/speak",
            ):
                body = f'{{"config": {deep}, "text": {deep}}}'
                kind = {"content-type": "application/json"}
                response = http.post(path, content=body, headers=kind)
                assert response.status_code == 400, (path, depth, response.text)


def test_a_body_for_nobody_is_not_waited_for(engine: Engine):
    with socket.create_connection(("127.0.0.1", engine.port), timeout=30) as peer:
        peer.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n")
        assert peer.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_the_engine_bounds_the_head_of_a_request(engine: Engine):
    response = httpx.get(f"{engine.url}/v1/models", headers={"cookie": "a" * 70_000})
    assert response.status_code == 431
    assert response.headers["dg-request-id"] in response.text


def test_a_key_as_bearer_is_rejected(engine: Engine):
    with pytest.raises(ApiError) as caught:
        engine.client(access_token=engine.key).manage.v1.projects.list()
    assert caught.value.status_code == 401


def test_a_stranger_is_rejected_before_the_body_is_read(engine: Engine):
    # The body never comes: only who does not wait for it can respond.
    head = f"POST /v1/listen HTTP/1.1\r\nhost: {engine.url[7:]}\r\ncontent-length: 9000000\r\n\r\n"
    address = httpx.URL(engine.url)
    with socket.create_connection((address.host, address.port), timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_a_short_lived_token_opens_work_and_not_the_account(engine: Engine, client, recording):
    granted = client.auth.v1.tokens.grant(ttl_seconds=60)
    assert granted.expires_in == 60
    bearer = engine.client(access_token=granted.access_token)
    assert bearer.listen.v1.media.transcribe_file(request=recording).results.channels
    with pytest.raises(ApiError) as caught:
        bearer.manage.v1.projects.list()
    assert caught.value.status_code == 401
    assert caught.value.body["err_code"] == "INSUFFICIENT_PERMISSIONS"
    with pytest.raises(ApiError) as caught:
        bearer.manage.v1.projects.leave(engine.project_id)
    assert caught.value.status_code == 401
    with pytest.raises(ApiError) as caught:
        bearer.auth.v1.tokens.grant()
    assert caught.value.status_code == 403
    brief = engine.client(access_token=client.auth.v1.tokens.grant(ttl_seconds=1).access_token)
    time.sleep(1.1)
    with pytest.raises(ApiError) as caught:
        brief.listen.v1.media.transcribe_file(request=recording)
    assert caught.value.body["err_code"] == "INVALID_AUTH"


def test_a_token_dies_with_its_key(engine: Engine, client, project_id, recording):
    made = client.manage.v1.projects.keys.create(
        project_id, request={"comment": "short", "scopes": ["member"]}
    )
    token = engine.client(made.key).auth.v1.tokens.grant().access_token
    client.manage.v1.projects.keys.delete(project_id, made.api_key_id)
    with pytest.raises(ApiError) as caught:
        engine.client(access_token=token).listen.v1.media.transcribe_file(request=recording)
    assert caught.value.status_code == 401


@pytest.mark.parametrize("ttl", [0, 3601, -5])
def test_a_token_lasts_an_hour_at_most(client, ttl):
    with pytest.raises(ApiError) as caught:
        client.auth.v1.tokens.grant(ttl_seconds=ttl)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("scope", ["usage:write", "project:read"])
def test_a_grant_needs_a_member(engine: Engine, client, project_id, scope):
    made = client.manage.v1.projects.keys.create(
        project_id, request={"comment": "narrow", "scopes": [scope]}
    )
    with pytest.raises(ApiError) as caught:
        engine.client(made.key).auth.v1.tokens.grant()
    assert (caught.value.status_code, caught.value.body["err_code"]) == (403, "FORBIDDEN")


def test_over_the_limit_is_a_429_and_nothing_else_suffers(lenient: Engine, long_recording):
    responses: list[httpx.Response] = []

    def call() -> None:
        with lenient.http() as http:
            responses.append(http.post("/v1/listen", content=long_recording))

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    assert httpx.get(f"{lenient.url}/healthz").is_success
    for thread in threads:
        thread.join()
    codes = sorted(response.status_code for response in responses)
    assert codes.count(200) >= 2
    rejected = [response for response in responses if response.status_code == 429]
    assert len(rejected) + codes.count(200) == 6
    assert rejected
    assert rejected[0].json()["err_code"] == "TOO_MANY_REQUESTS"
    assert rejected[0].json()["err_msg"] == "Too many requests. Please try again later"
    assert rejected[0].headers["retry-after"] == "1"


def test_a_body_over_two_megabytes_is_a_413(engine: Engine):
    with engine.http() as http:
        response = http.post("/v1/read?topics=true", json={"text": "x" * 2_000_001})
    assert response.status_code == 413
    assert response.json()["err_msg"] == "Payload size exceeds limit of 2 MB."


def test_an_address_without_end_is_a_414(engine: Engine):
    response = httpx.get(f"{engine.url}/v1/models?x={'y' * 33_000}")
    assert (response.status_code, response.json()["err_code"]) == (414, "URI_TOO_LONG")


def test_an_upload_over_two_gigabytes_is_a_413_before_it_is_read(engine: Engine):
    with socket.create_connection(("127.0.0.1", engine.port)) as peer:
        peer.sendall(
            b"POST /v1/listen HTTP/1.1\r\nhost: x\r\ncontent-length: 2000000001\r\n"
            b"authorization: Token " + engine.key.encode() + b"\r\n\r\n"
        )
        assert peer.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_is_recorded_once_and_its_work_stops(
    engine: Engine, long_recording
):
    # A request before it whose client did not wait may be recorded later.
    started = datetime.now(UTC)
    with pytest.raises(httpx.ReadTimeout), engine.http() as http:
        http.post("/v1/listen?tag=gone", content=long_recording, timeout=0.3)
    deadline = time.monotonic() + 60
    while not requests_of(engine, start=started) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    assert [each.code for each in requests_of(engine, start=started)] == [499]
    assert list((engine.data / "engine-spool").iterdir()) == []


def test_a_listener_that_goes_away_is_counted_once(engine: Engine):
    text = "The quick brown fox jumps over the lazy dog. " * 20
    query = "model=aura-arcas-en&encoding=linear16&tag=hung-up"
    with engine.http() as http:
        with http.stream("POST", f"/v1/speak?{query}", json={"text": text}) as response:
            next(response.iter_raw())
        usage = f"/v1/projects/{engine.project_id}/usage/breakdown?tag=hung-up"
        deadline = time.monotonic() + 30
        while not (rows := http.get(usage).json()["results"]) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        assert http.get(usage).json()["results"] == rows
    (row,) = rows
    assert (row["requests"], row["tts_characters"]) == (1, len(text))


def test_a_truncated_upload_is_recorded_as_such(engine: Engine):
    with socket.create_connection(("127.0.0.1", engine.port)) as peer:
        peer.sendall(
            b"POST /v1/listen HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
            b"authorization: Token " + engine.key.encode() + b"\r\n\r\nRIFF"
        )
    deadline = time.monotonic() + 60
    while requests_of(engine)[0].code != 422 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert requests_of(engine)[0].code == 422


def test_any_page_may_call(engine: Engine):
    preflight = httpx.options(
        f"{engine.url}/v1/listen",
        headers={
            "origin": "https://page.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-deepgram-session-id",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    rejected = httpx.get(f"{engine.url}/v1/projects", headers={"origin": "https://page.example"})
    assert rejected.headers["access-control-allow-origin"] == "*"
    assert "dg-request-id" in rejected.headers["access-control-expose-headers"]


ORIGINS_PROGRAM = """
import asyncio, django, json
django.setup()
from engine.asgi import application

async def headers(*origin):
    started = []
    async def send(message):
        started.append(message)
    scope = {
        "type": "http", "method": "OPTIONS", "path": "/v1/projects", "query_string": b"",
        "headers": [(b"origin", one.encode()) for one in origin],
    }
    await application(scope, None, send)
    names = ("access-control-allow-origin", "vary")
    found = {name.decode(): value.decode() for name, value in started[0]["headers"]}
    return [found.get(name, "") for name in names]

async def main():
    cases = [("https://a.test",), ("https://evil.test",), ("null",), ()]
    print(json.dumps([await headers(*case) for case in cases]))

asyncio.run(main())
"""


@pytest.mark.full
def test_only_pages_of_the_configured_origins_may_send_requests(tmp_path):
    environ = {
        "DJANGO_SETTINGS_MODULE": "engine.settings",
        "EARSHOT_DATA": str(tmp_path),
        "ENGINE_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
        "ENGINE_CORS_ORIGINS": "https://a.test https://b.test",
    }
    done = subprocess.run(
        [sys.executable, "-c", ORIGINS_PROGRAM],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [
        ["https://a.test", "origin"],
        ["", "origin"],
        ["", "origin"],
        ["", "origin"],  # a cache may not send this response to a page
    ]


def test_head_has_a_response_without_a_body(engine: Engine):
    response = httpx.head(f"{engine.url}/v1/models")
    assert response.status_code == 200
    assert response.content == b""


def test_unknown_paths_and_methods_are_named(engine: Engine):
    assert httpx.get(f"{engine.url}/v9/nothing").status_code == 404
    assert httpx.delete(f"{engine.url}/v1/models").status_code == 405


def test_a_rejected_socket_tells_why_in_its_headers(engine: Engine):
    nonce = base64.b64encode(b"0123456789abcdef")
    with socket.create_connection(("127.0.0.1", engine.port)) as peer:
        peer.sendall(
            b"GET /v1/listen HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: " + nonce + b"\r\n\r\n"
        )
        response = b""
        while b"}" not in response:
            response += peer.recv(4096)
    head, _, body = response.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 401 ")
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["dg-error"] == "invalid credentials."
    start = body.index("{")
    assert json.loads(body[start : body.index("}") + 1])["request_id"] == headers["dg-request-id"]


def test_calls_that_wait_to_be_recorded_hold_up_no_reader_and_all_count(engine: Engine):
    database = sqlite3.connect(engine.data / "engine.sqlite3", isolation_level=None)
    text = {"text": "The river is wide."}
    with closing(database), engine.http() as http, ThreadPoolExecutor(6) as callers:
        breakdown = f"/v1/projects/{engine.project_id}/usage/breakdown?tag=held-up"
        started = datetime.now(UTC)
        database.execute("BEGIN IMMEDIATE")
        calls = [
            callers.submit(http.post, path, json=text)
            for path in ("/v1/read?sentiment=true&tag=held-up", "/v1/read") * 3
        ]
        assert not wait(calls, timeout=2).done  # a response ends when its request is recorded
        # No writer can start now; one that waits would fail after 20 s.
        assert http.get("/v1/projects", timeout=10).status_code == 200
        database.execute("ROLLBACK")
        assert sorted(call.result().status_code for call in calls) == [200] * 3 + [400] * 3
        assert len(requests_of(engine, start=started)) == 6
        assert [row["requests"] for row in http.get(breakdown).json()["results"]] == [3]


def test_a_full_disk_is_a_507_with_a_time_to_try_again(engine: Engine):
    spool = engine.data / "engine-spool"
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(spool)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        with engine.http() as http:
            response = http.post(
                "/v1/listen",
                content=b"RIFF" + bytes(4_000_000),
                headers={"content-type": "audio/wav"},
            )
        assert list(spool.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", spool], check=True)
    assert (response.status_code, response.headers["retry-after"]) == (507, "60")
    assert response.json()["request_id"] == response.headers["dg-request-id"]
