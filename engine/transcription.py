"""A recording and its options to the answer of ``POST /v1/listen``.

options → recognition (and diarization beside it) → steps over the words → response.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from engine.calls import Usage
from engine.catalog import Choice
from engine.errors import (
    Refusal,
    bad_request,
    corrupt_audio,
    gateway_timeout,
    unavailable,
    unknown_model,
)
from engine.loaded import catalog, recognizer
from engine.options import ListenOptions, check_keyterms, features_used
from engine.responses import Channel, ModelInfo, Result, Warning, listen_response
from engine.speech.decode import RawFormat
from engine.speech.errors import (
    AudioError,
    Cancelled,
    SpeechError,
    UnknownModel,
    UnsupportedAudio,
)
from engine.speech.transcript import ChannelTranscript, Transcript
from engine.text.entities import detect_entities
from engine.text.formatting import Formatting, format_words
from engine.text.redaction import CannotRedact, parse_redactions, redact
from engine.text.search import hotwords, parse_replacements, replace_words, search
from engine.text.words import Word

Answer = TypeVar("Answer")

# Recordings that are decoded at the same time; further ones wait their turn. Each takes a
# process and some windows of memory, and more would not be faster: they share the models.
_RECORDINGS_AT_ONCE = 8
_threads = ThreadPoolExecutor(2 * _RECORDINGS_AT_ONCE, "recording")


@dataclass(frozen=True)
class Plan:
    """Checked options: what will be done, before a byte of audio is looked at."""

    options: ListenOptions
    choice: Choice
    redactions: frozenset[str]


@dataclass(frozen=True)
class Transcribed:
    response: dict[str, Any]
    usage: Usage


def plan(options: ListenOptions) -> Plan:
    """Raises ``Refusal`` (400) for what cannot be honoured."""
    check_keyterms(options)
    try:
        choice = catalog().choose(options.model, options.language, options.detect_language)
        redactions = parse_redactions(options.redact)
    except UnknownModel:
        raise unknown_model() from None
    except CannotRedact as error:
        raise bad_request(f"Bad Request: {error}") from None
    if options.dictation and not options.is_punctuated:
        raise bad_request("Bad Request: dictation needs punctuate=true.")
    if redactions and not is_english(choice.language):
        # The rules know English numbers: other languages would pass unredacted.
        raise bad_request("Bad Request: redact is only available for English.")
    return Plan(options, choice, redactions)


def is_english(language: str | None) -> bool:
    return language is not None and language.split("-")[0].lower() == "en"


async def transcribe(
    audio: Path, sha256: str, request_id: str, created: datetime, intended: Plan
) -> Transcribed:
    """Raises ``Refusal``; stops working when it is cancelled."""
    options = intended.options
    recognition = _in_thread(lambda cancelled: _recognize(audio, intended, cancelled))
    try:
        async with asyncio.timeout(settings.ENVIRONMENT.processing_seconds):
            transcript = await recognition
    except TimeoutError:
        raise gateway_timeout() from None
    channels = [_written(channel, intended) for channel in transcript.channels]
    warnings = _warnings(options, transcript.channels)
    models = _models(transcript.channels)
    result = Result(
        request_id=request_id,
        created=created,
        sha256=sha256,
        duration=transcript.duration,
        channels=tuple(channels),
        models=models,
        warnings=tuple(warnings),
    )
    usage = Usage(
        seconds=transcript.duration,
        channel_seconds=transcript.duration * len(channels),
        models=[model.uuid for model in models],
        model=intended.choice.asked,
        features=features_used(options),
        language=transcript.channels[0].language,
    )
    return Transcribed(await asyncio.to_thread(listen_response, result, options), usage)


async def _in_thread(work: Callable[[threading.Event], Answer]) -> Answer:
    """Run ``work``, which watches an event that is set when nobody waits any more."""
    cancelled = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, cancelled)
    except asyncio.CancelledError:
        cancelled.set()
        raise
    except SpeechError as error:
        raise _refusal(error) from error


def _refusal(error: SpeechError) -> Refusal:
    match error:
        case UnsupportedAudio():
            return corrupt_audio()
        case AudioError():
            return bad_request(f"Bad Request: failed to process audio: {error}")
        case UnknownModel():
            return unknown_model()
        case Cancelled() | _:
            return unavailable()


def _recognize(audio: Path, intended: Plan, cancelled: threading.Event) -> Transcript:
    options, choice = intended.options, intended.choice
    terms = hotwords(options.keyterm, options.keywords)
    return recognizer().recognize(
        audio,
        model=choice.local,
        language=choice.language,
        detect_language=_candidates(options) if choice.language is None else False,
        keyterms=(terms,) if terms else (),
        multichannel=options.multichannel,
        raw=_raw_format(options),
        cancelled=cancelled,
    )


def _candidates(options: ListenOptions) -> bool | Sequence[str]:
    if isinstance(options.detect_language, tuple):
        return options.detect_language
    return options.language_hint or True


def _raw_format(options: ListenOptions) -> RawFormat | None:
    if not options.encoding:
        return None
    return RawFormat(options.encoding, options.sample_rate, options.channels or 1)


def _written(channel: ChannelTranscript, intended: Plan) -> Channel:
    """The steps over the words, one after the other."""
    options = intended.options
    words: Sequence[Word] = [
        replace(
            Word.of(word.text, word.start, word.end, word.confidence), language=channel.language
        )
        for word in channel.words
    ]
    if is_english(channel.language):
        words = redact(words, intended.redactions)
        words = format_words(words, _formatting(options))
    words = replace_words(words, parse_replacements(options.replace))
    hits = [
        {"query": query, "hits": [asdict(hit) for hit in search(words, query)]}
        for query in options.search
    ]
    return Channel(
        words=tuple(words),
        language=channel.language,
        language_confidence=channel.language_confidence,
        search=hits if options.search else None,
        entities=_entities(words) if options.detect_entities else None,
    )


def _formatting(options: ListenOptions) -> Formatting:
    return Formatting(
        smart_format=options.smart_format,
        numerals=options.numerals,
        measurements=options.measurements,
        dictation=options.dictation,
        filler_words=options.filler_words,
        profanity_filter=options.profanity_filter,
    )


def _entities(words: Sequence[Word]) -> list[dict[str, Any]]:
    return [asdict(entity) for entity in detect_entities(words)]


def _models(channels: Sequence[ChannelTranscript]) -> tuple[ModelInfo, ...]:
    """The models that really did the work."""
    locals_used = dict.fromkeys(channel.model for channel in channels)
    found = [catalog().local_model(local) for local in locals_used]
    return tuple(
        ModelInfo(model.uuid, model.canonical_name, model.version, model.architecture)
        for model in found
    )


_ENGLISH_ONLY = ("numerals", "measurements", "dictation", "filler_words", "profanity_filter")


def _warnings(options: ListenOptions, channels: Sequence[ChannelTranscript]) -> list[Warning]:
    warnings = []
    if options.filler_words:
        warnings.append(
            Warning(
                "filler_words",
                "best_effort",
                "The recognizer leaves most fillers out by itself; those it wrote were kept.",
            )
        )
    if options.detect_entities:
        warnings.append(
            Warning(
                "detect_entities",
                "best_effort",
                "Entities are found by their form (dates, money, e-mail, ...); names are not.",
            )
        )
    foreign = [channel.language for channel in channels if not is_english(channel.language)]
    if foreign:
        warnings += [
            Warning(name, "unsupported_language", f"{name} has no effect on {foreign[0]}.")
            for name in _ENGLISH_ONLY
            if getattr(options, name)
        ]
    return warnings
