"""Sentiment of sentences, and their stretches of one sentiment."""

import pytest

from engine.text.intelligence import words_of
from engine.text.paragraphs import sentences
from engine.text.sentiment import (
    SentimentSegment,
    average_score,
    score_sentences,
    sentiment_of,
    sentiment_segments,
)

SENTENCES = sentences(words_of("Very good indeed. Fine. The table is brown. It broke."))


@pytest.mark.parametrize(
    ("score", "sentiment"),
    [
        (1.0, "positive"),
        (0.333, "positive"),
        (0.3329, "neutral"),
        (0.0, "neutral"),
        (-0.3329, "neutral"),
        (-0.333, "negative"),
        (-1.0, "negative"),
    ],
)
def test_a_third_of_the_range_is_neutral(score: float, sentiment: str):
    assert sentiment_of(score) == sentiment


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("I love it, it is great!", "positive"),
        ("This is awful, I hate it.", "negative"),
        ("I do not love it.", "negative"),
        ("The table is brown.", "neutral"),
        ("我们去北京。", "neutral"),
    ],
)
def test_a_sentence_is_scored_by_its_words(text: str, sentiment: str):
    (score,) = score_sentences(sentences(words_of(text)))
    assert -1 <= score <= 1
    assert sentiment_of(score) == sentiment


def test_neighbours_of_one_sentiment_are_joined_and_weighed_by_words():
    segments = sentiment_segments(SENTENCES, [0.8, 0.4, 0.0, -0.6])
    assert segments == [
        SentimentSegment("Very good indeed. Fine.", 0, 3, "positive", 0.7),
        SentimentSegment("The table is brown.", 4, 7, "neutral", 0.0),
        SentimentSegment("It broke.", 8, 9, "negative", -0.6),
    ]


def test_a_sentiment_that_returns_is_another_segment():
    segments = sentiment_segments(SENTENCES, [0.9, -0.9, 0.9, 0.9])
    assert [one.sentiment for one in segments] == ["positive", "negative", "positive"]


def test_the_average_is_that_of_all_words():
    segments = sentiment_segments(SENTENCES, [0.8, 0.4, 0.0, -0.6])
    assert average_score(segments) == pytest.approx((0.7 * 4 - 0.6 * 2) / 10)


def test_the_average_of_no_words_is_neutral():
    assert average_score([]) == 0.0
