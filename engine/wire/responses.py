"""The JSON of ``POST /v1/listen`` from recognised words (docs/contract.md, 5.2 and 5.3)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from engine.text.paragraphs import Paragraph, Utterance, paragraphs, utterances
from engine.text.paragraphs import paragraphs_transcript as write_paragraphs
from engine.text.words import Word, transcript
from engine.wire.options import ListenOptions


@dataclass(frozen=True)
class ModelInfo:
    """The model that really did the work."""

    uuid: str
    name: str
    version: str
    arch: str


@dataclass(frozen=True)
class Channel:
    """One audio track as it is answered: its words after every step over the text."""

    words: tuple[Word, ...]
    language: str
    language_confidence: float
    search: list[dict[str, Any]] | None = None
    entities: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Warning:
    """A parameter that was not, or not wholly, obeyed."""

    parameter: str
    type: str
    message: str


@dataclass(frozen=True)
class Result:
    """Everything that a listen response tells."""

    request_id: str
    created: datetime
    sha256: str  # of the submitted bytes
    duration: float  # seconds
    channels: tuple[Channel, ...]
    models: tuple[ModelInfo, ...]
    warnings: tuple[Warning, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)  # the *_info of further models
    insights: dict[str, Any] = field(default_factory=dict)  # summary, topics, ...


def listen_response(result: Result, options: ListenOptions) -> dict[str, Any]:
    words = [[_word(word, options) for word in channel.words] for channel in result.channels]
    results: dict[str, Any] = {
        "channels": [
            _channel(channel, written, options)
            for channel, written in zip(result.channels, words, strict=True)
        ]
    }
    if options.utterances:
        results["utterances"] = _utterances(result.channels, words, options)
    return {"metadata": _metadata(result, options), "results": results | result.insights}


def write_json(response: dict[str, Any]) -> bytes:
    """``response`` in UTF-8. To be run in a thread.

    ``json.dumps`` is five times as fast and lets nobody else go on: half a second for ten hours.
    """
    written = io.BytesIO()
    for piece in json.JSONEncoder().iterencode(response):
        written.write(piece.encode())
    return written.getvalue()


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``: section 2."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _metadata(result: Result, options: ListenOptions) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "transaction_key": "deprecated",
        "request_id": result.request_id,
        "sha256": result.sha256,
        "created": timestamp(result.created),
        "duration": round(result.duration, 4),
        "channels": len(result.channels),
        "models": [model.uuid for model in result.models],
        "model_info": {
            model.uuid: {"name": model.name, "version": model.version, "arch": model.arch}
            for model in result.models
        },
    }
    if result.warnings:
        metadata["warnings"] = [
            {"parameter": warning.parameter, "type": warning.type, "message": warning.message}
            for warning in result.warnings
        ]
    if options.tag:
        metadata["tags"] = list(options.tag)
    if options.extra:
        metadata["extra"] = options.extras
    return metadata | result.metadata


def _channel(
    channel: Channel, words: list[dict[str, Any]], options: ListenOptions
) -> dict[str, Any]:
    alternative: dict[str, Any] = {
        "transcript": transcript(channel.words, options.is_punctuated),
        "confidence": _mean_confidence(channel.words),
        "words": words,
    }
    if options.has_paragraphs:
        grouped = paragraphs(channel.words)
        alternative["paragraphs"] = {
            "transcript": write_paragraphs(grouped),
            "paragraphs": [_paragraph(paragraph) for paragraph in grouped],
        }
    if channel.entities is not None:
        alternative["entities"] = channel.entities
    if options.language == "multi":
        alternative["languages"] = [channel.language] if channel.words else []
    if options.language_hint:
        alternative["languages_hinted"] = list(options.language_hint)
    answer: dict[str, Any] = {"alternatives": [alternative]}
    if channel.search is not None:
        answer["search"] = channel.search
    if options.detect_language:
        answer["detected_language"] = channel.language
        answer["language_confidence"] = round(channel.language_confidence, 4)
    return answer


def _word(word: Word, options: ListenOptions) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "word": word.word,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": _clamped(word.confidence),
    }
    if options.is_punctuated:
        answer["punctuated_word"] = word.punctuated_word
    if word.speaker is not None:
        answer["speaker"] = word.speaker
        if word.speaker_confidence is not None:
            answer["speaker_confidence"] = _clamped(word.speaker_confidence)
    if options.language == "multi" and word.language is not None:
        answer["language"] = word.language
    return answer


def _paragraph(paragraph: Paragraph) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "sentences": [
            {
                "text": sentence.text,
                "start": round(sentence.start, 3),
                "end": round(sentence.end, 3),
            }
            for sentence in paragraph.sentences
        ],
        "num_words": paragraph.num_words,
        "start": round(paragraph.start, 3),
        "end": round(paragraph.end, 3),
    }
    if paragraph.speaker is not None:
        answer["speaker"] = paragraph.speaker
    return answer


def _utterances(
    channels: Sequence[Channel], words: Sequence[list[dict[str, Any]]], options: ListenOptions
) -> list[dict[str, Any]]:
    found = [
        _utterance(utterance, written, channel.language, options)
        for index, channel in enumerate(channels)
        for utterance, written in _with_words(
            utterances(channel.words, options.utt_split, index, options.is_punctuated),
            words[index],
        )
    ]
    found.sort(key=lambda utterance: (utterance["start"], utterance["channel"]))
    return found


def _with_words(
    found: Sequence[Utterance], words: list[dict[str, Any]]
) -> Iterator[tuple[Utterance, list[dict[str, Any]]]]:
    """Each utterance of a channel with its part of the channel's words."""
    first = 0
    for utterance in found:
        last = first + len(utterance.words)
        yield utterance, words[first:last]
        first = last


def _utterance(
    utterance: Utterance, words: list[dict[str, Any]], language: str, options: ListenOptions
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "start": round(utterance.start, 3),
        "end": round(utterance.end, 3),
        "confidence": _clamped(utterance.confidence),
        "channel": utterance.channel,
        "transcript": utterance.transcript,
        "words": words,
        "id": utterance.id,
    }
    if utterance.speaker is not None:
        answer["speaker"] = utterance.speaker
    if options.language == "multi":
        answer["languages"] = [language]
    return answer


def _mean_confidence(words: Sequence[Word]) -> float:
    return _clamped(fmean(word.confidence for word in words)) if words else 0.0


def _clamped(confidence: float) -> float:
    return round(min(1.0, max(0.0, confidence)), 4)
