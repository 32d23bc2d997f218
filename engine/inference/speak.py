"""Responses of ``POST /v1/speak`` and ``/v2/speak`` to a text and its options.

Source: docs/contract.md, 7 and 8.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

from engine.exchange import ApiRequest, ApiResponse, Usage
from engine.inference.fetch import fetch
from engine.inference.models import synthesizer
from engine.inference.text_source import TextSource, decode_text, read_text_source
from engine.runtime.priority import step_back
from engine.sessions.live_flux_speak import speed_problem
from engine.sessions.speak_steps import MOST_CHARACTERS
from engine.speech.audio.encode import (
    AudioFormat,
    Encoder,
    FormatError,
    Surface,
    UnsupportedFormat,
    read_format,
)
from engine.speech.errors import SpeechError, UnknownModel
from engine.speech.synthesis.markup import MarkupError, Script, plain, read_markup
from engine.speech.synthesis.synthesizer import Coverage
from engine.speech.synthesis.voices import SpeechModel, find_model
from engine.weights.errors import MissingWeights
from engine.wire.errors import (
    ApiError,
    bad_query,
    no_access_to_model,
    no_sound,
    no_text,
    text_too_long,
    unavailable,
    undeserialized_query,
    unknown_model,
    unsupported_audio_format,
)
from engine.wire.options import FluxSpeakOptions, SpeakOptions
from engine.wire.query import read_number, read_options, reject_unknown, shown

_CHUNKS_AHEAD = 16  # made before the client took the last; then synthesis waits
_threads = ThreadPoolExecutor(32, "speak", step_back)


@dataclass(frozen=True)
class Plan:
    options: SpeakOptions | FluxSpeakOptions
    model: SpeechModel
    format: AudioFormat
    speed: float
    source: TextSource


@dataclass(frozen=True)
class Speech:
    """Audio as it is made, and what the headers tell of it."""

    chunks: AsyncIterator[bytes]
    content_type: str
    headers: dict[str, str]
    usage: Usage


def check(request: ApiRequest) -> Plan:
    """Raises ``ApiError`` (400, 413, 415) for what cannot be honoured."""
    is_flux = request.path == "/v2/speak"
    options: SpeakOptions | FluxSpeakOptions
    if is_flux:
        reject_unknown(FluxSpeakOptions, request.query)
        flux = read_options(FluxSpeakOptions, request.query)
        if flux.priority == "low" and not flux.callback:
            raise bad_query("priority=low is only available with a callback.")
        options, speed = flux, check_flux(flux.speed, flux.expressivity)
    else:
        aura = read_options(SpeakOptions, request.query)
        options, speed = aura, aura.speed
    model, audio_format = choose(
        options.model,
        options.encoding,
        options.sample_rate,
        container=options.container,
        bit_rate=options.bit_rate,
        surface="v2" if is_flux else "v1",
    )
    source = read_text_source(request, takes_plain_text=True)
    if source.text:
        _check_text(source.text)
    return Plan(options, model, audio_format, speed, source)


def choose(
    name: str,
    encoding: str,
    sample_rate: str,
    *,
    container: str = "",
    bit_rate: str = "",
    surface: Surface,
) -> tuple[SpeechModel, AudioFormat]:
    """The voice and the format that were asked for. Raises ``ApiError`` (400)."""
    if not name:
        raise bad_query("Failed to deserialize query parameters: missing field `model`")
    try:
        model = find_model(name, strict=settings.ENVIRONMENT.strict)
        audio_format = read_format(
            encoding or None,
            container or None,
            sample_rate or None,
            bit_rate or None,
            surface=surface,
        )
    except UnknownModel:
        raise (no_access_to_model() if settings.ENVIRONMENT.strict else unknown_model()) from None
    except UnsupportedFormat as error:
        raise unsupported_audio_format(str(error)) from None
    except FormatError as error:
        raise bad_query(str(error)) from None
    if surface.startswith("v2") != (model.architecture == "flux"):
        raise unknown_model()
    return model, audio_format


async def speak(plan: Plan) -> Speech:
    """Return the audio once its first chunk is made, so that a failure is still a response.

    Raises ``ApiError``.
    """
    text = plan.source.text
    if plan.source.url:
        fetched = await fetch(plan.source.url, None, settings.ENVIRONMENT.reach)
        text = decode_text(fetched.data)
        _check_text(text)
    script = _read_script(text, plan)
    loop = asyncio.get_running_loop()
    voice = plan.model.voice
    coverage = await loop.run_in_executor(_threads, synthesizer().coverage, script, voice)
    if not coverage.has_sound:
        raise no_sound(plan.model.canonical_name)
    usage = Usage(
        characters=script.characters,
        models=[plan.model.uuid],
        model=plan.model.canonical_name,
        tags=list(plan.options.tag),
        language=plan.model.languages[0],
    )
    chunks = _stream(script, plan)
    try:
        first = await anext(chunks, b"")
    except (SpeechError, MissingWeights) as error:
        raise unavailable() from error
    return Speech(
        _resume(first, chunks), plan.format.content_type, _headers(plan, script, coverage), usage
    )


async def respond(request: ApiRequest, plan: Plan) -> ApiResponse:
    """Return the whole audio at once, for a callback. Raises ``ApiError``."""
    speech = await speak(plan)
    audio = b"".join([chunk async for chunk in speech.chunks])
    return ApiResponse(audio, speech.usage, speech.content_type, speech.headers)


def _check_text(text: str) -> None:
    if not text.strip():
        raise no_text()
    if len(text) > MOST_CHARACTERS:
        raise text_too_long(MOST_CHARACTERS)


def check_flux(speed: str, expressivity: str) -> float:
    """Return the speed of a Flux voice. Raises ``ApiError`` (docs/contract.md, 7.2)."""
    pace = _number("speed", speed)
    if speed_error := speed_problem(pace):
        raise ApiError(400, *speed_error)
    liveliness = _number("expressivity", expressivity)
    if not -2 <= liveliness <= 2:
        problem = f"expressivity must be from -2 to 2, not {shown(expressivity)}."
        raise ApiError(400, "EXPRESSIVITY_OUT_OF_RANGE", problem)
    if liveliness % 1:
        problem = f"expressivity must be whole, not {shown(expressivity)}."
        raise ApiError(400, "EXPRESSIVITY_INCREMENT_INVALID", problem)
    return pace


def _number(name: str, text: str) -> float:
    number = read_number(text)
    if not math.isfinite(number):
        raise undeserialized_query(f"{name}: `{shown(text)}` is not a number")
    return number


def _read_script(text: str, plan: Plan) -> Script:
    if plan.model.architecture == "aura":
        return plain(text)  # the older voices know no markup
    try:
        return read_markup(text, speed=plan.speed)
    except MarkupError as error:
        raise ApiError(400, error.category, str(error)) from None


def _headers(plan: Plan, script: Script, coverage: Coverage) -> dict[str, str]:
    headers = {
        "dg-model-name": plan.model.canonical_name,
        "dg-model-uuid": plan.model.uuid,
        "dg-char-count": str(script.characters),
        "dg-voice-name": plan.model.voice.name,  # ours: the local voice of the name
    }
    if plan.speed != 1.0:
        headers["dg-speed-used"] = f"{plan.speed:g}"
    if script.pronunciations:
        headers["dg-pronunciations-applied"] = str(len(script.pronunciations))
    if script.pauses:
        headers["dg-breaks-applied"] = str(script.pauses)
    is_flux = plan.model.architecture == "flux"
    warnings = [coverage.warning] if coverage.left_out else []
    if isinstance(plan.options, FluxSpeakOptions) and plan.options.expressivity != "0":
        warnings.append("expressivity has no effect on the local voices.")
    if is_flux:
        warnings += script.warnings
    elif script.warnings:
        headers["dg-pronunciation-warnings"] = _header_text(script.warnings)
    if warnings:
        headers["dg-warnings"] = _header_text(warnings)
    return headers


def _header_text(sentences: Sequence[str]) -> str:
    """Return ``sentences`` as a header may hold them; other scripts as \\u escapes."""
    shown = " ".join(sentences).encode("ascii", "backslashreplace").decode()
    return "".join(one if one.isprintable() else " " for one in shown)[:2000]


def _make(script: Script, plan: Plan, cancelled: threading.Event) -> Iterator[bytes]:
    voice = plan.model.voice
    encoder = Encoder(plan.format, voice.sample_rate)
    sound = synthesizer().speak(script, voice, speed=plan.speed, cancelled=cancelled.is_set)
    for samples in sound:
        yield encoder.feed(samples)
    yield encoder.finish()


async def _stream(script: Script, plan: Plan) -> AsyncIterator[bytes]:
    """Yield the chunks that ``_make`` makes in a thread; leaving the loop ends the thread."""
    loop = asyncio.get_running_loop()
    made: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
    room = threading.Semaphore(_CHUNKS_AHEAD)
    cancelled = threading.Event()

    def put(item: bytes | Exception | None) -> None:
        loop.call_soon_threadsafe(made.put_nowait, item)

    def work() -> None:
        try:
            for chunk in _make(script, plan, cancelled):
                while not room.acquire(timeout=0.25):
                    if cancelled.is_set():
                        return
                if chunk:
                    put(chunk)
        except Exception as error:  # the edge of a thread: the reader raises it
            put(error)
        else:
            put(None)

    working = loop.run_in_executor(_threads, work)
    try:
        while (item := await made.get()) is not None:
            if isinstance(item, Exception):
                raise item
            room.release()
            yield item
        await working
    finally:
        cancelled.set()


async def _resume(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in chunks:
        yield chunk
