"""The response of ``POST /v1/read`` for a text and its options (docs/contract.md, 6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from django.conf import settings

from engine.exchange import ApiRequest, ApiResponse, Usage
from engine.inference.analysis import ResponseInsights, find_insights, is_wanted
from engine.inference.catalog import is_english
from engine.inference.fetch import fetch
from engine.inference.text_source import TextSource, decode_text, read_text_source
from engine.runtime.garbage import HEAP
from engine.text.intelligence import words_of
from engine.wire.errors import (
    bad_query,
    bad_request,
    gateway_timeout,
    no_text,
    undeserialized_query,
)
from engine.wire.options import ReadOptions, features_used
from engine.wire.query import read_options
from engine.wire.responses import ReadMetadata, ReadResponse, ReadResults, ReadSummary
from engine.wire.shapes import UNSET, encode, timestamp


@dataclass(frozen=True)
class Plan:
    options: ReadOptions
    source: TextSource


def check(request: ApiRequest) -> Plan:
    """Raises ``ApiError`` (400, 415) for what cannot be honoured."""
    options = read_options(ReadOptions, request.query)
    if not options.language and settings.ENVIRONMENT.strict:
        raise undeserialized_query("missing field `language`")
    if options.language and not is_english(options.language):
        raise bad_request("Text intelligence is only available for English: language=en.")
    if not is_wanted(options):
        raise bad_query("Choose at least one of summarize, topics, intents and sentiment.")
    return Plan(options, read_text_source(request, takes_plain_text=False))


async def respond(request: ApiRequest, plan: Plan) -> ApiResponse:
    """Return the response. Raises ``ApiError``."""
    text = plan.source.text
    if plan.source.url:
        fetched = await fetch(plan.source.url, None, settings.ENVIRONMENT.reach)
        text = decode_text(fetched.data)
        if not text.strip():
            raise no_text()
    try:
        async with asyncio.timeout(settings.ENVIRONMENT.processing_seconds):
            with HEAP.holding_response():
                return await _respond(request, plan.options, text)
    except TimeoutError:
        raise gateway_timeout() from None


async def _respond(request: ApiRequest, options: ReadOptions, text: str) -> ApiResponse:
    insights = await find_insights(await asyncio.to_thread(words_of, text), options)
    usage = Usage(
        tokens_in=insights.tokens_in,
        tokens_out=insights.tokens_out,
        models=sorted({info.model_uuid for info in insights.infos.values()}),
        model="intelligence",
        features=[name for name in features_used(options) if name != "language"],  # English alone
        tags=list(options.tag),
        language="en",
    )
    content = await asyncio.to_thread(lambda: encode(_response(request, options, insights)))
    return ApiResponse(content, usage)


def _response(
    request: ApiRequest, options: ReadOptions, insights: ResponseInsights
) -> ReadResponse:
    return ReadResponse(
        metadata=ReadMetadata(
            request_id=request.request_id,
            created=timestamp(request.created),
            language=options.language or "en",
            **insights.infos,
        ),
        results=ReadResults(
            summary=UNSET if insights.summary is None else ReadSummary(text=insights.summary),
            **insights.blocks,
        ),
    )
