"""Handshakes of WebSockets: only pages of this site, only at addresses that have a socket."""

import pytest
from asgiref.testing import ApplicationCommunicator

from webapp.asgi import application


async def rejected(path: str, *headers: tuple[bytes, bytes]) -> dict[str, object]:
    given = [(b"host", b"testserver"), *headers]
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": given}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    # A close instead of an accept is a 403 on the wire.
    message: dict[str, object] = await socket.receive_output(60)
    await socket.wait(60)
    return message


@pytest.mark.parametrize("path", ["/", "/live/", "/recordings/1/", "/v1/listen", "/%ff%00"])
async def test_there_is_no_socket_at_other_addresses(path):
    message = await rejected(path, (b"origin", b"http://testserver"))
    assert message == {"type": "websocket.close", "code": 4404}


@pytest.mark.parametrize(
    "origins",
    [[], ["https://elsewhere.example"], ["null"], ["http://testserver", "http://testserver"]],
)
async def test_a_page_of_another_site_is_rejected_before_its_cookie_is_read(origins):
    cookie = (b"cookie", b"sessionid=" + b"x" * 32)
    headers = [(b"origin", origin.encode()) for origin in origins]
    message = await rejected("/live/", cookie, *headers)
    assert message == {"type": "websocket.close", "code": 4403}
