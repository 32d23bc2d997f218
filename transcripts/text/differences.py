"""Differences between two transcripts of one recording, word by word.

Capital letters, accents and punctuation are not compared. Stretches that both have are found by
runs of words that occur once in each, so that hours of speech are compared in time that grows
with their length; what is between them is small, and compared by ``difflib``.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from transcripts.text.tokens import compared, joined, word_ranges

RUN_WORDS = 4
# Two stretches of more pairs of words than this have nothing in common that is worth the time.
MOST_PAIRS = 1_000_000
CONTEXT_WORDS = 6  # shown on both sides of a change
LONGEST_WORDS = 80  # shown of one change
MOST_PASSAGES = 300


@dataclass(frozen=True)
class Timed:
    """A word as it is written, with its start in seconds from the start of the recording."""

    text: str
    start: float


@dataclass(frozen=True)
class Piece:
    """Words in a row: ``same`` in both transcripts, ``removed`` from one or ``added`` by the other.

    ``hidden`` is the number of words that are not in ``text``.
    """

    kind: str
    text: str
    hidden: int = 0


@dataclass(frozen=True)
class Passage:
    """Changes that are close together, with the words around them."""

    start: float
    pieces: list[Piece]


@dataclass(frozen=True)
class Comparison:
    """Differences of a transcript from an older one; ``words`` are the words of the older."""

    words: int
    removed: int
    added: int
    changes: int
    passages: list[Passage]  # at most ``MOST_PASSAGES``
    is_cut: bool


@dataclass(frozen=True)
class Step:
    """Words ``first`` to ``last`` of the older transcript become those of the newer one."""

    is_same: bool
    first: int
    last: int
    new_first: int
    new_last: int


def compare(old: Iterable[Timed], new: Iterable[Timed]) -> Comparison:
    """Compare two transcripts, words in the order of their times."""
    old_keyed, new_keyed = _worded(old), _worded(new)
    steps = list(_steps([key for key, _ in old_keyed], [key for key, _ in new_keyed]))
    changed = [step for step in steps if not step.is_same]
    groups = list(_groups(steps))
    old_words, new_words = ([word for _, word in keyed] for keyed in (old_keyed, new_keyed))
    return Comparison(
        words=len(old_words),
        removed=sum(step.last - step.first for step in changed),
        added=sum(step.new_last - step.new_first for step in changed),
        changes=len(changed),
        passages=[_passage(group, old_words, new_words) for group in groups[:MOST_PASSAGES]],
        is_cut=len(groups) > MOST_PASSAGES,
    )


def _worded(words: Iterable[Timed]) -> list[tuple[str, Timed]]:
    """Return the words with what is compared of each, without those that are punctuation alone."""
    keyed = ((_key(word.text), word) for word in words)
    return [(key, word) for key, word in keyed if key]


def _key(text: str) -> str:
    return "".join(compared(text[start:end]) for start, end in word_ranges(text))


def _steps(old: Sequence[str], new: Sequence[str]) -> Iterator[Step]:
    """Yield steps that cover both transcripts, with the same and other words in turn."""
    place = new_place = 0
    pending: Step | None = None
    for first, last, new_first in [*_same(old, new), (len(old), len(old), len(new))]:
        change = Step(False, place, first, new_place, new_first)
        place, new_place = last, new_first + last - first
        if (change.first, change.new_first) != (change.last, change.new_last):
            if pending:
                yield pending
            yield change
            pending = None
        if last > first:
            start = pending.first if pending else first
            new_start = pending.new_first if pending else new_first
            pending = Step(True, start, last, new_start, new_place)
    if pending:
        yield pending


def _same(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield stretches that are the same: their first and last word, and the first of the newer."""
    place = new_place = 0
    ends = [(len(old), len(new))]
    for first, new_first in [*_anchors(old, new), *ends]:
        if first < place or new_first < new_place:
            continue  # inside what is known to be the same
        for block in _matching(old[place:first], new[new_place:new_first]):
            yield place + block[0], place + block[0] + block[2], new_place + block[1]
        size = min(RUN_WORDS, len(old) - first)
        if size:
            yield first, first + size, new_first
        place, new_place = first + size, new_first + size


def _matching(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    if not old or not new or len(old) * len(new) > MOST_PAIRS:
        return
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        if block.size:
            yield block.a, block.b, block.size


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return places of runs of words that occur once in each, in the order of both."""
    places, new_places = _single_runs(old), _single_runs(new)
    pairs = [(place, new_places[run]) for run, place in places.items() if run in new_places]
    return _increasing(pairs)


def _single_runs(words: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(words[at : at + RUN_WORDS]) for at in range(len(words) - RUN_WORDS + 1)]
    counts = Counter(runs)
    return {run: at for at, run in enumerate(runs) if counts[run] == 1}


def _increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest selection of pairs, sorted by the first, whose second increases too."""
    tails: list[int] = []  # index of the pair that ends the best selection of each length
    lows: list[int] = []
    before: list[int] = []
    for index, (_, second) in enumerate(pairs):
        length = bisect_left(lows, second)
        before.append(tails[length - 1] if length else -1)
        tails[length : length + 1] = [index]
        lows[length : length + 1] = [second]
    chosen: list[tuple[int, int]] = []
    index = tails[-1] if tails else -1
    while index >= 0:
        chosen.append(pairs[index])
        index = before[index]
    return chosen[::-1]


def _groups(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """Yield changes that share their context, with the same words between and around them."""
    group: list[Step] = []
    for step in steps:
        is_long = step.is_same and step.last - step.first > 2 * CONTEXT_WORDS
        group.append(step)
        if is_long:
            if len(group) > 1 or not group[0].is_same:
                yield group
            group = [step]
    if any(not step.is_same for step in group):
        yield group


def _passage(group: Sequence[Step], old: Sequence[Timed], new: Sequence[Timed]) -> Passage:
    pieces: list[Piece] = []
    for index, step in enumerate(group):
        words = new[step.new_first : step.new_last]
        if not step.is_same:
            pieces += _changed("removed", old[step.first : step.last])
            pieces += _changed("added", words)
            continue
        if index == 0:
            words = words[-CONTEXT_WORDS:]
        elif index == len(group) - 1:
            words = words[:CONTEXT_WORDS]
        pieces.append(Piece("same", joined([word.text for word in words])))
    change = next(step for step in group if not step.is_same)
    at = new[change.new_first : change.new_last] or old[change.first : change.last]
    return Passage(at[0].start, pieces)


def _changed(kind: str, words: Sequence[Timed]) -> list[Piece]:
    if not words:
        return []
    text = joined([word.text for word in words[:LONGEST_WORDS]])
    return [Piece(kind, text, max(0, len(words) - LONGEST_WORDS))]
