"""The common ground of the sockets: frames in, events out, closes judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from speechclient.errors import ServiceUnavailable, SpeechError, error_from_close
from speechclient.fields import Fields, clean_line, read_json
from speechclient.records import Record

NO_STATUS = 1005  # a close frame without a code: RFC 6455, section 7.4.1


@dataclass(frozen=True, slots=True)
class Event(Record):
    """Something that the server said; ``raw`` is its frame, unchanged, for who relays it."""

    raw: str | bytes = field(repr=False)

    @classmethod
    def received(cls, raw: str, fields: Fields) -> Self:
        return cls(raw=raw, **cls.values(fields))


@dataclass(frozen=True, slots=True)
class StreamWarning(Event):
    """The server did not do as asked, and the stream continues."""

    code: str
    description: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {
            "code": fields.line("code", "warn_code", "warning_code", limit=100),
            "description": fields.line("description", "warn_msg", "warning_msg", "message"),
        }


@dataclass(frozen=True, slots=True)
class StreamError(Event):
    """The server's word for what is wrong; a close may follow and then is the error to raise."""

    code: str
    description: str

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {
            "code": fields.line("code", "err_code", "variant", limit=100),
            "description": fields.line("description", "err_msg", "message"),
        }


NO_RESPONSE = "NO_RESPONSE"  # ours: the code of a Configure without one
NO_RESPONSE_SENTENCE = "the server did not respond to Configure"


class StreamSession:
    """One connection's messages: ``receive`` what comes, ``closed`` when it ends.

    ``request_id`` is the server's, from the response to the handshake or from a message.
    """

    events: ClassVar[Mapping[str, type[Event]]]
    unknown: ClassVar[type[Event] | None] = None  # the event of other messages
    closing: ClassVar[str] = "CloseStream"

    def __init__(self, request_id: str | None = None) -> None:
        self.request_id = request_id
        self._error: StreamError | None = None
        self._is_closing = False

    def receive(self, frame: str | bytes) -> Event | None:
        """The event in a frame; None or ``unknown`` for kinds that are not known: servers grow.

        Raises ``ServiceUnavailable`` for text that is no JSON object.
        """
        if isinstance(frame, bytes):
            return self.receive_binary(frame)
        event = self.read_plain(frame)
        if event is not None:
            return event
        try:
            fields = read_json(frame)
        except ValueError as error:
            raise ServiceUnavailable(
                f"the server sent a message that is no JSON object: {error}",
                request_id=self.request_id,
            ) from error
        kind = self.events.get(fields.text("type"), self.unknown)
        if kind is None:
            return None
        self.request_id = self.request_id or clean_line(fields.text("request_id"), 100) or None
        event = kind.received(frame, fields)
        if isinstance(event, StreamError):
            self._error = event
        self.follow(event)
        return event

    def read_plain(self, frame: str) -> Event | None:
        """Return the event in a frame of the most frequent kind that needs no care, else None."""
        return None

    def follow(self, event: Event) -> None:
        """Keep what later decisions need of ``event``."""

    def receive_binary(self, frame: bytes) -> Event | None:
        return None

    def keep_alive(self) -> str:
        """A text frame for silence; a binary one would be heard as audio."""
        return message("KeepAlive")

    def close_stream(self) -> str:
        """A text frame that asks for the rest and a normal close."""
        return message(self.closing)

    @property
    def awaits_configure(self) -> bool:
        """True until each Configure has its response; silence is none."""
        return False

    def configure_failed(self) -> Event:
        """The event for a Configure that the server did not respond to."""
        return StreamWarning(raw="", code=NO_RESPONSE, description=NO_RESPONSE_SENTENCE)

    def finish(self) -> str:
        """The text frame that begins an orderly end; ``due`` and ``overdue`` give the others."""
        self._is_closing = True
        return self.close_stream()

    @property
    def is_closing(self) -> bool:
        """True when nothing more is to be sent: the server has the word."""
        return self._is_closing

    def due(self) -> str | None:
        """The frame that the last event has made due, once."""
        return None

    def overdue(self) -> str | None:
        """The frame to send when the event that makes one due does not come, once."""
        return None

    def closed(self, code: int | None, reason: str) -> SpeechError | None:
        """Return the error of the connection's end; None if the stream was complete.

        ``code`` is None if there was no close frame.
        """
        if code == NO_STATUS and self._is_closing:
            return None  # a normal end of Flux: docs/contract.md, 10.5
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
    present = {name: value for name, value in members.items() if value is not None}
    return json.dumps({"type": kind, **present})
