"""Turns of a call out of its messages: what each side said, and when it was heard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from transcripts.calls.record import AUDIO, UP, Entry

CALLER, AGENT = 0, 1  # channels of the recording
# A message about the end of a turn comes after it; a server that does not report its latency
# probably took about so long.
USUAL_LATENCY_SECONDS = 0.5
MOST_LATENCY_SECONDS = 3.0
# Of speech whose beginning is not known; about 150 words a minute.
CHARACTERS_A_SECOND = 14.0

Word = tuple[str, float, float]  # text, start and end in seconds


@dataclass(frozen=True)
class Said:
    """Speech of one side without a break: the words that were heard."""

    channel: int
    start: float
    end: float
    words: Sequence[Word]

    @property
    def text(self) -> str:
        return " ".join(text for text, _, _ in self.words)


@dataclass
class Reply:
    """Sentences of the agent, and the stretches of their audio that were played."""

    texts: list[tuple[float, str]] = field(default_factory=list)
    stretches: list[dict[str, Any]] = field(default_factory=list)

    def said(self) -> Iterable[Said]:
        """Yield the sentences that were heard.

        Audio has no marks of its words: they are taken to be spoken at an even pace. After a false
        interruption the rest is sent again, so that the played stretches are one audio.
        """
        if not self.stretches:
            yield from (_at_once(AGENT, at, text) for at, text in self.texts)
            return
        played = [max(0.0, each["end"] - each["start"]) for each in self.stretches]
        last = max(played[-1], self.stretches[-1]["seconds"])
        whole = sum(played[:-1]) + last
        length = sum(len(text) for _, text in self.texts) or 1
        place = 0
        for _, text in self.texts:
            words = []
            for word in text.split():
                start = self._moment(place / length * whole, played)
                place += len(word) + 1
                end = self._moment(min(place, length) / length * whole, played)
                if start is None:
                    break
                words.append((word, start, max(start, end if end is not None else start)))
            if words:
                yield Said(AGENT, words[0][1], words[-1][2], words)

    def _moment(self, position: float, played: Sequence[float]) -> float | None:
        """Return when a position of the audio was heard; None when it was not."""
        for stretch, seconds in zip(self.stretches, played, strict=True):
            if position <= seconds:
                return round(float(stretch["start"]) + position, 3)
            position -= seconds
        return None


def turns(entries: Iterable[Entry]) -> list[Said]:
    """Return what was said, in the order of its beginning."""
    listed = list(entries)
    found: list[Said] = []
    reply, started = Reply(), None
    for place, entry in enumerate(listed):
        kind, body = entry.kind, entry.body
        if kind == "UserStartedSpeaking":
            started = entry.at if started is None else started
        elif kind == AUDIO:
            reply.stretches.append(body)
        elif kind == "ConversationText" and body.get("role") == "assistant":
            reply.texts.append((entry.at, str(body.get("content", ""))))
        elif kind == "ConversationText" and body.get("role") == "user":
            found += reply.said()
            reply = Reply()
            text = str(body.get("content", ""))
            if _is_written(listed[:place], text):
                found.append(_at_once(CALLER, entry.at, text))
            else:
                found.append(_spoken(text, started, entry.at - _latency(listed[place + 1 :])))
            started = None
    found += reply.said()
    return sorted((each for each in found if each.words), key=lambda each: each.start)


def _is_written(before: Sequence[Entry], text: str) -> bool:
    """Return whether the user has written this turn: the last message to the agent has it."""
    sent = next((each for each in reversed(before) if each.direction == UP), None)
    return sent is not None and sent.kind == "InjectUserMessage" and sent.body["content"] == text


def _latency(after: Sequence[Entry]) -> float:
    """Return the seconds from the end of speech to its text, as the next report says."""
    for entry in after:
        if entry.kind == "ConversationText" and entry.body.get("role") == "user":
            break
        latency = entry.body.get("stt_latency")
        if entry.kind == "LatencyReport" and isinstance(latency, int | float):
            return min(max(float(latency), 0.0), MOST_LATENCY_SECONDS)
    return USUAL_LATENCY_SECONDS


def _spoken(text: str, started: float | None, end: float) -> Said:
    end = max(end, 0.0)
    usual = end - len(text) / CHARACTERS_A_SECOND
    start = max(0.0, min(usual if started is None else started, end))
    words = text.split()
    step = (end - start) / max(len(words), 1)
    timed = [
        (word, round(start + number * step, 3), round(start + (number + 1) * step, 3))
        for number, word in enumerate(words)
    ]
    return Said(CALLER, start, end, timed)


def _at_once(channel: int, at: float, text: str) -> Said:
    return Said(channel, at, at, [(word, at, at) for word in text.split()])


def response_body(
    said: Sequence[Said], *, duration: float, created: datetime, request_id: str, model: str
) -> bytes:
    """Return turns in the form of a response of ``/v1/listen`` with two channels."""
    utterances = [_utterance(each, number) for number, each in enumerate(said)]
    channels = [
        {
            "alternatives": [
                {
                    "transcript": " ".join(each.text for each in said if each.channel == channel),
                    "confidence": 1.0,
                    "words": [
                        word
                        for each in utterances
                        if each["channel"] == channel
                        for word in each["words"]
                    ],
                }
            ]
        }
        for channel in (CALLER, AGENT)
    ]
    body = {
        "metadata": {
            "request_id": request_id,
            "created": created.isoformat(),
            "duration": duration,
            "channels": len(channels),
            "models": [model],
            "model_info": {model: {"name": model, "version": "", "arch": ""}},
        },
        "results": {"channels": channels, "utterances": utterances},
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _utterance(said: Said, number: int) -> dict[str, Any]:
    return {
        "id": str(number),
        "start": said.start,
        "end": said.end,
        "confidence": 1.0,
        "channel": said.channel,
        "transcript": said.text,
        "words": [
            {"word": text, "punctuated_word": text, "start": start, "end": end, "confidence": 1.0}
            for text, start, end in said.words
        ],
    }
