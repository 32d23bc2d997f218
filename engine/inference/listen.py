"""Response of ``POST /v1/listen`` to a recording and its options.

options → recognition, with who spoke → steps over the words → insights → response.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from engine.exchange import ApiRequest, ApiResponse, Body, Usage
from engine.inference.analysis import ResponseInsights, find_insights, is_wanted
from engine.inference.catalog import Choice, RecognitionModel, is_english, unknown_languages
from engine.inference.fetch import fetch
from engine.inference.models import catalog, diarizer, recognizer
from engine.inference.wording import Wording
from engine.progress import PROGRESS
from engine.runtime.garbage import HEAP
from engine.runtime.priority import step_back
from engine.speech.audio.decode import RawFormat
from engine.speech.diarization.diarizer import Diarizer
from engine.speech.errors import (
    AudioError,
    DecoderLost,
    NoSuchModel,
    SpeechError,
    UnknownModel,
    UnsupportedAudio,
)
from engine.speech.recognition.transcript import ChannelTranscript, Transcript
from engine.speech.synthesis.voices import NAMESPACE
from engine.text.numerals import LANGUAGES as NUMERAL_LANGUAGES
from engine.text.search import hotwords
from engine.text.words import Word
from engine.weights.errors import MissingWeights
from engine.wire.errors import (
    ApiError,
    bad_request,
    corrupt_audio,
    decoder_lost,
    gateway_timeout,
    no_access_to_model,
    unavailable,
    undeserialized_query,
    unknown_model,
)
from engine.wire.findings import found_entities, found_queries
from engine.wire.options import ListenOptions, features_used
from engine.wire.payloads import read_object
from engine.wire.query import read_options
from engine.wire.responses import (
    Channel,
    DiarizeInfo,
    ListenSummary,
    ModelInfo,
    Result,
    Warning,
    listen_response,
)
from engine.wire.shapes import UNSET, encode

logger = logging.getLogger("engine.inference.listen")

# Recordings that are decoded at the same time; further ones wait their turn. Each takes a
# process and some windows of memory, and more would not be faster: they share the models.
RECORDINGS_AT_ONCE = 8
_recognitions = ThreadPoolExecutor(RECORDINGS_AT_ONCE, "recognition", step_back)

DIARIZER_NAME = "segmentation-3.0+campplus"


@dataclass(frozen=True)
class Plan:
    """Checked options: what will be done, before a byte of audio is looked at."""

    options: ListenOptions
    choice: Choice
    wording: Wording
    url: str | None  # where the audio is, unless it was sent


def check(request: ApiRequest) -> Plan:
    """Raises ``ApiError`` (400, 403) for what cannot be honoured."""
    options = read_options(ListenOptions, request.query)
    choice = choose_model(
        options.model,
        options.language,
        options.detect_language,
        multichannel=options.multichannel,
    )
    check_hints(options.language_hint)
    wording = Wording.of(options, choice.language)
    if options.summarize and choice.language and not is_english(choice.language):
        raise bad_request("Summarization v2 not supported for non-English languages")
    url = None if request.body.path else _read_url(request.body)
    return Plan(options, choice, wording, url)


def choose_model(
    names: str,
    language: str,
    detect_language: bool | Sequence[str] = False,
    *,
    multichannel: bool = False,
    streaming: bool = False,
) -> Choice:
    """``Catalog.choose`` for a request. Raises ``ApiError`` (400, 403)."""
    if ":" in names and not multichannel:  # it names one model a channel
        raise unknown_model()
    try:
        return catalog().choose(names, language, detect_language, streaming=streaming)
    except NoSuchModel:
        raise (no_access_to_model() if settings.ENVIRONMENT.strict else unknown_model()) from None
    except UnknownModel:
        raise unknown_model() from None


def check_hints(tags: Sequence[str]) -> None:
    """Raises ``ApiError`` (400) for languages that no model knows."""
    if unknown := unknown_languages(tags):
        raise undeserialized_query(f"language_hint: `{unknown[0]}` is not a known language")


async def respond(request: ApiRequest, plan: Plan) -> ApiResponse:
    """Return the transcript. Raises ``ApiError``; stops the work when it is cancelled."""
    if plan.url is None:
        return await _transcribe(request, plan, request.body)
    fetched = await fetch(plan.url, settings.ENVIRONMENT.spool, settings.ENVIRONMENT.reach)
    try:
        return await _transcribe(request, plan, fetched)
    finally:
        # In a thread: freeing gigabytes takes longer than a frame of audio may wait.
        await asyncio.to_thread(fetched.discard)


async def _transcribe(request: ApiRequest, plan: Plan, body: Body) -> ApiResponse:
    audio = body.path
    if audio is None:
        raise RuntimeError("a listen request has its audio in a file")
    try:
        async with asyncio.timeout(settings.ENVIRONMENT.processing_seconds):
            with PROGRESS.of(request.caller.project_id, request.progress_name) as heard:
                transcript = await _in_thread(
                    lambda cancelled: _recognize(audio, plan, cancelled, heard)
                )
                with HEAP.holding_response():
                    return await _respond(request, plan, body.sha256, transcript)
    except TimeoutError:
        raise gateway_timeout() from None


async def _respond(
    request: ApiRequest, plan: Plan, sha256: str, transcript: Transcript
) -> ApiResponse:
    channels = await asyncio.to_thread(_write, transcript, plan)
    insights = await _insights(channels, plan.options)
    models = _models(transcript.channels)
    usage = Usage(
        seconds=transcript.duration,
        channel_seconds=transcript.duration * len(channels),
        tokens_in=insights.tokens_in if insights else 0,
        tokens_out=insights.tokens_out if insights else 0,
        models=list(models),
        model=plan.choice.requested,
        features=features_used(plan.options),
        tags=list(plan.options.tag),
        language=transcript.channels[0].language,
    )
    result = Result(
        request_id=request.request_id,
        created=request.created,
        sha256=sha256,
        duration=transcript.duration,
        channels=tuple(channels),
        models=models,
        warnings=_warnings(plan, transcript),
        infos=_infos(transcript, insights, plan.options),
        blocks=_blocks(plan.options, insights),
    )
    content = await asyncio.to_thread(lambda: encode(listen_response(result, plan.options)))
    return ApiResponse(content, usage)


def _read_url(body: Body) -> str:
    try:
        url = read_object(body.data).get("url")
    except ApiError:
        url = None
    if not isinstance(url, str):
        raise bad_request(
            "Content-type was application/json, but we could not process the JSON payload."
        )
    return url


async def _in_thread(work: Callable[[threading.Event], Transcript]) -> Transcript:
    """Run ``work``, which watches an event that is set when nobody waits any more."""
    cancelled = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(_recognitions, work, cancelled)
    except asyncio.CancelledError:
        cancelled.set()
        raise
    except (SpeechError, MissingWeights) as error:
        raise _api_error(error) from error


def _api_error(error: SpeechError | MissingWeights) -> ApiError:
    match error:
        case UnsupportedAudio():
            return corrupt_audio()
        case AudioError():
            return bad_request(f"Bad Request: failed to process audio: {error}")
        case UnknownModel():
            return unknown_model()
        case DecoderLost():
            # Nothing is wrong with the engine: callers count it against this audio alone.
            logger.error("recognition failed: %s", error)
            return decoder_lost()
        case _:
            logger.error("recognition failed: %s", error)
            return unavailable()


def _recognize(
    audio: Path, plan: Plan, cancelled: threading.Event, heard: Callable[[float], None]
) -> Transcript:
    options, choice = plan.options, plan.choice
    terms = hotwords(options.keyterm, options.keywords)
    return recognizer().recognize(
        audio,
        model=choice.local,
        language=choice.language,
        detect_language=_candidates(options) if choice.language is None else False,
        keyterms=(terms,) if terms else (),
        multichannel=options.multichannel,
        diarizer=find_diarizer() if options.is_diarized else None,
        raw=_raw_format(options),
        cancelled=cancelled,
        heard=heard,
    )


def find_diarizer() -> Diarizer | None:
    """Return the diarizer if it is installed. Loading it takes seconds."""
    try:
        return diarizer()
    except MissingWeights as error:
        logger.warning("no diarization: %s", error)
        return None


def _candidates(options: ListenOptions) -> bool | Sequence[str]:
    if isinstance(options.detect_language, tuple):
        return options.detect_language
    return options.language_hint or True


def _raw_format(options: ListenOptions) -> RawFormat | None:
    if not options.encoding:
        return None
    return RawFormat(options.encoding, options.sample_rate, options.channels or 1)


def _write(transcript: Transcript, plan: Plan) -> list[Channel]:
    return [_write_channel(channel, plan) for channel in transcript.channels]


def _write_channel(channel: ChannelTranscript, plan: Plan) -> Channel:
    """The steps over the words, one after the other."""
    options, wording, language = plan.options, plan.wording, channel.language
    words: Sequence[Word] = [
        replace(Word.of(word.text, word.start, word.end, word.confidence), language=language)
        for word in channel.words
    ]
    if channel.diarization is not None:
        words = channel.diarization.assign(words)
    spoken = wording.spoken(words, language)
    written = wording.written(spoken, language)
    return Channel(
        words=tuple(written),
        language=language,
        language_confidence=channel.language_confidence,
        search=found_queries(spoken, options.search) if options.search else UNSET,
        entities=found_entities(written) if options.detect_entities else UNSET,
    )


async def _insights(channels: Sequence[Channel], options: ListenOptions) -> ResponseInsights | None:
    """About what was said on all channels; None for another language than English."""
    if not is_wanted(options) or not all(is_english(channel.language) for channel in channels):
        return None
    return await find_insights(_conversation(channels), options)


def _conversation(channels: Sequence[Channel]) -> list[Word]:
    """The words of all channels in the order they were said, as one text."""
    words = [word for channel in channels for word in channel.words]
    return sorted(words, key=lambda word: word.start) if len(channels) > 1 else words


def _blocks(options: ListenOptions, insights: ResponseInsights | None) -> dict[str, Any]:
    """Return the members of the results that the insights add."""
    blocks = dict(insights.blocks) if insights else {}
    if options.summarize:
        summary = insights.summary if insights else None
        is_found = summary is not None
        blocks["summary"] = ListenSummary(
            result="success" if is_found else "failure", short=summary or ""
        )
    return blocks


def _infos(
    transcript: Transcript, insights: ResponseInsights | None, options: ListenOptions
) -> dict[str, Any]:
    """Return the members of the metadata about models other than the recognizer."""
    infos: dict[str, Any] = dict(insights.infos) if insights else {}
    if transcript.is_diarized:
        infos["diarize_info"] = diarize_info(options.diarizer_version)
    return infos


def diarize_info(version: str) -> DiarizeInfo:
    """Return the description of the diarizer: ``version`` is v1 or v2."""
    return DiarizeInfo(model_uuid=str(uuid.uuid5(NAMESPACE, DIARIZER_NAME)), arch=version)


def model_info(model: RecognitionModel) -> ModelInfo:
    return ModelInfo(name=model.canonical_name, version=model.version, arch=model.architecture)


def _models(channels: Sequence[ChannelTranscript]) -> dict[str, ModelInfo]:
    """Return the models that really did the work, by their uuid."""
    models = map(catalog().local_model, dict.fromkeys(channel.model for channel in channels))
    return {model.uuid: model_info(model) for model in models}


_BEST_EFFORT = {
    "filler_words": "The recognizer leaves most fillers out by itself; those it wrote were kept.",
    "detect_entities": (
        "Entities are found by their form (dates, money, e-mail addresses, ...); names are not."
    ),
}
# Each has an effect only together with the other.
_NEEDS = {"utt_split": "utterances", "custom_topic": "topics", "custom_intent": "intents"}
_ENGLISH_ONLY = (
    "measurements",
    "dictation",
    "filler_words",
    "profanity_filter",
    "summarize",
    "sentiment",
    "topics",
    "intents",
)


def _number_warnings(options: ListenOptions, foreign: Sequence[str]) -> list[Warning]:
    """Return what ``smart_format`` and ``numerals`` do not write in ``foreign`` languages."""
    others = [one for one in foreign if one.split("-")[0].lower() not in NUMERAL_LANGUAGES]
    warnings = []
    if options.numerals and others:
        message = f"numerals has no effect on {others[0]}."
        warnings.append(Warning("numerals", "unsupported_language", message))
    if options.smart_format:
        what = "numbers and dates" if others else "dates, times and money"
        message = f"In {(others or foreign)[0]}, {what} stay as the recognizer wrote them."
        warnings.append(Warning("smart_format", "unsupported_language", message))
    return warnings


def _is_chosen(options: ListenOptions, parameter: Field[Any]) -> bool:
    return bool(getattr(options, parameter.name) != parameter.default)


def _warnings(plan: Plan, transcript: Transcript) -> list[Warning]:
    """Return the parts of the request that had no effect, or not the whole effect."""
    warnings = [
        *_option_warnings(plan.options, plan.choice),
        *_language_warnings(plan.options, transcript),
    ]
    if plan.options.is_diarized and not transcript.is_diarized:
        message = "The models that tell speakers apart are not installed."
        warnings.append(Warning("diarize", "unavailable", message))
    return warnings + _audio_warnings(transcript)


def _option_warnings(options: ListenOptions, choice: Choice) -> list[Warning]:
    """Return the options that this engine does not apply to any recording."""
    warnings = [
        Warning(name, "best_effort", message)
        for name, message in _BEST_EFFORT.items()
        if getattr(options, name)
    ]
    if choice.is_substituted:
        message = f"{choice.requested} is not installed: whisper-{choice.local} was used."
        warnings.append(Warning("model", "unavailable", message))
    chosen = {field.name for field in fields(options) if _is_chosen(options, field)}
    warnings += [
        Warning(name, "no_effect", f"{name} has no effect without {other}.")
        for name, other in _NEEDS.items()
        if name in chosen and other not in chosen
    ]
    if options.language_hint and choice.language is not None:
        message = "language_hint has no effect without language=multi or detect_language."
        warnings.append(Warning("language_hint", "no_effect", message))
    if options.version != "latest":
        message = f"Each model has one version here: there is no {options.version[:100]}."
        warnings.append(Warning("version", "unsupported", message))
    if (options.alternatives or 1) > 1:
        message = "The recognizer gives one alternative."
        warnings.append(Warning("alternatives", "unsupported", message))
    return warnings


def _language_warnings(options: ListenOptions, transcript: Transcript) -> list[Warning]:
    """Return the options without effect on the languages, and languages that may be wrong."""
    warnings: list[Warning] = []
    foreign = [one.language for one in transcript.channels if not is_english(one.language)]
    if foreign:
        warnings += [
            Warning(name, "unsupported_language", f"{name} has no effect on {foreign[0]}.")
            for name in _ENGLISH_ONLY
            if getattr(options, name)
        ]
        warnings += _number_warnings(options, foreign)
    return warnings + [
        Warning(
            "language",
            "other_language",
            f"The speech sounds like another language than {one.language}: {one.heard_language}. "
            f"Set language={one.heard_language} or detect_language=true.",
        )
        for one in {one.heard_language: one for one in transcript.channels}.values()
        if one.heard_language
    ]


def unsaid_warning(count: int) -> Warning:
    """Return the warning for ``count`` stretches of sound whose words are not believed."""
    sounds = "1 sound" if count == 1 else f"{count} sounds"
    message = f"Words for {sounds} were left out: neither the words nor the voice were certain."
    return Warning("audio", "low_confidence", message)


def _audio_warnings(transcript: Transcript) -> list[Warning]:
    """Parts of the file that are not in the transcript."""
    warnings = []
    if transcript.truncated:
        message = "The recording ends before its header says: what is there is transcribed."
        warnings.append(Warning("audio", "truncated", message))
    if transcript.unsaid:
        warnings.append(unsaid_warning(transcript.unsaid))
    if transcript.damaged:
        places = "1 place" if transcript.damaged == 1 else f"{transcript.damaged} places"
        message = f"The recording is damaged in {places}: what could be decoded is transcribed."
        warnings.append(Warning("audio", "damaged", message))
    read = [str(track) for track in transcript.tracks if track.is_read]
    unread = [str(track) for track in transcript.tracks if not track.is_read]
    if unread:
        message = (
            f"The recording has {len(transcript.tracks)} audio tracks. Transcribed: "
            f"{', '.join(read)}. Not transcribed: {', '.join(unread)}. With multichannel=true "
            "each channel of each track is transcribed."
        )
        warnings.append(Warning("audio", "tracks", message))
    return warnings
