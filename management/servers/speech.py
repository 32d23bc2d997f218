"""The one seam to speech servers: a connection's row to a client of its server."""

import time
from collections.abc import Callable

import httpx

from management.models import Connection
from management.servers.crypto import UnreadableKey
from speechclient import SpeechClient, Timeouts

# Tests put a server of their own here, and a wait that takes no time.
transport: httpx.BaseTransport | None = None
sleep: Callable[[float], None] = time.sleep


PROBE_SECONDS = 5.0


def speech_client(connection: Connection, timeouts: Timeouts | None = None) -> SpeechClient:
    """A client for short requests. Raises ``UnreadableKey``, ``ValueError`` for a bad address."""
    return SpeechClient(
        connection.base_url,
        connection.api_key,
        management_url=connection.management_url or None,
        agent_url=connection.agent_url or None,
        timeouts=timeouts or Timeouts(),
        transport=transport,
        sleep=sleep,
    )


def probe(connection: Connection, seconds: float = PROBE_SECONDS) -> int | None:
    """Return the HTTP status of a request for a list; None when there is no response in time."""
    limits = Timeouts(connect_seconds=seconds, response_seconds=seconds, body_seconds=seconds)
    try:
        with speech_client(connection, limits) as client:
            return client.probe()
    except (UnreadableKey, ValueError):
        return None
