"""Responses of listen, read and speak (docs/contract.md, 5 to 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from engine.text import paragraphs as text
from engine.text.words import Word
from engine.wire.findings import (
    Entity,
    LiveAlternative,
    RecordedWord,
    SearchResult,
    alternative_members,
    clamped,
    recorded_words,
    seconds,
)
from engine.wire.insights import Blocks, Infos
from engine.wire.options import ListenOptions
from engine.wire.shapes import UNSET, Moment, Omittable, Shape, Uuid, timestamp


class Accepted(Shape):
    """The response to a request with a callback."""

    request_id: Uuid


class ModelInfo(Shape):
    """The model that really did the work."""

    name: str
    version: str
    arch: str


class DiarizeInfo(Shape):
    model_uuid: Uuid
    arch: str


class Warning(Shape, kw_only=False):
    """A parameter that was not, or not wholly, obeyed."""

    parameter: str
    type: str
    message: str


class ListenMetadata(Infos):
    transaction_key: Literal["deprecated"] = "deprecated"
    request_id: Uuid
    sha256: str
    created: Moment
    duration: float
    channels: int
    models: list[Uuid]
    model_info: dict[str, ModelInfo]
    tags: Omittable[list[str]] = UNSET
    extra: Omittable[dict[str, str]] = UNSET
    warnings: Omittable[list[Warning]] = UNSET
    diarize_info: Omittable[DiarizeInfo] = UNSET


class Sentence(Shape):
    text: str
    start: float
    end: float


class Paragraph(Shape):
    sentences: list[Sentence]
    num_words: int
    start: float
    end: float
    speaker: Omittable[int] = UNSET


class Paragraphs(Shape):
    transcript: str
    paragraphs: list[Paragraph]


class Alternative(LiveAlternative):
    words: list[RecordedWord]  # type: ignore[assignment]
    paragraphs: Omittable[Paragraphs] = UNSET
    entities: Omittable[list[Entity]] = UNSET


class ListenChannel(Shape):
    alternatives: list[Alternative]
    search: Omittable[list[SearchResult]] = UNSET
    detected_language: Omittable[str] = UNSET
    language_confidence: Omittable[float] = UNSET


class Utterance(Shape):
    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: list[RecordedWord]
    id: Uuid
    speaker: Omittable[int] = UNSET
    languages: Omittable[list[str]] = UNSET


class ListenSummary(Shape):
    result: Literal["success", "failure"]
    short: str


class ListenResults(Blocks):
    channels: list[ListenChannel]
    utterances: Omittable[list[Utterance]] = UNSET
    summary: Omittable[ListenSummary] = UNSET


class ListenResponse(Shape):
    metadata: ListenMetadata
    results: ListenResults


class ReadMetadata(Infos):
    request_id: Uuid
    created: Moment
    language: str


class ReadSummary(Shape):
    text: str


class ReadResults(Blocks):
    summary: Omittable[ReadSummary] = UNSET


class ReadResponse(Shape):
    metadata: ReadMetadata
    results: ReadResults


@dataclass(frozen=True)
class Channel:
    """One audio track: its words after every step over the text."""

    words: tuple[Word, ...]
    language: str
    language_confidence: float
    search: Omittable[list[SearchResult]] = UNSET
    entities: Omittable[list[Entity]] = UNSET


@dataclass(frozen=True)
class Result:
    """A transcribed recording."""

    request_id: str
    created: datetime
    sha256: str  # of the submitted bytes
    duration: float  # seconds
    channels: tuple[Channel, ...]
    models: dict[str, ModelInfo]  # by their uuid
    warnings: Sequence[Warning] = ()
    infos: dict[str, Any] = field(default_factory=dict)  # of further models
    blocks: dict[str, Any] = field(default_factory=dict)  # summary, topics, ...


def listen_response(result: Result, options: ListenOptions) -> ListenResponse:
    words = [recorded_words(channel.words, options) for channel in result.channels]
    channels = [
        _channel(channel, written, options)
        for channel, written in zip(result.channels, words, strict=True)
    ]
    return ListenResponse(
        metadata=_metadata(result, options),
        results=ListenResults(
            channels=channels,
            utterances=_utterances(result.channels, words, options)
            if options.utterances
            else UNSET,
            **result.blocks,
        ),
    )


def _metadata(result: Result, options: ListenOptions) -> ListenMetadata:
    return ListenMetadata(
        request_id=result.request_id,
        sha256=result.sha256,
        created=timestamp(result.created),
        duration=round(result.duration, 4),
        channels=len(result.channels),
        models=list(result.models),
        model_info=result.models,
        warnings=list(result.warnings) or UNSET,
        tags=list(options.tag) or UNSET,
        extra=options.extras or UNSET,
        **result.infos,
    )


def _channel(channel: Channel, words: list[RecordedWord], options: ListenOptions) -> ListenChannel:
    alternative = Alternative(
        words=words,
        paragraphs=_paragraphs(channel.words) if options.has_paragraphs else UNSET,
        entities=channel.entities,
        **alternative_members(channel.words, options, [channel.language]),
    )
    is_detected = bool(options.detect_language)
    return ListenChannel(
        alternatives=[alternative],
        search=channel.search,
        detected_language=channel.language if is_detected else UNSET,
        language_confidence=round(channel.language_confidence, 4) if is_detected else UNSET,
    )


def _paragraphs(words: Sequence[Word]) -> Paragraphs:
    grouped = text.paragraphs(words)
    return Paragraphs(
        transcript=text.paragraphs_transcript(grouped),
        paragraphs=[_paragraph(paragraph) for paragraph in grouped],
    )


def _paragraph(paragraph: text.Paragraph) -> Paragraph:
    sentences = [
        Sentence(text=sentence.text, start=seconds(sentence.start), end=seconds(sentence.end))
        for sentence in paragraph.sentences
    ]
    return Paragraph(
        sentences=sentences,
        num_words=paragraph.num_words,
        start=seconds(paragraph.start),
        end=seconds(paragraph.end),
        speaker=_speaker(paragraph.speaker),
    )


def _utterances(
    channels: Sequence[Channel], words: Sequence[list[RecordedWord]], options: ListenOptions
) -> list[Utterance]:
    utterances = [
        _utterance(utterance, written, channel.language, options)
        for index, channel in enumerate(channels)
        for utterance, written in _with_words(
            text.utterances(channel.words, options.utt_split, index, options.is_punctuated),
            words[index],
        )
    ]
    return sorted(utterances, key=lambda utterance: (utterance.start, utterance.channel))


def _with_words(
    utterances: Sequence[text.Utterance], words: list[RecordedWord]
) -> Iterator[tuple[text.Utterance, list[RecordedWord]]]:
    """Yield each utterance of a channel with its part of the channel's words."""
    first = 0
    for utterance in utterances:
        last = first + len(utterance.words)
        yield utterance, words[first:last]
        first = last


def _utterance(
    utterance: text.Utterance, words: list[RecordedWord], language: str, options: ListenOptions
) -> Utterance:
    return Utterance(
        start=seconds(utterance.start),
        end=seconds(utterance.end),
        confidence=clamped(utterance.confidence),
        channel=utterance.channel,
        transcript=utterance.transcript,
        words=words,
        id=utterance.id,
        speaker=_speaker(utterance.speaker),
        languages=[language] if options.language == "multi" else UNSET,
    )


def _speaker(speaker: int | None) -> Omittable[int]:
    return UNSET if speaker is None else speaker
