"""`make bench`: every benchmark, each figure next to its target.

    python -m tests.bench                             all of them
    python -m tests.bench search                      only those named
    python -m tests.bench --against COMMIT search     the same at another commit, in turns

SPEECH_CORPUS names a folder of recordings with reference texts (its index.tsv); the
benchmarks that need it say so and are left out without it. Rows are printed as they are
measured and kept under var/bench. Exits 1 when a target is missed.
"""

import argparse
import importlib
import pkgutil
import signal
import sys
from datetime import datetime
from pathlib import Path
from types import FrameType

import tests.bench
from tests.bench.against import compare
from tests.bench.results import Report, machine
from tests.processes import adopt_orphans, end_descendants

KEPT = Path(__file__).resolve().parents[2] / "var" / "bench"


def names_of_all() -> list[str]:
    modules = [m.name for m in pkgutil.iter_modules(tests.bench.__path__)]
    return [
        name
        for name in modules
        if name != "__main__" and hasattr(importlib.import_module(f"tests.bench.{name}"), "run")
    ]


def stop(number: int, frame: FrameType | None) -> None:
    """Raise in the main thread, so that every ``finally`` stops what it started."""
    raise KeyboardInterrupt


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--against", metavar="COMMIT", default="")
    parser.add_argument("names", nargs="*", metavar="BENCHMARK")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, stop)  # ignored where a shell started this in the background
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    adopt_orphans()
    now = datetime.now()
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{now:%Y-%m-%d-%H%M%S}.md"
    with path.open("w") as file:
        report = Report(file)
        report.line(f"Measured on {now:%Y-%m-%d}: {machine()}.\n")
        try:
            for name in options.names or names_of_all():
                if options.against:
                    compare(name, options.against, report)
                else:
                    report.table(name, importlib.import_module(f"tests.bench.{name}").run())
        except KeyboardInterrupt:
            sys.exit(f"Stopped. The rows above are kept in {path}.")
        finally:
            end_descendants()
    if report.missed:
        sys.exit("Missed: " + "; ".join(report.missed))


if __name__ == "__main__":
    main()
