"""How the speakers feel about what they say: VADER over sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from engine.text.paragraphs import Sentence

POSITIVE, NEGATIVE = 0.333, -0.333


@dataclass(frozen=True)
class SentimentSegment:
    """Neighbouring sentences of one sentiment; ``end_word`` is inclusive, the score -1 to 1."""

    text: str
    start_word: int
    end_word: int
    sentiment: str
    sentiment_score: float


def score_sentences(sentences: Sequence[Sentence]) -> list[float]:
    """VADER's compound score of each sentence, -1 to 1."""
    return [_analyzer().polarity_scores(sentence.text)["compound"] for sentence in sentences]


def sentiment_segments(
    sentences: Sequence[Sentence], scores: Sequence[float]
) -> list[SentimentSegment]:
    """Sentences with their scores, neighbours of one sentiment joined."""
    segments: list[SentimentSegment] = []
    for sentence, score in zip(sentences, scores, strict=True):
        last = segments[-1] if segments else None
        if last is None or last.sentiment != sentiment_of(score):
            segments.append(
                SentimentSegment(
                    sentence.text, sentence.start_word, sentence.end_word,
                    sentiment_of(score), round(score, 4),
                )
            )  # fmt: skip
            continue
        before = last.end_word - last.start_word + 1
        added = sentence.end_word - sentence.start_word + 1
        mean = (last.sentiment_score * before + score * added) / (before + added)
        segments[-1] = SentimentSegment(
            f"{last.text} {sentence.text}", last.start_word, sentence.end_word,
            last.sentiment, round(mean, 4),
        )  # fmt: skip
    return segments


def average_score(segments: Sequence[SentimentSegment]) -> float:
    """The mean over all words; 0 for no words."""
    lengths = [segment.end_word - segment.start_word + 1 for segment in segments]
    scores = [segment.sentiment_score for segment in segments]
    total = sum(score * length for score, length in zip(scores, lengths, strict=True))
    return round(total / max(1, sum(lengths)), 4)


def sentiment_of(score: float) -> str:
    if score >= POSITIVE:
        return "positive"
    return "negative" if score <= NEGATIVE else "neutral"


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
