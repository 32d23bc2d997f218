"""Messages of ``WS /v2/speak`` (docs/contract.md, 12)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.wire.shapes import UNSET, Message, Omittable, Shape, Uuid
from engine.wire.speak_messages import Close, Flush, Speak, Warning


class Connected(Message):
    """The first message of a socket."""

    request_id: Uuid
    model_name: str
    model_version: str
    model_uuids: list[Uuid]


class SpeechStarted(Message):
    """The audio that follows belongs to this turn."""

    speech_id: str


class Flushed(Message):
    """A `Flush` ended the text of the turn."""

    speech_id: str


class Controls(Shape):
    pronunciations_applied: int
    pronunciation_warnings: int
    breaks_applied: int


class Speech(Shape):
    """A turn: its audio and its text."""

    speech_id: str
    audio_duration_ms: int
    input_character_count: int
    billable_character_count: int
    controls_applied: Controls


class SpeechMetadata(Message):
    """All audio of a turn was sent."""

    speech_id: str
    audio_duration_ms: int
    input_character_count: int
    billable_character_count: int
    controls_applied: Controls


class SpeechInterrupted(Message):
    """An `Interrupt` ended the turn; the played text ends with a word."""

    speech_id: str
    audio_played_ms: int
    text_spoken: str
    text_remaining: str
    metadata: Speech


class SessionMetadata(Message):
    """The last message of a socket."""

    total_audio_duration_ms: int
    total_input_character_count: int
    total_billable_character_count: int


class Applied(Shape):
    speed: Omittable[float] = UNSET


class ConfigureSuccess(Message):
    """A `Configure` was applied to the text that follows."""

    applied: Applied


class ConfigureFailure(Message):
    """A `Configure` was rejected and changed nothing."""

    code: str
    description: str
    field: str
    value: Omittable[float] = UNSET


class Error(Message):
    """The reason of the close that follows."""

    code: str
    description: str


class PlaybackOffset(Shape, tag="time_ms", tag_field="type"):
    """Milliseconds from the start of the session that were played."""

    value: Annotated[float, Meta(ge=0)]


class Interrupt(Message):
    """End the turn that is spoken."""

    playback_offset: Omittable[PlaybackOffset] = UNSET


class Configure(Message):
    """Change the speed of the text that follows."""

    speed: Omittable[float] = UNSET


ClientMessage = Speak | Flush | Interrupt | Configure | Close
ServerMessage = (
    Connected
    | SpeechStarted
    | Flushed
    | SpeechMetadata
    | SpeechInterrupted
    | SessionMetadata
    | ConfigureSuccess
    | ConfigureFailure
    | Warning
    | Error
)
