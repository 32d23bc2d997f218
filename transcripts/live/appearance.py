"""Appearance of the captions on a screen or over a video, chosen by the address of the page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
VIEWS = ("page", "screen", "overlay")
SIZES = (16, 200)  # px
LINES = (1, 20)


@dataclass(frozen=True)
class Appearance:
    """``view`` is page, screen (full screen, dark) or overlay (transparent, the last lines)."""

    view: str = "page"
    size: int | None = None
    lines: int | None = None
    color: str = ""
    background: str = ""
    speakers: bool = True

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Appearance":
        """Return the appearance of an address; what it cannot be is left as it is by default."""
        view = query.get("view", "")
        return cls(
            view=view if view in VIEWS else "page",
            size=_whole(query.get("size", ""), SIZES),
            lines=_whole(query.get("lines", ""), LINES),
            color=_colour(query.get("color", "")),
            background=_colour(query.get("background", "")),
            speakers=query.get("speakers", "") != "no",
        )


def _whole(text: str, limits: tuple[int, int]) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    return min(max(int(text[:6]), limits[0]), limits[1])


def _colour(text: str) -> str:
    found = COLOUR.fullmatch(text)
    return f"#{found[1].lower()}" if found else ""
