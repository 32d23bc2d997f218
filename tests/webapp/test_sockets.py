"""Sockets of the web server: there are none yet, and every handshake is rejected."""

import pytest
from asgiref.testing import ApplicationCommunicator

from webapp.asgi import application


@pytest.mark.parametrize("path", ["/", "/live/", "/recordings/1/", "/v1/listen", "/%ff%00"])
@pytest.mark.parametrize("origin", ["http://testserver", "https://elsewhere.example", "null", None])
async def test_handshake_of_any_origin_is_rejected(path, origin):
    headers = [(b"host", b"testserver"), (b"cookie", b"sessionid=" + b"x" * 32)]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers}
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "websocket.connect"})
    # A close instead of an accept is a 403 on the wire.
    assert await socket.receive_output(60) == {"type": "websocket.close", "code": 4404}
    await socket.wait(60)
