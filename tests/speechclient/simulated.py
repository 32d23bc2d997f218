"""A speech server without sockets, for streams of made-up speech.

Second ``n`` of the source is word ``n``, spoken from 0.2 to 0.7 s of it: those bytes are ``n + 1``,
all others 0. Three speakers take turns of two words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from speechclient.streams.live_listen import ListenSession, Results
from speechclient.streams.rawaudio import RawAudio

RATE = 100  # frames of one byte in a second
AUDIO = RawAudio(RATE, 1)
MAX_SECONDS = 200
WORD_START, WORD_END = 0.2, 0.7
SOUND = re.compile(rb"([^\0])\1*", re.DOTALL)  # the same byte again and again


def source(seconds: int) -> bytes:
    silence, rest = bytes(round(WORD_START * RATE)), bytes(round((1 - WORD_END) * RATE))
    frames = round((WORD_END - WORD_START) * RATE)
    return b"".join(silence + bytes([n + 1]) * frames + rest for n in range(seconds))


def speaker_of(second: int) -> int:
    return second // 2 % 3


@dataclass
class Server:
    """One connection. All its words are ``late_seconds`` late, speakers are numbered as met.

    ``rate`` is the sample rate that the client claims: with ten times ``RATE`` all is ten times
    as fast.
    """

    late_seconds: float = 0.0
    rate: int = RATE
    audio: bytearray = field(default_factory=bytearray)
    numbers: dict[int, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return len(self.audio) / self.rate

    def results(self, start: float, end: float, *, is_final: bool) -> Results:
        event = ListenSession().receive(self.message(start, end, is_final=is_final))
        assert isinstance(event, Results)
        return event

    def message(self, start: float, end: float, *, is_final: bool, finalized: bool = False) -> str:
        """Return the message about ``start`` to ``end`` seconds of the connection."""
        words = [word for word in self.words() if start <= word["start"] < end]
        transcript = " ".join(word["word"] for word in words)
        best = {"transcript": transcript, "confidence": 1, "words": words}
        body = {
            "type": "Results",
            "channel_index": [0, 1],
            "start": start,
            "duration": end - start,
            "is_final": is_final,
            "from_finalize": finalized,
            "channel": {"alternatives": [best]},
        }
        return json.dumps(body)

    def pause(self) -> float:
        """Return the end of the last word that is followed by a short silence, in seconds."""
        spoken = self.audio.rstrip(b"\0")
        silence = len(self.audio) - len(spoken)
        return (len(spoken) + 5) / self.rate if spoken and silence >= 5 else 0.0

    def words(self) -> list[dict[str, Any]]:
        """Each word of which at least half was received."""
        least = (WORD_END - WORD_START) * RATE / 2
        return [
            self._word(sound[0][0] - 1, *sound.span())
            for sound in SOUND.finditer(self.audio)
            if len(sound[0]) >= least
        ]

    def _word(self, second: int, start: int, end: int) -> dict[str, Any]:
        speaker = self.numbers.setdefault(speaker_of(second), len(self.numbers))
        return {
            "word": str(second),
            "start": max(start / self.rate + self.late_seconds, 0.0),
            "end": max(end / self.rate + self.late_seconds, 0.0),
            "confidence": 1,
            "speaker": speaker,
        }
