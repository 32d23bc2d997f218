"""`make picture`: docs/rooms.svg, drawn from the import arrows that tests/test_imports.py holds.

Every room stands above the rooms that it imports. An arrow that follows from two others is left
out: who imports `views` reaches `inference` through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

from tests.test_imports import ARROWS, PACKAGES, ROOT, inside

FILE = ROOT / "docs" / "rooms.svg"
WIDTH, ROW, BOX, GAP, LETTER = 960, 66, 28, 14, 7.4
STYLE = """
  text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; }
  .title { font: 600 15px system-ui, sans-serif; }
  rect { fill: #f6f8fa; stroke: #8c959f; }
  path { fill: none; stroke: #8c959f; stroke-width: 1.1; }
  marker path { fill: #8c959f; stroke: none; }
  .page { fill: #ffffff; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    rect { fill: #21262d; stroke: #8d96a0; }
    path { stroke: #8d96a0; }
    marker path { fill: #8d96a0; }
    .page { fill: #0d1117; }
  }
"""
Graph = Mapping[str, frozenset[str]]


def packages() -> Graph:
    """Imports of whole packages."""
    return {
        package: frozenset(
            other
            for room, others in ARROWS.items()
            if inside(room, package)
            for other in PACKAGES
            if other != package and any(inside(name, other) for name in others)
        )
        for package in PACKAGES
    }


def rooms(package: str) -> Graph:
    """Imports inside one package, by the names of its rooms."""
    inner = {room for room in ARROWS if inside(room, package)}
    return {room: frozenset(inner & set(ARROWS[room])) for room in inner}


def reduced(graph: Graph) -> Graph:
    """``graph`` without the arrows that follow from others."""
    reach: dict[str, frozenset[str]] = {}
    for node in TopologicalSorter(graph).static_order():
        reach[node] = graph[node].union(*(reach[other] for other in graph[node]))
    return {
        node: others - frozenset().union(*(reach[other] for other in others))
        for node, others in graph.items()
    }


def levels(graph: Graph) -> dict[str, int]:
    """Rows of the nodes, 0 at the bottom: each is above everything that it imports."""
    found: dict[str, int] = {}
    for node in TopologicalSorter(graph).static_order():
        found[node] = 1 + max((found[other] for other in graph[node]), default=-1)
    return found


@dataclass
class Drawing:
    """One layered graph: nodes in rows, and a bend in each row that a long arrow crosses."""

    graph: Graph
    prefix: str = ""
    places: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.levels = levels(self.graph)
        self.chains: list[list[str]] = []
        for node in sorted(self.graph):
            for other in sorted(self.graph[node]):
                between = range(self.levels[node] - 1, self.levels[other], -1)
                bends = [f"{node}>{other}@{level}" for level in between]
                self.levels |= dict(zip(bends, between, strict=True))
                self.chains.append([node, *bends, other])
        self.rows: list[list[str]] = [[] for _ in range(1 + max(self.levels.values()))]
        for node in sorted(self.levels):
            self.rows[self.levels[node]].append(node)
        self._arrange()

    def _arrange(self) -> None:
        """Order each row by the middle of its neighbours, down and up a few times."""
        above: dict[str, list[str]] = {node: [] for node in self.levels}
        below: dict[str, list[str]] = {node: [] for node in self.levels}
        for chain in self.chains:
            for upper, lower in pairwise(chain):
                above[lower].append(upper)
                below[upper].append(lower)
        for row in self.rows:
            self._place(row)
        for turn in range(12):
            neighbours = above if turn % 2 == 0 else below
            rows = reversed(self.rows) if turn % 2 == 0 else iter(self.rows)
            for row in rows:
                middles = {node: self._middle(node, neighbours[node]) for node in row}
                row.sort(key=lambda node: (middles[node], node))
                self._place(row)

    def _middle(self, node: str, neighbours: list[str]) -> float:
        if not neighbours:
            return self.places[node]
        return sum(self.places[each] for each in neighbours) / len(neighbours)

    def _place(self, row: list[str]) -> None:
        """Spread a row evenly over the width."""
        spare = (WIDTH - sum(self.width(node) for node in row)) / (len(row) + 1)
        left = 0.0
        for node in row:
            left += spare
            self.places[node] = left + self.width(node) / 2
            left += self.width(node)

    def label(self, node: str) -> str:
        return node.removeprefix(self.prefix) or node

    def width(self, node: str) -> float:
        return 2.0 if "@" in node else len(self.label(node)) * LETTER + 2 * GAP

    def height(self) -> int:
        return ROW * len(self.rows)

    def y(self, node: str) -> int:
        return ROW * (len(self.rows) - 1 - self.levels[node]) + BOX

    def lines(self) -> list[str]:
        arrows = [
            f'<path d="{self._curve(chain)}" marker-end="url(#tip)"/>' for chain in self.chains
        ]
        return arrows + [self._box(node) for row in self.rows for node in row if "@" not in node]

    def _curve(self, chain: list[str]) -> str:
        x, y = self.places[chain[0]], self.y(chain[0]) + BOX / 2
        steps = [f"M{x:.0f} {y:.0f}"]
        for node in chain[1:]:
            right = self.places[node]
            down = self.y(node) - BOX / 2 - (4 if node == chain[-1] else 0)
            half = (y + down) / 2
            steps.append(f"C{x:.0f} {half:.0f} {right:.0f} {half:.0f} {right:.0f} {down:.0f}")
            x, y = right, down
            if node != chain[-1]:
                y = self.y(node) + BOX / 2
                steps.append(f"L{x:.0f} {y:.0f}")
        return " ".join(steps)

    def _box(self, node: str) -> str:
        x, y, width = self.places[node], self.y(node), self.width(node)
        return (
            f'<rect x="{x - width / 2:.0f}" y="{y - BOX / 2:.0f}" width="{width:.0f}" '
            f'height="{BOX}" rx="5"/><text x="{x:.0f}" y="{y + 4.5:.1f}" '
            f'text-anchor="middle">{self.label(node)}</text>'
        )


def picture() -> str:
    """The whole picture as SVG."""
    parts, top = [], 8
    for title, graph, prefix in (
        ("Packages", packages(), ""),
        ("Rooms of engine/", rooms("engine"), "engine."),
        ("Rooms of transcripts/", rooms("transcripts"), "transcripts."),
    ):
        drawing = Drawing(reduced(graph), prefix)
        parts.append(f'<text class="title" x="8" y="{top + 16}">{title}</text>')
        parts.append(f'<g transform="translate(0 {top + 26})">')
        parts += [*drawing.lines(), "</g>"]
        top += drawing.height() + 40
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" '
        f'aria-label="Import arrows of packages and rooms"><style>{STYLE}</style>'
        '<defs><marker id="tip" markerWidth="7" markerHeight="6" refX="4" refY="3" '
        'orient="auto"><path d="M0 0 L6 3 L0 6 z"/></marker></defs>'
        f'<rect class="page" width="{WIDTH}" height="{top}"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def main(file: Path = FILE) -> None:
    file.write_text(picture())


if __name__ == "__main__":
    main()
