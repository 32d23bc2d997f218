"""Search in everything that was said: one interface over the database's own text index.

The index is written by the database itself with the text, in the same transaction; see
``transcripts.search.sqlite`` and ``transcripts.search.postgres``.
"""

import base64
import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, get_args

from django.db import connection
from django.db.models import Max, Q

from management.models import Project, User
from network.jsontext import read_json
from transcripts.models import Speaker, Transcription, Utterance
from transcripts.search import postgres, sqlite
from transcripts.search.query import BadSearch, Query, TooSlow, parse
from transcripts.text.reading import Key, Voice, Voices
from transcripts.text.tokens import AFTER_SEAM, joined

__all__ = ["BadSearch", "Hit", "Order", "Results", "search", "search_everything"]

Order = Literal["newest", "relevance"]
COUNT_CAP = 1000
EXCERPT_CHARACTERS = 280
NOTHING_TO_LOOK_FOR = (
    "Type a word, a “phrase in quotes” or the first letters of a word and an asterisk*."
)
TOO_SLOW = "This search takes too long. Add a word, or choose a project."
NOT_OURS = "The cursor does not belong to this search."
TOO_MANY_TO_RANK = "There are too many matches to rank; these are the newest."
TOO_MANY_APART = "Older recordings with these words far apart are not shown. Add a word."
# Worse than any score of an index: words that are far apart come after those said together.
APART = 1.0
# To rank, the places said together are left out of those far apart as far as indexes rank them.
RANKED = 2000
# Of so many transcripts that have the words of a phrase it is looked up if they have the phrase.
LOOKED_UP = 500
# Of a term that is said more often in a transcript, on average, the first places are looked at.
TERM_PLACES = 5000
# Words that are no more utterances apart are shown with all that is said between them.
NEAR = 4
# Of an utterance that is shown with others far from it: so many characters around its words.
AROUND = 110


class Index(Protocol):
    """Interface of a database's index. ``projects`` is a list of ids, None for every project.

    Ids are those of utterances, newest first; lower scores are better. ``newest``, ``best`` and
    ``within`` give utterances that hold every term, a phrase also when it only begins there and
    passes into the next ones. ``within`` looks in ranges of ids, each with its last one, and gives
    them oldest first. ``transcripts`` gives the first utterance of each transcript that has every
    word of the terms, anywhere, if it is newer than ``until``. ``runs`` are the transcriptions of
    utterances. ``count`` gives the number of utterances and, where that is less than ``cap``, of
    their transcriptions; ``count_transcripts`` counts ``transcripts``. Each may raise ``TooSlow``.
    """

    def newest(
        self, query: Query, projects: Sequence[int] | None, before: int | None, limit: int
    ) -> list[int]: ...

    def best(
        self,
        query: Query,
        projects: Sequence[int] | None,
        after: tuple[float, int] | None,
        limit: int,
    ) -> list[tuple[float, int]]: ...

    def within(self, query: Query, ranges: Sequence[tuple[int, int]], limit: int) -> list[int]: ...

    def transcripts(
        self,
        query: Query,
        projects: Sequence[int] | None,
        before: int | None,
        limit: int,
        until: int,
    ) -> list[int]: ...

    def runs(self, utterances: Sequence[int]) -> dict[int, int]: ...

    def count(self, query: Query, projects: Sequence[int] | None, cap: int) -> tuple[int, int]: ...

    def count_transcripts(self, query: Query, projects: Sequence[int] | None, cap: int) -> int: ...


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
    marks: tuple[tuple[int, int], ...]
    apart: bool = False

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The text cut at its marks: (piece, whether it is marked), in order."""
        return cut(self.text, self.marks)

    @property
    def excerpt(self) -> tuple[tuple[str, bool], ...]:
        """The pieces around the first mark, shortened to what a list of hits can show."""
        if self.apart or len(self.text) <= EXCERPT_CHARACTERS:
            return self.pieces
        first = self.marks[0][0] if self.marks else 0
        start = self.text.rfind(" ", 0, max(0, first - 60)) + 1
        end = self.text.find(" ", start + EXCERPT_CHARACTERS)
        end = len(self.text) if end < 0 else end
        marks = [(a - start, min(b, end) - start) for a, b in self.marks if start <= a < end]
        pieces = cut(self.text[start:end], marks)
        before = (("… ", False),) if start else ()
        after = ((" …", False),) if end < len(self.text) else ()
        return before + pieces + after


@dataclass(frozen=True)
class Results:
    """One page of hits. ``count`` stops at ``COUNT_CAP`` + 1; ``cursor`` is None at the end.

    ``recordings`` is in how many recordings they are, 0 where that is not known: of more hits
    than are counted, and on pages after the first.
    """

    order: Order
    hits: tuple[Hit, ...] = ()
    count: int = 0
    recordings: int = 0
    cursor: str | None = None
    hint: str = ""

    @property
    def count_label(self) -> str:
        return f"{COUNT_CAP:,}+" if self.count > COUNT_CAP else f"{self.count:,}"


@dataclass(frozen=True)
class Cursor:
    """Start of the next page: after this utterance and, in order of relevance, score."""

    order: str
    count: int
    utterance: int
    score: float = 0.0

    def encode(self) -> str:
        fields = [self.order, self.count, self.utterance, self.score]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read a cursor; ``BadSearch`` when it is not one of ours."""
        if len(text) > 200:
            raise BadSearch(NOT_OURS)
        try:
            fields = read_json(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            order, count, utterance, score = fields
            cursor = cls(str(order), int(count), int(utterance), float(score))
        except (ValueError, TypeError, OverflowError) as error:
            raise BadSearch(NOT_OURS) from error
        known = (
            cursor.order in get_args(Order)
            and 0 <= cursor.count <= COUNT_CAP + 1
            and 0 <= cursor.utterance < 2**63
            and math.isfinite(cursor.score)
        )
        if not known:
            raise BadSearch(NOT_OURS)
        return cursor


def search(
    user: "User",
    query: str,
    *,
    project: Project | int | None = None,
    order: Order = "newest",
    cursor: str | None = None,
    limit: int = 20,
) -> Results:
    """Search what this person may see: the newest finished run of each recording.

    ``project`` narrows it to one; one they are not in gives no hits. Raises ``BadSearch``
    for a query over the limits, an unknown order or a foreign cursor.
    """
    permitted = Project.objects.visible_to(user)
    if project is not None:
        permitted = permitted.filter(pk=project.pk if isinstance(project, Project) else project)
    projects = list(permitted.order_by().values_list("pk", flat=True))
    return find(query, projects, order, cursor, limit)


def search_everything(
    query: str,
    *,
    project: Project | None = None,
    order: Order = "newest",
    cursor: str | None = None,
    limit: int = 20,
) -> Results:
    """Search the whole library, for its operator: no permission is asked."""
    return find(query, None if project is None else [project.pk], order, cursor, limit)


def find(
    text: str, projects: Sequence[int] | None, order: Order, cursor: str | None, limit: int
) -> Results:
    """Search in ``projects``: ids, or None for every one."""
    if order not in get_args(Order):
        raise BadSearch(f"The order {order!r} is unknown; choose newest or relevance.")
    query = parse(text)
    if not query:
        return Results(order, hint=NOTHING_TO_LOOK_FOR)
    after = Cursor.decode(cursor) if cursor else None
    if after is not None and after.order == "newest":
        # Ranking may have taken too long for the first page: continue as that page did.
        order = "newest"
    elif after is not None and order == "newest":
        raise BadSearch(NOT_OURS)
    if projects is not None and not projects:
        return Results(order)
    try:
        return page(query, projects, order, after, limit)
    except TooSlow:
        if order == "newest" or after is not None:
            return Results(order, hint=TOO_SLOW)
    try:
        return replace(page(query, projects, "newest", None, limit), hint=TOO_MANY_TO_RANK)
    except TooSlow:
        return Results("newest", hint=TOO_SLOW)


@dataclass(frozen=True)
class Place:
    """Place of a hit: at an utterance, or apart in the transcript that starts with it.

    ``apart`` is then the id of its transcription.
    """

    utterance: int
    score: float = 0.0
    apart: int | None = None


def page(
    query: Query,
    projects: Sequence[int] | None,
    order: Order,
    after: Cursor | None,
    limit: int,
) -> Results:
    """One page of results; may raise ``TooSlow``."""
    # One more than is shown tells whether there is a next page.
    page_places, hint = places(query, projects, order, after, limit + 1)
    shown, more = page_places[:limit], len(page_places) > limit
    hits = hits_at(query, shown)
    recordings = len({hit.recording for hit in hits})
    if after is not None:
        count, recordings = after.count, 0
    elif more:
        count, recordings = counted(query, projects)
    else:
        count = len(hits)
    cursor = Cursor(order, count, shown[-1].utterance, shown[-1].score) if more else None
    return Results(order, hits, count, recordings, cursor.encode() if cursor else None, hint)


def database_index() -> Index:
    return postgres if connection.vendor == "postgresql" else sqlite


def places(
    query: Query,
    projects: Sequence[int] | None,
    order: Order,
    after: Cursor | None,
    limit: int,
) -> tuple[list[Place], str]:
    """Return the places of the next hits, and a hint if some are left out.

    A transcript that has every term has a hit at each utterance that holds them all; where none
    does, one hit at which they are closest together.
    """
    index = database_index()
    if order == "newest":
        before = after.utterance if after else None
        ids = index.newest(query, projects, before, limit)
        if len(query.terms) == 1:
            return [Place(pk) for pk in ids], ""
        # Transcripts older than the last of a full page belong to the next one.
        until = ids[-1] if len(ids) == limit else 0
        together = set(index.runs([*ids, before] if before else ids).values())
        apart, hint = far_apart(query, projects, before, until, together, limit)
        ranked_places = [Place(pk) for pk in ids] + apart
        return sorted(ranked_places, key=lambda place: -place.utterance)[:limit], hint
    ranked: list[tuple[float, int]] = []
    if after is None or after.score < APART:
        worse_than = (after.score, after.utterance) if after else None
        ranked = index.best(query, projects, worse_than, limit)
    ranked_places = [Place(pk, score) for score, pk in ranked]
    if len(query.terms) == 1 or len(ranked_places) == limit:
        return ranked_places, ""
    together = set(index.runs(index.newest(query, projects, None, RANKED)).values())
    before = after.utterance if after and after.score >= APART else None
    apart, hint = far_apart(query, projects, before, 0, together, limit - len(ranked_places))
    return [*ranked_places, *apart], hint


def far_apart(
    query: Query,
    projects: Sequence[int] | None,
    before: int | None,
    until: int,
    together: Collection[int],
    limit: int,
) -> tuple[list[Place], str]:
    """The newest transcripts that have every term, but none of those that say them ``together``.

    They start before the utterance ``before`` and after ``until``.
    """
    index = database_index()
    phrases = [part for part in query.parts if len(part.terms[0].words) > 1]
    result: list[Place] = []
    looked_up = 0
    batch = limit + len(together) + 1
    while True:
        firsts = index.transcripts(query, projects, before, batch, until)
        runs = index.runs(firsts)
        for first in firsts:
            if len(result) == limit:
                return result, ""
            run = runs.get(first)
            if run is None or run in together:
                continue
            if phrases:
                looked_up += 1
                whole = [(first, last_of([run])[run])]
                if not all(index.within(part, whole, 1) for part in phrases):
                    continue
            result.append(Place(first, APART, run))
        if len(firsts) < batch:
            return result, ""
        if looked_up >= LOOKED_UP:
            return result, TOO_MANY_APART
        before = firsts[-1]


def last_of(runs: Collection[int]) -> dict[int, int]:
    """The last utterance of transcriptions."""
    rows = Utterance.objects.filter(transcription__in=runs).order_by()
    return dict(rows.values_list("transcription_id").annotate(Max("pk")))


def counted(query: Query, projects: Sequence[int] | None) -> tuple[int, int]:
    """Return the number of hits, up to one more than the cap, and of their recordings.

    Transcripts that have the words of a phrase far apart are counted as if they had the phrase.
    """
    index = database_index()
    hits, together = index.count(query, projects, COUNT_CAP + 1)
    if hits > COUNT_CAP:
        return hits, 0
    recordings = together
    if len(query.terms) > 1:
        recordings = max(together, index.count_transcripts(query, projects, COUNT_CAP + 1))
    count = min(COUNT_CAP + 1, hits + recordings - together)
    return count, recordings if count <= COUNT_CAP else 0


FIELDS = (
    "index",
    "channel",
    "speaker",
    "start",
    "end",
    "text",
    "words",
    "project__name",
    "transcription__options",
    "transcription__recording__title",
    "transcription__recording__created_at",
)


def hits_at(query: Query, places: Sequence[Place]) -> tuple[Hit, ...]:
    """The hits at these places, in this order; one deleted meanwhile is left out."""
    chosen = closest(query, {place.utterance: place.apart for place in places if place.apart})
    wanted = {place.utterance for place in places if not place.apart}
    wanted.update(pk for pks in chosen.values() for pk in pks)
    utterances = Utterance.objects.select_related("project", "transcription__recording")
    rows = utterances.only(*FIELDS).in_bulk(wanted)
    listed = []
    for place in places:
        pks = chosen.get(place.utterance, []) if place.apart else [place.utterance]
        stretch = [rows[pk] for pk in pks if pk in rows]
        if stretch and stretch[-1].index - stretch[0].index <= NEAR:
            stretch = stretch[:1]
        if stretch:
            listed.append(stretch)
    longest = max(len(term.words) for term in query.terms)
    crossing = [
        stretch[0] for stretch in listed if len(stretch) == 1 and not query.is_in(stretch[0].text)
    ]
    after = following(crossing, max(longest, NEAR))
    voices = voices_of({row.transcription for row in rows.values()})
    hits = [
        hit(query, stretch, after.get(stretch[0].pk, ()), voices[stretch[0].transcription_id])
        for stretch in listed
    ]
    if longest > AFTER_SEAM + 1:
        # The index knows only so much of what follows an utterance.
        hits = [each for each in hits if each.apart or query.is_in(each.text)]
    return tuple(hits)


def closest(query: Query, runs: Mapping[int, int]) -> dict[int, list[int]]:
    """Return the place in each transcript where the terms are closest together.

    ``runs`` are the transcriptions by the first utterance of each.
    """
    if not runs:
        return {}
    last = last_of(runs.values())
    index = database_index()
    wholes = [(first, last[run]) for first, run in runs.items() if run in last]
    limit = TERM_PLACES * len(wholes)
    found = [index.within(part, wholes, limit) for part in query.parts]
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
        window = latest.values()
        if len(latest) == len(places) and (
            not best or max(window) - min(window) < best[-1] - best[0]
        ):
            best = sorted(set(window))
    return best


def following(utterances: Sequence[Utterance], count: int) -> dict[int, list[Utterance]]:
    """So many utterances after each of these."""
    if not utterances:
        return {}
    wanted = Q()
    for each in utterances:
        places = (each.index + 1, each.index + count)
        wanted |= Q(transcription=each.transcription_id, index__range=places)
    rows = list(Utterance.objects.filter(wanted).order_by("index").defer("words"))
    return {
        each.pk: [
            row
            for row in rows
            if row.transcription_id == each.transcription_id
            and each.index < row.index <= each.index + count
        ]
        for each in utterances
    }


def voices_of(runs: Collection[Transcription]) -> dict[int, Voices]:
    """Return the names of the speakers of these runs, by the id of the run."""
    names: dict[int, dict[Key, str]] = {run.pk: {} for run in runs}
    for named in Speaker.objects.filter(transcription__in=names):
        names[named.transcription_id][named.channel, named.speaker] = named.name
    return {run.pk: Voices(run.multichannel, names[run.pk]) for run in runs}


def hit(
    query: Query, stretch: Sequence[Utterance], after: Sequence[Utterance], voices: Voices
) -> Hit:
    """Return the hit at the first utterance of ``stretch``; ``after`` are those that follow it."""
    utterance, end = stretch[0], stretch[0].end
    if len(stretch) > 1:
        text = " … ".join(around(query, each.text) for each in stretch)
        marks = query.marks(text)
        # The excerpt of the first one may have lost its beginning.
        first = query.marks(utterance.text)
    else:
        text = utterance.text
        for extent in range(1, len(after) + 1):
            longer = joined([utterance.text, *(each.text for each in after[:extent])])
            if query.is_in(longer):
                text, end = longer, after[extent - 1].end
                break
        first = marks = query.marks(text)
    recording = utterance.transcription.recording
    return Hit(
        utterance=utterance.pk,
        index=utterance.index,
        recording=recording.pk,
        title=recording.title,
        recorded_at=recording.created_at,
        project=utterance.project_id,
        project_name=utterance.project.name,
        channel=utterance.channel,
        speaker=utterance.speaker,
        voice=voices.of(utterance.speaker, utterance.channel),
        start=spoken_at(utterance, first[0][0]) if first else utterance.start,
        end=end,
        text=text,
        marks=marks,
        apart=len(stretch) > 1,
    )


def around(query: Query, text: str) -> str:
    """A text without what is far from its first match, cut at spaces."""
    marks = query.marks(text)
    if len(text) <= AROUND or not marks:
        return text[:AROUND]
    start = max(0, marks[0][0] - AROUND // 2)
    end = start + AROUND
    if start:
        start = text.find(" ", start, marks[0][0]) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", marks[0][1], end), marks[0][1])
    return text[start:end]


def spoken_at(utterance: Utterance, place: int) -> float:
    """When the word at this character of the text starts, in seconds.

    Formatting may have changed words on the way to the text: where they cannot be followed
    up to the place, it is the start of the utterance.
    """
    position = 0
    for word, start, *_ in utterance.words:
        position = utterance.text.find(word, position)
        if position < 0:
            break
        position += len(word)
        if position > place:
            return float(start)
    return utterance.start


def cut(text: str, marks: Sequence[tuple[int, int]]) -> tuple[tuple[str, bool], ...]:
    pieces, position = [], 0
    for start, end in marks:
        pieces += [(text[position:start], False), (text[start:end], True)]
        position = end
    pieces.append((text[position:], False))
    return tuple(piece for piece in pieces if piece[0])
