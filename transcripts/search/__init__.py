"""Search in everything that was said: one interface over the database's own text index.

The index is written by the database itself with the text, in the same transaction; see
``transcripts.search.sqlite`` and ``transcripts.search.postgres``.
"""

import base64
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from django.db import connection

from management.models import Project
from transcripts.models import Speaker, Transcription, Utterance
from transcripts.reading import Key, Voice, Voices
from transcripts.search import postgres, sqlite
from transcripts.search.query import BadSearch, Query, TooSlow, parse

if TYPE_CHECKING:
    from management.models import User

__all__ = ["BadSearch", "Hit", "Order", "Results", "search", "search_everything"]

Order = Literal["newest", "relevance"]
COUNT_CAP = 1000
EXCERPT_CHARACTERS = 280
NOTHING_TO_LOOK_FOR = "Type a word, a “phrase in quotes” or the beginning of a word with a star*."
TOO_SLOW = "This search takes too long. Add a word, or choose a project."
NOT_OURS = "The place to go on from is not one of this search."
TOO_MANY_TO_RANK = "There are too many matches to rank; these are the newest."


class Index(Protocol):
    """What a database must answer. ``projects`` is a list of ids, None for every project.

    Ids are those of utterances; lower scores are better. Each may raise ``TooSlow``.
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

    def count(self, query: Query, projects: Sequence[int] | None, cap: int) -> int: ...


@dataclass(frozen=True)
class Hit:
    """An utterance that matches. Times are seconds from the start of the recording.

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

    @property
    def pieces(self) -> tuple[tuple[str, bool], ...]:
        """The text cut at its marks: (piece, whether it is marked), in order."""
        return cut(self.text, self.marks)

    @property
    def excerpt(self) -> tuple[tuple[str, bool], ...]:
        """The pieces around the first mark, shortened to what a list of hits can show."""
        if len(self.text) <= EXCERPT_CHARACTERS:
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
    """One page of hits. ``count`` stops at ``COUNT_CAP`` + 1; ``cursor`` is None at the end."""

    order: Order
    hits: tuple[Hit, ...] = ()
    count: int = 0
    cursor: str | None = None
    hint: str = ""

    @property
    def count_label(self) -> str:
        return f"{COUNT_CAP:,}+" if self.count > COUNT_CAP else f"{self.count:,}"


@dataclass(frozen=True)
class Cursor:
    """Where the next page starts: after this utterance and, in order of relevance, score."""

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
            fields = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            order, count, utterance, score = fields
            cursor = cls(str(order), int(count), int(utterance), float(score))
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
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
        # Ranking may have taken too long for the first page: go on as that page did.
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


def page(
    query: Query,
    projects: Sequence[int] | None,
    order: Order,
    after: Cursor | None,
    limit: int,
) -> Results:
    """One page of an index's answer; may raise ``TooSlow``."""
    index: Index = postgres if connection.vendor == "postgresql" else sqlite
    # One more than is shown tells whether there is a next page.
    if order == "newest":
        before = after.utterance if after else None
        ids = index.newest(query, projects, before, limit + 1)
        score = 0.0
    else:
        worse_than = (after.score, after.utterance) if after else None
        ranked = index.best(query, projects, worse_than, limit + 1)
        ids = [pk for _, pk in ranked]
        score = ranked[:limit][-1][0] if ranked else 0.0
    more, ids = len(ids) > limit, ids[:limit]
    if after is not None:
        count = after.count
    else:
        count = index.count(query, projects, COUNT_CAP + 1) if more else len(ids)
    return Results(
        order=order,
        hits=hits(query, ids),
        count=count,
        cursor=Cursor(order, count, ids[-1], score).encode() if more else None,
    )


def hits(query: Query, ids: Sequence[int]) -> tuple[Hit, ...]:
    """The utterances with these ids as hits, in this order; one deleted meanwhile is left out."""
    rows = (
        Utterance.objects.select_related("project", "transcription__recording")
        .only(
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
        .in_bulk(ids)
    )
    voices = voices_of({row.transcription for row in rows.values()})
    return tuple(
        hit(query, rows[pk], voices[rows[pk].transcription_id]) for pk in ids if pk in rows
    )


def voices_of(runs: Collection[Transcription]) -> dict[int, Voices]:
    """How the speakers of these runs are called, by the id of the run."""
    names: dict[int, dict[Key, str]] = {run.pk: {} for run in runs}
    for named in Speaker.objects.filter(transcription__in=names):
        names[named.transcription_id][named.channel, named.speaker] = named.name
    return {run.pk: Voices(run.multichannel, names[run.pk]) for run in runs}


def hit(query: Query, utterance: Utterance, voices: Voices) -> Hit:
    marks = query.marks(utterance.text)
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
        start=spoken_at(utterance, marks[0][0]) if marks else utterance.start,
        end=utterance.end,
        text=utterance.text,
        marks=marks,
    )


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
