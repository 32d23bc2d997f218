"""The two tracks of a call on one time line: the caller, and the agent as it is played.

No clock and no I/O: a time is seconds from the start of the call, and an argument.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from transcripts.live.audio import Format

STEREO = Format(sample_rate=24_000, channels=2)
RATE = STEREO.sample_rate
SAMPLE_BYTES = 2
# The page cannot know the time of its audio better than this: later audio is of now.
AHEAD_SECONDS = 1.0
# Of a reply that is sent at once and played slowly; more is not kept.
MOST_SECONDS = 30 * 60
# Audio of the caller may be late on its way, until then it is put where it belongs without
# reading the file again.
LATE_SECONDS = 1.0


@dataclass
class Track:
    """Samples of one channel from ``start`` on, 16-bit little-endian."""

    start: int = 0
    samples: bytearray = field(default_factory=bytearray)

    @property
    def end(self) -> int:
        return self.start + len(self.samples) // SAMPLE_BYTES

    def place(self, position: int, audio: bytes) -> None:
        """Put ``audio`` at ``position``, or after what is there."""
        position = max(position, self.end)
        self.samples += bytes((position - self.end) * SAMPLE_BYTES) + audio

    def cut(self, position: int) -> None:
        """Remove everything from ``position`` on."""
        del self.samples[max(0, position - self.start) * SAMPLE_BYTES :]

    def take(self, until: int) -> bytes:
        """Return the samples up to ``until``, which are no longer kept."""
        size = max(0, until - self.start) * SAMPLE_BYTES
        taken = bytes(self.samples[:size])
        del self.samples[:size]
        self.start = max(self.start, until)
        return taken + bytes(size - len(taken))


@dataclass(frozen=True)
class Late:
    """Audio of the caller whose place was written already; ``start`` is in samples."""

    start: int
    audio: bytes


class Tracks:
    """Puts what arrives where it was spoken, or is played, until it is written."""

    def __init__(self) -> None:
        self._caller, self._agent = Track(), Track()
        self._late: list[Late] = []

    @property
    def written(self) -> int:
        """Return the samples that were taken."""
        return self._caller.start

    def hear(self, audio: bytes, position: int, now: float) -> None:
        """Take audio of the caller that begins at sample ``position``, as the page counts."""
        position = min(position, round((now + AHEAD_SECONDS) * RATE))
        if position < self.written:
            missed = (self.written - position) * SAMPLE_BYTES
            self._late.append(Late(position, audio[:missed]))
            audio = audio[missed:]
        if audio:
            self._caller.place(position, audio)

    def play(self, audio: bytes, now: float) -> tuple[float, float]:
        """Take audio of the agent; return when it begins and ends to be played, in seconds."""
        start = max(round(now * RATE), self._agent.end)
        if start - now * RATE < MOST_SECONDS * RATE:
            self._agent.place(start, audio)
        return start / RATE, start / RATE + len(audio) / SAMPLE_BYTES / RATE

    def stop(self, now: float) -> float:
        """Drop what of the agent was not played; return when the sound ended."""
        self._agent.cut(round(now * RATE))
        return min(now, self._agent.end / RATE)

    def is_playing(self, now: float) -> bool:
        return self._agent.end > now * RATE

    def take(self, now: float, is_last: bool = False) -> bytes:
        """Return both channels up to ``now``, interleaved; at last all of the caller's audio."""
        until = max(self.written, round(now * RATE), self._caller.end if is_last else 0)
        return interleave(self._caller.take(until), self._agent.take(until))

    def take_late(self) -> list[Late]:
        late, self._late = self._late, []
        return late


def interleave(caller: bytes, agent: bytes) -> bytes:
    """Return two channels of equal length as one stream of frames."""
    frames = array("h", bytes(2 * len(caller)))
    frames[0::2] = array("h", caller)
    frames[1::2] = array("h", agent)
    return frames.tobytes()


def with_caller(frames: bytes, audio: bytes) -> bytes:
    """Return ``frames`` with other samples of the caller at their beginning."""
    both = array("h", frames)
    samples = array("h", audio[: len(frames) // 2])
    both[0 : 2 * len(samples) : 2] = samples
    return both.tobytes()
