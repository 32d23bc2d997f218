"""A socket lives no longer than the key that opened it."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.engine.engine import Engine

QUERY = "encoding=linear16&sample_rate=16000"


def make_key(engine: Engine, **facts) -> tuple[str, str]:
    """The id and the value of a new key."""
    body = {"comment": "socket", "scopes": ["member"], **facts}
    with engine.http() as http:
        made = http.post(f"/v1/projects/{engine.project_id}/keys", json=body).json()
    return made["api_key_id"], made["key"]


def listen(engine: Engine, authorization: str):
    url = f"{engine.socket_url}/v1/listen?{QUERY}"
    return connect(url, additional_headers={"authorization": authorization}, compression=None)


def wait_for_close(socket) -> tuple[int, str]:
    """Return the engine's close while the client keeps the stream alive."""
    with pytest.raises(ConnectionClosed) as raised:  # noqa: PT012 the frame may be the last
        for _ in range(100):
            socket.send(bytes(3200))
            try:
                while True:
                    socket.recv(timeout=0.1)
            except TimeoutError:
                pass
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason


@pytest.mark.parametrize("scheme", ["Token", "Bearer"])
def test_deleting_a_key_closes_its_sockets(engine: Engine, scheme: str):
    key_id, key = make_key(engine)
    credential = key
    if scheme == "Bearer":
        with engine.http(key) as http:
            credential = http.post("/v1/auth/grant", json={}).json()["access_token"]
    with listen(engine, f"{scheme} {credential}") as socket:
        with engine.http() as http:
            http.delete(f"/v1/projects/{engine.project_id}/keys/{key_id}").raise_for_status()
        assert wait_for_close(socket) == (1008, "The API key was deleted or has expired.")


def test_a_key_that_expires_closes_its_sockets(engine: Engine):
    _, key = make_key(engine, time_to_live_in_seconds=2)
    with listen(engine, f"Token {key}") as socket:
        assert wait_for_close(socket)[0] == 1008


@pytest.mark.parametrize("path", ["/", "/v1/nothing", "/v1/listen/x", "/%ff%00", "/" + "a" * 9_000])
def test_a_socket_at_any_other_path_is_rejected_with_a_request_id(engine: Engine, path: str):
    import httpx

    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "authorization": f"Token {engine.key}",
    }
    response = httpx.get(f"{engine.url}{path}", headers=headers)
    assert response.status_code in (400, 404, 414)
    assert response.status_code != 404 or response.headers["dg-request-id"]
