"""`make faults`: every row of the fault matrix, printed as it is tried.

    python -m tests.faults                        all rows on the usual profiles, then the kills
    python -m tests.faults --only "fault 3"       the rows of this name
    python -m tests.faults --profile sqlite+redis on this profile; "all" for every one
    python -m tests.faults --uploads 1000 --kills 50

Exits 1 when an outcome is not as asserted.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import fulldisk, kills
from tests.faults.profiles import EMBEDDED, PROFILES, USUAL, running
from tests.faults.rows import ROWS, Row

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    options = parse()
    failed = 0
    heading()
    for profile in options.profiles:
        for name, fact, outcome, seconds in tried(profile, options):
            failed += not outcome.startswith("ok")
            print(f"| {name} | {fact} | {profile} | {outcome} | {seconds:.0f} s |", flush=True)
    print(f"\n{failed} outcomes are not as asserted." if failed else "\nAll outcomes as asserted.")
    sys.exit(bool(failed))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--only", default="", help="rows whose name contains this; kills")
    parser.add_argument("--profile", action="append", choices=[*PROFILES, "all"])
    parser.add_argument("--uploads", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    chosen = options.profile or USUAL
    options.profiles = PROFILES if "all" in chosen else tuple(chosen)
    return options


def heading() -> None:
    print("| row | what must be so | profile | outcome | took |")
    print("|---|---|---|---|---|", flush=True)


def tried(profile: str, options: argparse.Namespace) -> Iterator[tuple[str, str, str, float]]:
    """Each row of a profile with its outcome and seconds."""
    try:
        with running(profile) as environ:
            for row in ROWS:
                name = f"{row.group} {row.number}"
                if options.only in name and (profile == EMBEDDED or row.uses_services):
                    started = time.monotonic()
                    outcome = outcome_of(row, environ)
                    yield name, row.fact, outcome, time.monotonic() - started
            if options.only in "full disk" and profile == EMBEDDED:
                for fact, outcome, seconds in fulldisk.tried(environ):
                    yield "full disk", fact, outcome, seconds
            if options.only in "kills":
                for fact, outcome, seconds in kills.tried(environ, options.uploads, options.kills):
                    yield "kills", fact, outcome, seconds
    except pytest.skip.Exception as missing:
        yield "-", "the servers of this profile", f"left out: {missing}", 0.0


def outcome_of(row: Row, environ: dict[str, str]) -> str:
    """Run the tests of a row in a process of their own, as settings are read once."""
    with tempfile.TemporaryDirectory(prefix="earshot-faults-") as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}",
             *row.tests],
            cwd=ROOT,
            env=os.environ | environ | {"EARSHOT_DATA": folder},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if not report.exists():
            return f"NOT TRIED: {last_line(done.stdout + done.stderr)}"
        (suite,) = ElementTree.parse(report).getroot()
    ran, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    if done.returncode == 0 and ran > skipped:
        return f"ok ({ran - skipped} tests)"
    failures = re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.MULTILINE)
    return f"FAILED: {', '.join(failures[:3]) or last_line(done.stdout)}"


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"


if __name__ == "__main__":
    main()
