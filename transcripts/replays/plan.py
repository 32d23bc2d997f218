"""Plan of a replay: the stretches of speech and the written turns of a saved call."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.files.storage import default_storage

from transcripts.calls.models import Call
from transcripts.calls.record import UP, Entry
from transcripts.calls.tracks import STEREO
from transcripts.live.audio import HEADER_BYTES

RATE = STEREO.sample_rate
SAMPLE_BYTES = 2
# Speech is noticed some time after it has begun, on a busy server only with its text.
BEFORE_SECONDS = 1.0
CHARACTERS_A_SECOND = 10.0  # of slow speech
LATE_SECONDS = 2.0


@dataclass(frozen=True)
class Spoken:
    """Speech of the caller, in seconds of the call; ``text`` is what was recognised."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Written:
    """A turn that the caller wrote."""

    text: str


Step = Spoken | Written


class NoAudio(Exception):
    """The call has no audio any more."""


class CallerAudio:
    """The caller's channel of a saved call."""

    def __init__(self, call: Call) -> None:
        if call.recording is None or not call.recording.file:
            raise NoAudio("The recording of this call was deleted.")
        self._name = str(call.recording.file)

    def read(self, start: float, end: float) -> bytes:
        """Return the samples of a stretch, 16-bit little-endian, at ``RATE``."""
        first, last = round(start * RATE), round(end * RATE)
        with default_storage.open(self._name) as file:
            file.seek(HEADER_BYTES + first * STEREO.frame_bytes)
            frames = file.read((last - first) * STEREO.frame_bytes)
        samples = array("h", frames[: len(frames) - len(frames) % STEREO.frame_bytes])
        return samples[0::2].tobytes()


def steps(entries: Iterable[Entry]) -> list[Step]:
    """Return the turns of the caller in order.

    A turn is over when its text comes. It begins before its speech was noticed, early enough for
    its words, and not before the end of the turn before it: silence does no harm.
    """
    found: list[Step] = []
    started, ended, written = None, 0.0, ""
    for entry in entries:
        content = str(entry.body.get("content", ""))
        if entry.kind == "InjectUserMessage" and entry.direction == UP:
            found.append(Written(content))
            written = content
        elif entry.kind == "UserStartedSpeaking":
            started = entry.at if started is None else started
        elif entry.kind == "ConversationText" and entry.body.get("role") == "user":
            if content == written:
                written = ""
                continue
            noticed = entry.at if started is None else started
            slowly = entry.at - LATE_SECONDS - len(content) / CHARACTERS_A_SECOND
            start = max(ended, min(noticed - BEFORE_SECONDS, slowly))
            found.append(Spoken(round(start, 3), round(entry.at, 3), content))
            started, ended = None, entry.at
    return found


def seconds_of(planned: Iterable[Step]) -> float:
    """Return how long the caller speaks."""
    return sum(each.end - each.start for each in planned if isinstance(each, Spoken))
