"""Messages of ``WS /v1/listen`` (docs/contract.md, 9.2 and 9.3)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.wire.findings import Entity, LiveAlternative, SearchResult
from engine.wire.responses import DiarizeInfo, ModelInfo
from engine.wire.shapes import UNSET, Message, Moment, Omittable, Shape, Uuid


class ResultsChannel(Shape):
    alternatives: list[LiveAlternative]
    search: Omittable[list[SearchResult]] = UNSET


class ResultsMetadata(Shape):
    request_id: Uuid
    model_info: ModelInfo
    model_uuid: Uuid
    diarize_info: Omittable[DiarizeInfo] = UNSET


class Results(Message):
    """Words of a part of the stream; times are seconds of received audio."""

    channel_index: tuple[int, int]  # the channel and how many there are
    duration: float
    start: float
    is_final: bool
    speech_final: bool
    channel: ResultsChannel
    metadata: ResultsMetadata
    from_finalize: bool
    entities: Omittable[list[Entity]] = UNSET


class SpeechStarted(Message):
    """Voice after a pause; with `vad_events`."""

    channel: tuple[int, int]
    timestamp: float


class UtteranceEnd(Message):
    """A gap after the last final word; with `utterance_end_ms`."""

    channel: tuple[int, int]
    last_word_end: float


class Metadata(Message):
    """The last message of a stream."""

    transaction_key: Literal["deprecated"] = "deprecated"
    request_id: Uuid
    sha256: Literal["incomplete"] = "incomplete"
    created: Moment
    duration: float
    channels: int
    models: Omittable[list[Uuid]] = UNSET
    model_info: Omittable[dict[str, ModelInfo]] = UNSET


class ConfigureSuccess(Message):
    """A `Configure` was applied at this place in the audio."""

    request_id: Uuid
    keyterms: Omittable[list[str]] = UNSET


class ConfigureFailure(Message):
    """A `Configure` was rejected and changed nothing."""

    request_id: Uuid
    code: str
    description: str


class Error(Message):
    """A `Finalize` named a channel that does not exist."""

    variant: Literal["SchemaError"] = "SchemaError"
    description: str


class KeepAlive(Message):
    """Keeps a stream open without audio."""


class Finalize(Message):
    """Settle what is buffered now, of one channel or of all."""

    channel: Omittable[Annotated[int, Meta(ge=0)]] = UNSET


class CloseStream(Message):
    """Settle the rest and close the stream."""


class Features(Shape, forbid_unknown_fields=True):
    punctuate: Omittable[bool] = UNSET
    smart_format: Omittable[bool] = UNSET
    numerals: Omittable[bool] = UNSET
    measurements: Omittable[bool] = UNSET
    dictation: Omittable[bool] = UNSET
    filler_words: Omittable[bool] = UNSET
    profanity_filter: Omittable[bool] = UNSET


class Configure(Message):
    """Change key terms and formatting from this place in the audio on."""

    keyterms: Omittable[list[str]] = UNSET
    features: Omittable[Features] = UNSET


ClientMessage = KeepAlive | Finalize | CloseStream | Configure
ServerMessage = (
    Results | SpeechStarted | UtteranceEnd | Metadata | ConfigureSuccess | ConfigureFailure | Error
)
