"""`make faults`: every row of the fault matrix, printed as it is tried.

    python -m tests.faults                        all rows on the usual profiles, then the kills
    python -m tests.faults --only "fault 3"       the rows of this name
    python -m tests.faults --profile sqlite+redis on this profile; "all" for every one
    python -m tests.faults --uploads 1000 --kills 50

Exits 1 when an outcome is not as asserted, when a row was not tried for another reason than
those in ``rows.NOT_ON``, and when nothing was tried at all.
"""

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.faults import connections, databases, deploy, fulldisk, kills, powercut
from tests.faults.outcomes import NOT_TRIED, OK, Tally, of_report
from tests.faults.profiles import EMBEDDED, PROFILES, USUAL, running
from tests.faults.rows import NOT_ON, ROWS, Row

ROOT = Path(__file__).resolve().parents[2]
Fact = tuple[str, str, float]  # a fact, its outcome and the seconds it took
Tried = tuple[str, str, str, float]  # the same after the name of its row


def main() -> None:
    options = parse()
    tally = Tally()
    heading()
    for profile in options.profiles:
        for name, fact, outcome, seconds in tried(profile, options):
            show(name, fact, profile, tally.counted(outcome), seconds)
    print(f"\n{tally}")
    sys.exit(not tally.is_good)


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


def show(name: str, fact: str, profile: str, outcome: str, seconds: float) -> None:
    print(f"| {name} | {fact} | {profile} | {outcome} | {seconds:.0f} s |", flush=True)


def tried(profile: str, options: argparse.Namespace) -> Iterator[Tried]:
    """Each row of a profile with its outcome and seconds."""
    try:
        with running(profile) as environ:
            for row in ROWS:
                name = f"{row.group} {row.number}"
                if options.only in name and (profile == EMBEDDED or row.uses_services):
                    started = time.monotonic()
                    outcome = outcome_of(row, environ)
                    yield name, row.fact, outcome, time.monotonic() - started
            for act in ACTS:
                if options.only in act.name and act.on(profile, options.profiles):
                    yield from finished(act.name, act.facts(environ, options))
    except pytest.skip.Exception as missing:
        yield "-", "the servers of this profile run", f"{NOT_TRIED}{missing}", 0.0
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        yield "-", "the servers of this profile run", f"{NOT_TRIED}{last_line(str(error))}", 0.0


ENDED_HALFWAY = (
    AssertionError,
    OSError,
    httpx.HTTPError,
    psycopg.Error,
    sqlite3.Error,
    subprocess.SubprocessError,
)


def finished(name: str, facts: Iterator[tuple[str, str, float]]) -> Iterator[Tried]:
    """The facts of an act by its name; one that ended halfway has failed."""
    started = time.monotonic()
    try:
        for fact, outcome, seconds in facts:
            yield name, fact, outcome, seconds
    except ENDED_HALFWAY as error:
        outcome = f"FAILED: {last_line(str(error))}"
        yield name, "every fact is tried", outcome, time.monotonic() - started


@dataclass(frozen=True)
class Act:
    """A row that is tried on the whole product, or on servers of its own.

    ``once`` names what it depends on: it is tried on the first profile with this "database",
    on the "embedded" profile alone, or on each profile.
    """

    name: str
    facts: Callable[[dict[str, str], argparse.Namespace], Iterator[Fact]]
    once: str = ""

    def on(self, profile: str, profiles: Sequence[str]) -> bool:
        if self.once == "embedded":
            return profile == EMBEDDED
        if self.once == "database":
            database = profile.partition("+")[0]
            return profile == next(each for each in profiles if each.startswith(database))
        return True


ACTS = (
    Act("full disk", lambda environ, _: fulldisk.tried(environ), "embedded"),
    Act("fault 17 as a whole", lambda environ, _: databases.tried(environ), "database"),
    Act("fault 18 on PostgreSQL", lambda environ, _: powercut.tried(environ), "database"),
    Act("fault 20, jobs", lambda environ, _: deploy.tried(environ)),
    Act("fault 20, sockets", lambda *_: deploy.sockets(), "embedded"),
    Act("ground 1 as a whole", lambda environ, _: connections.tried(environ)),
    Act("kills", lambda environ, options: kills.tried(environ, options.uploads, options.kills)),
)


def outcome_of(row: Row, environ: dict[str, str]) -> str:
    """Run the tests of a row in a process of their own, as settings are read once."""
    with tempfile.TemporaryDirectory(prefix="earshot-faults-") as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}",
             *row.tests],
            cwd=ROOT,
            env=os.environ | environ | {"EARSHOT_DATA": folder, "EARSHOT_TEST_CUTS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if not report.exists():
            return f"{NOT_TRIED}{last_line(done.stdout + done.stderr)}"
        outcome = of_report(report, NOT_ON)
    if outcome.startswith(OK) and done.returncode:
        return f"FAILED: {last_line(done.stdout)}"
    return outcome


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"


if __name__ == "__main__":
    main()
