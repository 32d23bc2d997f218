"""Messages of ``WS /v1/speak`` (docs/contract.md, 11)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from engine.wire.shapes import Message, Uuid


class Metadata(Message):
    """The first message of a socket."""

    request_id: Uuid
    model_name: str
    model_version: str
    model_uuid: Uuid
    additional_model_uuids: list[Uuid]


class Flushed(Message):
    """All audio of the text before a `Flush` was sent."""

    sequence_id: int


class Cleared(Message):
    """The text before a `Clear` was dropped."""

    sequence_id: int


class Warning(Message):
    """Something was not done, or the reason of the close that follows."""

    code: str
    description: str


class Speak(Message):
    """Text to speak, at most 2,000 characters; a sentence may be spoken as soon as it is whole."""

    text: Annotated[str, Meta(min_length=1)]


class Flush(Message):
    """Speak all text that came before."""


class Clear(Message):
    """Drop all text and audio that was not sent."""


class Close(Message):
    """Speak the rest and close."""


ClientMessage = Speak | Flush | Clear | Close
ServerMessage = Metadata | Flushed | Cleared | Warning
