"""The one seam to speech servers for live sessions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from management.tagging import request_tags, tagged
from speechclient.live import LiveListen, LiveTurns
from speechclient.streams.live_events import AudioSource, Checkpoint
from transcripts.live.models import LiveSession
from transcripts.live.session_options import stream_options, turn_options

Stream = LiveListen | LiveTurns
LIVE = "live"  # the feature in the tags of a stream


@dataclass(frozen=True)
class Server:
    """Address and key of the speech server of a session, and the tags of its requests."""

    base_url: str
    api_key: str
    tags: tuple[str, ...] = ()


def server_of(session: LiveSession) -> Server:
    """Return the server of the session's project. Raises ``UnreadableKey``."""
    connection = session.project.connection
    tags = request_tags(session.project, LIVE)
    return Server(connection.base_url, connection.api_key, tags)


def open_stream(
    session: LiveSession, server: Server, source: AudioSource, resume: Checkpoint, received: int
) -> Stream:
    """Return a stream for the session, not connected yet. Raises ``InvalidOption``."""
    arguments: dict[str, Any] = {"source": source, "resume": resume, "received": received}
    if session.mode == LiveSession.Mode.TURNS:
        turns = tagged(turn_options(session.options), server.tags)
        return LiveTurns(server.base_url, server.api_key, turns, **arguments)
    captions = stream_options(session.options)
    listen = tagged(captions, server.tags, session=session.pk)
    return LiveListen(server.base_url, server.api_key, listen, **arguments)


OpenStream = Callable[[LiveSession, Server, AudioSource, Checkpoint, int], Stream]
