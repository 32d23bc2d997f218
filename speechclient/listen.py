"""The response to ``POST /v1/listen``: bytes in, a typed transcript out, no I/O.

Times are seconds from the first sample. Source: docs/contract.md, 5.2 to 5.6.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace as replace_struct

from speechclient.errors import UnreadableResponse
from speechclient.fields import MAX_TEXT, Fields, clean_line, read_json
from speechclient.insights import Insights, read_insights
from speechclient.words import MAX_WORDS, Share, Timeline, Word

logger = logging.getLogger(__name__)

MAX_CHANNELS = 100
MAX_ALTERNATIVES = 100
# More speakers than can be distinguished: the numbers are wrong, or count something else.
MAX_SPEAKERS = 200


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Paragraph:
    sentences: tuple[Sentence, ...]
    start: float
    end: float
    num_words: int
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """``start_word`` to ``end_word`` (exclusive) count the alternative's words from 0."""

    label: str
    value: str
    raw_value: str
    confidence: float
    start_word: int
    end_word: int


@dataclass(frozen=True, slots=True)
class SearchHit:
    confidence: float
    start: float
    end: float
    snippet: str


@dataclass(frozen=True, slots=True)
class Search:
    """Hits of one ``search`` term; may be empty."""

    query: str
    hits: tuple[SearchHit, ...]


class Alternative(Struct, frozen=True):
    """One hypothesis for a channel."""

    transcript: str
    confidence: Share
    words: tuple[Word, ...]
    paragraphs: tuple[Paragraph, ...] = ()
    entities: tuple[Entity, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """One audio track; always at least one alternative, best first."""

    alternatives: tuple[Alternative, ...]
    detected_language: str | None = None
    language_confidence: float | None = None
    search: tuple[Search, ...] = ()


@dataclass(frozen=True, slots=True)
class Utterance:
    """One speaker's stretch of speech between pauses, on one channel."""

    id: str
    start: float
    end: float
    confidence: float
    channel: int
    transcript: str
    words: tuple[Word, ...]
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class Warning:
    """The server did not do as asked: which parameter, what kind of trouble, in words."""

    parameter: str
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    name: str
    version: str
    arch: str


@dataclass(frozen=True, slots=True)
class ListenResponse:
    """A transcript. ``raw`` is the body as received, untouched.

    ``accepted`` is true for the response to a request with ``callback``: there is a
    ``request_id`` and nothing else, the transcript goes to the callback.
    """

    raw: bytes = field(repr=False)
    request_id: str
    accepted: bool = False
    sha256: str = ""
    created: datetime | None = None
    duration: float = 0.0
    channels: tuple[Channel, ...] = ()
    utterances: tuple[Utterance, ...] = ()
    insights: Insights = field(default_factory=Insights)
    models: tuple[ModelInfo, ...] = ()
    warnings: tuple[Warning, ...] = ()
    tags: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def transcript(self) -> str:
        """The best hypothesis of every channel, one line a channel that has words."""
        lines = (channel.alternatives[0].transcript.strip() for channel in self.channels)
        return "\n".join(line for line in lines if line)

    @property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """The paragraphs of every channel's best hypothesis, by start."""
        paragraphs = [p for channel in self.channels for p in channel.alternatives[0].paragraphs]
        return tuple(sorted(paragraphs, key=lambda paragraph: paragraph.start))

    @property
    def detected_language(self) -> str | None:
        """The language of the first channel that has one."""
        return next((c.detected_language for c in self.channels if c.detected_language), None)

    @property
    def model_names(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.models)


def read_listen_response(
    raw: bytes,
    *,
    request_id: str | None = None,
    callback: bool = False,
    max_words: int = MAX_WORDS,
) -> ListenResponse:
    """Read the body of a 200. Members that are missing or of a wrong type have their defaults.

    ``request_id`` is the header's, used when the body has none; ``callback`` says that a
    transcript is not expected; words beyond ``max_words`` are left out. Raises
    ``UnreadableResponse``, naming the member that is wrong, when there is no text in a body of
    the wrong shape: it is never read as the empty transcript of a silent recording. If there
    is text it is kept, and a warning names the member.
    """
    body = _read_body(raw, request_id)
    metadata, results = body.object("metadata"), body.object("results")
    request_id = _request_id(metadata) or _request_id(body) or request_id or ""
    if callback and "results" not in body:
        return ListenResponse(raw=raw, request_id=request_id, accepted=True)
    timeline = Timeline(metadata.number("duration"), max_words)
    channels = tuple(
        _channel(channel, timeline) for channel in results.objects("channels", MAX_CHANNELS)
    )
    timeline.words_left = max_words  # utterances repeat the words of the channels
    utterances = tuple(
        _utterance(utterance, timeline) for utterance in results.objects("utterances", max_words)
    )
    problem = _wrong_shape(body)
    if problem and not _has_text(channels, utterances):
        message = f"the server's response cannot be read: {problem}"
        raise UnreadableResponse(message, request_id=request_id or None, status=200, body=raw)
    if len(timeline.speakers) > MAX_SPEAKERS:
        channels, utterances = _without_speakers(channels, utterances)
    _log_repairs(timeline, request_id)
    return ListenResponse(
        raw=raw,
        request_id=request_id,
        sha256=metadata.text("sha256", limit=64),
        created=metadata.moment("created"),
        duration=timeline.duration,
        channels=channels,
        utterances=utterances,
        insights=read_insights(results),
        models=read_models(metadata.object("model_info")),
        warnings=read_warnings(metadata) + _own_warnings(problem, timeline),
        tags=metadata.texts("tags", 1_000),
        extra=metadata.pairs("extra", 1_000),
    )


def _read_body(raw: bytes, request_id: str | None) -> Fields:
    try:
        return read_json(raw)
    except ValueError as error:
        message = f"the server's response is not a transcript: {clean_line(str(error), 200)}"
        raise UnreadableResponse(message, request_id=request_id, status=200, body=raw) from error


def _log_repairs(timeline: Timeline, request_id: str) -> None:
    if timeline.repairs:
        logger.warning(
            "%d times or words of the response were outside its %.3f s and were clamped or cut, "
            "request_id=%s",
            timeline.repairs,
            timeline.duration,
            request_id,
        )


def _own_warnings(problem: str, timeline: Timeline) -> tuple[Warning, ...]:
    """Return warnings about the response itself, next to those that the server sent."""
    warnings = []
    if problem:
        warnings.append(Warning("results", "unexpected_shape", f"In the response {problem}."))
    if len(timeline.speakers) > MAX_SPEAKERS:
        message = f"The response has {len(timeline.speakers):,} speakers; they were left out."
        warnings.append(Warning("diarize", "too_many_speakers", message))
    return tuple(warnings)


def _wrong_shape(body: Fields) -> str:
    """Name the first member that departs from docs/contract.md, 5.3; "" when there is none."""
    if not body.is_object("results"):
        return "results is not an object" if "results" in body else "results is missing"
    results = body.object("results")
    if not results.is_list_of_objects("channels"):
        return "results.channels is not a list of channels"
    for index, channel in enumerate(results.objects("channels", MAX_CHANNELS)):
        place = f"results.channels[{index}].alternatives"
        if not channel.is_list_of_objects("alternatives"):
            return f"{place} is not a list of alternatives"
        if not next(channel.objects("alternatives", 1)).is_text("transcript"):
            return f"{place}[0].transcript is not text"
    return ""


def _has_text(channels: tuple[Channel, ...], utterances: tuple[Utterance, ...]) -> bool:
    if any(each.transcript or each.words for each in utterances):
        return True
    best = (channel.alternatives[0] for channel in channels)
    return any(each.transcript or each.words for each in best)


def read_warnings(metadata: Fields) -> tuple[Warning, ...]:
    """The warnings of a response's metadata."""
    return tuple(
        Warning(
            parameter=warning.text("parameter"),
            type=warning.line("type", "code", "warn_code"),
            message=warning.line("message", "description", "warn_msg"),
        )
        for warning in metadata.objects("warnings", 1_000)
    )


def _without_speakers(
    channels: tuple[Channel, ...], utterances: tuple[Utterance, ...]
) -> tuple[tuple[Channel, ...], tuple[Utterance, ...]]:
    def unnamed(words: tuple[Word, ...]) -> tuple[Word, ...]:
        return tuple(replace_struct(word, speaker=None) for word in words)

    return tuple(
        replace(
            channel,
            alternatives=tuple(
                replace_struct(
                    each,
                    words=unnamed(each.words),
                    paragraphs=tuple(replace(part, speaker=None) for part in each.paragraphs),
                )
                for each in channel.alternatives
            ),
        )
        for channel in channels
    ), tuple(replace(each, speaker=None, words=unnamed(each.words)) for each in utterances)


def _channel(channel: Fields, timeline: Timeline) -> Channel:
    alternatives = tuple(
        _alternative(alternative, timeline)
        for alternative in channel.objects("alternatives", MAX_ALTERNATIVES)
    )
    return Channel(
        alternatives=alternatives or (Alternative(transcript="", confidence=0.0, words=()),),
        detected_language=channel.optional_text("detected_language"),
        language_confidence=channel.optional_share("language_confidence"),
        search=tuple(_search(search, timeline) for search in channel.objects("search", 1_000)),
    )


def _alternative(alternative: Fields, timeline: Timeline) -> Alternative:
    return Alternative(
        transcript=alternative.text("transcript", limit=MAX_TEXT),
        confidence=alternative.share("confidence"),
        words=tuple(timeline.words(alternative)),
        paragraphs=tuple(
            _paragraph(paragraph, timeline)
            for paragraph in alternative.object("paragraphs").objects("paragraphs")
        ),
        entities=tuple(read_entity(entity) for entity in alternative.objects("entities")),
        languages=alternative.texts("languages", 1_000),
    )


def _paragraph(paragraph: Fields, timeline: Timeline) -> Paragraph:
    start, end = timeline.span(paragraph)
    sentences = []
    for sentence in paragraph.objects("sentences"):
        sentence_start, sentence_end = timeline.span(sentence)
        text = sentence.text("text", limit=MAX_TEXT)
        sentences.append(Sentence(text=text, start=sentence_start, end=sentence_end))
    return Paragraph(
        sentences=tuple(sentences),
        start=start,
        end=end,
        num_words=max(paragraph.integer("num_words"), 0),
        speaker=timeline.speaker(paragraph),
    )


def read_entity(entity: Fields) -> Entity:
    start_word = max(entity.integer("start_word"), 0)
    return Entity(
        label=entity.text("label"),
        value=entity.text("value"),
        raw_value=entity.text("raw_value"),
        confidence=entity.share("confidence"),
        start_word=start_word,
        end_word=max(entity.integer("end_word"), start_word),
    )


def _search(search: Fields, timeline: Timeline) -> Search:
    hits = []
    for hit in search.objects("hits", 10_000):
        start, end = timeline.span(hit)
        hits.append(SearchHit(hit.share("confidence"), start, end, hit.text("snippet")))
    return Search(query=search.text("query"), hits=tuple(hits))


def _utterance(utterance: Fields, timeline: Timeline) -> Utterance:
    start, end = timeline.span(utterance)
    return Utterance(
        id=utterance.text("id", limit=100),
        start=start,
        end=end,
        confidence=utterance.share("confidence"),
        channel=min(max(utterance.integer("channel"), 0), MAX_CHANNELS - 1),
        transcript=utterance.text("transcript", limit=MAX_TEXT),
        words=tuple(timeline.words(utterance)),
        speaker=timeline.speaker(utterance),
    )


def read_models(model_info: Fields) -> tuple[ModelInfo, ...]:
    return tuple(
        ModelInfo(model.text("name"), model.text("version"), model.text("arch"))
        for model in model_info.members(1_000)
        if "name" in model
    )


def _request_id(fields: Fields) -> str:
    return clean_line(fields.text("request_id", limit=100))
