"""The engine's HTTP and WebSocket connections under uvicorn."""

from __future__ import annotations

import logging
import time
from typing import Any

from network.connections import HttpConnection, WebSocketConnection

SCOPE_KEY = "earshot.pings"
FAREWELL_KEY = "earshot.farewell"

_logger = logging.getLogger("engine.consumers.protocol")
_logger.setLevel(logging.WARNING)


class Pings:
    """Time of the last ping of the client, which counts as activity on some sockets.

    Source: docs/contract.md, 12.4 and choice 13.
    """

    def __init__(self) -> None:
        self.last = 0.0  # on the monotonic clock, in seconds

    @property
    def silence_seconds(self) -> float:
        return time.monotonic() - self.last


class Farewell:
    """Text message that the client gets before the close when the server stops; "" for none."""

    text = ""


class HttpProtocol(HttpConnection):
    id_header = b"dg-request-id"


class Protocol(WebSocketConnection):
    """A WebSocket that also tells the application of the client's pings.

    The application may set the last message to the client.
    """

    id_header = b"dg-request-id"
    pings: Pings
    farewell: Farewell

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The gate logs every request. uvicorn's lines would show the whole query, in which the
        # address of a callback may hold a password.
        self.logger = _logger

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        self.pings, self.farewell = Pings(), Farewell()
        if self.response.status_code == 101:
            self.scope[SCOPE_KEY] = self.pings  # type: ignore[literal-required]
            self.scope[FAREWELL_KEY] = self.farewell  # type: ignore[literal-required]

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent and self.farewell.text:
            self.conn.send_text(self.farewell.text.encode())
        super().shutdown()

    def handle_ping(self) -> None:
        super().handle_ping()
        self.pings.last = time.monotonic()
