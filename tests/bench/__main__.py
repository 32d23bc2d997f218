"""`make bench`: every benchmark, each figure beside its target.

    python -m tests.bench            all of them
    python -m tests.bench search     only those named

SPEECH_CORPUS names a folder of recordings with reference texts (its index.tsv); the
benchmarks that need it say so and are left out without it. Exits 1 when a target is missed.
"""

import importlib
import pkgutil
import sys
from datetime import date

import tests.bench
from tests.bench.results import machine, table


def main() -> None:
    modules = [m.name for m in pkgutil.iter_modules(tests.bench.__path__)]
    names = sys.argv[1:] or [
        name
        for name in modules
        if name != "__main__" and hasattr(importlib.import_module(f"tests.bench.{name}"), "run")
    ]
    print(f"Measured on {date.today().isoformat()}: {machine()}.\n")
    missed = []
    for name in names:
        results = importlib.import_module(f"tests.bench.{name}").run()
        print(f"## {name}\n\n{table(results)}\n", flush=True)
        missed += [result.name for result in results if result.holds is False]
    if missed:
        sys.exit("Missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
