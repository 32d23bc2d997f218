"""``WS /v1/speak`` and ``/v2/speak``: text in, audio out. Source: docs/contract.md, 11 and 12."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from speechclient.streams.session import Event, StreamError, StreamSession, StreamWarning, message


@dataclass(frozen=True, slots=True)
class Audio(Event):
    """A piece of raw audio, ``data``, in the encoding and rate of the options."""

    @property
    def data(self) -> bytes:
        return self.raw if isinstance(self.raw, bytes) else b""


@dataclass(frozen=True, slots=True)
class SpeakMetadata(Event):
    """The first message of v1: who speaks."""

    request_id: str
    model_name: str
    model_version: str
    model_uuid: str


@dataclass(frozen=True, slots=True)
class Flushed(Event):
    """All audio of a Flush has been sent. Counts from 0, together with ``Cleared``."""

    sequence_id: int


@dataclass(frozen=True, slots=True)
class Cleared(Event):
    """The server has dropped its buffered text and audio."""

    sequence_id: int


class SpeakSession(StreamSession):
    """Frames of ``/v1/speak``. Methods that return text make a frame to be sent as text."""

    closing = "Close"
    events: ClassVar[Mapping[str, type[Event]]] = {
        "Metadata": SpeakMetadata,
        "Flushed": Flushed,
        "Cleared": Cleared,
        "Warning": StreamWarning,
        "Error": StreamError,
    }

    def receive_binary(self, frame: bytes) -> Event | None:
        return Audio(raw=frame)

    def speak(self, text: str) -> str:
        """Text to be spoken, at most 2,000 characters; it need not be a whole sentence."""
        return message("Speak", text=text)

    def flush(self) -> str:
        """Speak everything given so far."""
        return message("Flush")

    def clear(self) -> str:
        """Drop what is buffered and not yet sent."""
        return message("Clear")


@dataclass(frozen=True, slots=True)
class SpeakConnected(Event):
    """The first message of v2: who speaks."""

    request_id: str
    model_name: str
    model_version: str
    model_uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TurnStarted(Event):
    """The first text of a turn has come."""

    speech_id: str


@dataclass(frozen=True, slots=True)
class TurnFlushed(Event):
    """The turn's text is complete; its audio is still on its way."""

    speech_id: str


@dataclass(frozen=True, slots=True)
class TurnSpoken(Event):
    """All audio of a turn has been sent."""

    speech_id: str
    audio_duration_ms: float
    input_character_count: int
    billable_character_count: int


@dataclass(frozen=True, slots=True)
class TurnInterrupted(Event):
    """A turn was stopped; ``text_spoken`` and ``text_remaining`` where the server knows."""

    speech_id: str
    audio_played_ms: float
    text_spoken: str
    text_remaining: str


@dataclass(frozen=True, slots=True)
class SessionMetadata(Event):
    """The last message before the close: what the whole session was."""

    total_audio_duration_ms: float
    total_input_character_count: int
    total_billable_character_count: int


@dataclass(frozen=True, slots=True)
class SpeedConfigured(Event):
    """A Configure holds for coming speech."""


@dataclass(frozen=True, slots=True)
class SpeedRejected(Event):
    """A Configure changed nothing."""

    code: str
    description: str


class FluxSpeakSession(StreamSession):
    """Frames of ``/v2/speak``. Methods that return text make a frame to be sent as text."""

    closing = "Close"
    events: ClassVar[Mapping[str, type[Event]]] = {
        "Connected": SpeakConnected,
        "SpeechStarted": TurnStarted,
        "Flushed": TurnFlushed,
        "SpeechMetadata": TurnSpoken,
        "SpeechInterrupted": TurnInterrupted,
        "SessionMetadata": SessionMetadata,
        "ConfigureSuccess": SpeedConfigured,
        "ConfigureFailure": SpeedRejected,
        "Warning": StreamWarning,
        "Error": StreamError,
    }

    def receive_binary(self, frame: bytes) -> Event | None:
        return Audio(raw=frame)

    def speak(self, text: str) -> str:
        """Text of the active turn; pieces are joined as they are, so they carry the spaces."""
        return message("Speak", text=text)

    def flush(self) -> str:
        """End of the turn's text; the next Speak begins another."""
        return message("Flush")

    def interrupt(self, played_ms: int | None = None) -> str:
        """Stop the turn; ``played_ms`` is what was played since the start of the session."""
        offset = None if played_ms is None else {"type": "time_ms", "value": played_ms}
        return message("Interrupt", playback_offset=offset)

    def configure(self, speed: float) -> str:
        """Change the speed of coming speech."""
        return message("Configure", speed=speed)
