"""A way to a server that another thread can cut."""

import contextlib
import socket
import threading
from typing import Any

import httpx
from django.db import connection


class Line(httpx.BaseTransport):
    """The network for one client whose requests must be stoppable while they wait.

    A thread that waits for a response cannot be woken, and closing its socket under it is no
    help: the kernel keeps the connection until the wait is over. Shutting the socket down is.

    A thread waits without a connection to the database: there may be fewer than threads.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_cut = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["trace"] = self._trace
        if not connection.in_atomic_block:
            connection.close()  # back to the pool
        return self.inner.handle_request(request)

    def close(self) -> None:
        self.inner.close()

    def cut(self) -> None:
        """End the request under way, and those to come, with a network error at once."""
        with self._lock:
            self.is_cut = True
            self._shut_down()

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # httpcore tells each step; the stream of the last one that opened is the connection.
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self.is_cut:
                    self._shut_down()

    def _shut_down(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
