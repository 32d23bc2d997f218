"""Sentiment analysis: VADER over sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Literal

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from engine.text.paragraphs import Sentence
from engine.text.words import joined

POSITIVE, NEGATIVE = 0.333, -0.333
Sentiment = Literal["positive", "neutral", "negative"]


@dataclass(frozen=True)
class SentimentSegment:
    """Neighbouring sentences of one sentiment; ``end_word`` is inclusive, the score -1 to 1."""

    text: str
    start_word: int
    end_word: int
    sentiment: Sentiment
    sentiment_score: float


def score(text: str) -> float:
    """Return VADER's compound score of a text, -1 to 1."""
    compound: float = _analyzer().polarity_scores(text)["compound"]
    return compound


def score_sentences(sentences: Sequence[Sentence]) -> list[float]:
    """VADER's compound score of each sentence, -1 to 1."""
    return [score(sentence.text) for sentence in sentences]


def sentiment_segments(
    sentences: Sequence[Sentence], scores: Sequence[float]
) -> list[SentimentSegment]:
    """Sentences with their scores, neighbours of one sentiment joined."""
    scored = zip(sentences, scores, strict=True)
    return [
        _segment([sentence for sentence, _ in group], [score for _, score in group], sentiment)
        for sentiment, pairs in groupby(scored, key=lambda pair: sentiment_of(pair[1]))
        if (group := list(pairs))
    ]


def _segment(
    sentences: Sequence[Sentence], scores: Sequence[float], sentiment: Sentiment
) -> SentimentSegment:
    lengths = [sentence.end_word - sentence.start_word + 1 for sentence in sentences]
    total = sum(score * length for score, length in zip(scores, lengths, strict=True))
    return SentimentSegment(
        joined(sentence.text for sentence in sentences),
        sentences[0].start_word,
        sentences[-1].end_word,
        sentiment,
        round(total / sum(lengths), 4),
    )


def average_score(segments: Sequence[SentimentSegment]) -> float:
    """The mean over all words; 0 for no words."""
    lengths = [segment.end_word - segment.start_word + 1 for segment in segments]
    scores = [segment.sentiment_score for segment in segments]
    total = sum(score * length for score, length in zip(scores, lengths, strict=True))
    return round(total / max(1, sum(lengths)), 4)


def sentiment_of(score: float) -> Sentiment:
    if score >= POSITIVE:
        return "positive"
    return "negative" if score <= NEGATIVE else "neutral"


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
