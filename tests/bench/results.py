"""Figures of a benchmark next to their targets, printed and kept as they are measured."""

import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

HEADER = "| what | measured | target | holds |\n|---|---|---|---|"
ROW = re.compile(r"\| (?P<name>.+?) \| (?P<value>[-+.\de]+|nan|inf) ?(?P<unit>[^|]*?) \| [^|]*\| ")
HOLDS = {True: "yes", False: "**no**", None: ""}


@dataclass(frozen=True)
class Result:
    """One figure. ``target`` is words (``at most 1.10``); ``holds`` is None when it has none."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None

    @property
    def row(self) -> str:
        """The figure as a row of a Markdown table."""
        measured = f"{self.value:.4g} {self.unit}".rstrip()
        return f"| {self.name} | {measured} | {self.target} | {HOLDS[self.holds]} |"


def at_most(name: str, value: float, limit: float, unit: str) -> Result:
    return Result(name, value, unit, f"at most {limit:g}", value <= limit)


def at_least(name: str, value: float, limit: float, unit: str) -> Result:
    return Result(name, value, unit, f"at least {limit:g}", value >= limit)


def machine() -> str:
    """One line on what the figures were measured on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
        model = f"{len(names)} cores of {names[0]}" if names else model
    except OSError:
        pass
    return f"{model}, {platform.system()}, Python {platform.python_version()}"


class Report:
    """Lines printed at once and kept in ``file``, so that a stopped run loses none of them."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.missed: list[str] = []

    def line(self, text: str) -> None:
        print(text, flush=True)
        print(text, file=self.file, flush=True)

    def table(self, name: str, results: Iterable[Result]) -> None:
        """Write the results of benchmark ``name``, each when it is measured."""
        self.line(f"## {name}\n\n{HEADER}")
        for result in results:
            self.line(result.row)
            if result.holds is False:
                self.missed.append(result.name)
        self.line("")


def read_rows(lines: Iterable[str]) -> Iterator[tuple[str, float, str]]:
    """Name, value and unit of each row in the printed tables of a run."""
    for line in lines:
        if match := ROW.match(line):
            yield match["name"], float(match["value"]), match["unit"]
