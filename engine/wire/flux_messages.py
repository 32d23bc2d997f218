"""Messages of ``WS /v2/listen`` (docs/contract.md, 10.2 to 10.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.wire.findings import FluxWord
from engine.wire.live_options import LEAST_EAGER, MOST_EAGER
from engine.wire.reading import Trimmed, WrittenNumber
from engine.wire.shapes import UNSET, Message, Omittable, Shape, Uuid

Event = Literal["Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
Trigger = Literal["model", "manual", "timeout"]
EndThreshold = Annotated[WrittenNumber, Meta(ge=0.5, le=1)]
EagerThreshold = Annotated[WrittenNumber, Meta(ge=LEAST_EAGER, le=MOST_EAGER)]
EndTimeout = Annotated[WrittenNumber, Meta(ge=500, le=60_000)]


class Numbered(Message):
    """Every message of the server has the next number of the stream."""

    sequence_id: int = 0


class Connected(Numbered):
    """The first message of a stream."""

    request_id: Uuid


class TurnInfo(Numbered):
    """The words of a turn so far, and what has happened; times are seconds of received audio."""

    request_id: Uuid
    event: Event
    turn_index: int
    audio_window_start: float
    audio_window_end: float
    transcript: str
    words: list[FluxWord]
    end_of_turn_confidence: float
    trigger: Omittable[Trigger] = UNSET
    languages_hinted: Omittable[list[str]] = UNSET


class Thresholds(Shape):
    eot_threshold: float
    eager_eot_threshold: float | None
    eot_timeout_ms: int


class ConfigureSuccess(Numbered):
    """A `Configure` was applied at this place in the audio."""

    request_id: Uuid
    thresholds: Thresholds
    keyterms: list[str]
    language_hints: Omittable[list[str]] = UNSET
    numerals: Omittable[bool] = UNSET


class ConfigureFailure(Numbered):
    """A `Configure` was rejected and changed nothing."""

    request_id: Uuid
    code: str
    description: str


class Warning(Numbered):
    """Something was not done; the stream continues."""

    request_id: Uuid
    code: str
    description: str


class Error(Numbered):
    """The last message of a stream that cannot continue."""

    code: str
    description: str


class CloseStream(Message):
    """Settle the rest and close the stream; an open turn stays open."""


class ForceEndTurn(Message):
    """End the present turn here."""


class NewThresholds(Shape):
    eot_threshold: Omittable[EndThreshold] = UNSET
    eager_eot_threshold: Omittable[EagerThreshold] = UNSET
    eot_timeout_ms: Omittable[EndTimeout] = UNSET


class Configure(Message):
    """Change thresholds, terms and languages from this place in the audio on."""

    thresholds: Omittable[NewThresholds] = UNSET
    keyterms: Omittable[list[Trimmed]] = UNSET
    language_hints: Omittable[list[Trimmed]] = UNSET
    numerals: Omittable[bool] = UNSET


ClientMessage = CloseStream | ForceEndTurn | Configure
ServerMessage = Connected | TurnInfo | ConfigureSuccess | ConfigureFailure | Warning | Error
