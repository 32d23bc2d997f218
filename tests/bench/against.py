"""A benchmark at this commit and at another, in turns on the same machine."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.results import Report, read_rows

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 2  # a machine is not equally fast all the time


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A work tree of ``commit`` in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="earshot-against-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=False)


def measure(tree: Path, name: str, report: Report) -> dict[str, tuple[float, str]]:
    """Every row of benchmark ``name`` as the code in ``tree`` measures it, written as it comes."""
    rows = {}
    report.line("\n| what | measured |\n|---|---|")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench", name],
        cwd=tree, env=os.environ, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for row, value, unit in read_rows(process.stdout):
            report.line(f"| {row} | {value:.4g} {unit} |")
            rows[row] = value, unit
    if not rows:
        sys.exit(f"{name} printed no figures in {tree} (exit status {process.returncode}).")
    return rows


def compare(name: str, commit: str, report: Report) -> None:
    """Write the figures of each run, then both commits' mean of each and their ratio."""
    commit = commit[:10]
    rounds = []
    with checkout(commit) as other:
        for number in range(1, ROUNDS + 1):
            report.line(f"## {name} at {commit}, round {number} of {ROUNDS}")
            then = measure(other, name, report)
            report.line(f"\n## {name} now, round {number} of {ROUNDS}")
            rounds.append((then, measure(ROOT, name, report)))
            report.line("")
    report.line(f"## {name}\n\n| what | {commit} | now | now over before |\n|---|---|---|---|")
    for row, (_, unit) in rounds[0][1].items():
        befores = [before[row][0] for before, _ in rounds if row in before]
        nows = [now[row][0] for _, now in rounds if row in now]
        after = sum(nows) / len(nows)
        if befores:
            before = sum(befores) / len(befores)
            ratio = f"{after / before:.2f}" if before else ""
            report.line(f"| {row} | {before:.4g} {unit} | {after:.4g} {unit} | {ratio} |")
        else:
            report.line(f"| {row} | | {after:.4g} {unit} | |")
    report.line("")
