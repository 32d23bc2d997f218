"""What a benchmark says: figures beside their targets, as text."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One figure. ``target`` is words (``at most 1.10``); ``holds`` is None when it has none."""

    name: str
    value: float
    unit: str
    target: str = ""
    holds: bool | None = None


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


def table(results: Iterable[Result]) -> str:
    """The results as a Markdown table."""
    rows = ["| what | measured | target | holds |", "|---|---|---|---|"]
    for result in results:
        holds = {True: "yes", False: "**no**", None: ""}[result.holds]
        rows.append(
            f"| {result.name} | {result.value:.4g} {result.unit} | {result.target} | {holds} |"
        )
    return "\n".join(rows)
