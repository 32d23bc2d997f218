"""The channels of one stream, whose messages come in the order of its audio.

Results of the model may be late on one channel and early on another. A message waits until no
channel can tell anything earlier, so that the order does not depend on how fast the models are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from engine.sessions.live_listen import ListenSession, Told
from engine.speech.recognition.track import Moment


class Channels:
    """Sorts what the sessions of one stream tell; they get the same audio and control messages."""

    def __init__(self, sessions: Sequence[ListenSession]) -> None:
        self._sessions = sessions
        self._number = 0  # of the newest message: those of one moment keep their order
        self._waiting: list[tuple[Moment, int, int, Told]] = []

    def add(self, channel: int, told: Told) -> None:
        """Take a message of a channel, which follows those before it of the same channel."""
        self._number += 1
        heapq.heappush(self._waiting, (told.moment, channel, self._number, told))

    def ready(self) -> Iterator[tuple[int, Told]]:
        """Remove and yield the messages that nothing else can precede, with their channels."""
        while self._waiting:
            moment, channel, _, told = self._waiting[0]
            if not self._is_next(moment, channel):
                return
            heapq.heappop(self._waiting)
            yield channel, told

    def _is_next(self, moment: Moment, channel: int) -> bool:
        return all(
            session.next_moment > moment or (session.next_moment == moment and other > channel)
            for other, session in enumerate(self._sessions)
            if other != channel
        )
