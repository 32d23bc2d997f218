"""Final segments of a stream as captions, and captions as the response of a server."""

import json
from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime
from itertools import groupby
from typing import Any

from speechclient import Word
from speechclient.streams.live_events import Segment, Turn
from transcripts.live.audio import seconds_of
from transcripts.live.models import Caption, LiveSession
from transcripts.text.tokens import joined


def parts(segment: Segment) -> list[dict[str, Any]]:
    """Return the segment cut where the speaker changes, as the fields of captions."""
    if not segment.transcript.strip():
        return []
    runs = [list(run) for _, run in groupby(segment.words, key=lambda word: word.speaker)]
    if len(runs) < 2:
        return [
            _fields(segment, segment.words, segment.transcript.strip())
            | {"start": segment.words[0].start if segment.words else segment.start}
        ]
    return [_fields(segment, run, joined([each.punctuated_word for each in run])) for run in runs]


def shown_parts(segment: Segment) -> list[dict[str, Any]]:
    """Return what pages show of a segment that is not final: each speaker's text."""
    text = segment.transcript.strip()
    if not text:
        return []
    speakers = {word.speaker for word in segment.words}
    if len(speakers) < 2:
        return [{"speaker": next(iter(speakers), None), "text": text}]
    return [{"speaker": part["speaker"], "text": part["text"]} for part in parts(segment)]


def turn_fields(turn: Turn, received_seconds: float) -> dict[str, Any]:
    """Return the fields of the caption of a turn that has ended.

    ``received_seconds`` is the audio that the server had received by then, at most.
    """
    last = turn.words[-1].end if turn.words else turn.end
    return _fields(turn, turn.words, turn.transcript.strip()) | {
        "ends": True,
        "turn": {
            "confidence": round(turn.end_of_turn_confidence, 3),
            "trigger": turn.trigger or "",
            "latency": round(max(0.0, received_seconds - last), 2),
        },
    }


def _fields(segment: Segment | Turn, words: Iterable[Word], text: str) -> dict[str, Any]:
    listed = list(words)
    return {
        "connection": segment.connection,
        "speaker": listed[0].speaker if listed else None,
        "start": listed[0].start if listed else segment.start,
        "end": max(word.end for word in listed) if listed else segment.end,
        "confidence": _confidence(segment, listed),
        "text": text,
        "words": [
            [word.punctuated_word, round(word.start, 3), round(word.end, 3),
             round(word.confidence, 4)]
            for word in listed
        ],
        "languages": list(segment.languages),
    }  # fmt: skip


def _confidence(segment: Segment | Turn, words: list[Word]) -> float:
    if isinstance(segment, Segment):
        return segment.confidence
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def utterances(captions: Iterable[Caption]) -> Iterator[list[Caption]]:
    """Captions of one speaker up to a pause, a gap or another speaker."""
    run: list[Caption] = []
    for caption in captions:
        is_gap = caption.kind != Caption.Kind.TEXT
        if run and (is_gap or run[-1].ends or run[-1].speaker != caption.speaker):
            yield run
            run = []
        if not is_gap:
            run.append(caption)
    if run:
        yield run


def corrected_copy(caption: Caption) -> Caption:
    """Return the caption as a person corrected it, its words spread over its time."""
    if not caption.corrected:
        return caption
    made = copy(caption)
    texts = caption.corrected.split()
    step = (caption.end - caption.start) / max(len(texts), 1)
    made.text = caption.corrected
    made.words = [
        [
            text,
            round(caption.start + index * step, 3),
            round(caption.start + (index + 1) * step, 3),
            1.0,
        ]
        for index, text in enumerate(texts)
    ]
    return made


def response_body(session: LiveSession, captions: list[Caption], created: datetime) -> bytes:
    """Return captions in the form of a response of ``/v1/listen``.

    ``live`` has the connections: number, start in seconds and request id of each.
    """
    listed = [_utterance(run, index) for index, run in enumerate(utterances(captions))]
    words = [word for each in listed for word in each["words"]]
    count = len(listed) or 1
    model = session.options.get("model", "")
    body = {
        "metadata": {
            "request_id": next((row[2] for row in reversed(session.offsets) if row[2]), ""),
            "created": created.isoformat(),
            "duration": seconds_of(session.audio_bytes),
            "channels": 1,
            "models": [model],
            "model_info": {model: {"name": model, "version": "", "arch": ""}},
        },
        "results": {
            "channels": [
                {
                    "alternatives": [
                        {
                            "transcript": " ".join(each["transcript"] for each in listed),
                            "confidence": sum(each["confidence"] for each in listed) / count,
                            "words": words,
                        }
                    ]
                }
            ],
            "utterances": listed,
        },
        "live": {"session": str(session.pk), "connections": session.offsets},
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _utterance(run: list[Caption], index: int) -> dict[str, Any]:
    return {
        "id": str(index),
        "start": run[0].start,
        "end": run[-1].end,
        "confidence": sum(each.confidence for each in run) / len(run),
        "channel": 0,
        "speaker": run[0].speaker,
        "transcript": joined([each.text for each in run]),
        "words": [
            {
                "word": text,
                "punctuated_word": text,
                "start": start,
                "end": end,
                "confidence": confidence,
                "speaker": each.speaker,
            }
            for each in run
            for text, start, end, confidence in each.words
        ],
    }
