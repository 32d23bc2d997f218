"""Bodies of requests are bounded before anything is written for them."""

import asyncio
import errno
import json
from collections.abc import Mapping
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from network.connections import HttpConnection, WebSocketConnection
from webapp.asgi import application
from webapp.http import bodies
from webapp.http.bodies import ANONYMOUS_BYTES, Body, limit_bodies


async def yes(scope) -> bool:
    return True


async def no(scope) -> bool:
    return False


class Client:
    """One request to an application, its body in pieces; after the last of them nothing comes."""

    def __init__(self, pieces: list[bytes], length: int | None = None, ends: bool = True) -> None:
        self.pieces = list(pieces)
        self.ends = ends
        announced = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope: dict[str, Any] = {"type": "http", "headers": announced}
        self.sent: list[Mapping[str, Any]] = []

    async def receive(self) -> dict:
        if not self.pieces:
            await asyncio.Event().wait()
        body = self.pieces.pop(0)
        more = bool(self.pieces) or not self.ends
        return {"type": "http.request", "body": body, "more_body": more}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


async def serve(application: Any, client: Client) -> None:
    await application(client.scope, client.receive, client.send)


async def read_all(scope, receive, send):
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.fixture(autouse=True)
def no_lingering(monkeypatch):
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.0)


async def test_a_body_within_the_limit_passes_with_a_request_id():
    client = Client([b"x" * 50, b"x" * 50], length=100)
    await limit_bodies(read_all, 100)(client.scope, client.receive, client.send)
    assert client.status == 200
    assert client.headers[b"x-request-id"]


async def test_an_announced_body_that_is_too_long_is_rejected_unread():
    asked = []
    client = Client([b"x"], length=101, ends=False)

    async def application(scope, receive, send):
        asked.append(scope)

    await limit_bodies(application, 100)(client.scope, client.receive, client.send)
    assert client.status == 413
    assert asked == []
    body = json.loads(client.sent[1]["body"])
    assert "at most 100 bytes" in body["error"]
    assert body["request_id"].encode() == client.headers[b"x-request-id"]


async def test_a_body_that_was_not_announced_is_cut_at_the_limit():
    client = Client([b"x" * 60] * 3, ends=False)
    await limit_bodies(read_all, 100)(client.scope, client.receive, client.send)
    assert client.status == 413


@pytest.mark.parametrize(
    "charset",
    ["utf-16", "utf-7", "idna", "zlib", "rot13", "hex", "nonsense", "latin-1", "\xe9", "x" * 3_000],
)
async def test_a_form_in_another_charset_is_a_415(charset: str):
    client = Client([b"a=%ff"])
    kind = f"application/x-www-form-urlencoded; charset={charset}".encode("latin-1")
    client.scope["headers"].append((b"content-type", kind))
    await limit_bodies(read_all)(client.scope, client.receive, client.send)
    assert client.status == 415


@pytest.mark.parametrize("kind", [b"text/plain", b"a/b; charset=UTF-8", b'a/b; charset="utf-8"'])
async def test_utf_8_is_read(kind: bytes):
    client = Client([b"a=%ff"])
    client.scope["headers"].append((b"content-type", kind))
    await limit_bodies(read_all)(client.scope, client.receive, client.send)
    assert client.status == 200


@pytest.mark.parametrize("length", [None, ANONYMOUS_BYTES + 1])
async def test_a_large_body_needs_a_session(length):
    pieces = [b"x" * 40_000] * 3
    for signed_in, status in ((no, 302), (yes, 200)):
        client = Client(pieces, length)
        served = limit_bodies(read_all, signed_in=signed_in)
        await served(client.scope, client.receive, client.send)
        assert client.status == status


async def test_an_unfinished_body_without_a_session_has_a_deadline(monkeypatch):
    monkeypatch.setattr(bodies, "ANONYMOUS_SECONDS", 0.05)
    client = Client([b"x"] * 3, ends=False)
    served = limit_bodies(read_all, signed_in=no)
    await asyncio.wait_for(served(client.scope, client.receive, client.send), 30)
    assert client.status == 408


async def test_a_body_of_a_session_that_stops_coming_has_a_deadline(monkeypatch):
    monkeypatch.setattr(bodies, "IDLE_SECONDS", 0.05)
    client = Client([b"x" * 100_000], ends=False)
    served = limit_bodies(read_all, signed_in=yes)
    await asyncio.wait_for(served(client.scope, client.receive, client.send), 30)
    assert client.status == 408


async def test_the_oldest_unfinished_body_makes_room(monkeypatch):
    monkeypatch.setattr(bodies, "ANONYMOUS_AT_ONCE", 2)
    served = limit_bodies(read_all, signed_in=no)
    clients = [Client([b"x"], ends=False) for _ in range(4)]
    tasks: list[asyncio.Task[None]] = []
    for client in clients:
        tasks.append(asyncio.create_task(serve(served, client)))
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*tasks[:2]), 30)
    assert [client.status for client in clients[:2]] == [408, 408]
    whole = Client([b"x"])
    await served(whole.scope, whole.receive, whole.send)
    assert whole.status == 200
    assert not tasks[2].done()
    assert not tasks[3].done()
    for task in tasks[2:]:
        task.cancel()
    await asyncio.gather(*tasks[2:], return_exceptions=True)
    assert not Body._unfinished


async def test_a_full_disk_is_a_507():
    async def spool(scope, receive, send):
        raise OSError(errno.ENOSPC, "No space left on device")

    client = Client([b"x"])
    await limit_bodies(spool)(client.scope, client.receive, client.send)
    assert client.status == 507


async def test_a_failure_outside_of_django_is_a_500_with_its_request_id():
    async def fails(scope, receive, send):
        raise RuntimeError

    client = Client([b"x"])
    await limit_bodies(fails)(client.scope, client.receive, client.send)
    assert client.status == 500
    request_id = client.headers[b"x-request-id"].decode()
    assert json.loads(client.sent[1]["body"])["request_id"] == request_id


BROWSER = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")


@pytest.mark.parametrize(
    ("errno_", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (None, 413), (0, 500)]
)
async def test_a_browser_gets_an_early_error_as_a_page_with_the_request_id(errno_, status):
    async def fail(scope, receive, send):
        if errno_ is None:
            await read_all(scope, receive, send)
        raise OSError(errno_, "failed") if errno_ else RuntimeError("failed")

    client = Client([b"x" * 200], ends=False)
    client.scope["headers"].append(BROWSER)
    await limit_bodies(fail, 100)(client.scope, client.receive, client.send)
    assert client.status == status
    assert client.headers[b"content-type"] == b"text/html; charset=utf-8"
    page = client.sent[1]["body"]
    assert b"css/shell.css" in page
    assert client.headers[b"x-request-id"] in page


async def test_a_browser_gets_a_late_body_as_a_page(monkeypatch):
    monkeypatch.setattr(bodies, "ANONYMOUS_SECONDS", 0.05)
    client = Client([b"x"], ends=False)
    client.scope["headers"].append(BROWSER)
    await limit_bodies(read_all, signed_in=no)(client.scope, client.receive, client.send)
    assert client.status == 408
    assert b"<h1>The request did not arrive in time</h1>" in client.sent[1]["body"]


@pytest.mark.full
@pytest.mark.parametrize("path", ["/", "/ws/", "/recordings/1/", "/%00", "/" + "x" * 3000])
async def test_a_socket_at_any_address_is_a_404_with_a_request_id(path: str):
    config = uvicorn.Config(application, ws=WebSocketConnection, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpConnection(config, ServerState(), app_state={}), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(InvalidStatus) as rejected:
        await connect(f"ws://127.0.0.1:{port}{path}", origin=Origin(f"http://127.0.0.1:{port}"))
    server.close()
    response = rejected.value.response
    assert response.status_code == 404
    assert json.loads(response.body)["request_id"] == response.headers["x-request-id"]
