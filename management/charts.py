"""Stacked bars, drawn as SVG on the server: the geometry that a template writes down."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 4, 8, 28
BASE = HEIGHT - BOTTOM  # the line on which bars stand
MOST_SERIES = 8
OTHER = "Others"
TICKS = 4
SMALLEST_STEP = 1e-9  # less is drawn as nothing
GAP = 0.25  # of a bar's place
LABELS = 12


@dataclass(frozen=True)
class Bar:
    """One part of a stack, in units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Series:
    """One value of the dimension: its number, which is its pattern, and its sum."""

    number: int
    name: str
    amounts: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(self.amounts)


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    base: float
    left: int
    right: int
    bars: list[Bar]
    rows: list[Label]
    columns: list[Label]
    series: list[Series]
    bins: list[str]

    @property
    def table(self) -> list[tuple[str, list[float], float]]:
        """Name, amounts by series and sum of each bin."""
        return [
            (name, amounts := [each.amounts[place] for each in self.series], sum(amounts))
            for place, name in enumerate(self.bins)
        ]

    @property
    def total(self) -> float:
        return sum(each.total for each in self.series)


def chart(bins: Sequence[str], amounts: Mapping[str, Sequence[float]], unit: str = "") -> Chart:
    """Return stacked bars over ``bins``; ``amounts`` has one number a bin for each name.

    The largest seven names have a series of their own, the others share the last one.
    """
    series = ranked(amounts, len(bins))
    stacks = [sum(each.amounts[place] for each in series) for place in range(len(bins))]
    most = max(stacks, default=0)
    step = nice(most / TICKS)
    top = step * max(1, math.ceil(most / step - 1e-9))
    scale = (BASE - TOP) / top
    place_width = (WIDTH - LEFT - RIGHT) / max(1, len(bins))
    every = max(1, math.ceil(len(bins) / LABELS))
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        base=BASE,
        left=LEFT,
        right=WIDTH - RIGHT,
        bars=stacked(bins, series, place_width, scale, unit),
        rows=[
            Label(LEFT - 8, round(BASE - step * tick * scale, 2), written(step * tick))
            for tick in range(round(top / step) + 1)
        ],
        columns=[
            Label(round(LEFT + place_width * (place + 0.5), 2), HEIGHT - 8, name)
            for place, name in enumerate(bins)
            if place % every == 0
        ],
        series=series,
        bins=list(bins),
    )


def stacked(
    bins: Sequence[str], series: Sequence[Series], place_width: float, scale: float, unit: str
) -> list[Bar]:
    """Return the bars of each bin on top of each other; ``scale`` is in pixels for a unit."""
    bars = []
    for place, name in enumerate(bins):
        height = 0.0
        for each in series:
            amount = each.amounts[place]
            if amount <= 0:
                continue
            height += amount
            bars.append(
                Bar(
                    x=round(LEFT + place_width * (place + GAP / 2), 2),
                    y=round(BASE - height * scale, 2),
                    width=round(place_width * (1 - GAP), 2),
                    height=round(amount * scale, 2),
                    series=each.number,
                    title=f"{name}, {each.name}: {written(amount)} {unit}".strip(),
                )
            )
    return bars


def ranked(amounts: Mapping[str, Sequence[float]], bins: int) -> list[Series]:
    """The largest series first, the rest added up."""
    order = sorted(amounts, key=lambda name: (-sum(amounts[name]), name))
    order = [name for name in order if sum(amounts[name]) > 0]
    own = order if len(order) <= MOST_SERIES else order[: MOST_SERIES - 1]
    series = [Series(number, name, tuple(amounts[name])) for number, name in enumerate(own)]
    if rest := order[len(own) :]:
        added = tuple(sum(amounts[name][place] for name in rest) for place in range(bins))
        series.append(Series(len(own), f"{OTHER} ({len(rest)})", added))
    return series


def nice(step: float) -> float:
    """The next larger of 1, 2, 5, 10, 20, ... and of their tenths."""
    if step <= 0:
        return 1.0
    step = max(step, SMALLEST_STEP)
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * (1 - 1e-9))


def written(amount: float) -> str:
    """A number with as many places as it needs: 1,200, 3.5, 0.004."""
    if amount == 0 or amount >= 100:
        return f"{amount:,.0f}"
    places = max(0, 2 - math.floor(math.log10(abs(amount))))
    return f"{amount:,.{min(places, 6)}f}".rstrip("0").rstrip(".") if places else f"{amount:,.0f}"
