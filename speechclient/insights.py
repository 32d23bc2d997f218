"""Results of text intelligence: summary, topics, intents, sentiment.

Published documents nest these blocks (``results.topics.results.topics.segments``) where servers
respond flat (``results.topics.segments``); both are read. Source: docs/contract.md, 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from speechclient.fields import MAX_TEXT, Fields

MAX_SEGMENTS = 100_000
MAX_LABELS = 1_000


@dataclass(frozen=True, slots=True)
class Label:
    """A topic or an intent and how sure the server is of it, 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class LabelledSegment:
    """A stretch of text; ``start_word`` and ``end_word`` count words from 0, both inclusive."""

    text: str
    start_word: int
    end_word: int
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class SentimentSegment:
    """A stretch of text and its mood: ``positive``, ``neutral`` or ``negative``, score -1 to 1."""

    text: str
    start_word: int
    end_word: int
    sentiment: str
    score: float


@dataclass(frozen=True, slots=True)
class Insights:
    """``summary`` is None when none was asked for or none could be made.

    ``average_sentiment`` and ``average_score`` speak of the whole text, None without sentiment.
    """

    summary: str | None = None
    topics: tuple[LabelledSegment, ...] = ()
    intents: tuple[LabelledSegment, ...] = ()
    sentiments: tuple[SentimentSegment, ...] = ()
    average_sentiment: str | None = None
    average_score: float | None = None


def read_insights(results: Fields) -> Insights:
    """The insights in ``results`` of a listen or read response."""
    summary = _block(results, "summary")
    sentiments = _block(results, "sentiments")
    average = sentiments.object("average")
    return Insights(
        # listen says ``short``, read says ``text``: docs/contract.md, 6.
        summary=summary.text("short", limit=MAX_TEXT)
        or summary.text("text", limit=MAX_TEXT)
        or None,
        topics=_labelled(_block(results, "topics"), "topics", "topic"),
        intents=_labelled(_block(results, "intents"), "intents", "intent"),
        sentiments=tuple(
            SentimentSegment(
                text=segment.text("text", limit=MAX_TEXT),
                start_word=max(segment.integer("start_word"), 0),
                end_word=max(segment.integer("end_word"), segment.integer("start_word"), 0),
                sentiment=segment.text("sentiment", "neutral", limit=20),
                score=_score(segment),
            )
            for segment in sentiments.objects("segments", MAX_SEGMENTS)
        ),
        average_sentiment=average.optional_text("sentiment"),
        average_score=_score(average) if "sentiment_score" in average else None,
    )


def _block(results: Fields, name: str) -> Fields:
    block = results.object(name)
    nested = block.object("results").object(name)
    return nested or block


def _labelled(block: Fields, plural: str, singular: str) -> tuple[LabelledSegment, ...]:
    return tuple(
        LabelledSegment(
            text=segment.text("text", limit=MAX_TEXT),
            start_word=max(segment.integer("start_word"), 0),
            end_word=max(segment.integer("end_word"), segment.integer("start_word"), 0),
            labels=tuple(
                Label(name=label.text(singular), confidence=label.share("confidence_score"))
                for label in segment.objects(plural, MAX_LABELS)
            ),
        )
        for segment in block.objects("segments", MAX_SEGMENTS)
    )


def _score(fields: Fields) -> float:
    return min(max(fields.number("sentiment_score"), -1.0), 1.0)
