"""Events of a live stream that survives lost connections, and the state to resume one later.

``speechclient/live.py`` owns the sockets. Its two classes have one interface::

    stream = LiveListen(base_url, api_key, ListenStreamOptions(...), source=source)
    stream = LiveTurns(base_url, api_key, FluxOptions(...), source=source)

    async with stream:                        # connects in the background
        await stream.send(audio)              # raw audio, any size; waits while buffers are full
        await stream.finalize()               # LiveListen: a final result of what is buffered
        await stream.force_end_turn()         # LiveTurns: the turn ends now
        event = await stream.configure(...)   # Configured or ConfigureFailed, also after silence
        await stream.finish()                 # no more audio; returns after the last result
        async for event in stream: ...        # the events of this module, in another task
        stream.deliver_to(function)           # or: have a function called with each event
        stream.send_stored(audio)             # or: with a source, without waiting

The iteration ends after ``finish``. It raises ``Denied`` or ``BadRequest`` when a connection is
rejected for good; an outage raises nothing, the stream reconnects. ``encoding`` and
``sample_rate`` of the options are required: positions in the source are counted in bytes of raw
audio. ``interim_results`` is always requested from the server, because results are the sign of
life; without the option they are not reported.

``source`` is an ``AudioSource``: the owner of the stream stores the audio before it calls ``send``,
and the stream reads from there what it has to send again. Then ``send`` waits for nobody, and no
audio is lost however long an outage is. Without one, the stream keeps ``buffer_seconds`` of audio
in memory; ``send`` waits for room, and audio that finds none becomes a ``Gap``.

``stream.checkpoint()`` is a ``Checkpoint``, the place and the identities at which another process
can resume: pass it as ``resume``, the same source, and as ``received`` the bytes that the source
has. Audio without a final result is sent again.

Properties, cheap enough to read at each event: ``state``, ``connection``, ``request_id``,
``received_seconds`` (given to ``send``), ``sent_seconds``, ``heard_seconds`` (end of the last
result), ``final_seconds`` (everything before it is final), ``lag_seconds`` (audio received and not
yet heard).

All times are seconds from the start of the source. A paused microphone sends nothing: the stream
keeps the socket open, and ends an open turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol, Self

import msgspec

from speechclient.listen import Entity
from speechclient.words import Word


class AudioSource(Protocol):
    """Stored audio of a stream, written by its owner before it is sent."""

    async def read(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes from byte ``start``; empty when they are not stored."""
        ...


class State(StrEnum):
    """State of a live stream, judged by results."""

    CONNECTING = "connecting"
    WAITING = "waiting"  # no connection; the next attempt is in ``retry_seconds``
    CATCHING_UP = "catching_up"  # connected, and sends audio that is older than the newest
    LIVE = "live"
    FINISHING = "finishing"  # all audio is sent; the last results are awaited
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The stream is in another state; ``reason`` is a sentence when the connection was lost."""

    state: State
    connection: int
    reason: str = ""
    retry_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """A connection was opened; ``start`` is the place in the source of its first byte."""

    connection: int
    request_id: str | None
    start: float


class Segment(msgspec.Struct, frozen=True):
    """A stretch of one channel as words. Until ``is_final``, one with the same ``id`` replaces it.

    ``id`` is ``<connection>.<channel>.<number>``, unique in the stream across connections. A final
    segment never changes and no other overlaps it. ``speaker`` of a word is a number of the whole
    stream, not of the connection.
    """

    id: str
    connection: int
    request_id: str | None
    channel_index: int
    channels: int
    start: float
    end: float
    is_final: bool
    speech_final: bool
    from_finalize: bool
    transcript: str
    confidence: float
    words: tuple[Word, ...]
    languages: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn so far; ``transcript`` is the whole of it, and one with the same ``id`` replaces it.

    ``event`` is ``StartOfTurn``, ``Update``, ``EagerEndOfTurn``, ``TurnResumed`` or ``EndOfTurn``.
    ``turn_index`` counts across connections and is the ``id`` in text: a turn that is open when a
    connection is lost has the same number on the next.
    """

    id: str
    connection: int
    request_id: str | None
    turn_index: int
    event: str
    start: float
    end: float
    transcript: str
    words: tuple[Word, ...]
    end_of_turn_confidence: float
    trigger: str | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Voice began, with ``vad_events``."""

    channel_index: int
    at: float


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """A gap after the last word, with ``utterance_end_ms``; at most once for an utterance."""

    channel_index: int
    last_word_end: float


@dataclass(frozen=True, slots=True)
class NewVoice:
    """A speaker of a new connection could not be matched with one of the connections before.

    ``speaker`` is a new number of the stream. It may be somebody who spoke before.
    """

    speaker: int
    connection: int
    start: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Audio from ``start`` to ``end`` was not transcribed and will not be by this stream."""

    start: float
    end: float
    reason: str


@dataclass(frozen=True, slots=True)
class Configured:
    """A Configure was accepted."""

    keyterms: tuple[str, ...]
    eot_threshold: float | None = None
    eager_eot_threshold: float | None = None
    eot_timeout_ms: float | None = None
    language_hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigureFailed:
    """A Configure changed nothing; ``code`` is ``NO_RESPONSE`` when the server was silent."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class ServerWarning:
    """The server did not do as asked, and the stream continues."""

    code: str
    description: str


LiveEvent = (
    StateChanged
    | ConnectionOpened
    | Segment
    | Turn
    | SpeechBegan
    | UtteranceEnded
    | NewVoice
    | Gap
    | Configured
    | ConfigureFailed
    | ServerWarning
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Place and identities of a stream, to resume it in another process.

    ``final`` is a byte of the source: everything before it is final. ``ends`` are the ends of the
    final segments in seconds, by channel. ``labels`` are the last speakers heard, as (start, end,
    speaker), and let the next connection recognise them.
    """

    final: int = 0
    connections: int = 0
    speakers: int = 0
    turns: int = 0
    ends: tuple[float, ...] = ()
    labels: tuple[tuple[float, float, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        labels = [list(label) for label in self.labels]
        return {**asdict(self), "ends": list(self.ends), "labels": labels}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the checkpoint that ``to_json`` wrote."""
        labels = tuple((float(a), float(b), int(c)) for a, b, c in stored.get("labels", ()))
        names = ("final", "connections", "speakers", "turns")
        counts = {name: int(stored.get(name, 0)) for name in names}
        return cls(**counts, ends=tuple(map(float, stored.get("ends", ()))), labels=labels)
