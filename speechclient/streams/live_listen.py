"""``WS /v1/listen``: live transcription. Source: docs/contract.md, 9.

Times are seconds of audio received since the socket was opened, gaps not counted; who reconnects
keeps the offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from speechclient.fields import MAX_TEXT, Fields
from speechclient.listen import (
    MAX_ALTERNATIVES,
    Alternative,
    Entity,
    ModelInfo,
    read_entity,
    read_models,
)
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
from speechclient.words import MAX_DURATION_SECONDS, Seconds, Timeline

MAX_WORDS_OF_RESULT = 10_000
PLAIN_CHARACTERS = 10_000  # of a frame: no text in it exceeds a limit


@dataclass(frozen=True, slots=True)
class Results(Event):
    """A stretch of one channel's audio as words.

    With ``is_final`` false the next Results of this channel replaces it; true, it never changes.
    ``speech_final`` says that the speaker paused, ``from_finalize`` that Finalize asked for it.
    """

    channel_index: int
    channels: int
    start: float
    duration: float
    is_final: bool
    speech_final: bool
    from_finalize: bool
    alternatives: tuple[Alternative, ...]
    entities: tuple[Entity, ...]

    @property
    def transcript(self) -> str:
        return self.alternatives[0].transcript

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        timeline = Timeline(max_words=MAX_WORDS_OF_RESULT)
        index, channels = _track(fields, "channel_index")
        alternatives = tuple(
            Alternative(
                transcript=alternative.text("transcript", limit=MAX_TEXT),
                confidence=alternative.share("confidence"),
                words=tuple(timeline.words(alternative)),
                languages=alternative.texts("languages", 1_000),
            )
            for alternative in fields.object("channel").objects("alternatives", MAX_ALTERNATIVES)
        )
        return {
            "channel_index": index,
            "channels": channels,
            "start": _seconds(fields, "start"),
            "duration": _seconds(fields, "duration"),
            "is_final": fields.flag("is_final"),
            "speech_final": fields.flag("speech_final"),
            "from_finalize": fields.flag("from_finalize"),
            "alternatives": alternatives or (Alternative(transcript="", confidence=0.0, words=()),),
            "entities": tuple(read_entity(entity) for entity in fields.objects("entities", 10_000)),
        }


@dataclass(frozen=True, slots=True)
class StreamMetadata(Event):
    """The last message before the close: what the whole stream was."""

    request_id: str
    created: datetime | None
    duration: float
    channels: int
    models: tuple[ModelInfo, ...]

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        return {
            "request_id": fields.text("request_id"),
            "created": fields.moment("created"),
            "duration": _seconds(fields, "duration"),
            "channels": fields.integer("channels"),
            "models": read_models(fields.object("model_info")),
        }


@dataclass(frozen=True, slots=True)
class SpeechStarted(Event):
    """Somebody began to speak; ``timestamp`` is when, in seconds of the stream."""

    channel_index: int
    timestamp: float

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        index, _ = _track(fields, "channel")
        return {"channel_index": index, "timestamp": _seconds(fields, "timestamp")}


@dataclass(frozen=True, slots=True)
class UtteranceEnd(Event):
    """A gap after the last word; ``last_word_end`` None: all of it was final already, ignore it."""

    channel_index: int
    last_word_end: float | None

    @classmethod
    def values(cls, fields: Fields) -> dict[str, Any]:
        index, _ = _track(fields, "channel")
        known = fields.number("last_word_end", -1.0) >= 0
        return {
            "channel_index": index,
            "last_word_end": _seconds(fields, "last_word_end") if known else None,
        }


@dataclass(frozen=True, slots=True)
class Configured(Event):
    """A Configure was taken; ``keyterms`` are those that hold now."""

    keyterms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigureFailed(Event):
    """A Configure changed nothing."""

    code: str
    description: str


class _Channel(msgspec.Struct):
    alternatives: Annotated[
        tuple[Alternative, ...], msgspec.Meta(min_length=1, max_length=MAX_ALTERNATIVES)
    ]


class _PlainResults(msgspec.Struct):
    """Results without a member that is missing, of a wrong type or out of bounds."""

    type: Literal["Results"]
    channel_index: tuple[Literal[0], Literal[1]]
    start: Seconds
    duration: Seconds
    is_final: bool
    channel: _Channel
    speech_final: bool = False
    from_finalize: bool = False
    entities: tuple[()] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether ``Results.values`` would change nothing."""
        for alternative in self.channel.alternatives:
            if alternative.paragraphs or alternative.entities:
                return False
            for word in alternative.words:
                if word.start > word.end:
                    return False
        return True


_plain_results = msgspec.json.Decoder(_PlainResults)


class ListenSession(StreamSession):
    """Frames of ``/v1/listen``. Methods that return text make a frame to be sent as text."""

    events: ClassVar[Mapping[str, type[Event]]] = {
        "Results": Results,
        "Metadata": StreamMetadata,
        "SpeechStarted": SpeechStarted,
        "UtteranceEnd": UtteranceEnd,
        "ConfigureSuccess": Configured,
        "ConfigureFailure": ConfigureFailed,
        "Warning": StreamWarning,
        "Error": StreamError,
    }

    def __init__(self, request_id: str | None = None) -> None:
        super().__init__(request_id)
        self._unconfirmed = 0  # Configure messages without a response

    def finalize(self, channel_index: int | None = None) -> str:
        """Asks for what is buffered now as a final result."""
        return message("Finalize", channel=channel_index)

    def configure(self, keyterms: Sequence[str]) -> str:
        """Replaces the key terms. Raises ``InvalidOption`` for terms that no server takes."""
        frame = message("Configure", keyterms=list(read_keyterms("keyterms", keyterms)))
        self._unconfirmed += 1
        return frame

    def read_plain(self, frame: str) -> Event | None:
        # An escape may be NUL or half a character.
        if len(frame) > PLAIN_CHARACTERS or "\\u" in frame:
            return None
        try:
            message = _plain_results.decode(frame)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if not message.is_plain:
            return None
        return Results(
            frame, 0, 1, message.start, message.duration, message.is_final, message.speech_final,
            message.from_finalize, message.channel.alternatives, (),
        )  # fmt: skip

    def follow(self, event: Event) -> None:
        if isinstance(event, Configured | ConfigureFailed | StreamError) and self._unconfirmed:
            self._unconfirmed -= 1

    @property
    def awaits_configure(self) -> bool:
        """True until each Configure has its response; silence is none."""
        return self._unconfirmed > 0

    def configure_failed(self) -> Event:
        """The event for a Configure that the server did not respond to."""
        self._unconfirmed = 0
        return ConfigureFailed(raw="", code=NO_RESPONSE, description=NO_RESPONSE_SENTENCE)


def _track(fields: Fields, name: str) -> tuple[int, int]:
    """Index and number of channels out of ``[index, number]``, within sense."""
    index, number = (*fields.integers(name, 2), 0, 1)[:2]
    number = min(max(number, 1), 1_000)
    return min(max(index, 0), number - 1), number


def _seconds(fields: Fields, name: str) -> float:
    return min(max(fields.number(name), 0.0), MAX_DURATION_SECONDS)
