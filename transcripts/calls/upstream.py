"""The one seam to speech servers for calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from speechclient.options import AgentOptions
from speechclient.sockets import AgentStream
from transcripts.calls.models import Call


@dataclass(frozen=True)
class Server:
    """Address and key of the server of a call's agent."""

    url: str
    api_key: str


def server_of(call: Call) -> Server:
    """Return the server of the call's project. Raises ``UnreadableKey``."""
    connection = call.project.connection
    return Server(connection.agent_url or connection.base_url, connection.api_key)


async def open_stream(server: Server) -> AgentStream:
    """Connect to the agent. Raises ``SpeechError`` and ``ValueError``."""
    return await AgentStream.open(server.url, server.api_key, AgentOptions())


OpenStream = Callable[[Server], Awaitable[Any]]
