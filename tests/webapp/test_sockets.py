"""Handshakes of WebSockets: only pages of this site, only at addresses that have a socket."""

import pytest
from asgiref.testing import ApplicationCommunicator

from webapp.asgi import application
from webapp.http.sockets import header, is_same_origin


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


def scope(host: str, *origins: str) -> dict[str, object]:
    headers = [(b"host", host.encode()), *((b"origin", each.encode()) for each in origins)]
    return {"type": "websocket", "headers": headers}


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("testserver", "http://testserver"),
        ("testserver", "https://testserver"),  # a proxy ends TLS
        ("TestServer", "http://testserver"),
        ("testserver:8000", "http://testserver:8000"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("internal:8000", "https://earshot.example.org"),
    ],
)
def test_a_page_of_this_site_may_open_a_socket(settings, host: str, origin: str):
    settings.ALLOWED_HOSTS = ["testserver", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://earshot.example.org"]
    assert is_same_origin(scope(host, origin))


@pytest.mark.parametrize(
    ("host", "origins"),
    [
        ("testserver", []),
        ("testserver", [""]),
        ("testserver", ["null"]),
        ("testserver", ["testserver"]),
        ("testserver", ["file://testserver"]),
        ("testserver", ["ws://testserver"]),
        ("testserver", ["http://"]),
        ("testserver", ["http://elsewhere.example"]),
        ("testserver", ["http://testserver.elsewhere.example"]),
        ("testserver", ["http://elsewhere.example/testserver"]),
        ("testserver", ["http://ada@testserver"]),
        ("testserver", ["http://testserver:8000"]),
        ("testserver:8000", ["http://testserver"]),
        ("testserver", ["http://testserver", "http://testserver"]),
        ("testserver", ["http://earshot.example.org"]),  # trusted with https alone
        # The name of another site leads here: DNS rebinding.
        ("elsewhere.example", ["http://elsewhere.example"]),
        ("", ["http://testserver"]),
    ],
)
def test_any_other_page_may_not(settings, host: str, origins: list[str]):
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://earshot.example.org"]
    assert not is_same_origin(scope(host, *origins))


def test_while_debugging_any_name_leads_here_but_pages_stay_apart(settings):
    settings.DEBUG, settings.ALLOWED_HOSTS = True, []
    assert is_same_origin(scope("machine.local:8000", "http://machine.local:8000"))
    assert not is_same_origin(scope("machine.local:8000", "http://elsewhere.example"))


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], ""),
        ([(b"origin", b"a")], "a"),
        ([(b"origin", b"a"), (b"origin", b"a")], ""),
        ([(b"origin", b"\xe9")], "é"),
        ([(b"host", b"a")], ""),
    ],
)
def test_a_header_that_comes_twice_has_no_value(headers: list[tuple[bytes, bytes]], value: str):
    assert header({"headers": headers}, b"origin") == value
