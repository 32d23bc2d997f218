"""Summary, topics, intents and sentiment, as listen and read both return them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from engine.inference.models import intelligence
from engine.runtime.priority import step_back
from engine.speech.synthesis.voices import NAMESPACE
from engine.text.intelligence import MOST_TOKENS, Analysis, Insights, count_tokens
from engine.text.words import Word, transcript
from engine.weights.errors import MissingWeights
from engine.wire.errors import token_limit_exceeded, unavailable
from engine.wire.insights import Info, blocks, infos
from engine.wire.options import ListenOptions, ReadOptions

# Threads of their own: a long text, or a slow endpoint, must not keep uploads from the disk.
_analyses = ThreadPoolExecutor(8, "analysis", step_back)


@dataclass(frozen=True)
class ResponseInsights:
    """``blocks`` go into the results, ``infos`` into the metadata."""

    summary: str | None
    blocks: dict[str, Any]
    infos: dict[str, Info]
    tokens_in: int
    tokens_out: int


def is_wanted(options: ListenOptions | ReadOptions) -> bool:
    return options.summarize or options.sentiment or options.topics or options.intents


async def find_insights(
    words: Sequence[Word], options: ListenOptions | ReadOptions
) -> ResponseInsights:
    """Return the requested insights about English ``words``.

    Raises ``ApiError``: 400 for more than 150,000 tokens, 503 when no model is installed.
    """
    analysis = Analysis(
        summarize=options.summarize,
        sentiment=options.sentiment,
        topics=options.topics,
        intents=options.intents,
        custom_topics=options.custom_topic,
        custom_topic_mode=options.custom_topic_mode,
        custom_intents=options.custom_intent,
        custom_intent_mode=options.custom_intent_mode,
    )
    try:
        loop = asyncio.get_running_loop()
        insights = await loop.run_in_executor(_analyses, _analyse, words, analysis)
    except MissingWeights as error:
        raise unavailable() from error
    return ResponseInsights(
        summary=insights.summary,
        blocks=blocks(insights),
        infos=infos(insights, str(uuid.uuid5(NAMESPACE, insights.backend))),
        tokens_in=sum(incoming for incoming, _ in insights.tokens.values()),
        tokens_out=sum(outgoing for _, outgoing in insights.tokens.values()),
    )


def _analyse(words: Sequence[Word], analysis: Analysis) -> Insights:
    if count_tokens(transcript(words, punctuated=True)) > MOST_TOKENS:
        raise token_limit_exceeded(MOST_TOKENS)
    return intelligence().analyse(words, analysis)
