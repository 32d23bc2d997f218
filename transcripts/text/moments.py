"""Insights of a transcript on its page: chips, and sentiment over time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_CHIPS = 18
# Bars of the chart: each some pixels wide on the narrowest page.
BARS = 72
# The bound of a neutral score: docs/contract.md, 5.4.
NEUTRAL = 0.333
MOMENTS = 3


@dataclass
class Chip:
    """A topic or an intent with the seconds at which it is spoken of, the surest first."""

    name: str
    weight: float
    starts: list[float]

    @property
    def first(self) -> float:
        return self.starts[0]


def chips(labels: Iterable[Mapping[str, Any]]) -> list[Chip]:
    """One chip a name, the weightiest first, those said once and unsurely left out if many."""
    places: dict[str, list[tuple[float, float]]] = {}
    for label in labels:
        places.setdefault(label["name"], []).append((-label["confidence"], label["start"]))
    chips = [
        Chip(name, sum(-doubt for doubt, _ in each), [start for _, start in sorted(each)])
        for name, each in places.items()
    ]
    return sorted(chips, key=lambda chip: -chip.weight)[:MAX_CHIPS]


@dataclass(frozen=True)
class Bar:
    """A piece of the chart: ``left`` and ``width`` in percent of the recording, score -1 to 1."""

    left: float
    width: float
    start: float
    score: float

    @property
    def height(self) -> float:
        """In percent of the chart; never nothing, so that it can be seen."""
        return max(3.0, abs(self.score) * 50)

    @property
    def top(self) -> float:
        """In percent of the chart, whose middle is neutral and whose upper half positive."""
        return 50 - self.height if self.score > 0 else 50

    @property
    def mood(self) -> str:
        return mood(self.score)


def mood(score: float) -> str:
    if abs(score) < NEUTRAL:
        return "neutral"
    return "positive" if score > 0 else "negative"


def mood_bars(sentiments: Sequence[Mapping[str, Any]], duration: float) -> list[Bar]:
    """The mood over the whole recording in pieces of equal length; none where nobody speaks.

    A piece has the score of what is said in it, each stretch by the time that it takes.
    """
    duration = max(duration, max((each["end"] for each in sentiments), default=0.0))
    if not duration:
        return []
    step = duration / BARS
    seconds, sums = [0.0] * BARS, [0.0] * BARS
    for each in sentiments:
        first = min(BARS - 1, int(each["start"] / step))
        last = min(BARS - 1, int(each["end"] / step))
        for piece in range(first, last + 1):
            shared = min(each["end"], (piece + 1) * step) - max(each["start"], piece * step)
            seconds[piece] += max(shared, 0.001)
            sums[piece] += max(shared, 0.001) * each["score"]
    return [
        Bar(100 * piece / BARS, 100 / BARS, piece * step, sums[piece] / seconds[piece])
        for piece in range(BARS)
        if seconds[piece]
    ]


def strongest(sentiments: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The few places of the strongest mood, by time: for those who cannot see the chart."""
    moved = [each for each in sentiments if abs(each["score"]) >= NEUTRAL]
    strongest = sorted(moved, key=lambda each: -abs(each["score"]))[:MOMENTS]
    return [
        {**each, "mood": mood(each["score"])}
        for each in sorted(strongest, key=lambda each: each["start"])
    ]
