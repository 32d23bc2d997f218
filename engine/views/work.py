"""Listen, read and speak (docs/contract.md, 5 to 7).

Each view checks all it can before the work starts. With a callback it responds with the request
id at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

from engine.exchange import ApiRequest, Outcome
from engine.gateway.operations import json_response, operation
from engine.inference import listen as transcription
from engine.inference import read as reading
from engine.inference import speak as speaking
from engine.inference.callbacks import Work, defer
from engine.progress import PROGRESS
from engine.wire.account import Progress
from engine.wire.errors import not_found
from engine.wire.options import FluxSpeakOptions, ListenOptions, ReadOptions, SpeakOptions
from engine.wire.responses import Accepted, ListenResponse, ReadResponse
from engine.wire.sources import Address, Text


@operation(
    "usage:write",
    tag="Listen",
    kind="listen",
    takes_audio=True,
    query=ListenOptions,
    response=ListenResponse | Accepted,
)
async def transcribe_recording(request: ApiRequest, outcome: Outcome) -> HttpResponse:
    """Transcribe a recording

    The body is the audio itself, whose format is found by its bytes, or with the content type
    `application/json` the address of the audio: `{"url": "https://..."}`.
    """
    return await _respond(request, outcome, transcription)


@operation("usage:write", tag="Listen")
async def show_progress(request: ApiRequest, name: str) -> Progress:
    """Ask how far a recording is

    The second up to which the recording has been heard whose request was sent with this name as
    `X-Progress-Name`; 404 when none of that name is under way. The engine's own.
    """
    seconds = PROGRESS.heard(request.caller.project_id, name)
    if seconds is None:
        raise not_found("recording")
    return Progress(seconds=round(seconds, 2))


@operation(
    "usage:write",
    tag="Read",
    kind="read",
    query=ReadOptions,
    body=Text | Address,
    response=ReadResponse | Accepted,
)
async def read_text(request: ApiRequest, outcome: Outcome) -> HttpResponse:
    """Analyse a text

    Summary, topics, intents and sentiment of an English text, given or at an address.
    """
    return await _respond(request, outcome, reading)


@operation(
    "usage:write",
    tag="Speak",
    kind="speak",
    query=SpeakOptions,
    body=Text | Address,
    response_type="audio/*",
)
async def speak_text(request: ApiRequest, outcome: Outcome) -> HttpResponse | StreamingHttpResponse:
    """Speak a text

    The audio is streamed as it is made. The text may also be sent as `text/plain`.
    """
    return await _speak(request, outcome)


@operation(
    "usage:write",
    tag="Speak",
    kind="speak",
    query=FluxSpeakOptions,
    body=Text | Address,
    response_type="audio/*",
)
async def speak_text_with_flux(
    request: ApiRequest, outcome: Outcome
) -> HttpResponse | StreamingHttpResponse:
    """Speak a text with a Flux voice

    As `/v1/speak`, with pauses and pronunciations inside the text.
    """
    return await _speak(request, outcome)


async def _respond(request: ApiRequest, outcome: Outcome, work: Work) -> HttpResponse:
    plan = await asyncio.to_thread(work.check, request)  # a body may have two megabytes of JSON
    if plan.options.callback:
        return await _defer(request, outcome, plan.options)
    response = await work.respond(request, plan)
    outcome.usage = response.usage
    return HttpResponse(response.content, content_type=response.content_type)


async def _speak(request: ApiRequest, outcome: Outcome) -> HttpResponse | StreamingHttpResponse:
    plan = await asyncio.to_thread(speaking.check, request)
    if plan.options.callback:
        return await _defer(request, outcome, plan.options)
    speech = await speaking.speak(plan)
    outcome.usage = speech.usage
    return StreamingHttpResponse(
        speech.chunks, content_type=speech.content_type, headers=speech.headers
    )


async def _defer(request: ApiRequest, outcome: Outcome, options: Any) -> HttpResponse:
    accepted = await defer(request, options)
    outcome.is_deferred = True
    return json_response(accepted)
