"""Bodies of requests are bounded before anything is written for them."""

import errno
import json

from webapp.bodies import limit_bodies


class Client:
    """One request to an application, its body in pieces."""

    def __init__(self, pieces: list[bytes], length: int | None = None) -> None:
        self.pieces = list(pieces)
        announced = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {"type": "http", "headers": announced}
        self.sent: list[dict] = []

    async def receive(self) -> dict:
        body = self.pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self.pieces)}

    async def send(self, message: dict) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]


async def read_all(scope, receive, send):
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def test_body_within_the_limit_passes():
    client = Client([b"x" * 50, b"x" * 50], length=100)
    await limit_bodies(read_all, 100)(client.scope, client.receive, client.send)
    assert client.status == 200


async def test_announced_body_that_is_too_long_is_refused_unread():
    client = Client([b"x"], length=101)
    await limit_bodies(read_all, 100)(client.scope, client.receive, client.send)
    assert client.status == 413
    assert client.pieces == [b"x"]
    assert "at most 100 bytes" in json.loads(client.sent[1]["body"])["error"]


async def test_body_that_was_not_announced_is_cut_at_the_limit():
    client = Client([b"x" * 60] * 1000)
    await limit_bodies(read_all, 100)(client.scope, client.receive, client.send)
    assert client.status == 413
    assert len(client.pieces) == 998


async def test_full_disk_is_said():
    async def spool(scope, receive, send):
        raise OSError(errno.ENOSPC, "No space left on device")

    client = Client([b"x"])
    await limit_bodies(spool)(client.scope, client.receive, client.send)
    assert client.status == 507
