"""Search in everything that was said: one interface over the database's own text index.

The index is written by the database itself with the text, in the same transaction; see
``transcripts.search.sqlite`` and ``transcripts.search.postgres``.
"""

import base64
import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from management.models import Project, User
from network.jsontext import read_json
from transcripts.search.hits import Hit, Place, hits_at
from transcripts.search.index import bounds_of, database_index
from transcripts.search.query import BadSearch, Query, TooSlow, parse

__all__ = ["BadSearch", "Hit", "Order", "Results", "search", "search_everything"]

Order = Literal["newest", "relevance"]
COUNT_CAP = 1000
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
# A phrase that is said less often is looked up once, and not in each transcript with its words.
RANKED = 2000
# Of so many transcripts that have the words of other phrases it is looked up if they have them.
LOOKED_UP = 500


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


def page(
    query: Query,
    projects: Sequence[int] | None,
    order: Order,
    after: Cursor | None,
    limit: int,
) -> Results:
    """One page of results; may raise ``TooSlow``."""
    with database_index().limited():
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
    among, frequent = holding_phrases(query, projects)
    result: list[Place] = []
    looked_up = 0
    batch = limit + len(together) + 1
    while True:
        firsts = index.transcripts(query, projects, before, batch, until, among)
        runs = index.runs(firsts)
        bounds = bounds_of(runs.values()) if frequent else {}
        for first in firsts:
            if len(result) == limit:
                return result, ""
            run = runs.get(first)
            if run is None or run in together:
                continue
            if frequent:
                looked_up += 1
                whole = [bounds[run]] if run in bounds else []
                if not all(index.within(part, whole, 1)[0] for part in frequent):
                    continue
            result.append(Place(first, APART, run))
        if len(firsts) < batch:
            return result, ""
        if looked_up >= LOOKED_UP:
            return result, TOO_MANY_APART
        before = firsts[-1]


def holding_phrases(
    query: Query, projects: Sequence[int] | None
) -> tuple[list[int] | None, list[Query]]:
    """Return the transcripts that can have the phrases of a query, by their first utterances.

    None are all. Phrases that are said too often to list them are returned beside them.
    """
    index = database_index()
    among: set[int] | None = None
    frequent = []
    for part in query.parts:
        if len(part.terms[0].words) == 1:
            continue
        said = index.newest(part, projects, None, RANKED)
        if len(said) == RANKED:
            frequent.append(part)
            continue
        runs = set(index.runs(said).values())
        among = runs if among is None else among & runs
    if among is None:
        return None, frequent
    return [first for first, _ in bounds_of(among).values()], frequent


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
