"""A long text in pieces that a server accepts, cut where a reader would breathe."""

from __future__ import annotations

import re
from collections.abc import Iterator

BEST_LENGTH = 600
# Sentence ends with what closes them; line ends; clause ends; spaces.
BREAKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[.!?…][\"'”’»)\]]*\s+|[。！？]|\s*\n\s*",  # noqa: RUF001
        r"[,;:–—]\s+|[、，；]",  # noqa: RUF001
        r"\s+",
    )
)


def pieces(
    text: str, limit: int, best: int = BEST_LENGTH, *, starts_soon: bool = True
) -> Iterator[str]:
    """Yield ``text`` in pieces of at most ``limit`` characters, which joined are the text.

    Pieces have about ``best`` characters; with ``starts_soon`` the first is a single sentence, so
    that its sound comes soon. A sentence that is too long is cut at a clause, at a space, or
    anywhere. A piece without a visible character is never yielded.
    """
    best = min(best, limit)
    piece, is_short = "", starts_soon
    for part in _parts(text.strip(), limit):
        is_full = is_short or len(piece) + len(part) > best
        if is_full and piece.strip():
            yield piece
            piece, is_short = "", False
        elif len(piece) + len(part) > limit:
            piece = ""  # white space alone
        piece += part
    if piece.strip():
        yield piece


def _parts(text: str, limit: int, level: int = 0) -> Iterator[str]:
    """Yield ``text`` in sentences; those beyond ``limit`` in clauses, words or by length."""
    if level == len(BREAKS):
        yield from (text[at : at + limit] for at in range(0, len(text), limit))
        return
    for part in _split(text, BREAKS[level]):
        if len(part) <= limit:
            yield part
        else:
            yield from _parts(part, limit, level + 1)


def _split(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for found in pattern.finditer(text):
        yield text[start : found.end()]
        start = found.end()
    if start < len(text):
        yield text[start:]
