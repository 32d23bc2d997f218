"""Summary, topics, intents and sentiment (docs/contract.md, 5.4 and 6)."""

from __future__ import annotations

from typing import Any

from engine.text.intelligence import Insights
from engine.text.labels import LabelledSegment
from engine.text.sentiment import Sentiment, average_score, sentiment_of
from engine.wire.shapes import UNSET, Omittable, Shape, Uuid


class Topic(Shape):
    topic: str
    confidence_score: float


class Intent(Shape):
    intent: str
    confidence_score: float


class Segment(Shape):
    """Words ``start_word`` to ``end_word`` of the transcript, inclusive."""

    text: str
    start_word: int
    end_word: int


class TopicSegment(Segment):
    topics: list[Topic]


class IntentSegment(Segment):
    intents: list[Intent]


class SentimentSegment(Segment):
    sentiment: Sentiment
    sentiment_score: float


class Topics(Shape):
    segments: list[TopicSegment]


class Intents(Shape):
    segments: list[IntentSegment]


class AverageSentiment(Shape):
    sentiment: Sentiment
    sentiment_score: float


class Sentiments(Shape):
    segments: list[SentimentSegment]
    average: AverageSentiment


class Blocks(Shape):
    """Members of the results; the summary is named differently by listen and read."""

    topics: Omittable[Topics] = UNSET
    intents: Omittable[Intents] = UNSET
    sentiments: Omittable[Sentiments] = UNSET


class Info(Shape):
    """The model behind a block and its tokens; ``model`` is the engine's own member."""

    model_uuid: Uuid
    input_tokens: int
    output_tokens: int
    model: str


class Infos(Shape):
    """Members of the metadata."""

    summary_info: Omittable[Info] = UNSET
    sentiment_info: Omittable[Info] = UNSET
    topics_info: Omittable[Info] = UNSET
    intents_info: Omittable[Info] = UNSET


def blocks(insights: Insights) -> dict[str, Any]:
    """Return the members of ``Blocks`` that were requested."""
    members: dict[str, Any] = {}
    if insights.topics is not None:
        members["topics"] = Topics(segments=[_topics(segment) for segment in insights.topics])
    if insights.intents is not None:
        members["intents"] = Intents(segments=[_intents(segment) for segment in insights.intents])
    if insights.sentiments is not None:
        average = average_score(insights.sentiments)
        members["sentiments"] = Sentiments(
            segments=[SentimentSegment(**vars(segment)) for segment in insights.sentiments],
            average=AverageSentiment(sentiment=sentiment_of(average), sentiment_score=average),
        )
    return members


def infos(insights: Insights, model_uuid: str) -> dict[str, Info]:
    """Return the members of ``Infos``."""
    return {
        f"{feature}_info": Info(
            model_uuid=model_uuid,
            input_tokens=incoming,
            output_tokens=outgoing,
            model=insights.backend,
        )
        for feature, (incoming, outgoing) in insights.tokens.items()
    }


def _topics(segment: LabelledSegment) -> TopicSegment:
    topics = [
        Topic(topic=label.name, confidence_score=label.confidence_score) for label in segment.labels
    ]
    return TopicSegment(topics=topics, **_place(segment))


def _intents(segment: LabelledSegment) -> IntentSegment:
    intents = [
        Intent(intent=label.name, confidence_score=label.confidence_score)
        for label in segment.labels
    ]
    return IntentSegment(intents=intents, **_place(segment))


def _place(segment: LabelledSegment) -> dict[str, Any]:
    return {
        "text": segment.text,
        "start_word": segment.start_word,
        "end_word": segment.end_word,
    }
