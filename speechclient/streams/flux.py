"""``WS /v2/listen``: turns of a conversation. Source: docs/contract.md, 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from speechclient.fields import MAX_TEXT, Fields
from speechclient.parameters import read_keyterms
from speechclient.streams.session import (
    NO_RESPONSE,
    NO_RESPONSE_SENTENCE,
    Event,
    StreamError,
    StreamSession,
    StreamWarning,
    message,
)
from speechclient.words import Timeline, Word

MAX_WORDS_OF_TURN = 100_000


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """The first message."""

    request_id: str
    sequence_id: int


@dataclass(frozen=True, slots=True)
class TurnInfo(Event):
    """A turn so far; ``transcript`` is the whole of it, not what is new.

    ``event`` is ``StartOfTurn``, ``Update``, ``EagerEndOfTurn``, ``TurnResumed`` or
    ``EndOfTurn``; ``trigger`` says what ended it: ``model``, ``manual`` or ``timeout``.
    """

    sequence_id: int
    event: str
    turn_index: int
    audio_window_start: float
    audio_window_end: float
    transcript: str
    words: tuple[Word, ...]
    end_of_turn_confidence: float
    trigger: str | None
    languages: tuple[str, ...]

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        timeline = Timeline(max_words=MAX_WORDS_OF_TURN)
        window = Fields(
            {
                "start": fields.number("audio_window_start"),
                "end": fields.number("audio_window_end"),
            }
        )
        start, end = timeline.span(window)
        return {
            "sequence_id": fields.integer("sequence_id"),
            "event": fields.text("event", limit=100),
            "turn_index": max(fields.integer("turn_index"), 0),
            "audio_window_start": start,
            "audio_window_end": end,
            "transcript": fields.text("transcript", limit=MAX_TEXT),
            "words": tuple(timeline.words(fields)),
            "end_of_turn_confidence": fields.share("end_of_turn_confidence"),
            "trigger": fields.optional_text("trigger"),
            "languages": fields.texts("languages", 1_000),
        }


@dataclass(frozen=True, slots=True)
class Configured(Event):
    """A Configure was taken; all values are those that hold now."""

    sequence_id: int
    eot_threshold: float | None
    eager_eot_threshold: float | None
    eot_timeout_ms: float | None
    keyterms: tuple[str, ...]
    language_hints: tuple[str, ...]

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        thresholds = fields.object("thresholds")
        return {
            "sequence_id": fields.integer("sequence_id"),
            "eot_threshold": thresholds.optional_number("eot_threshold"),
            "eager_eot_threshold": thresholds.optional_number("eager_eot_threshold"),
            "eot_timeout_ms": thresholds.optional_number("eot_timeout_ms"),
            "keyterms": fields.texts("keyterms"),
            "language_hints": fields.texts("language_hints"),
        }


@dataclass(frozen=True, slots=True)
class ConfigureFailed(Event):
    """A Configure changed nothing."""

    sequence_id: int
    code: str
    description: str


class FluxSession(StreamSession):
    """Frames of ``/v2/listen``. Methods that return text make a frame to be sent as text."""

    events: ClassVar[Mapping[str, type[Event]]] = {
        "Connected": Connected,
        "TurnInfo": TurnInfo,
        "ConfigureSuccess": Configured,
        "ConfigureFailure": ConfigureFailed,
        "Warning": StreamWarning,
        "Error": StreamError,
    }

    def __init__(self, request_id: str | None = None) -> None:
        super().__init__(request_id)
        self._is_in_turn = self._ends_turn = False
        self._unconfirmed = 0  # Configure messages without a response

    def follow(self, event: Event) -> None:
        match event:
            case TurnInfo(event="StartOfTurn"):
                self._is_in_turn = True
            case TurnInfo(event="EndOfTurn") | StreamWarning(code="FORCE_END_TURN_NO_ACTIVE_TURN"):
                self._is_in_turn = False
            case Configured() | ConfigureFailed() | StreamError() if self._unconfirmed:
                self._unconfirmed -= 1

    @property
    def awaits_configure(self) -> bool:
        return self._unconfirmed > 0

    def configure_failed(self) -> Event:
        self._unconfirmed = 0
        return ConfigureFailed(
            raw="", sequence_id=0, code=NO_RESPONSE, description=NO_RESPONSE_SENTENCE
        )

    def finish(self) -> str:
        """End an open turn first: CloseStream does not, and its end would be lost."""
        if not self._is_in_turn:
            return super().finish()
        self._ends_turn = True
        return self.force_end_turn()

    def due(self) -> str | None:
        return None if self._is_in_turn else self.overdue()

    def overdue(self) -> str | None:
        if not self._ends_turn:
            return None
        self._ends_turn = False
        return super().finish()

    def force_end_turn(self) -> str:
        """Ends the current turn now."""
        return message("ForceEndTurn")

    def configure(
        self,
        *,
        eot_threshold: float | None = None,
        eager_eot_threshold: float | None = None,
        eot_timeout_ms: int | None = None,
        keyterms: Sequence[str] | None = None,
        language_hints: Sequence[str] | None = None,
        numerals: bool | None = None,
    ) -> str:
        """Changes what is given; an empty list clears one, None keeps what holds.

        Raises ``InvalidOption`` for key terms that no server takes.
        """
        thresholds = {
            "eot_threshold": eot_threshold,
            "eager_eot_threshold": eager_eot_threshold,
            "eot_timeout_ms": eot_timeout_ms,
        }
        changed = {name: value for name, value in thresholds.items() if value is not None}
        terms = None if keyterms is None else list(read_keyterms("keyterms", keyterms))
        self._unconfirmed += 1
        return message(
            "Configure",
            thresholds=changed or None,
            keyterms=terms,
            language_hints=None if language_hints is None else list(language_hints),
            numerals=numerals,
        )
