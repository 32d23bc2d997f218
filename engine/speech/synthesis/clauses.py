"""Cutting text into clauses that can be spoken one after the other.

The first is short, so that sound begins soon; each next one may be longer, because the one
before it is still playing while it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SHORTEST = 8  # characters: a cut that leaves less sounds like a stutter
LONGEST = 220  # characters: about 15 s, safely below the 510 sounds Kokoro takes at once
GROWTH = 2.5  # a clause may be so much longer than the one that plays meanwhile

SENTENCE_END = re.compile(r"[.!?…][\"”')\]]*(?=\s|$)|\n+")
CLAUSE_END = re.compile(r"[,;:—][\"”')\]]*(?=\s|$)|\s[-–](?=\s)")
# A good place to breathe where there is no punctuation: before one of these.
JOINING = re.compile(
    r"\s(?=(?:and|or|but|because|which|that|who|when|while|where|if|so|then|with|for|from|to|in|"
    r"on|at|by|as|than|y|o|pero|que|porque|cuando|donde|para|con|de|en|et|ou|mais|qui|quand|"
    r"parce|pour|avec|dans|e|ma|che|perché|quando|per|con|di)\s)",
    re.IGNORECASE,
)
SPACE = re.compile(r"\s")
# A point that ends no sentence: after a title, an initial or a word like it.
SHORTENED = re.compile(
    r"\b(?:[A-Z]|Mrs?|Ms|Dr|Prof|St|Lt|Capt|Gen|Rev|Gov|Sra?|Mme|Mlle|Sig|vs|e\.g|i\.e|approx)\.$"
)
LONGEST_SHORTENED = 8


def clauses(text: str, first: int = 60) -> Iterator[str]:
    """``text`` in pieces of at most ``first`` characters growing to ``LONGEST``.

    Cut after sentences if they are short enough, else after clauses, else before a joining
    word, else at a space; a single longer word stays whole. The pieces hold every word of the
    text in order, and none is empty.
    """
    limit = float(first)
    rest = text.strip()
    while rest:
        cut = _cut(rest, int(min(limit, LONGEST)), soonest=limit == first)
        piece, rest = rest[:cut].strip(), rest[cut:].strip()
        yield piece
        limit = max(limit, len(piece)) * GROWTH


def _cut(text: str, limit: int, *, soonest: bool) -> int:
    # Not further than the limit, or each piece would search all that is left.
    sentence_ends = SENTENCE_END.finditer(text, 0, limit + 2)
    ends = [end.end() for end in sentence_ends if end.end() <= limit]
    if soonest and ends:
        return ends[0]
    if len(text) <= limit:
        return len(text)
    if ends:
        return ends[-1]
    for pattern in (CLAUSE_END, JOINING, SPACE):
        places = [
            place.end()
            for place in pattern.finditer(text, 0, limit + 1)
            if SHORTEST <= place.end() <= limit and len(text) - place.end() >= SHORTEST
        ]
        if places:
            return places[-1]
    space = SPACE.search(text)
    return space.end() if space else len(text)


def sentence_ends(text: str) -> list[int]:
    """Return the index after each finished sentence of ``text``.

    A sentence is finished when white space follows: more text may still come.
    """
    return [
        end.end()
        for end in SENTENCE_END.finditer(text)
        if end.end() < len(text)
        and not SHORTENED.search(text, max(0, end.end() - LONGEST_SHORTENED), end.end())
    ]


def last_sentence_end(text: str) -> int:
    """Return the index after the last finished sentence of ``text``; 0 if none has ended."""
    ends = sentence_ends(text)
    return ends[-1] if ends else 0


def first_clause_end(text: str) -> int:
    """Return the index after the first clause that can be spoken alone; 0 for none."""
    for end in CLAUSE_END.finditer(text):
        if SHORTEST <= end.end() < len(text):
            return end.end()
    return 0
