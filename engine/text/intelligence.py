"""Summary, topics, intents and sentiment of a text: one call for listen and read alike."""

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.text.embeddings import Embeddings
from engine.text.endpoint import Analysis, AnalysisResult, Endpoint, EndpointFailed
from engine.text.labels import LabelledSegment, find_intents, find_topics
from engine.text.paragraphs import Sentence, sentences
from engine.text.sentiment import (
    SentimentSegment,
    score_sentences,
    sentiment_segments,
)
from engine.text.summary import SHORTEST_WORDS, summarize
from engine.text.words import Word, joined

LOCAL = "local"
MOST_TOKENS = 150_000  # docs/contract.md, 4

log = logging.getLogger(__name__)

__all__ = [
    "LOCAL",
    "MOST_TOKENS",
    "Analysis",
    "Insights",
    "Intelligence",
    "count_tokens",
    "words_of",
]  # fmt: skip


@dataclass(frozen=True)
class Insights:
    """Results of text intelligence; None for features that were not requested.

    ``backend`` says what found it: ``local``, or the model's name at the endpoint.
    ``tokens`` gives input and output tokens by feature: ``summary``, ``topics``, ``intents``,
    ``sentiment``.
    """

    backend: str
    summary: str | None = None
    topics: list[LabelledSegment] | None = None
    intents: list[LabelledSegment] | None = None
    sentiments: list[SentimentSegment] | None = None
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)


class Intelligence:
    """One for the process. The local models load when they are first needed."""

    def __init__(self, endpoint: Endpoint | None = None, threads: int = 1) -> None:
        """``endpoint`` is preferred to the local models if given."""
        self._endpoint = endpoint
        self._threads = threads
        self._loading = threading.Lock()
        self._embeddings: Embeddings | None = None

    def analyse(self, words: Sequence[Word], analysis: Analysis) -> Insights:
        """Return the requested insights about an English transcript or the words of a text.

        Raises ``MissingWeights`` when there are neither local models nor a working endpoint.
        """
        parts = sentences(words)
        if not parts:
            return _insights(LOCAL, parts, analysis, _nothing(analysis))
        if self._endpoint is not None:
            try:
                result = self._remotely(self._endpoint, parts, analysis)
            except EndpointFailed as error:
                log.warning("text intelligence falls back on local models: %s", error)
            else:
                return _insights(self._endpoint.model, parts, analysis, result)
        return _insights(LOCAL, parts, analysis, self._locally(parts, analysis))

    def _remotely(
        self, endpoint: Endpoint, parts: list[Sentence], analysis: Analysis
    ) -> AnalysisResult:
        short = parts[-1].end_word + 1 <= SHORTEST_WORDS
        if not short or not analysis.summarize:
            return endpoint.analyse(parts, analysis)
        rest = replace(analysis, summarize=False)
        text = joined(sentence.text for sentence in parts)
        if not (rest.topics or rest.intents or rest.sentiment):
            return AnalysisResult(text, None, None, None)
        return replace(endpoint.analyse(parts, rest), summary=text)

    def _locally(self, parts: list[Sentence], analysis: Analysis) -> AnalysisResult:
        return AnalysisResult(
            summary=summarize(parts, self._embed) if analysis.summarize else None,
            topics=find_topics(
                parts, self._embed, analysis.custom_topics, analysis.custom_topic_mode
            )
            if analysis.topics
            else None,
            intents=find_intents(
                parts, self._embed, analysis.custom_intents, analysis.custom_intent_mode
            )
            if analysis.intents
            else None,
            scores=score_sentences(parts) if analysis.sentiment else None,
        )

    def _embed(self, texts: Sequence[str]) -> Any:
        with self._loading:
            if self._embeddings is None:
                self._embeddings = Embeddings(self._threads)
        return self._embeddings(texts)


def words_of(text: str) -> list[Word]:
    """The words of a written text, without times, for ``POST /v1/read``."""
    return [Word.of(word, 0.0, 0.0) for word in text.split()]


def count_tokens(text: str) -> int:
    """Words and punctuation marks: near enough to what any tokenizer counts."""
    return len(re.findall(r"\w+|[^\w\s]", text))


def _nothing(analysis: Analysis) -> AnalysisResult:
    return AnalysisResult(
        summary="" if analysis.summarize else None,
        topics=[] if analysis.topics else None,
        intents=[] if analysis.intents else None,
        scores=[] if analysis.sentiment else None,
    )


def _insights(
    backend: str, parts: list[Sentence], analysis: Analysis, result: AnalysisResult
) -> Insights:
    scores = result.scores
    sentiments = None if scores is None else sentiment_segments(parts, scores)
    incoming = count_tokens(joined(sentence.text for sentence in parts))
    outgoing = {
        "summary": result.summary,
        "topics": _names(result.topics),
        "intents": _names(result.intents),
        "sentiment": None if sentiments is None else " ".join(s.sentiment for s in sentiments),
    }
    return Insights(
        backend=backend,
        summary=result.summary,
        topics=result.topics,
        intents=result.intents,
        sentiments=sentiments,
        tokens={
            feature: (incoming, count_tokens(text))
            for feature, text in outgoing.items()
            if text is not None
        },
    )


def _names(segments: list[LabelledSegment] | None) -> str | None:
    if segments is None:
        return None
    return " ".join(label.name for segment in segments for label in segment.labels)
