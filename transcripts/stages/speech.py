"""The one seam to speech servers for the work on recordings."""

from management.models import Connection
from management.servers import speech
from speechclient import SpeechClient, Timeouts
from speechclient.http import _network as network
from transcripts.media.line import Line

# A day of speech with each word twice; the client's own limit is for everyday recordings.
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
SHORTEST_SILENCE_SECONDS = 1_800.0


def speech_line(connection: Connection) -> Line:
    """The way to the server of one job, which another thread can cut."""
    return Line(speech.transport or network(connection.base_url))


def speech_client(connection: Connection, line: Line, duration: float | None) -> SpeechClient:
    """A client for one job. ``duration`` is that of the recording in seconds, where known.

    A server may be silent for as long as the recording lasts before it is given up. Raises
    ``UnreadableKey``.
    """
    silence_seconds = max(SHORTEST_SILENCE_SECONDS, duration or 0.0)
    return SpeechClient(
        connection.base_url,
        connection.api_key,
        timeouts=Timeouts(read_seconds=silence_seconds),
        transport=line,
        max_response_bytes=MAX_RESPONSE_BYTES,
    )
