"""The shapes of answers, for the API documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
TEXTS: Schema = {"type": "array", "items": TEXT}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
UUID: Schema = {"type": "string", "format": "uuid"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
ANYTHING: Schema = {}


def record(optional: Mapping[str, Schema] | None = None, **properties: Schema) -> Schema:
    """An object; every property that is not ``optional`` is always there."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
    }


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def listing(name: str, items: Schema) -> Schema:
    """``{"name": [items, ...]}``: how every list of the API is answered."""
    return record(**{name: array(items)})


MESSAGE = record(message=TEXT)
EMPTY = record()

ACCEPTED = record(request_id=UUID)
TEXT_OR_URL: Schema = {
    "oneOf": [record(text=TEXT), record(url={"type": "string", "format": "uri"})]
}

_WORD = record(
    {"punctuated_word": TEXT, "speaker": WHOLE, "speaker_confidence": NUMBER, "language": TEXT},
    word=TEXT,
    start=NUMBER,
    end=NUMBER,
    confidence=NUMBER,
)
_PARAGRAPH = record(
    {"speaker": WHOLE},
    sentences=array(record(text=TEXT, start=NUMBER, end=NUMBER)),
    num_words=WHOLE,
    start=NUMBER,
    end=NUMBER,
)
_ENTITY = record(
    label=TEXT, value=TEXT, raw_value=TEXT, confidence=NUMBER, start_word=WHOLE, end_word=WHOLE
)
_ALTERNATIVE = record(
    {
        "paragraphs": record(transcript=TEXT, paragraphs=array(_PARAGRAPH)),
        "entities": array(_ENTITY),
        "languages": TEXTS,
        "languages_hinted": TEXTS,
    },
    transcript=TEXT,
    confidence=NUMBER,
    words=array(_WORD),
)
_SEARCH = record(
    query=TEXT, hits=array(record(confidence=NUMBER, start=NUMBER, end=NUMBER, snippet=TEXT))
)
_CHANNEL = record(
    {"search": array(_SEARCH), "detected_language": TEXT, "language_confidence": NUMBER},
    alternatives=array(_ALTERNATIVE),
)
_UTTERANCE = record(
    {"speaker": WHOLE, "languages": TEXTS},
    start=NUMBER,
    end=NUMBER,
    confidence=NUMBER,
    channel=WHOLE,
    transcript=TEXT,
    words=array(_WORD),
    id=UUID,
)


def _labelled(plural: str, singular: str) -> Schema:
    label = record(**{singular: TEXT}, confidence_score=NUMBER)
    segment = record(text=TEXT, start_word=WHOLE, end_word=WHOLE, **{plural: array(label)})
    return record(segments=array(segment))


_SENTIMENT = record(sentiment={"enum": ["positive", "neutral", "negative"]}, sentiment_score=NUMBER)
_SENTIMENT_SEGMENT = record(
    text=TEXT,
    start_word=WHOLE,
    end_word=WHOLE,
    sentiment={"enum": ["positive", "neutral", "negative"]},
    sentiment_score=NUMBER,
)
_INSIGHTS: Mapping[str, Schema] = {
    "topics": _labelled("topics", "topic"),
    "intents": _labelled("intents", "intent"),
    "sentiments": record(segments=array(_SENTIMENT_SEGMENT), average=_SENTIMENT),
}
_INFO = record(model_uuid=UUID, input_tokens=WHOLE, output_tokens=WHOLE, model=TEXT)
_INFOS: Mapping[str, Schema] = {
    f"{feature}_info": _INFO for feature in ("summary", "sentiment", "topics", "intents")
}

LISTEN = record(
    metadata=record(
        {
            "tags": TEXTS,
            "extra": {"type": "object", "additionalProperties": TEXT},
            "warnings": array(record(parameter=TEXT, type=TEXT, message=TEXT)),
            "diarize_info": record(model_uuid=UUID, arch=TEXT),
            **_INFOS,
        },
        transaction_key=TEXT,
        request_id=UUID,
        sha256=TEXT,
        created=MOMENT,
        duration=NUMBER,
        channels=WHOLE,
        models=array(UUID),
        model_info={
            "type": "object",
            "additionalProperties": record(name=TEXT, version=TEXT, arch=TEXT),
        },
    ),
    results=record(
        {
            "utterances": array(_UTTERANCE),
            "summary": record(result={"enum": ["success", "failure"]}, short=TEXT),
            **_INSIGHTS,
        },
        channels=array(_CHANNEL),
    ),
)
READ = record(
    metadata=record(_INFOS, request_id=UUID, created=MOMENT, language=TEXT),
    results=record({"summary": record(text=TEXT), **_INSIGHTS}),
)
