"""The one seam to speech servers: a connection's row to a client of its server."""

import httpx

from management.crypto import UnreadableKey
from management.models import Connection
from speechclient import SpeechClient, Timeouts

# Tests put a server of their own here.
transport: httpx.BaseTransport | None = None


PROBE_SECONDS = 5.0


def speech_client(connection: Connection, timeouts: Timeouts | None = None) -> SpeechClient:
    """A client for short requests. Raises ``UnreadableKey``, ``ValueError`` for a bad address."""
    return SpeechClient(
        connection.base_url,
        connection.api_key,
        timeouts=timeouts or Timeouts(),
        transport=transport,
    )


def probe(connection: Connection, seconds: float = PROBE_SECONDS) -> int | None:
    """Return the HTTP status of a request for a list; None when there is no response in time."""
    limits = Timeouts(connect_seconds=seconds, response_seconds=seconds, body_seconds=seconds)
    try:
        with speech_client(connection, limits) as client:
            return client.probe()
    except (UnreadableKey, ValueError):
        return None
