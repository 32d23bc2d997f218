"""The one seam to speech servers: a connection's row to a client of its server."""

import httpx

from management.models import Connection
from speechclient import SpeechClient

# Tests put a server of their own here.
transport: httpx.BaseTransport | None = None


def speech_client(connection: Connection) -> SpeechClient:
    """A client for short calls. Raises ``UnreadableKey``, ``ValueError`` for a bad address."""
    return SpeechClient(connection.base_url, connection.api_key, transport=transport)
