"""Places of one connection's audio in the source."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from speechclient.streams.rawaudio import RawAudio


class Places:
    """Times of a connection as times of the source.

    A server counts the audio that it received. It is one stretch of the source, or several when
    audio between them could not be sent.
    """

    def __init__(self, audio: RawAudio, start: int) -> None:
        self.start = start
        self.end = start  # first byte of the source that was not sent
        self._end_seconds = audio.seconds(start)
        self._audio = audio
        self._heard = [0.0]  # seconds of the connection at which each stretch begins
        self._source = [audio.seconds(start)]
        self._sent = 0

    def send(self, size: int) -> None:
        self._sent += size
        self.end += size
        self._end_seconds = self._audio.seconds(self.end)

    def skip(self, to: int) -> None:
        """The next byte sent is ``to`` of the source."""
        self.end = to
        self._end_seconds = self._audio.seconds(to)
        self._heard.append(self._audio.seconds(self._sent))
        self._source.append(self._audio.seconds(to))

    def start_at(self, seconds: float) -> float:
        """Return the time in the source of something that begins at ``seconds``."""
        return self._at(bisect_right(self._heard, seconds) - 1, seconds)

    def end_at(self, seconds: float) -> float:
        """Return the time in the source of something that ends at ``seconds``."""
        return self._at(max(bisect_left(self._heard, seconds) - 1, 0), seconds)

    def _at(self, stretch: int, seconds: float) -> float:
        # A server's mistake must not lead past the audio that it has.
        return min(self._source[stretch] + seconds - self._heard[stretch], self._end_seconds)
