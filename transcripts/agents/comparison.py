"""Two versions of an agent line by line. No Django."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

UNCHANGED_SHOWN = 3  # lines around a change


@dataclass(frozen=True)
class Row:
    """A line of both versions: the same, changed, or of one of them alone (None in the other)."""

    old: str | None
    new: str | None

    @property
    def is_same(self) -> bool:
        return self.old == self.new


@dataclass(frozen=True)
class Fold:
    """Lines that are the same in both versions and far from any change."""

    rows: Sequence[Row]


def lines_of(configuration: dict[str, Any]) -> list[str]:
    """Return a configuration as lines of ``path: value``, sorted, long texts line by line."""
    return [line for name, value in configuration.items() for line in _lines(name, value)]


def _lines(path: str, value: Any) -> Iterator[str]:
    match value:
        case dict() if value:
            for name, each in sorted(value.items()):
                yield from _lines(f"{path}.{name}" if path else str(name), each)
        case list() if value:
            for number, each in enumerate(value, 1):
                name = each.get("name") if isinstance(each, dict) else None
                yield from _lines(f"{path}.{name or number}", each)
        case str() if "\n" in value.strip():
            yield f"{path}:"
            yield from (f"    {line.rstrip()}" for line in value.strip().splitlines())
        case True | False:
            yield f"{path}: {'yes' if value else 'no'}"
        case None | {} | []:
            yield f"{path}: none"
        case _:
            yield f"{path}: {value}"


def compare(old: Sequence[str], new: Sequence[str]) -> list[Row]:
    """Return the lines of two texts side by side."""
    rows: list[Row] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        left, right = old[start:end], new[new_start:new_end]
        for place in range(max(len(left), len(right))):
            rows.append(
                Row(
                    left[place] if place < len(left) else None,
                    right[place] if place < len(right) else None,
                )
            )
    return rows


def folded(rows: Sequence[Row]) -> list[Row | Fold]:
    """Return the rows with those far from any change folded."""
    changed = [place for place, row in enumerate(rows) if not row.is_same]
    near = {
        place
        for each in changed
        for place in range(each - UNCHANGED_SHOWN, each + UNCHANGED_SHOWN + 1)
    }
    shown: list[Row | Fold] = []
    hidden: list[Row] = []
    for place, row in enumerate(rows):
        if place not in near:
            hidden.append(row)
            continue
        if hidden:
            shown.append(Fold(tuple(hidden)))
            hidden = []
        shown.append(row)
    if hidden:
        shown.append(Fold(tuple(hidden)))
    return shown
