"""Hits of a search, as a list of results shows them.

A page of hits is read as rows of values: to make a model of each utterance and of its
transcription, recording and project takes longer than to find them.
"""
# ruff: noqa: S608 statements are put together of our own pieces; what was typed is a parameter

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from transcripts.models import Speaker, Utterance, is_multichannel
from transcripts.search.index import bounds_of, database_index
from transcripts.search.query import Marks, Query
from transcripts.text.folding import fold
from transcripts.text.reading import Key, Voice, Voices
from transcripts.text.tokens import AFTER_SEAM, joined

EXCERPT_CHARACTERS = 240
# Of a long text, the places of so many different words are shown.
EXCERPT_WORDS = 3
# Of a term that is said more often in a transcript, on average, the first places are looked at.
TERM_PLACES = 5000
# Words that are no more utterances apart are shown with all that is said between them.
NEAR = 4
# Of an utterance that is shown with others far from it: so many characters around its words.
AROUND = 110


@dataclass(frozen=True)
class Place:
    """Place of a hit: at an utterance, or apart in the transcript that starts with it.

    ``apart`` is then the id of its transcription.
    """

    utterance: int
    score: float = 0.0
    apart: int | None = None


@dataclass(frozen=True)
class Hit:
    """A place that matches. Times are seconds from the start of the recording.

    It is an utterance, with those after it into which a phrase passes. Of words that are said
    ``apart`` in a transcript it is the first of them, and ``text`` has the others after a "…".
    ``start`` is where the first marked word is spoken, where the words tell; ``marks`` are
    ranges of characters of ``text``. ``index`` is the utterance's place in its transcript.
    """

    utterance: int
    index: int
    recording: int
    title: str
    recorded_at: datetime
    project: int
    project_name: str
    channel: int
    speaker: int | None
    voice: Voice | None
    start: float
    end: float
    text: str
    marks: Marks
    apart: bool = False

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The text cut at its marks: (piece, whether it is marked), in order."""
        return cut(self.text, self.marks)

    @property
    def excerpt(self) -> tuple[tuple[str, bool], ...]:
        """The pieces around the first mark of each word, as long as a list of hits can show."""
        if self.apart or len(self.text) <= EXCERPT_CHARACTERS:
            return self.pieces
        result: list[tuple[str, bool]] = []
        end = 0
        for start, end in self._windows():
            if start:
                result.append((" … " if result else "… ", False))
            marks = [
                (max(a, start) - start, min(b, end) - start)
                for a, b in self.marks
                if a < end and b > start
            ]
            result += cut(self.text[start:end], marks)
        if end < len(self.text):
            result.append((" …", False))
        return tuple(result)

    def _windows(self) -> list[tuple[int, int]]:
        """The ranges of the text that are in the excerpt, in order and apart from each other."""
        words = {fold(self.text[start:end]): (start, end) for start, end in reversed(self.marks)}
        firsts = sorted(words.values())[:EXCERPT_WORDS] or [(0, 0)]
        whole = window(self.text, firsts[0], EXCERPT_CHARACTERS)
        if firsts[-1][1] <= whole[1]:
            return [whole]
        windows: list[tuple[int, int]] = []
        for mark in firsts:
            start, end = window(self.text, mark, EXCERPT_CHARACTERS // len(firsts))
            if windows and start <= windows[-1][1]:
                start, before = windows.pop()
                end = max(end, before)
            windows.append((start, end))
        return windows


class Row(NamedTuple):
    """An utterance at ``position`` in its transcript, with what a hit shows of its recording."""

    pk: int
    run: int
    position: int
    channel: int
    speaker: int | None
    start: float
    end: float
    text: str
    words: list[list[Any]]
    project: int
    project_name: str
    options: dict[str, Any]
    recording: int
    title: str
    recorded_at: datetime


COLUMNS = (
    "pk",
    "transcription",
    "index",
    "channel",
    "speaker",
    "start",
    "end",
    "text",
    "words",
    "project",
    "project__name",
    "transcription__options",
    "transcription__recording",
    "transcription__recording__title",
    "transcription__recording__created_at",
)


class Following(NamedTuple):
    """An utterance that stands soon after that of a hit, at ``position`` in its transcript."""

    position: int
    text: str
    end: float


class Passage(NamedTuple):
    """Text of a hit with its marks. Its first marked word starts at ``start``, in seconds."""

    text: str
    marks: Marks
    start: float
    end: float


def hits_at(query: Query, places: Sequence[Place]) -> tuple[Hit, ...]:
    """The hits at these places, in this order; one deleted meanwhile is left out."""
    chosen = closest(query, {place.utterance: place.apart for place in places if place.apart})
    listed = [
        chosen.get(place.utterance, []) if place.apart else [place.utterance] for place in places
    ]
    wanted = Utterance.objects.filter(pk__in={pk for pks in listed for pk in pks})
    rows = {row.pk: row for row in map(Row._make, wanted.values_list(*COLUMNS))}
    stretches = [[rows[pk] for pk in pks if pk in rows] for pks in listed]
    stretches = [stretch for stretch in stretches if stretch]
    passages = [passage(query, stretch) for stretch in stretches]
    longest = max(len(term.words) for term in query.terms)
    continued = [
        stretch[0] for stretch, known in zip(stretches, passages, strict=True) if known is None
    ]
    after = following(continued, max(longest, NEAR))
    voices = voices_of({row.run: row.options for row in rows.values()})
    hits = [
        hit(stretch, known or continuing(query, stretch, after.get(stretch[0].pk, [])), voices)
        for stretch, known in zip(stretches, passages, strict=True)
    ]
    if longest > AFTER_SEAM + 1:
        # The index knows only so much of what follows an utterance.
        hits = [each for each in hits if each.apart or query.is_in(each.text)]
    return tuple(hits)


def is_apart(stretch: Sequence[Row]) -> bool:
    """Return whether these utterances are too far apart to show all that is between them."""
    return stretch[-1].position - stretch[0].position > NEAR


def closest(query: Query, runs: Mapping[int, int]) -> dict[int, list[int]]:
    """Return the place in each transcript where the terms are closest together.

    ``runs`` are the transcriptions by the first utterance of each.
    """
    if not runs:
        return {}
    bounds = bounds_of(runs.values())
    index = database_index()
    wholes = [(first, bounds[run][1]) for first, run in runs.items() if run in bounds]
    limit = TERM_PLACES * len(wholes)
    found = index.within(query, wholes, limit)
    windows = {}
    for first, end in wholes:
        places = [ids[bisect_left(ids, first) : bisect_right(ids, end)] for ids in found]
        if all(places):
            windows[first] = shortest_window(places)
    return windows


def shortest_window(places: Sequence[Sequence[int]]) -> list[int]:
    """One place of each list, as close together as they come: sorted, each once."""
    events = sorted((place, term) for term, listed in enumerate(places) for place in listed)
    latest: dict[int, int] = {}
    best: list[int] = []
    for place, term in events:
        latest[term] = place
        if len(latest) < len(places):
            continue
        # Events are in order: the last place is this one.
        first = min(latest.values())
        if not best or place - first < best[-1] - best[0]:
            best = sorted(set(latest.values()))
    return best


def following(rows: Sequence[Row], count: int) -> dict[int, list[Following]]:
    """So many utterances after each of these, by the id of the one before them."""
    if not rows:
        return {}
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    # Django would put a condition for each of them together, which takes longer than the query.
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH earlier(id, run, place) AS (VALUES {places})
            SELECT earlier.id, later."index", later.text, later."end"
            FROM earlier JOIN transcripts_utterance AS later
                ON later.transcription_id = earlier.run
                AND later."index" BETWEEN earlier.place + 1 AND earlier.place + %s
            ORDER BY earlier.id, later."index"
            """,
            [*(value for row in rows for value in (row.pk, row.run, row.position)), count],
        )
        after: dict[int, list[Following]] = {}
        for pk, *values in cursor:
            after.setdefault(pk, []).append(Following(*values))
    return after


def voices_of(runs: Mapping[int, Mapping[str, Any]]) -> dict[int, Voices]:
    """Return the names of the speakers of these runs, given the options of each by its id."""
    names: dict[int, dict[Key, str]] = {run: {} for run in runs}
    named = Speaker.objects.filter(transcription__in=names)
    for run, channel, speaker, name in named.values_list(
        "transcription", "channel", "speaker", "name"
    ):
        names[run][channel, speaker] = name
    return {run: Voices(is_multichannel(options), names[run]) for run, options in runs.items()}


def passage(query: Query, stretch: Sequence[Row]) -> Passage | None:
    """Return what is shown of a stretch, or None if that is its text and what follows it."""
    row = stretch[0]
    if is_apart(stretch):
        found = [query.marks(each.text) for each in stretch]
        text = " … ".join(
            around(each.text, marks) for each, marks in zip(stretch, found, strict=True)
        )
        # The excerpt of the first one may have lost its beginning.
        return Passage(text, query.marks(text), started(row, found[0]), row.end)
    if len(stretch) == 1:
        marks, is_whole = query.found(row.text)
        if is_whole:
            return Passage(row.text, marks, started(row, marks), row.end)
    return None


def continuing(query: Query, stretch: Sequence[Row], after: Sequence[Following]) -> Passage:
    """Return the text of a stretch with as many of the utterances ``after`` as it needs."""
    row = stretch[0]
    for extent, last in enumerate(after, 1):
        if last.position < stretch[-1].position:
            continue
        text = joined([row.text, *(each.text for each in after[:extent])])
        marks, is_whole = query.found(text)
        if is_whole:
            return Passage(text, marks, started(row, marks), last.end)
    marks = query.marks(row.text)
    return Passage(row.text, marks, started(row, marks), row.end)


def hit(stretch: Sequence[Row], shown: Passage, voices: Mapping[int, Voices]) -> Hit:
    row = stretch[0]
    return Hit(
        utterance=row.pk,
        index=row.position,
        recording=row.recording,
        title=row.title,
        recorded_at=row.recorded_at,
        project=row.project,
        project_name=row.project_name,
        channel=row.channel,
        speaker=row.speaker,
        voice=voices[row.run].of(row.speaker, row.channel),
        start=shown.start,
        end=shown.end,
        text=shown.text,
        marks=shown.marks,
        apart=is_apart(stretch),
    )


def around(text: str, marks: Marks) -> str:
    """A text without what is far from its first match, cut at spaces."""
    if len(text) <= AROUND or not marks:
        return text[:AROUND]
    start, end = window(text, marks[0], AROUND)
    return text[start:end]


def window(text: str, mark: tuple[int, int], size: int) -> tuple[int, int]:
    """The range of at most so many characters around the beginning of a mark.

    It is cut at spaces where there are some.
    """
    first, last = mark
    start = max(0, first - size // 4)
    if start:
        start = text.find(" ", start, first) + 1 or start
    end = start + size
    if end >= len(text):
        return start, len(text)
    space = text.rfind(" ", last, end)
    return start, end if space < 0 else space


def started(row: Row, marks: Marks) -> float:
    """Return when the first marked word starts, in seconds.

    Formatting may have changed words on the way to the text: where they cannot be followed
    up to the mark, it is the start of the utterance.
    """
    position = 0
    for word, start, *_ in row.words if marks else ():
        position = row.text.find(word, position)
        if position < 0:
            break
        position += len(word)
        if position > marks[0][0]:
            return float(start)
    return row.start


def cut(text: str, marks: Sequence[tuple[int, int]]) -> tuple[tuple[str, bool], ...]:
    pieces, position = [], 0
    for start, end in marks:
        pieces += [(text[position:start], False), (text[start:end], True)]
        position = end
    pieces.append((text[position:], False))
    return tuple(piece for piece in pieces if piece[0])
