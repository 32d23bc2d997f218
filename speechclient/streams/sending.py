"""Order of what a live stream sends on a connection: audio, marks, KeepAlive, the end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import msgspec

from speechclient.streams.pace import Pace
from speechclient.streams.rawaudio import RawAudio

CHUNK_SECONDS = 0.1  # 20 to 250 ms: docs/contract.md, 9.2
KEEP_ALIVE_SECONDS = 4.0  # every 3 to 5 s: docs/contract.md, 9.2
IDLE_TURN_SECONDS = 3.0  # Flux counts audio: without any, a turn never ends
BURST_SECONDS = 2.0  # servers take more at once: 1.25 times real time is a mean


class Mark(Enum):
    """A control message with a place in the audio."""

    FINALIZE = "Finalize"
    END_TURN = "ForceEndTurn"


class SendAudio(msgspec.Struct, frozen=True):
    start: int
    size: int


@dataclass(frozen=True)
class SendMark:
    mark: Mark


class SendKeepAlive:
    """Nothing was sent for a while."""


class Finish:
    """All audio is sent and no more comes."""


@dataclass(frozen=True)
class Wait:
    """Wait for more audio, at most ``seconds``; None is for ever."""

    seconds: float | None


Action = SendAudio | SendMark | SendKeepAlive | Finish | Wait


class Sending:
    """Queue of one stream: bytes ``sent`` to ``received`` of the source are to be sent.

    The owner carries out ``next``, reports it with ``did_send``, and starts again with ``restart``
    on a new connection.
    """

    def __init__(
        self, audio: RawAudio, received: int, *, keeps_alive: bool, is_replay: bool = False
    ) -> None:
        self.received = received
        self.sent = received
        self.is_ending = False
        self.has_open_turn = False
        self._audio = audio
        self._chunk_bytes = audio.size(CHUNK_SECONDS)
        self._pace = Pace(BURST_SECONDS)
        self._keeps_alive = keeps_alive
        self._last_sent = 0.0
        self._marks: deque[tuple[int, Mark]] = deque()
        self._is_finished = False
        self._is_replay = is_replay

    def restart(self, start: int, now: float) -> None:
        """A new connection: its first byte is ``start`` of the source.

        Audio that was received while the first connection was opened is sent at once. A later
        connection repeats audio, and has no burst.
        """
        self.sent = start
        self._last_sent = now
        self._is_finished = False
        self._pace.restart(now, has_burst=not self._is_replay)
        self._is_replay = True

    @property
    def backlog(self) -> int:
        return self.received - self.sent

    def receive(self, size: int) -> None:
        self.received += size

    def mark(self, mark: Mark) -> None:
        """Send ``mark`` after the audio that has been received."""
        self._marks.append((self.received, mark))

    def next(self, now: float) -> Action:
        if self._is_marked():
            return SendMark(self._marks[0][1])
        size = self._sendable()
        if size:
            wait = self._pace.wait(now)
            return Wait(wait) if wait else SendAudio(self.sent, size)
        if self.is_ending:
            return Wait(None) if self._is_finished else Finish()
        return self._idle(now - self._last_sent)

    def did_send(self, action: Action, now: float) -> None:
        match action:
            case SendAudio(size=size):
                self.sent += size
                self._pace.sent(self._audio.seconds(size), now)
            case SendMark() if self._is_marked():
                self._marks.popleft()
            case SendMark():
                self.has_open_turn = False
            case Finish():
                self._is_finished = True
        self._last_sent = now

    def skip(self, to: int) -> None:
        """Audio before ``to`` cannot be sent."""
        self.sent = max(self.sent, min(to, self.received))

    def _is_marked(self) -> bool:
        return bool(self._marks) and self._marks[0][0] <= self.sent

    def _idle(self, silence: float) -> Action:
        """Return the action after ``silence`` seconds in which nothing was sent."""
        if self._keeps_alive:
            limit: float = KEEP_ALIVE_SECONDS
            action: Action = SendKeepAlive()
        elif self.has_open_turn:
            limit, action = IDLE_TURN_SECONDS, SendMark(Mark.END_TURN)
        else:
            return Wait(None)
        return action if silence >= limit else Wait(limit - silence)

    def _sendable(self) -> int:
        """Return the bytes of the next piece, whole frames up to the next mark."""
        end = min(self._marks[0][0], self.received) if self._marks else self.received
        size = min(end - self.sent, self._chunk_bytes)
        whole = self._audio.whole(size)
        # A part of a frame waits for the rest; at the end or at a mark there is none.
        return size if not whole and (self.is_ending or self._marks) else whole
