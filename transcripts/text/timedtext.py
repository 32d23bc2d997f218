"""A transcript as one text to be read, and the time at which each word of it is spoken."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from speechclient import LabelledSegment, SentimentSegment

# So many words tell one place of a text from another.
RECOGNISED_BY = 5

Span = tuple[float, float]


class TimedText:
    """Utterances in order, ``(text, words, start, end)``, joined to one text.

    ``words`` of an utterance are ``[text, start, end, confidence]``. A word of the text is what
    stands between spaces, as servers count them; ``spans`` has the seconds of each.
    """

    def __init__(self, utterances: Iterable[tuple[str, Sequence[Any], float, float]]) -> None:
        lines: list[str] = []
        self.spans: list[Span] = []
        for text, words, start, end in utterances:
            lines.append(text)
            self.spans += spans(text, words, start, end)
        self.text = "\n".join(lines)
        self.words = self.text.split()

    def span(self, text: str, start_word: int, end_word: int) -> Span:
        """From when to when a stretch of the text is spoken, in seconds.

        ``start_word`` to ``end_word`` (inclusive) is where the server says that it stands. One
        that counts words in another way is found out by ``text``, the words themselves.
        """
        if not self.spans:
            return 0.0, 0.0
        words = text.split()
        first = self._place(words[:RECOGNISED_BY], min(start_word, len(self.spans) - 1))
        length = len(words) or end_word - start_word + 1
        last = min(first + max(1, length), len(self.spans)) - 1
        return self.spans[first][0], max(self.spans[first][0], self.spans[last][1])

    def _place(self, words: list[str], near: int) -> int:
        """Return the index of these words nearest to ``near``; ``near`` if there is none."""

        def stands(place: int) -> bool:
            return self.words[place : place + len(words)] == words

        if not words or stands(near):
            return near
        places = [place for place, word in enumerate(self.words) if word == words[0]]
        return min(filter(stands, places), key=lambda place: abs(place - near), default=near)


def spans(text: str, words: Sequence[Any], start: float, end: float) -> Iterator[Span]:
    """The seconds of each word of a text between ``start`` and ``end``."""
    places = [match.start() for match in re.finditer(r"\S+", text)]
    if not words:
        step = (end - start) / max(1, len(places))
        yield from ((start + at * step, start + (at + 1) * step) for at in range(len(places)))
        return
    begins = positions(text, [word[0] for word in words])
    for place in places:
        _, word_start, word_end, *_ = words[max(0, bisect_right(begins, place) - 1)]
        yield float(word_start), float(word_end)


def positions(text: str, words: Iterable[str]) -> list[int]:
    """Return the index of each word in its text; a missing word has that of the last one.

    Formatting may have changed words on the way to the text.
    """
    indexes, at, last = [], 0, 0
    for word in words:
        place = text.find(word, at)
        # A word found only far ahead is another one that looks the same.
        if 0 <= place <= at + len(word) + 3:
            last, at = place, place + len(word)
        indexes.append(last)
    return indexes


def labels(text: TimedText, segments: Iterable[LabelledSegment]) -> list[dict[str, Any]]:
    """Topics or intents with the seconds in which they are spoken of, by time."""
    labels = []
    for segment in segments:
        start, end = text.span(segment.text, segment.start_word, segment.end_word)
        labels += [
            {
                "name": label.name,
                "confidence": round(label.confidence, 4),
                "start": round(start, 3),
                "end": round(end, 3),
            }
            for label in segment.labels
            if label.name
        ]
    return sorted(labels, key=lambda label: label["start"])


def moods(text: TimedText, segments: Iterable[SentimentSegment]) -> list[dict[str, Any]]:
    """Sentiment over time: the score, -1 to 1, of each stretch."""
    moods = []
    for segment in segments:
        start, end = text.span(segment.text, segment.start_word, segment.end_word)
        moods.append(
            {
                "score": round(segment.score, 4),
                "start": round(start, 3),
                "end": round(end, 3),
            }
        )
    return sorted(moods, key=lambda mood: mood["start"])
