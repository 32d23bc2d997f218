"""Speaker numbers across connections, matched by who spoke when in audio that was sent twice."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from speechclient.words import Word

Label = tuple[float, float, int]  # start, end, speaker of the stream

MAX_LABELS = 1_000
RECENT_SECONDS = 60.0
MIN_SPEECH_SECONDS = 2.0  # of each recent speaker, for a server to tell the voices apart again
MAX_OVERLAP_SECONDS = 20.0
MIN_MATCH_SECONDS = 0.2
LEAD_SECONDS = 0.25


class Speakers:
    """Maps the speaker numbers of each connection to numbers of the stream.

    A server numbers speakers from 0 on each connection. ``match`` takes the words of audio that a
    connection before has already labelled; ``number`` then gives the speaker of a new word.
    """

    def __init__(self, count: int = 0, labels: Iterable[Label] = ()) -> None:
        self.count = count
        self.labels: deque[Label] = deque(labels, maxlen=MAX_LABELS)
        self._before: tuple[Label, ...] = ()
        self._numbers: dict[int, int] = {}
        self._shared: defaultdict[tuple[int, int], float] = defaultdict(float)

    def restart(self) -> None:
        """Begin a connection: its numbers mean nothing yet."""
        self._before = tuple(self.labels)
        self._numbers.clear()
        self._shared.clear()

    def overlap_start(self, end: float) -> float:
        """Return where to begin again so that each recent speaker is heard before ``end``.

        Far enough back for ``MIN_SPEECH_SECONDS`` of each, at most ``MAX_OVERLAP_SECONDS``.
        """
        recent = [label for label in self.labels if label[1] > end - RECENT_SECONDS]
        missing = {speaker: MIN_SPEECH_SECONDS for _, _, speaker in recent}
        start = end
        for label_start, label_end, speaker in reversed(recent):
            if not missing or label_start < end - MAX_OVERLAP_SECONDS:
                break
            start = label_start - LEAD_SECONDS
            if speaker in missing:
                missing[speaker] -= label_end - label_start
                if missing[speaker] <= 0:
                    del missing[speaker]
        return max(min(start, end), 0.0)

    def match(self, words: Iterable[Word]) -> None:
        """Note the speakers of ``words``, whose audio a connection before has labelled."""
        for word in words:
            if word.speaker is None:
                continue
            for start, end, speaker in self._before:
                seconds = min(end, word.end) - max(start, word.start)
                if seconds > 0:
                    self._shared[word.speaker, speaker] += seconds

    def number(self, speaker: int) -> tuple[int, bool]:
        """Return the number in the stream, and True the first time when it is a new voice."""
        if speaker not in self._numbers:
            self._settle()
        if speaker in self._numbers:
            return self._numbers[speaker], False
        self._numbers[speaker] = self.count
        self.count += 1
        return self._numbers[speaker], True

    def known(self, speaker: int) -> int | None:
        """Return the number in the stream of a speaker that has one."""
        return self._numbers.get(speaker)

    def label(self, words: Iterable[Word]) -> None:
        """Remember who spoke ``words``, which carry numbers of the stream."""
        self.labels.extend(
            (word.start, word.end, word.speaker) for word in words if word.speaker is not None
        )

    def _settle(self) -> None:
        """Match the speakers that share the most time first, each with one."""
        for (speaker, number), seconds in sorted(
            self._shared.items(), key=lambda pair: pair[1], reverse=True
        ):
            is_free = speaker not in self._numbers and number not in self._numbers.values()
            if is_free and seconds >= MIN_MATCH_SECONDS:
                self._numbers[speaker] = number
