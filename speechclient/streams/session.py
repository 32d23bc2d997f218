"""The common ground of the sockets: frames in, events out, closes judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from ..errors import ServiceUnavailable, SpeechError, error_from_close
from ..fields import Fields, clean_line, read_json
from ..records import Record


@dataclass(frozen=True, slots=True)
class Event(Record):
    """Something that the server said; ``raw`` is its frame, unchanged, for who relays it."""

    raw: str | bytes = field(repr=False)

    @classmethod
    def received(cls, raw: str, fields: Fields) -> Self:
        return cls(raw=raw, **cls.values(fields))


@dataclass(frozen=True, slots=True)
class StreamWarning(Event):
    """The server did not do as asked and goes on."""

    code: str
    description: str


@dataclass(frozen=True, slots=True)
class StreamError(Event):
    """The server's word for what is wrong; a close may follow and then is the error to raise."""

    code: str
    description: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {
            "code": clean_line(fields.text("code") or fields.text("variant"), 100),
            "description": clean_line(fields.text("description") or fields.text("message"), 500),
        }


class StreamSession:
    """One connection's messages: ``receive`` what comes, ``closed`` when it ends.

    ``request_id`` is the server's, from the answer to the handshake or from a message.
    """

    events: ClassVar[Mapping[str, type[Event]]]
    closing: ClassVar[str] = "CloseStream"

    def __init__(self, request_id: str | None = None) -> None:
        self.request_id = request_id
        self._error: StreamError | None = None

    def receive(self, frame: str | bytes) -> Event | None:
        """The event in a frame; None for kinds that are not known, since servers grow.

        Raises ``ServiceUnavailable`` for text that is no JSON object.
        """
        if isinstance(frame, bytes):
            return self.receive_binary(frame)
        try:
            fields = read_json(frame)
        except ValueError as error:
            raise ServiceUnavailable(
                f"the server sent a message that is no JSON object: {error}",
                request_id=self.request_id,
            ) from error
        kind = self.events.get(fields.text("type"))
        if kind is None:
            return None
        self.request_id = self.request_id or clean_line(fields.text("request_id"), 100) or None
        event = kind.received(frame, fields)
        if isinstance(event, StreamError):
            self._error = event
        return event

    def receive_binary(self, frame: bytes) -> Event | None:
        return None

    def close_stream(self) -> str:
        """A text frame that asks for the rest and a normal close."""
        return message(self.closing)

    def closed(self, code: int | None, reason: str) -> SpeechError | None:
        """What the end means: None when all was said. ``code`` None: there was no close frame."""
        error = error_from_close(code, reason, request_id=self.request_id)
        if error is None or self._error is None:
            return error
        # The message says more than a close reason of at most 123 bytes.
        return type(error)(
            self._error.description or str(error),
            request_id=self.request_id,
            status=code,
            code=self._error.code or error.code,
        )


def message(kind: str, **members: object) -> str:
    """A text frame for the server; members that are None are left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return json.dumps({"type": kind, **given})
