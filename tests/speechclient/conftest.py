"""A service at the one seam (``httpx.MockTransport``), and real sockets where the wire matters."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import httpx
import pytest

from speechclient import SpeechClient

KEY = "a-key-nobody-may-see"


class Service:
    """Answers requests in order; the last response is given again and again."""

    def __init__(self):
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self._answers: list = []

    def returns(self, *answers) -> None:
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        response = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(response, Exception):
            raise response
        return response

    @property
    def request(self) -> httpx.Request:
        return self.requests[-1]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[SpeechClient]:
    transport = httpx.MockTransport(service)
    with SpeechClient(
        "http://service.test", KEY, transport=transport, sleep=service.waits.append
    ) as client:
        yield client


@pytest.fixture
def listener(full_lane: None) -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """``listener(handler)`` gives the URL of a TCP server that runs handler(connection)."""
    servers: list[socket.socket] = []
    connections: list[socket.socket] = []

    def start(handler: Callable[[socket.socket], None]) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), closing(connection):
                handler(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    connections.append(connection)
                    threading.Thread(target=handle, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for opened in servers + connections:
        with suppress(OSError):
            opened.shutdown(socket.SHUT_RDWR)
        opened.close()


def read_request(connection: socket.socket) -> tuple[bytes, int]:
    """The head of a request and the bytes of its body, read and counted but not kept."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, rest = received.partition(b"\r\n\r\n")
    size = len(rest)
    declared = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    tail = rest
    while size < int(declared[1]) if declared else not tail.endswith(b"0\r\n\r\n"):
        piece = connection.recv(1 << 20)
        if not piece:
            break
        size += len(piece)
        tail = (tail + piece)[-5:]
    return head, size
